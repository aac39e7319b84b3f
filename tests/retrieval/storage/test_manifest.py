import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from retrieval.storage.manifest import (
    FEATURES,
    MANIFEST,
    SCHEMA,
    IndexManifest,
    ShardEntry,
    pca_file,
    read_manifest,
    settings_key,
)
from retrieval.storage.search_settings import IVFPQ, SearchSettings

SHARDS = [ShardEntry("01.h5", 3, "c" * 64), ShardEntry("02.h5", 2, "d" * 64)]
EXAMPLE = IndexManifest("vgg19-slim", "a" * 16, "b" * 16, SHARDS, "e" * 64, 5)


def test_round_trip(tmp_path: Path) -> None:
    EXAMPLE.write(tmp_path)
    assert read_manifest(tmp_path) == EXAMPLE
    assert [p.name for p in tmp_path.iterdir()] == [MANIFEST]
    assert json.loads((tmp_path / MANIFEST).read_text())["schema"] == SCHEMA


def test_search_settings_are_kept(tmp_path: Path) -> None:
    search = SearchSettings(
        IVFPQ, 5 << 20, {"lists": 1024, "nprobe": 16, "candidates": 2}, 0.9765, 200_000
    )
    replace(EXAMPLE, search=search).write(tmp_path)
    assert read_manifest(tmp_path).search == search


def test_folders_that_are_not_there_are_told(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "unplugged")  # it is there, whatever it leads to
    roots = [str(tmp_path / name) for name in ("here", "link", "moved")]
    assert replace(EXAMPLE, roots=roots).gone_roots() == roots[2:]


def test_a_failed_write_keeps_the_previous(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    EXAMPLE.write(tmp_path)

    def disk_full(self: Path, text: str) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_text", disk_full)
    with pytest.raises(OSError, match="No space left"):
        IndexManifest("vgg19", "a" * 16, "b" * 16, [], "", 0).write(tmp_path)
    assert read_manifest(tmp_path) == EXAMPLE


def test_no_index(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(
            FileNotFoundError, match=r"no index here; make one with: rechroma build-index"
        ):
            read_manifest(folder)


def test_the_command_offered_can_be_pasted(tmp_path: Path) -> None:
    folder = tmp_path / "no such; echo"
    with pytest.raises(FileNotFoundError, match=re.escape(f"PHOTOS --index '{folder}'") + "$"):
        read_manifest(folder)


def test_unfinished_index(tmp_path: Path) -> None:
    (tmp_path / FEATURES).mkdir()
    with pytest.raises(
        FileNotFoundError, match=r"never finished; run the same build-index again, it resumes"
    ):
        read_manifest(tmp_path)


def test_newer_format(tmp_path: Path) -> None:
    EXAMPLE.write(tmp_path)
    data = json.loads((tmp_path / MANIFEST).read_text())
    (tmp_path / MANIFEST).write_text(json.dumps({**data, "schema": SCHEMA + 1, "something": "new"}))
    with pytest.raises(
        ValueError,
        match=rf"format {SCHEMA + 1} is newer than this rechroma reads \({SCHEMA}\);"
        " update rechroma",
    ):
        read_manifest(tmp_path)


def without(key: str) -> bytes:
    data = asdict(EXAMPLE)
    del data[key]
    return json.dumps(data).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"{}",
        b'{"schema": "one"}',
        b'{"schema": 1}',
        b'{"schema": 1, "shards": 5}',
        b'{"schema": 1, "shards": [{"file": "x"}]}',
        b"\xff\xfe\x00",
        without("schema"),
        without("backbone"),
        without("shards"),
        *(without(name) for name in ("search", "roots", "built", "unusable", "replaced")),
        json.dumps({**asdict(EXAMPLE), "search": {"kind": "wishful"}}).encode(),
        json.dumps({**asdict(EXAMPLE), "search": None}).encode(),
    ],
)
def test_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / MANIFEST).write_bytes(content)
    with pytest.raises(
        ValueError, match=r"index\.json: damaged \(.*\); run build-index --overwrite with all"
    ) as caught:
        read_manifest(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("backbone", 5),
            ("weights_hash", None),
            ("pca_hash", ["b"]),
            ("faiss_sha256", 0),
            ("count", "3"),
            ("count", True),
        ),
        *(
            ("settings", []),
            ("settings", {"global": "128"}),
            ("built", 2026),
            ("unusable", "none"),
            ("roots", "/photos"),
            ("roots", [1]),
        ),
        *(
            ("shards", [{"file": 1, "count": 3, "sha256": "c"}]),
            ("shards", ["a.h5"]),
            ("shards", {"file": "a.h5"}),
        ),
        *(
            ("search", {"kind": "hnsw", "parameters": {"ef_search": "64"}}),
            ("search", {"recall": "high"}),
            ("search", []),
        ),
    ],
)
def test_values_of_other_types_are_told(tmp_path: Path, name: str, value: object) -> None:
    test_damaged(tmp_path, json.dumps({**asdict(EXAMPLE), name: value}).encode())


def test_key_sees_everything_that_decides_a_descriptor() -> None:
    assert EXAMPLE.key == settings_key("vgg19-slim", "a" * 16, "b" * 16)
    settings = dict(EXAMPLE.settings)
    keys = {
        EXAMPLE.key,
        settings_key("vgg19", "a" * 16, "b" * 16),
        settings_key("vgg19-slim", "0" * 16, "b" * 16),
        settings_key("vgg19-slim", "a" * 16, "0" * 16),
        *(
            settings_key("vgg19-slim", "a" * 16, "b" * 16, {**settings, name: settings[name] + 1})
            for name in settings
        ),
    }
    assert len(keys) == 4 + len(settings)
    assert (
        settings_key("vgg19-slim", "a" * 16, "b" * 16, dict(reversed(settings.items())))
        == EXAMPLE.key
    )
    assert all(len(key) == 16 for key in keys)


def test_projections_are_named_by_their_hash() -> None:
    assert EXAMPLE.pca_file == pca_file("b" * 16) == "pca-bbbbbbbbbbbbbbbb.safetensors"


def test_a_folder_of_photos_is_told_from_one_without_an_index(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no index here; make one with: rechroma build"):
        read_manifest(tmp_path)
    (tmp_path / "a.jpg").touch()
    made = f"rechroma build-index {tmp_path} --index indexes/NAME"
    with pytest.raises(FileNotFoundError, match=f"holds photos, no index; make one with: {made}"):
        read_manifest(tmp_path)
