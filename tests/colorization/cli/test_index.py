import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from filelock import FileLock
from typer.testing import CliRunner

from colorization.cli.app import index_app
from retrieval.building.changes import BuildReport
from retrieval.storage.manifest import FEATURES, SCHEMA, read_manifest

Build = Callable[..., BuildReport]
Run = Callable[..., Result]
Refused = Callable[..., str]


@pytest.fixture(scope="session")
def run() -> Run:
    """``rechroma index`` in this process; an exception that it does not turn into a line fails the test."""

    def invoke(*args: object) -> Result:
        return CliRunner().invoke(index_app, [str(a) for a in args], catch_exceptions=False)

    return invoke


@pytest.fixture
def own_index(photo_dir: Path, tmp_path: Path, build: Build) -> Path:
    """An index of ``photo_dir``: four photos in two shards."""
    build(photo_dir, tmp_path / "index")
    return tmp_path / "index"


def out(result: Result, status: int = 0) -> str:
    assert (result.exit_code, result.stderr) == (status, ""), result.output
    return result.stdout


def edit(index_dir: Path, **changes: object) -> None:
    data = json.loads((index_dir / "index.json").read_text())
    (index_dir / "index.json").write_text(json.dumps(data | changes))


# info


def test_info(run: Run, own_index: Path, photo_dir: Path) -> None:
    manifest = read_manifest(own_index)
    lines = out(run("info", own_index)).splitlines()
    assert (
        lines[0]
        == f"{own_index}: 4 photos (0 gray, never recommended, 0 files of its last build unusable)"
    )
    assert lines[1].split(maxsplit=2) == ["4", "from", str(photo_dir)]
    assert (
        lines[2]
        == f"backbone vgg19-slim, weights {manifest.weights_hash}, projections {manifest.pca_hash}"
    )
    assert lines[3].startswith("2 shards, ")
    assert lines[3].endswith(f" MB on disk, IndexFlatIP, built {manifest.built}")
    assert len(lines) == 4


def test_info_as_json(run: Run, own_index: Path, photo_dir: Path) -> None:
    found = json.loads(out(run("info", own_index, "--json")))
    size = sum(p.stat().st_size for p in own_index.rglob("*") if p.is_file())
    expected = {
        "index": str(own_index),
        "photos": 4,
        "gray": 0,
        "unusable": 0,
        "roots": {str(photo_dir): 4},
        "shards": 2,
    }
    assert expected.items() <= found.items()
    assert (found["bytes"], found["faiss"], found["backbone"]) == (
        size,
        "IndexFlatIP",
        "vgg19-slim",
    )
    assert "duplicates" not in found


def test_duplicates_are_listed(run: Run, photo_dir: Path, tmp_path: Path, build: Build) -> None:
    shutil.copy(photo_dir / "coffee.png", photo_dir / "a copy\nof it.png")
    build(photo_dir, tmp_path / "index")
    group = [str(photo_dir / "a copy\nof it.png"), str(photo_dir / "coffee.png")]
    lines = out(run("info", tmp_path / "index", "--duplicates")).splitlines()
    assert lines[-3] == "1 groups of near-duplicates"
    assert [line.split(maxsplit=1) for line in lines[-2:]] == [
        ["1", group[0].replace("\n", "\\n")],
        ["1", group[1]],
    ]
    assert json.loads(out(run("info", tmp_path / "index", "--duplicates", "--json")))[
        "duplicates"
    ] == [group]


# verify


