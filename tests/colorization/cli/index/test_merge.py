import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from index_command import Refused, Run, edit, out

from retrieval.storage.manifest import FEATURES, read_manifest


def test_merge(run: Run, own_index: Path, index_dir: Path, tmp_path: Path) -> None:
    text = out(run("merge", own_index, index_dir, "--index", tmp_path / "all"))
    assert text == f"{tmp_path / 'all'}: 12 photos\n"
    text = out(run("merge", own_index, tmp_path / "all", "--index", own_index))
    assert text == f"{own_index}: 12 photos, 4 of which lie in several and count once\n"
    assert run("verify", own_index).exit_code == 0


def test_two_backbones(
    run: Run, refused: Refused, own_index: Path, index_dir: Path, tmp_path: Path
) -> None:
    edit(own_index, backbone="vgg19", weights_hash="0123456789abcdef")
    refused(
        run("merge", index_dir, own_index, "--index", tmp_path / "all"),
        index_dir,
        own_index,
        "efficientnet-lite0",
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
            "what was there before is intact",
            "free some space",
        )
    assert {p: p.read_bytes() for p in own_index.rglob("*") if p.is_file()} == before
    assert run("remove", own_index, "coffee.png").exit_code == 0


def test_help_needs_no_torch() -> None:
    code = "import sys; from colorization.cli.commands import index_app;"
    code += "sys.exit('torch' in sys.modules or 'faiss' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
