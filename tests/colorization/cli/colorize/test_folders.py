"""Folders of photos, and what is in them."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from PIL import Image

Cli = Callable[..., Result]


Listing = Callable[[Path], dict[str, bytes]]


OddFiles = tuple[dict[str, Path], dict[str, Path]]


def test_a_folder_that_cannot_be_opened_fails_and_the_rest_is_done(
    cli: Cli, gray_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (gray_dir / "private").mkdir()
    scandir = os.scandir

    def refused(path: str) -> object:
        if str(path).endswith("private"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    sheet = tmp_path / "sheet.png"
    done = cli("colorize", gray_dir, "--output", tmp_path / "out", "--sheet", sheet)
    assert done.exit_code == 1
    assert f"failed {gray_dir / 'private'}: Permission denied" in done.stderr
    assert " colorized, 0 failed" in done.stdout
    sheet.unlink()
    again = cli("colorize", gray_dir, "--output", tmp_path / "out", "--sheet", sheet)
    assert f"note: no {sheet}: nothing was colorized now" in again.stderr


def test_a_point_on_a_whole_folder_is_remarked(cli: Cli, gray_dir: Path, tmp_path: Path) -> None:
    run = ["colorize", "--output", tmp_path / "out", "--point", "3,3,#a05030"]
    done = cli(*run, gray_dir)
    assert done.exit_code == 0
    assert done.stderr == "note: --point colors its pixel in all 2 photos\n"
    one = cli(*run, gray_dir / "cat.jpg", "--output", tmp_path / "one.png")
    assert (one.exit_code, one.stderr) == (0, "")


def test_a_folder_and_a_second_run(
    cli: Cli, gray_dir: Path, reference_path: Path, tmp_path: Path, listing: Listing
) -> None:
    out = tmp_path / "out"
    run = ["colorize", gray_dir, "--reference", reference_path, "--output", out]
    before = listing(gray_dir)
    result = cli(*run, "--sheet", tmp_path / "sheet.png")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{out}: 2 colorized, 0 failed\n"
    assert list(listing(out)) == [
        ".rechroma.lock",
        "1932",
        "1932/cup.jpg",
        "cat.jpg",
        "manifest.jsonl",
    ]
    assert listing(gray_dir) == before
    width, height = Image.open(tmp_path / "sheet.png").size
    assert width < 2.5 * height  # two rows of three

    (out / "cat.jpg").write_bytes(b"retouched by hand")
    result = cli(*run)
    assert (result.exit_code, result.stdout) == (
        0,
        f"{out}: 0 colorized, 0 failed, 2 existed already and were kept\n",
    )
    assert (out / "cat.jpg").read_bytes() == b"retouched by hand"
    result = cli(*run, "--overwrite")
    assert result.stdout == f"{out}: 2 colorized, 0 failed\n"
    assert Image.open(out / "cat.jpg").format == "JPEG"


@pytest.mark.parametrize(
    ("names", "told"),
    [(["a.png", "b.bmp"], True), (["a.png", "b.jpg"], False), (["a.webp"], False)],
    ids=str,
)
def test_a_quality_is_told_where_it_concerns_no_result(
    cli: Cli, gray_path: Path, tmp_path: Path, names: list[str], told: bool
) -> None:
    (tmp_path / "scans").mkdir()
    for name in names:
        Image.open(gray_path).save(tmp_path / "scans" / name)
    run = ["colorize", tmp_path / "scans", "--output", tmp_path / "out", "--quality", 80]
    line = "note: --quality does nothing here: it concerns only JPEG and WebP results\n"
    for _ in range(2):
        assert cli(*run).stderr == (line if told else "")


def test_files_and_folders_together(
    cli: Cli, gray_dir: Path, gray_path: Path, index_dir: Path, tmp_path: Path, listing: Listing
) -> None:
    result = cli(
        "colorize",
        gray_path,
        gray_dir,
        "--index",
        index_dir,
        "--output",
        tmp_path / "out",
        "--json",
    )
    found = json.loads(result.stdout)
    assert [Path(one["output"]).name for one in found] == ["gray.png", "cup.jpg", "cat.jpg"]
    assert [Path(one["references"][0]["path"]).name for one in found] == [
        "motorcycle_left.png",
        "coffee.png",
        "chelsea.png",
    ]
    assert list(listing(tmp_path / "out")) == [
        ".rechroma.lock",
        "1932",
        "1932/cup.jpg",
        "cat.jpg",
        "gray.png",
        "manifest.jsonl",
    ]


def test_bad_files_in_a_folder_are_counted(
    odd_run: tuple[Result, Path, Path], odd_files: OddFiles, listing: Listing
) -> None:
    result, inputs, out = odd_run
    bad, good = odd_files
    assert result.exit_code == 1
    assert result.stdout == f"{out}: {len(good) + 3} colorized, {len(bad)} failed\n"
    failed = [line for line in result.stderr.splitlines() if line.startswith("failed ")]
    assert {line.split(": ")[0] for line in failed} == {f"failed {inputs / name}" for name in bad}
    assert len(failed) == len(bad)
    names = {name.replace(".gif", ".png") for name in good} | {
        "deep.tif",
        "gray_alpha.png",
        "bilevel.png",
    }
    # no hidden temporary files either
    assert set(listing(out)) == names | {"manifest.jsonl", ".rechroma.lock"}