def test_verify(run: Run, own_index: Path, photo_dir: Path) -> None:
    assert (
        out(run("verify", own_index))
        == f"{own_index}: sound, and its photos are as they were indexed\n"
    )
    assert out(run("verify", own_index, "--no-photos")) == f"{own_index}: sound\n"
    assert json.loads(out(run("verify", own_index, "--json"))) == []
    (photo_dir / "coffee.png").rename(photo_dir / "new\nline.png")
    (photo_dir / "rocket.png").unlink()
    shard = own_index / FEATURES / read_manifest(own_index).shards[1].file
    shard.write_bytes(shard.read_bytes()[:-1])
    (own_index / "index.faiss").unlink()
    lines = out(run("verify", own_index), 1).splitlines()
    assert len(lines) == 3  # rocket is in the shard that is damaged
    assert [line.split(": ")[0] for line in lines] == [
        str(p) for p in (shard, own_index / "index.faiss", photo_dir / "coffee.png")
    ]
    assert lines[0].endswith(
        f"describe its photos again: rechroma build-index {photo_dir} --index {own_index}"
    )
    found = json.loads(out(run("verify", own_index, "--json"), 1))
    assert [f"{f['path']}: {f['problem']}; {f['cure']}" for f in found] == lines
    assert len(out(run("verify", own_index, "--no-photos"), 1).splitlines()) == 2


# merge, remove, relink


def test_merge(run: Run, own_index: Path, index_dir: Path, tmp_path: Path) -> None:
    text = out(run("merge", own_index, index_dir, "--index", tmp_path / "all"))
    assert text == f"{tmp_path / 'all'}: 12 photos\n"
    text = out(run("merge", own_index, tmp_path / "all", "--index", own_index))
    assert text == f"{own_index}: 12 photos, 4 of which lie in several and count once\n"
    assert run("verify", own_index).exit_code == 0


def test_remove(run: Run, own_index: Path, photo_dir: Path) -> None:
    assert (
        out(run("remove", own_index, "c*"))
        == f"{own_index}: 2 photos removed from the index; the files are untouched\n"
    )
    assert len(list(photo_dir.iterdir())) == 4
    assert "2 photos" in out(run("info", own_index))


def test_relink(run: Run, own_index: Path, photo_dir: Path, tmp_path: Path) -> None:
    moved = photo_dir.rename(tmp_path / "moved")
    (moved / "coffee.png").unlink()
    assert (
        out(run("relink", own_index, "--root", moved))
        == f"{own_index}: 3 photos relinked, 1 still missing\n"
    )
    shutil.copytree(moved, photo_dir)
    assert run("verify", own_index).exit_code == 1


def test_relink_says_what_was_indexed_again(
    run: Run, own_index: Path, photo_dir: Path, tmp_path: Path, build: Build
) -> None:
    moved = photo_dir.rename(tmp_path / "moved")
    build(moved, own_index)
    text = out(run("relink", own_index, "--root", moved))
    assert (
        "0 photos relinked, 4 still missing (4 of them lie there and are in the index under that path already)"
        in text
    )


def test_relink_needs_a_root(run: Run, own_index: Path) -> None:
    result = run("relink", own_index)
    assert result.exit_code == 2
    assert "--root" in result.stderr


# What goes wrong is one line


def test_no_index(run: Run, refused: Refused, tmp_path: Path, own_index: Path) -> None:
    nowhere = tmp_path / "no where"
    refused(run("info", nowhere), nowhere, "no index here")
    refused(run("verify", nowhere), nowhere, "no index here")
    refused(run("remove", nowhere, "*"), nowhere, "no index here")
    refused(run("relink", nowhere, "--root", tmp_path), nowhere, "no index here")
    refused(run("merge", nowhere, own_index, "--index", tmp_path / "all"), nowhere, "no index here")
    assert not nowhere.exists()


def test_a_newer_format(
    run: Run, refused: Refused, own_index: Path, index_dir: Path, tmp_path: Path
) -> None:
    edit(own_index, schema=SCHEMA + 1)
    words = own_index / "index.json", "newer", "update rechroma"
    refused(run("info", own_index), *words)
    refused(run("verify", own_index), *words)
    refused(run("remove", own_index, "c*"), *words)
    refused(run("relink", own_index, "--root", tmp_path), *words)
    refused(run("merge", index_dir, own_index, "--index", tmp_path / "all"), *words)


