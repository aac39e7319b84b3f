import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from retrieval.building.changes import BuildReport
from retrieval.safe_files import file_sha256
from retrieval.search.photo_index import PhotoIndex
from retrieval.storage import contents as module
from retrieval.storage.contents import read_contents
from retrieval.storage.manifest import FEATURES, read_manifest
from retrieval.storage.shards import read_descriptors, read_photos, write_shard


@pytest.fixture
def copy_dir(index_dir: Path, tmp_path: Path) -> Path:
    return shutil.copytree(index_dir, tmp_path / "index")


def test_all_photos_where_they_are_described(index_dir: Path, index: PhotoIndex) -> None:
    contents = read_contents(index_dir)
    assert contents.manifest == index.manifest
    live = contents.live()
    assert list(live) == [index.photos.absolute(i) for i in range(8)]
    for name, known in live.items():
        photos = read_photos(known.shard)
        assert photos.absolute(known.row) == name
        assert known.stamp == (photos.size[known.row], photos.mtime_ns[known.row])


@pytest.mark.parametrize(
    "damage", ["missing", "truncated", "flipped bit", "text", "another backbone's"]
)
def test_a_shard_that_is_not_sound_is_named_with_its_cure(copy_dir: Path, damage: str) -> None:
    manifest = read_manifest(copy_dir)
    path = copy_dir / FEATURES / manifest.shards[1].file
    data = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
        reason = "missing"
    elif damage == "another backbone's":
        write_shard(path, read_photos(path), read_descriptors(path), "other")
        entry = manifest.shards[1].__class__(path.name, 3, file_sha256(path))
        manifest.__class__(
            **{**manifest.__dict__, "shards": [manifest.shards[0], entry, manifest.shards[2]]}
        ).write(copy_dir)
        reason = "made with another backbone or other settings than index.json says"
    else:
        flipped = data.copy()
        flipped[len(data) * 2 // 3] ^= 16  # in the descriptors: the file opens as before
        path.write_bytes({"truncated": data[:-1], "flipped bit": flipped, "text": b"text"}[damage])
        reason = "damaged, its checksum is not the one in index.json"
    with pytest.raises(ValueError) as caught:
        read_contents(copy_dir)
    assert str(caught.value) == f"{path}: {reason}; run build-index on its folders again to redo it"


def test_a_builder_replacing_the_index_meanwhile_is_followed(
    photo_dir: Path,
    tmp_path: Path,
    build: Callable[..., BuildReport],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    build(photo_dir, tmp_path / "index")
    stale = read_manifest(tmp_path / "index")
    build(photo_dir, tmp_path / "index", overwrite=True)
    answers = iter([stale])
    monkeypatch.setattr(
        module, "read_manifest", lambda folder: next(answers, None) or read_manifest(folder)
    )
    assert read_contents(tmp_path / "index").manifest == read_manifest(tmp_path / "index") != stale


def test_no_index(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no index here"):
        read_contents(tmp_path)
