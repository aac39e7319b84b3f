"""What scripts/train does: from folders of photos to weights that the package loads."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_network import TINY

from colorization.network.pretrained import STEM, load_network
from colorization.training import commands
from colorization.training.commands import (
    export_weights,
    fit_index_projections,
    measure_statistics,
    pictures_in,
    store_photos,
    train_from_store,
    weights_of,
)
from colorization.training.run import CHECKPOINT
from colorization.training.run_options import RunOptions
from colorization.training.store.stored_maps import MapStore, StoreOptions
from retrieval.extraction.pca import load_projections
from similarity.backbone.backbone import Backbone
from similarity.backbone.weight_files import load_bundled, write_bundled
from similarity.training.loop import read_module

OPTIONS = RunOptions(steps=1, batch=4, network=TINY)
SMALL = StoreOptions(side=64, crops=1)


@pytest.fixture
def run(written: Path, tmp_path: Path) -> Path:
    """The output of a run of one step."""
    train_from_store(written, tmp_path / "run", OPTIONS, None, "cpu", lambda line: None)
    return tmp_path / "run"


def test_folders_of_photos_become_a_store_once(
    photo_paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, log = photo_paths[0].parent, list[str]()
    monkeypatch.setattr(commands, "TOLD_SECONDS", -1.0)
    store_photos([folder], tmp_path / "maps", SMALL, None, log.append)
    assert len(MapStore(tmp_path / "maps")) == 6
    assert log[0].startswith("6 of 6 photos, ")
    before = (tmp_path / "maps" / "crops.bin").stat()
    store_photos([folder], tmp_path / "maps", SMALL, None, log.append)
    assert (tmp_path / "maps" / "crops.bin").stat() == before
    with pytest.raises(ValueError, match="holds crops of other photos or options"):
        store_photos([folder], tmp_path / "maps", replace(SMALL, seed=1), None, log.append)


def test_pictures_are_listed_in_order_of_their_names(photo_paths: list[Path]) -> None:
    assert pictures_in([photo_paths[0].parent]) == photo_paths
    assert pictures_in([photo_paths[2], photo_paths[1]]) == [photo_paths[1], photo_paths[2]]


def test_folders_without_photos_are_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        pictures_in([tmp_path / "nowhere"])
    with pytest.raises(ValueError, match=str(tmp_path)):
        pictures_in([tmp_path])


def test_the_losses_on_photos_seen_and_not_are_told(written: Path, tmp_path: Path) -> None:
    log = list[str]()
    train_from_store(written, tmp_path / "run", OPTIONS, None, "cpu", log.append)
    assert log[-2].startswith("seen photos: loss ")
    assert log[-1].startswith("unseen photos: loss ")


def test_exported_weights_are_loaded_by_the_package(
    run: Path, tmp_path: Path, backbone: Backbone
) -> None:
    out = tmp_path / "weights"
    assert export_weights(run, out) == f"exported 1 shards to {out}"
    assert sorted(p.name for p in out.iterdir()) == ["rechroma-1-of-1.safetensors", "rechroma.json"]
    network = load_network(backbone, out)
    assert network.config == TINY
    average = read_module(run / "network.safetensors", "average")
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value.float(), average[name].float(), atol=1e-2, rtol=1e-2)


def test_a_run_is_averaged_with_what_it_began_with(run: Path, tmp_path: Path) -> None:
    started, mixed = tmp_path / "started", tmp_path / "mixed"
    started.mkdir()
    average = read_module(run / CHECKPOINT, "average")
    write_bundled(STEM, {key: torch.ones_like(value) for key, value in average.items()}, started)
    export_weights(run, mixed, started, 0.75)
    found = load_bundled(STEM, mixed)
    for key, value in average.items():
        wanted = 0.25 + 0.75 * value.float()
        torch.testing.assert_close(found[key].float(), wanted, atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize(
    ("change", "share", "line"),
    [({}, 1.5, "share must be within 0..1, not 1.5"), ({"new": 1}, 0.5, "different layouts")],
)
def test_what_cannot_be_averaged_is_told(
    run: Path, tmp_path: Path, change: dict[str, int], share: float, line: str
) -> None:
    average = read_module(run / CHECKPOINT, "average")
    added = {key: torch.ones(count) for key, count in change.items()}
    write_bundled(STEM, average | added, tmp_path)
    with pytest.raises(ValueError, match=line):
        export_weights(run, tmp_path / "out", tmp_path, share)


@pytest.mark.parametrize("form", ["checkpoint", "output of a run", "exported"])
def test_a_run_starts_from_the_average_of_another(
    run: Path, written: Path, tmp_path: Path, form: str
) -> None:
    export_weights(run, tmp_path / "weights")
    forms = {"checkpoint": run / CHECKPOINT, "output of a run": run}
    start = forms.get(form, tmp_path / "weights")
    known = weights_of(start)
    assert known.keys() == load_bundled(STEM, tmp_path / "weights").keys()
    still = replace(OPTIONS, learning_rate=0.0)
    train_from_store(written, tmp_path / "second", still, start, "cpu", lambda line: None)
    found = read_module(tmp_path / "second" / "network.safetensors", "network")
    learned = [key for key in found if "running_" not in key and "num_batches" not in key]
    assert all(torch.equal(found[key], known[key].float()) for key in learned)


def test_a_missing_start_is_named(written: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        weights_of(tmp_path / "nowhere")


def test_projections_are_fitted_to_photos(
    photo_paths: list[Path], tmp_path: Path, backbone: Backbone
) -> None:
    said = fit_index_projections([photo_paths[0].parent], backbone.name, tmp_path)
    path = tmp_path / f"{backbone.name}-pca.safetensors"
    assert said == f"{path}: fitted to 6 photos"
    global_, local = load_projections(path)
    assert len(global_.mean) > len(global_.components) and len(local.mean)


def test_statistics_are_measured_and_lie_beside_the_weights(
    photo_paths: list[Path], tmp_path: Path, backbone: Backbone
) -> None:
    said = measure_statistics(photo_paths, backbone.name, tmp_path)
    assert list(tmp_path.glob("*statistics.safetensors"))
    assert said.endswith("over 6 photos") and str(tmp_path) in said
