"""What commands import: of libraries that are slow to load, those that they use."""

from pathlib import Path

import pytest
from rechroma_process import command

HEAVY = ("faiss", "h5py", "scipy", "skimage", "tifffile", "torchvision", "sympy", "torch._dynamo")


def imported(arguments: list[object]) -> set[str]:
    told = f"print(*[m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    done = command("rechroma", "main", arguments, told)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.decode().splitlines()[-1].split())


@pytest.mark.parametrize("with_reference", [False, True])
def test_colorize_needs_no_index(
    gray_path: Path, reference_path: Path, tmp_path: Path, with_reference: bool
) -> None:
    lent = ["--reference", reference_path] if with_reference else []
    assert not imported(["colorize", gray_path, *lent, "--output", tmp_path / "out.png"])


def test_recommending_reads_the_index_and_nothing_else(
    gray_path: Path, index_dir: Path, tmp_path: Path
) -> None:
    words = ["colorize", gray_path, "--index", index_dir, "--output", tmp_path / "out.png"]
    assert imported(words) <= {"faiss", "h5py"}


def test_build_index_writes_an_index_and_nothing_else(photo_dir: Path, tmp_path: Path) -> None:
    words = ["build-index", photo_dir, "--index", tmp_path / "index", "--workers", 0]
    assert imported(words) <= {"faiss", "h5py"}
