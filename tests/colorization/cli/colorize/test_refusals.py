"""Inputs, references and wishes that cannot be."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Cli = Callable[..., Result]


Refused = Callable[..., str]


Listing = Callable[[Path], dict[str, bytes]]


OddFiles = tuple[dict[str, Path], dict[str, Path]]


@pytest.mark.parametrize(
    "name", ["empty.jpg", "truncated.jpg", "text.png", "truncated.png", "missing.png", "folder.png"]
)
def test_a_bad_input_or_reference_is_one_line(
    cli: Cli,
    refused: Refused,
    odd_files: OddFiles,
    gray_path: Path,
    reference_path: Path,
    tmp_path: Path,
    listing: Listing,
    name: str,
) -> None:
    bad = odd_files[0].get(name, tmp_path / name)
    if name == "folder.png":
        bad.mkdir()
        (bad / "notes.txt").write_text("no picture\n")
    old = tmp_path / "old.png"
    old.write_bytes(b"an earlier result")
    before = listing(tmp_path)
    for output in (tmp_path / "new" / "x.png", old):
        more = ["--output", output, "--overwrite", "--sheet", tmp_path / "new" / "sheet.png"]
        refused(cli("colorize", bad, "--reference", reference_path, *more), bad)
        refused(cli("colorize", gray_path, "--reference", bad, *more), bad)
        refused(
            cli("colorize", gray_path, "--reference", reference_path, "--reference", bad, *more),
            bad,
        )
    assert listing(tmp_path) == before


def test_a_gray_reference_is_refused(
    cli: Cli, refused: Refused, gray_path: Path, gray_dir: Path, tmp_path: Path, listing: Listing
) -> None:
    before = listing(tmp_path)
    gray = gray_dir / "cat.jpg"
    refused(
        cli("colorize", gray_path, "--reference", gray, "--output", tmp_path / "x.png"),
        gray,
        "gray",
    )
    assert listing(tmp_path) == before


def test_training_free_without_reference_or_index(
    cli: Cli, refused: Refused, gray_path: Path, tmp_path: Path
) -> None:
    run = ["colorize", gray_path, "--output", tmp_path / "x.png", "--method", "training-free"]
    refused(cli(*run), "--method training-free needs a --reference, or an --index")
    for guide in (["--point", "3,3,#ff0000"], ["--palette", gray_path]):
        refused(cli(*run, *guide), "--method training-free takes no --point and no --palette")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--point", "9999,3,#ff0000"], "outside the picture"),
        (["--point", "-1,3,#ff0000"], "outside the picture"),
        (["--point", "3,3,reddish"], "X,Y,#RRGGBB"),
        (["--point", "3,3"], "X,Y,#RRGGBB"),
        (["--palette", "missing.png"], "no such file"),
        (["--method", "magic"], "training-free"),
        (["--saturation", "inf"], "saturation"),
    ],
)
def test_wishes_that_make_no_sense(
    cli: Cli, refused: Refused, gray_path: Path, tmp_path: Path, options: list[str], said: str
) -> None:
    refused(cli("colorize", gray_path, "--output", tmp_path / "x.png", *options), said)
    assert not (tmp_path / "x.png").exists()


def test_a_gray_palette(cli: Cli, refused: Refused, gray_path: Path, tmp_path: Path) -> None:
    refused(
        cli("colorize", gray_path, "--output", tmp_path / "x.png", "--palette", gray_path),
        "palette",
        "gray",
    )


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]], ids=["", "overwrite"])
def test_inputs_and_references_are_never_replaced(
    cli: Cli,
    refused: Refused,
    gray_path: Path,
    gray_dir: Path,
    reference_path: Path,
    tmp_path: Path,
    listing: Listing,
    overwrite: list[str],
) -> None:
    (tmp_path / "link.png").symlink_to(gray_path)
    before = listing(tmp_path)
    run = ["--reference", reference_path, *overwrite]
    for output in (
        gray_path,
        tmp_path,
        tmp_path / "link.png",
        tmp_path / "grays" / ".." / "gray.png",
    ):
        refused(cli("colorize", gray_path, *run, "--output", output), "choose another --output")
    refused(cli("colorize", gray_path, *run, "--output", reference_path), reference_path)
    refused(cli("colorize", gray_dir, *run, "--output", gray_dir), gray_dir / "1932" / "cup.jpg")
    assert listing(tmp_path) == before


@pytest.mark.parametrize("which", ["input", "reference", "output"])
def test_a_sheet_never_replaces_a_picture(
    from_reference: Cli,
    refused: Refused,
    gray_path: Path,
    reference_path: Path,
    tmp_path: Path,
    listing: Listing,
    which: str,
) -> None:
    sheet = {"input": gray_path, "reference": reference_path, "output": tmp_path / "x.png"}[which]
    before = listing(tmp_path)
    refused(
        from_reference("--sheet", sheet),
        sheet,
    )
    assert listing(tmp_path) == before


def test_a_sheet_that_cannot_be_written_is_told_before_the_work(
    from_reference: Cli,
    refused: Refused,
    gray_path: Path,
    tmp_path: Path,
    listing: Listing,
) -> None:
    before = listing(tmp_path)
    for sheet in (tmp_path / "sheet.xyz", tmp_path / "sheet", gray_path / "below" / "sheet.png"):
        refused(from_reference("--sheet", sheet), sheet)
    assert listing(tmp_path) == before
