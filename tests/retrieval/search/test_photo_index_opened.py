"""Opening an index, whatever state it is in."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import faiss
import numpy as np
import pytest

from retrieval.building.changes import BuildReport
from retrieval.extraction.extractor import Extractor, glance
from retrieval.safe_files import file_sha256
from retrieval.search import photo_index as module
from retrieval.search.faiss_index import exact_index
from retrieval.search.photo_index import PhotoIndex
from retrieval.storage.manifest import FAISS, FEATURES, MANIFEST, SCHEMA, read_manifest
from retrieval.storage.shards import read_descriptors, read_photos, write_shard
from similarity.backbone.backbone import SLIM_NORMALISATION, VGG_LAYERS, Backbone
from similarity.backbone.vgg19 import VGG19, VGG19Config

Build = Callable[..., BuildReport]


@pytest.fixture
def copy_dir(index_dir: Path, tmp_path: Path) -> Path:
    """A copy of the small index that a test may damage."""
    return shutil.copytree(index_dir, tmp_path / "index")


def test_open(index: PhotoIndex, library_dir: Path) -> None:
    assert len(index) == 8
    assert sorted(index.path(row) for row in range(8)) == sorted(library_dir.rglob("*.png"))


def test_missing_index(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match="no index here; make one with: rechroma build-index"
    ):
        PhotoIndex.open(tmp_path / "nowhere")


def test_half_built_index(copy_dir: Path) -> None:
    (copy_dir / MANIFEST).unlink()
    with pytest.raises(FileNotFoundError, match="this index was never finished"):
        PhotoIndex.open(copy_dir)


def test_damaged_manifest(copy_dir: Path) -> None:
    (copy_dir / MANIFEST).write_text((copy_dir / MANIFEST).read_text()[:100])
    with pytest.raises(ValueError, match=r"index\.json: damaged"):
        PhotoIndex.open(copy_dir)


def test_newer_format(copy_dir: Path) -> None:
    data = json.loads((copy_dir / MANIFEST).read_text())
    (copy_dir / MANIFEST).write_text(json.dumps({**data, "schema": SCHEMA + 1}))
    with pytest.raises(ValueError, match="is newer than this rechroma reads"):
        PhotoIndex.open(copy_dir)


def test_missing_shard(copy_dir: Path) -> None:
    (copy_dir / FEATURES / read_manifest(copy_dir).shards[1].file).unlink()
    with pytest.raises(
        FileNotFoundError,
        match=r"\.h5: this shard of the index is missing; run build-index again to redo it",
    ):
        PhotoIndex.open(copy_dir)


@pytest.mark.parametrize("damage", ["truncated", "text", "empty", "other"])
def test_damaged_shard(copy_dir: Path, damage: str) -> None:
    shard = copy_dir / FEATURES / read_manifest(copy_dir).shards[1].file
    data = shard.read_bytes()
    # two photos instead of three
    other = (copy_dir / FEATURES / read_manifest(copy_dir).shards[2].file).read_bytes()
    shard.write_bytes(
        {"truncated": data[: len(data) // 2], "text": b"text", "empty": b"", "other": other}[damage]
    )
    with pytest.raises(ValueError, match=r"damaged .*run build-index again to redo it"):
        PhotoIndex.open(copy_dir)


@pytest.mark.parametrize("damage", ["missing", "text"])
def test_damaged_projections(copy_dir: Path, backbone: Backbone, damage: str) -> None:
    projections = copy_dir / read_manifest(copy_dir).pca_file
    if damage == "missing":
        projections.unlink()
    else:
        projections.write_text("text")
    with pytest.raises((ValueError, FileNotFoundError), match=rf"{projections.name}.*build-index"):
        PhotoIndex.open(copy_dir).extractor(backbone)


@pytest.mark.parametrize("damage", ["missing", "text", "named text", "another index's"])
def test_faiss_file_is_made_anew_from_the_shards(
    copy_dir: Path,
    index: PhotoIndex,
    backbone: Backbone,
    pictures: dict[str, np.ndarray],
    damage: str,
) -> None:
    path = copy_dir / FAISS
    path.unlink()
    if damage.endswith("text"):
        path.write_text("text")
    if damage == "named text":  # as a file of another version of faiss: it is the one, unread
        manifest = read_manifest(copy_dir)
        replace(manifest, faiss_sha256=file_sha256(path)).write(copy_dir)
    if damage == "another index's":
        faiss.write_index(exact_index([np.eye(8, 128, dtype=np.float16)]), str(path))
    opened = PhotoIndex.open(copy_dir)
    query = glance(pictures["coffee"])
    assert opened.rank(opened.extractor(backbone).describe([query])) == index.rank(
        index.extractor(backbone).describe([query])
    )


def test_other_backbone(index: PhotoIndex) -> None:
    tiny = VGG19(VGG19Config(widths=(4, 6, 8, 10, 12), in_channels=1, pool_size=1, hidden=(20,)))
    for name, weights_hash in (("vgg19", index.manifest.weights_hash), ("vgg19-slim", "f" * 16)):
        with pytest.raises(ValueError) as caught:
            index.extractor(Backbone(name, tiny, SLIM_NORMALISATION, VGG_LAYERS, weights_hash))
        message = str(caught.value)
        for part in (
            name,
            weights_hash,
            index.manifest.weights_hash,
            "--backbone efficientnet-lite0",
            "build-index --overwrite",
        ):
            assert part in message


def test_extractor_is_that_of_the_index(index: PhotoIndex, backbone: Backbone) -> None:
    extractor, bundled = index.extractor(backbone), Extractor.bundled(backbone)
    np.testing.assert_array_equal(
        extractor.global_projection.components, bundled.global_projection.components
    )
    np.testing.assert_array_equal(extractor.local_projection.mean, bundled.local_projection.mean)


def test_a_builder_replacing_the_index_meanwhile_is_followed(
    photo_dir: Path, tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(photo_dir, tmp_path / "index")
    stale = read_manifest(tmp_path / "index")
    build(photo_dir, tmp_path / "index", overwrite=True)
    answers = iter([stale])
    monkeypatch.setattr(
        module, "read_manifest", lambda folder: next(answers, None) or read_manifest(folder)
    )
    assert (
        PhotoIndex.open(tmp_path / "index").manifest == read_manifest(tmp_path / "index") != stale
    )


def test_an_open_index_survives_a_rebuild(
    photo_dir: Path,
    own_index: Path,
    backbone: Backbone,
    build: Build,
    pictures: dict[str, np.ndarray],
) -> None:
    index = PhotoIndex.open(own_index)
    extractor, query = index.extractor(backbone), glance(pictures["coffee"])
    before = index.rank(extractor.describe([query]))
    (photo_dir / "rocket.png").unlink()
    build(photo_dir, own_index, overwrite=True)
    assert index.rank(extractor.describe([query])) == before


def test_flipped_bits_are_a_line_or_nothing(copy_dir: Path, rng: np.random.Generator) -> None:
    shard = copy_dir / FEATURES / read_manifest(copy_dir).shards[1].file
    data = shard.read_bytes()
    refused = 0
    for place in rng.integers(0, 4096, 60):  # where HDF5 describes the data
        flipped = bytearray(data)
        flipped[place] ^= 1 << int(rng.integers(8))
        shard.write_bytes(flipped)
        try:
            PhotoIndex.open(copy_dir).cells(np.arange(8))
        except ValueError as error:
            refused += 1
            assert str(error).startswith(f"{shard}: damaged (")
            assert "run build-index again to redo it" in str(error) and "\n" not in str(error)
    assert refused


def test_shards_of_two_backbones_are_refused(copy_dir: Path) -> None:
    path = copy_dir / FEATURES / read_manifest(copy_dir).shards[2].file
    write_shard(path, read_photos(path), read_descriptors(path), "another key")
    with pytest.raises(
        ValueError,
        match=rf"{path.name}: damaged \(made with another backbone .*run build-index again",
    ):
        PhotoIndex.open(copy_dir)


def test_a_manifest_without_shards(copy_dir: Path) -> None:
    data = json.loads((copy_dir / MANIFEST).read_text())
    (copy_dir / MANIFEST).write_text(json.dumps({**data, "shards": []}))
    with pytest.raises(
        ValueError, match=r"index\.json: names no shards; run build-index --overwrite"
    ):
        PhotoIndex.open(copy_dir)


def test_a_shard_removed_while_it_is_opened_is_followed(
    photo_dir: Path, tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(photo_dir, tmp_path / "index")
    stale = read_manifest(tmp_path / "index")
    original = module.ShardReader

    def replaced_first(path: Path) -> object:
        monkeypatch.setattr(module, "ShardReader", original)
        build(photo_dir, tmp_path / "index", overwrite=True)
        return original(path)

    monkeypatch.setattr(module, "ShardReader", replaced_first)
    assert (
        PhotoIndex.open(tmp_path / "index").manifest == read_manifest(tmp_path / "index") != stale
    )
