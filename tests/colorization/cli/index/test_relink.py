import shutil
from pathlib import Path

from index_command import Build, Run, out


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
    result = run("relink", own_index, "--root", moved)
    assert result.exit_code == 0
    text = result.stdout
    forget = f"rechroma index remove {own_index} '{photo_dir}/*'"
    assert result.stderr == f"note: to forget the old paths: {forget}\n"
    assert (
        "0 photos relinked, 4 still missing"
        " (4 of them lie there and are in the index under that path already)" in text
    )


def test_relink_needs_a_root(run: Run, own_index: Path) -> None:
    result = run("relink", own_index)
    assert result.exit_code == 2
    assert "--root" in result.stderr
