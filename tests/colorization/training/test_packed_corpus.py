from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PIL import Image

from colorization.network.color_bins import NUM_BINS, histogram
from colorization.training import packed_corpus as module
from colorization.training.packed_corpus import TRIALS, Pack, decode, pack
from retrieval.building.changes import BuildReport
from retrieval.search.photo_index import PhotoIndex
from retrieval.search.training_pairs import neighbours
from similarity.color.lab import as_tensor, rgb_to_lab

Build = Callable[..., BuildReport]


def quiet(line: str) -> None:
    """A log that nobody reads."""


@pytest.fixture
def photo_index(photo_dir: Path, build: Build, tmp_path: Path) -> PhotoIndex:
    """An index of four photos that a test may damage."""
    build(photo_dir, tmp_path / "index")
    return PhotoIndex.open(tmp_path / "index")


def photo(index: PhotoIndex, row: int) -> np.ndarray:
    return np.asarray(Image.open(index.path(row)).convert("RGB"))


# Packing and reading


def test_round_trip(index: PhotoIndex, tmp_path: Path) -> None:
    lines: list[str] = []
    out = tmp_path / "new" / "photos.h5"
    assert pack(index, out, log=lines.append) == out
    assert [p.name for p in out.parent.iterdir()] == ["photos.h5"]
    assert lines == ["packing 8 photos at short side 200, JPEG quality 92"]
    found = Pack(out)
    assert len(found) == len(index) == 8
    assert found.side == 200
    for row in range(8):
        rgb, own = found.rgb(row), photo(index, row)
        assert rgb.shape == own.shape  # photos smaller than the side are not enlarged
        assert rgb.dtype == np.uint8
        assert np.abs(rgb.astype(float) - own).mean() < 6  # a JPEG of quality 92
    np.testing.assert_array_equal(found.references, neighbours(index))
    with h5py.File(out) as file:
        assert file.attrs["weights_hash"] == index.manifest.weights_hash
        assert file.attrs["quality"] == 92


def test_photos_are_reduced_to_the_side(
    index: PhotoIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TRIALS", ((48, 90),))
    found = Pack(pack(index, tmp_path / "photos.h5", log=quiet))
    for row in range(8):
        height, width, _ = photo(index, row).shape
        assert min(found.rgb(row).shape[:2]) == 48
        assert found.rgb(row).shape[1] / found.rgb(row).shape[0] == pytest.approx(
            width / height, abs=0.03
        )
        small = np.asarray(
            Image.fromarray(photo(index, row)).resize(
                found.rgb(row).shape[1::-1], Image.Resampling.BOX
            )
        )
        assert np.abs(found.rgb(row).astype(float) - small).mean() < 10


def test_prior_is_the_mean_histogram_of_the_photos(index: PhotoIndex, tmp_path: Path) -> None:
    prior = Pack(pack(index, tmp_path / "photos.h5", log=quiet)).prior
    shares = [histogram(rgb_to_lab(as_tensor(photo(index, row)))[None, 1:])[0] for row in range(8)]
    assert prior.shape == (NUM_BINS,)
    assert float(prior.sum()) == pytest.approx(1, rel=1e-4)
    # total variation; every 4th pixel, after JPEG
    assert float((prior - torch.stack(shares).mean(0)).abs().sum()) < 0.1


def test_reading_any_order_gives_the_same_photos(index: PhotoIndex, tmp_path: Path) -> None:
    found = Pack(pack(index, tmp_path / "photos.h5", log=quiet))
    forward = [found.rgb(row) for row in range(8)]
    for row in (5, 0, 7, 3):
        np.testing.assert_array_equal(found.rgb(row), forward[row])


def test_packing_twice_gives_the_same_bytes(index: PhotoIndex, tmp_path: Path) -> None:
    first, second = (Pack(pack(index, tmp_path / name, log=quiet)) for name in ("a.h5", "b.h5"))
    np.testing.assert_array_equal(first._bytes, second._bytes)
    assert torch.equal(first.prior, second.prior)


# The budget


def test_packs_keep_the_budget_and_shrink_with_it(index: PhotoIndex, tmp_path: Path) -> None:
    sizes, shapes = [], []
    for budget in (10_000_000, 130_000, 105_000, 90_000):
        out = pack(index, tmp_path / f"{budget}.h5", budget, quiet)
        assert out.stat().st_size <= budget
        sizes.append(out.stat().st_size)
        shapes.append(min(Pack(out).rgb(0).shape[:2]))
    assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) == 4
    assert shapes == sorted(shapes, reverse=True)
    best = pack(index, tmp_path / "best.h5", None, quiet)
    assert best.stat().st_size == sizes[0]


