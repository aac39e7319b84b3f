"""The store of maps is written once, and goes on after a stop."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from colorization.training.store import writer
from colorization.training.store.stored_maps import MapStore, StoreOptions
from colorization.training.store.writer import crops_of, write_store
from similarity.backbone.backbone import Backbone

SMALL = StoreOptions(side=64, crops=2)


def test_crops_follow_from_the_seed_and_differ(photo_paths: list[Path]) -> None:
    first, second = crops_of(photo_paths[0], 0, SMALL)
    again = crops_of(photo_paths[0], 0, SMALL)
    assert torch.equal(first, again[0]) and torch.equal(second, again[1])
    assert not torch.equal(first, second)
    other = crops_of(photo_paths[0], 0, replace(SMALL, seed=1))
    assert not torch.equal(first, other[0])
    assert first.shape == (3, 64, 64)
    assert 0 <= float(first[0].min()) < float(first[0].max()) <= 100


def test_half_of_the_crops_are_mirrored(make_store: Callable[..., MapStore]) -> None:
    """Blue is left of yellow in the photo."""
    rgb = np.zeros((64, 64, 3), np.uint8)
    rgb[:, :32], rgb[:, 32:] = (40, 60, 200), (200, 190, 40)
    store = make_store([rgb] * 20)
    ab = store.read(np.arange(40)).ab[:, 1]
    turned = (ab[:, :, :3].mean((1, 2)) > ab[:, :, -3:].mean((1, 2))).float().mean()
    assert 0.2 < float(turned) < 0.8


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {
        p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.suffix in (".bin", ".json")
    }


def test_a_writing_that_was_stopped_goes_on(
    photo_paths: list[Path],
    written: Path,
    backbone: Backbone,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writer, "BATCH", 2)
    half = write_store(photo_paths, tmp_path / "maps", backbone, SMALL)
    assert [next(half), next(half)] == [2, 4]
    half.close()  # type: ignore[attr-defined]
    with pytest.raises(FileNotFoundError, match="no finished store; write it with scripts/train"):
        MapStore(tmp_path / "maps")
    with (tmp_path / "maps" / "crops.bin").open("ab") as file:
        file.write(b"the beginning of a record")
    assert list(write_store(photo_paths, tmp_path / "maps", backbone, SMALL)) == [6]
    found, whole = bytes_of(tmp_path / "maps"), bytes_of(written)
    assert found["plan.json"] == whole["plan.json"]
    assert found["photos.bin"] == whole["photos.bin"]
    assert len(found["crops.bin"]) == len(whole["crops.bin"])
    one, other = MapStore(tmp_path / "maps"), MapStore(written)
    assert one.key == other.key
    rows = np.arange(12)
    torch.testing.assert_close(one.read(rows).ab, other.read(rows).ab)
    for name, maps in one.read(rows).maps.items():  # batches of another size round otherwise
        torch.testing.assert_close(maps, other.read(rows).maps[name], atol=0.02, rtol=0.01)


@pytest.mark.parametrize("change", ["photos", "side", "seed"])
def test_a_folder_of_another_store_is_refused(
    photo_paths: list[Path], written: Path, backbone: Backbone, change: str
) -> None:
    before = bytes_of(written)
    paths = photo_paths[1:] if change == "photos" else photo_paths
    options = {"photos": SMALL, "side": replace(SMALL, side=96), "seed": replace(SMALL, seed=3)}
    with pytest.raises(ValueError, match="holds crops of other photos or options"):
        next(write_store(paths, written, backbone, options[change]))
    assert bytes_of(written) == before


def test_photos_that_cannot_be_read_are_left_out(
    photo_paths: list[Path], backbone: Backbone, tmp_path: Path
) -> None:
    (tmp_path / "text.png").write_text("not a picture\n")
    paths = [tmp_path / "text.png", photo_paths[1], tmp_path / "gone.png", photo_paths[2]]
    assert list(write_store(paths, tmp_path / "maps", backbone, SMALL)) == [4]
    store = MapStore(tmp_path / "maps")
    assert len(store) == 2
    ab = F.avg_pool2d(crops_of(photo_paths[1], 1, SMALL)[0][1:], 2)
    torch.testing.assert_close(store.read(np.array([0])).ab[0], ab, atol=0.51, rtol=0)


@pytest.mark.parametrize("paths", [[], ["text.png"]], ids=str)
def test_no_photos_are_told(backbone: Backbone, tmp_path: Path, paths: list[str]) -> None:
    (tmp_path / "text.png").write_text("not a picture\n")
    given = [tmp_path / name for name in paths]
    with pytest.raises(ValueError, match="none of the photos can be read"):
        list(write_store(given, tmp_path / "maps", backbone, SMALL))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("count", [1, 3])
def test_few_photos_resemble_few(
    make_store: Callable[..., MapStore], pictures: dict[str, np.ndarray], count: int
) -> None:
    store = make_store([pictures[name] for name in ("chelsea", "coffee", "rocket")][:count])
    assert store.like.shape == (count, count - 1)


def test_two_cannot_write_one_store(
    photo_paths: list[Path], backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each photo would be there twice, and some of them held out and trained on."""
    monkeypatch.setattr(writer, "BATCH", 2)
    first = write_store(photo_paths, tmp_path / "maps", backbone, SMALL)
    next(first)
    with pytest.raises(ValueError, match="another process is writing there"):
        next(write_store(photo_paths, tmp_path / "maps", backbone, SMALL))
    list(first)
    assert len(MapStore(tmp_path / "maps")) == len(photo_paths)