def test_two_backbones(
    run: Run, refused: Refused, own_index: Path, index_dir: Path, tmp_path: Path
) -> None:
    edit(own_index, backbone="vgg19", weights_hash="0123456789abcdef")
    refused(
        run("merge", index_dir, own_index, "--index", tmp_path / "all"),
        index_dir,
        own_index,
        "vgg19-slim",
        "0123456789abcdef",
    )
    shard = own_index / FEATURES / read_manifest(own_index).shards[0].file
    refused(run("remove", own_index, "c*"), shard, "another backbone", "run build-index")


@pytest.mark.parametrize("damage", ["truncated", "flipped"])
def test_a_damaged_shard_stops_changes(
    run: Run, refused: Refused, own_index: Path, tmp_path: Path, damage: str
) -> None:
    shard = own_index / FEATURES / read_manifest(own_index).shards[0].file
    data = bytearray(shard.read_bytes())
    data[-3000] ^= 4
    shard.write_bytes(data if damage == "flipped" else data[:-10])
    before = {p: p.read_bytes() for p in own_index.rglob("*") if p.is_file()}
    refused(run("remove", own_index, "c*"), shard, "checksum", "run build-index")
    refused(run("relink", own_index, "--root", tmp_path), shard, "checksum", "run build-index")
    assert {p: p.read_bytes() for p in own_index.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS])
def test_a_read_only_index(
    run: Run, refused: Refused, own_index: Path, index_dir: Path, photo_dir: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, code: int,
) -> None:  # fmt: skip
    def read_only(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code), str(own_index / ".lock"))

    monkeypatch.setattr(FileLock, "acquire", read_only)
    photo_dir.rename(tmp_path / "moved")
    refused(run("remove", own_index, "c*"), own_index, os.strerror(code), "right to write")
    refused(
        run("relink", own_index, "--root", tmp_path / "moved"),
        own_index,
        os.strerror(code),
        "right to write",
    )
    refused(
        run("merge", own_index, index_dir, "--index", own_index),
        own_index,
        os.strerror(code),
        "right to write",
    )
    assert run("info", own_index).exit_code == 0  # looking needs no right to write
    assert run("verify", own_index, "--no-photos").exit_code == 0


def test_a_full_disk(
    run: Run, refused: Refused, own_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {p: p.read_bytes() for p in own_index.rglob("*") if p.is_file()}
    write = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        write(self, data[:50])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        refused(
            run("remove", own_index, "coffee.png"),
            own_index / FEATURES,
            "No space left",
            "previous index is intact",
            "free some space",
        )
    assert {p: p.read_bytes() for p in own_index.rglob("*") if p.is_file()} == before
    assert run("remove", own_index, "coffee.png").exit_code == 0


def test_names_that_are_not_utf8(own_index: Path, photo_dir: Path, build: Build) -> None:
    (photo_dir / "coffee.png").rename(photo_dir / os.fsdecode(b"caf\xe9.png"))
    build(photo_dir, own_index)
    (photo_dir / os.fsdecode(b"caf\xe9.png")).unlink()
    code = "from colorization.cli.app import index_app; index_app()"
    arguments = [sys.executable, "-c", code, "verify", str(own_index)]
    done = subprocess.run(
        arguments, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "utf-8"}, check=False
    )
    assert (done.returncode, done.stderr) == (1, b"")
    assert done.stdout.startswith(os.fsencode(photo_dir) + b"/caf\\udce9.png: missing; ")
    arguments = [sys.executable, "-c", code, "remove", str(own_index), b"caf\xe9.png"]
    done = subprocess.run(arguments, capture_output=True, check=False)
    assert (
        done.returncode,
        done.stdout.endswith(b": 1 photos removed from the index; the files are untouched\n"),
    ) == (0, True)


def test_help_needs_no_torch() -> None:
    code = "import sys; from colorization.cli.app import index_app; sys.exit('torch' in sys.modules or 'faiss' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