@pytest.mark.parametrize("budget", [0, 1000, 70_000])
def test_a_budget_too_small_is_refused_with_what_is_needed(
    index: PhotoIndex, tmp_path: Path, budget: int
) -> None:
    with pytest.raises(
        ValueError,
        match=rf"8 photos need 0\.\d MB at the least, the budget is {budget / 1e6:.1f} MB",
    ):
        pack(index, tmp_path / "photos.h5", budget, quiet)
    assert list(tmp_path.iterdir()) == []


def test_trials_go_from_the_best_to_the_smallest() -> None:
    assert list(TRIALS) == sorted(TRIALS, reverse=True)


# What goes wrong


def test_unreadable_photos_are_skipped_and_references_follow(
    photo_index: PhotoIndex, tmp_path: Path
) -> None:
    names = [photo_index.path(row).stem for row in range(4)]
    ranked = neighbours(photo_index)
    gone = 1
    photo_index.path(gone).write_bytes(b"not a picture any more")
    lines: list[str] = []
    found = Pack(pack(photo_index, tmp_path / "photos.h5", log=lines.append))
    [skipped] = [line for line in lines if line.startswith("skipped")]
    assert names[gone] in skipped
    kept = [row for row in range(4) if row != gone]
    assert len(found) == 3 == len(found.references)
    for new, old in enumerate(kept):
        assert np.abs(found.rgb(new).astype(float) - photo(photo_index, old)).mean() < 6
        expected = [kept.index(r) if r in kept else -1 for r in ranked[old].tolist()]
        assert found.references[new].tolist() == expected
    assert {new for new in found.references.flatten().tolist() if new >= 0} == {0, 1, 2}


def test_a_budget_with_unreadable_photos(photo_index: PhotoIndex, tmp_path: Path) -> None:
    photo_index.path(0).unlink()
    out = pack(photo_index, tmp_path / "photos.h5", 95_000, quiet)
    assert out.stat().st_size <= 95_000
    assert len(Pack(out)) == 3


@pytest.mark.parametrize("budget", [None, 1_000_000])
def test_no_readable_photo_at_all(
    photo_index: PhotoIndex, tmp_path: Path, budget: int | None
) -> None:
    for row in range(4):
        photo_index.path(row).unlink()
    with pytest.raises(ValueError, match="index: no photo of the index can be read"):
        pack(photo_index, tmp_path / "photos.h5", budget, quiet)
    assert not (tmp_path / "photos.h5").exists()


def test_an_interrupted_pack_leaves_no_file_and_keeps_the_last(
    index: PhotoIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(index: PhotoIndex) -> np.ndarray:
        raise KeyboardInterrupt

    out = tmp_path / "photos.h5"
    with monkeypatch.context() as patch:
        patch.setattr(module, "neighbours", interrupt)  # halfway through the file
        with pytest.raises(KeyboardInterrupt):
            pack(index, out, log=quiet)
        assert not out.exists()
    pack(index, out, log=quiet)
    before = out.read_bytes()
    monkeypatch.setattr(module, "neighbours", interrupt)
    with pytest.raises(KeyboardInterrupt):
        pack(index, out, log=quiet)
    assert out.read_bytes() == before
    assert len(Pack(out)) == 8


def test_a_file_of_other_bins_is_refused(index: PhotoIndex, tmp_path: Path) -> None:
    out = pack(index, tmp_path / "photos.h5", log=quiet)
    with h5py.File(out, "a") as file:
        del file["prior"]
        file["prior"] = np.ones(100, np.float32)
    with pytest.raises(ValueError, match=r"photos\.h5: not a packed corpus"):
        Pack(out)


# Pixels


def test_as_tensor_by_hand() -> None:
    rgb = np.array([[[255, 0, 51], [0, 102, 255]]], np.uint8)
    expected = torch.tensor([[[1.0, 0.0]], [[0.0, 0.4]], [[0.2, 1.0]]])
    torch.testing.assert_close(as_tensor(rgb), expected)
    # a mirrored view has negative strides
    torch.testing.assert_close(as_tensor(rgb[:, ::-1]), expected.flip(2))


def test_a_gray_jpeg_is_three_channels(tmp_path: Path) -> None:
    Image.new("L", (5, 4), 130).save(tmp_path / "gray.jpg")
    rgb = decode((tmp_path / "gray.jpg").read_bytes())
    assert rgb.shape == (4, 5, 3)
    assert set(rgb.flatten().tolist()) == {130}
