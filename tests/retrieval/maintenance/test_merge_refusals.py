"""What merging refuses, and what it leaves when it fails."""

import errno
import json
import shutil
from pathlib import Path

import pytest
from index_state import files, rows

from retrieval.maintenance import merge as merging
from retrieval.maintenance.merge import merge_indexes
from retrieval.maintenance.verify import verify_index
from retrieval.storage.manifest import FEATURES, MANIFEST, read_manifest


@pytest.mark.parametrize(
    "change",
    [
        {"backbone": "vgg19"},
        {"weights_hash": "f" * 16},
        {"pca_hash": "e" * 16},
        {"settings": {"side": 256}},
    ],
)
def test_other_backbones_are_one_error_that_names_both(
    index_dir: Path, other_dir: Path, tmp_path: Path, change: dict[str, object]
) -> None:
    data = json.loads((other_dir / MANIFEST).read_text())
    (other_dir / MANIFEST).write_text(json.dumps(data | change))
    with pytest.raises(ValueError) as caught:
        merge_indexes([index_dir, other_dir], tmp_path / "all")
    message = str(caught.value)
    for part in (
        index_dir,
        other_dir,
        data["backbone"],
        data["weights_hash"],
        data["pca_hash"],
        "cannot be compared",
    ):
        assert str(part) in message
    assert all(str(value) in message for key, value in change.items() if key != "settings")
    assert not (tmp_path / "all").exists()


def test_another_index_at_the_result_is_left_alone(
    index_dir: Path, other_dir: Path, tmp_path: Path
) -> None:
    third = shutil.copytree(other_dir, tmp_path / "third")
    before = files(third)
    with pytest.raises(
        ValueError,
        match=f"{third}: an index is here already; name it among those to merge,"
        " or choose another --index",
    ):
        merge_indexes([index_dir, other_dir], third)
    (tmp_path / "photos" / "notes.txt").touch()
    with pytest.raises(ValueError, match="holds no index"):
        merge_indexes([index_dir, other_dir], tmp_path / "photos")
    assert files(third) == before


def test_fewer_than_two(index_dir: Path, tmp_path: Path) -> None:
    for given in ([index_dir], [index_dir, index_dir]):
        with pytest.raises(ValueError, match="merging takes at least two different indexes"):
            merge_indexes(given, tmp_path / "all")
    with pytest.raises(FileNotFoundError, match=f"{tmp_path / 'nowhere'}: no index here"):
        merge_indexes([index_dir, tmp_path / "nowhere"], tmp_path / "all")
    assert not (tmp_path / "all").exists()


@pytest.mark.parametrize("damaged", ["shard", "projections"])
def test_a_damaged_index_is_not_merged(
    index_dir: Path, other_dir: Path, tmp_path: Path, damaged: str
) -> None:
    manifest = read_manifest(other_dir)
    path = other_dir / (
        manifest.pca_file if damaged == "projections" else f"{FEATURES}/{manifest.shards[1].file}"
    )
    data = bytearray(path.read_bytes())
    data[-1000] ^= 1
    path.write_bytes(data)
    if damaged == "projections":  # the other index has the same, so nothing is lost
        assert merge_indexes([other_dir, index_dir], tmp_path / "all").count == 12
        assert verify_index(tmp_path / "all") == []
    else:
        with pytest.raises(
            ValueError,
            match=rf"{path.name}: damaged, its checksum .*run build-index on its folders",
        ):
            merge_indexes([other_dir, index_dir], tmp_path / "all")
        assert not (tmp_path / "all").exists()


def test_projections_that_all_lost(index_dir: Path, other_dir: Path, tmp_path: Path) -> None:
    second = shutil.copytree(index_dir, tmp_path / "second")
    for place in (second, other_dir):
        (place / read_manifest(place).pca_file).unlink()
    with pytest.raises(ValueError, match=r"pca-.*: missing or damaged; run build-index"):
        merge_indexes([second, other_dir], tmp_path / "all")
    assert not (tmp_path / "all" / MANIFEST).exists()


@pytest.mark.parametrize("into", ["a new one", "one of them"])
def test_a_full_disk_leaves_what_was(
    index_dir: Path, other_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, into: str
) -> None:
    out = other_dir if into == "one of them" else tmp_path / "all"
    before = files(other_dir)
    copied = []

    def disk_full(*_: object) -> None:
        copied.append(1)
        if len(copied) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(
            merging.shutil,
            "copyfileobj",
            lambda source, file, size: (file.write(source.read()), disk_full()),
        )
        with pytest.raises(OSError) as caught:
            merge_indexes([index_dir, other_dir], out)
    assert str(out / FEATURES) in caught.value.filename
    assert "No space left on device; what was there before is intact; free some space" in str(
        caught.value.strerror
    )
    assert files(other_dir) == before
    assert [name for name in files(out) if name.startswith(FEATURES)] == [
        n for n in before if n.startswith(FEATURES)
    ] * (out == other_dir)
    assert merge_indexes([index_dir, other_dir], out).count == 12
    assert verify_index(out) == []


@pytest.mark.parametrize("into", ["a new one", "one of them"])
def test_interrupted_after_the_result_was_written(
    index_dir: Path, other_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, into: str
) -> None:
    out = other_dir if into == "one of them" else tmp_path / "all"
    expected = rows(index_dir) | rows(other_dir)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("retrieval.building.commit.remove_unnamed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        merge_indexes([index_dir, other_dir], out)
    assert verify_index(out) == []
    assert rows(out) == expected


def test_a_shard_that_changes_while_it_is_copied(
    index_dir: Path, other_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        merging.shutil,
        "copyfileobj",
        lambda source, file, size: file.write(source.read()[:-1] + b"x"),
    )
    with pytest.raises(
        ValueError, match=r"\.h5: changed while it was copied; run the same command again"
    ):
        merge_indexes([index_dir, other_dir], tmp_path / "all")
    assert list((tmp_path / "all" / FEATURES).iterdir()) == []
