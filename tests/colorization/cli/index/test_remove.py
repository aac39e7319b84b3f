from pathlib import Path

from index_command import Run, out


def test_remove(run: Run, own_index: Path, photo_dir: Path) -> None:
    assert (
        out(run("remove", own_index, "c*"))
        == f"{own_index}: 2 photos removed from the index; the files are untouched\n"
    )
    assert len(list(photo_dir.iterdir())) == 4
    assert "2 photos" in out(run("info", own_index))


def test_the_help_says_what_a_pattern_fits(run: Run) -> None:
    told = " ".join(out(run("remove", "--help")).replace("│", " ").split())
    assert "Fits whole paths, or paths inside the indexed folder; quote it." in told
