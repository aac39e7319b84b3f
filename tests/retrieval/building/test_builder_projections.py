"""Projections that are fitted to the photos or come with the backbone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from index_state import Build, Interrupted, assert_sound, counts, files, stop_at
from PIL import Image

from retrieval.building.builder import BuildOptions, build_index
from retrieval.extraction.extractor import Extractor
from retrieval.extraction.pca import load_projections
from retrieval.storage.manifest import read_manifest
from similarity.backbone.backbone import Backbone


def test_fitted_projections_are_kept_for_later_builds(
    photo_dir: Path, tmp_path: Path, tiny: Backbone, pictures: dict[str, np.ndarray]
) -> None:
    index_dir, options = tmp_path / "index", BuildOptions(workers=0, batch=3, shard_photos=3)
    build_index([photo_dir], index_dir, tiny, options)
    manifest = read_manifest(index_dir)
    global_, local = load_projections(index_dir / manifest.pca_file)
    assert (global_.components.shape, local.components.shape) == ((128, 20), (64, 12))
    assert np.abs(global_.components[:3]).sum(1).min() > 0.5  # four photos span three dimensions
    assert not global_.components[3:].any()
    Image.fromarray(pictures["retina"]).save(photo_dir / "new.png")
    assert counts(build_index([photo_dir], index_dir, tiny, options)) == (5, 1, 0, 0, 4)
    assert read_manifest(index_dir).pca_hash == manifest.pca_hash
    assert_sound(index_dir, tiny, sorted(photo_dir.iterdir()))
    build_index([photo_dir], index_dir, tiny, BuildOptions(workers=0, overwrite=True))
    assert read_manifest(index_dir).pca_hash != manifest.pca_hash  # fitted anew, to five photos
    assert_sound(index_dir, tiny, sorted(photo_dir.iterdir()))


def test_an_interrupted_build_keeps_its_projections(
    photo_dir: Path, tmp_path: Path, tiny: Backbone
) -> None:
    index_dir, options = tmp_path / "index", BuildOptions(workers=0, batch=1, shard_photos=1)
    with pytest.raises(Interrupted):
        build_index([photo_dir], index_dir, tiny, options, stop_at(3))
    [projections] = index_dir.glob("pca-*.safetensors")
    (photo_dir / "coffee.png").unlink()  # another sample would give other projections
    assert counts(build_index([photo_dir], index_dir, tiny, options)) == (3, 1, 0, 0, 2)
    assert read_manifest(index_dir).pca_file == projections.name


def test_bundled_projections_make_indexes_comparable(
    photo_dir: Path, library_dir: Path, tmp_path: Path, backbone: Backbone, build: Build
) -> None:
    build(photo_dir, tmp_path / "a")
    build(library_dir / "sub", tmp_path / "b")
    manifest = read_manifest(tmp_path / "a")
    assert manifest.key == read_manifest(tmp_path / "b").key
    stored, bundled = (
        load_projections(tmp_path / "a" / manifest.pca_file),
        Extractor.bundled(backbone),
    )
    np.testing.assert_array_equal(stored[0].components, bundled.global_projection.components)
    np.testing.assert_array_equal(stored[1].components, bundled.local_projection.components)


def test_projections_are_those_that_the_index_names(
    photo_dir: Path, library_dir: Path, tmp_path: Path, tiny: Backbone
) -> None:
    index_dir, options = tmp_path / "index", BuildOptions(workers=0, batch=1, shard_photos=1)
    build_index([photo_dir, library_dir], index_dir, tiny, options)
    manifest = read_manifest(index_dir)
    with pytest.raises(Interrupted):
        build_index([photo_dir], index_dir, tiny, replace(options, overwrite=True), stop_at(2))
    [left] = (p for p in index_dir.glob("pca-*") if p.name != manifest.pca_file)
    left.rename(index_dir / f"pca-{'0' * 16}.safetensors")  # the first by name
    assert counts(build_index([photo_dir], index_dir, tiny, options)) == (12, 0, 0, 0, 12)
    assert_sound(index_dir, tiny, [*photo_dir.iterdir(), *library_dir.rglob("*.png")])
    assert read_manifest(index_dir).pca_file == manifest.pca_file


@pytest.mark.parametrize("damage", ["missing", "flipped bit"])
def test_lost_projections_are_told_before_photos_are_dropped(
    photo_dir: Path, library_dir: Path, tmp_path: Path, tiny: Backbone, damage: str
) -> None:
    index_dir, options = tmp_path / "index", BuildOptions(workers=0)
    build_index([photo_dir, library_dir], index_dir, tiny, options)
    manifest = read_manifest(index_dir)
    path = index_dir / manifest.pca_file
    data = path.read_bytes()
    path.unlink()
    if damage == "flipped bit":
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    before = files(index_dir)
    wanted = rf"{index_dir}: described with other projections \({manifest.pca_hash}\) "
    wanted += ".*name all of its folders with --overwrite"
    with pytest.raises(ValueError, match=wanted):
        build_index([photo_dir], index_dir, tiny, options)
    assert files(index_dir) == before
    # fitted to the same photos they are the same
    build_index([photo_dir, library_dir], index_dir, tiny, options)
    assert read_manifest(index_dir) == manifest
    assert_sound(index_dir, tiny, [*photo_dir.iterdir(), *library_dir.rglob("*.png")])


def test_other_bundled_projections_are_refused(
    photo_dir: Path, tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_dir = tmp_path / "index"
    build(photo_dir, index_dir)
    before, bundled = files(index_dir), Extractor.bundled

    def refitted(backbone: Backbone) -> Extractor:
        found = bundled(backbone)
        moved = replace(found.local_projection, mean=found.local_projection.mean + 1)
        return replace(found, local_projection=moved)

    monkeypatch.setattr(Extractor, "bundled", refitted)
    with pytest.raises(ValueError, match="described with other projections"):
        build(photo_dir, index_dir)
    assert files(index_dir) == before
    assert counts(build(photo_dir, index_dir, overwrite=True)) == (4, 4, 0, 0, 0)
