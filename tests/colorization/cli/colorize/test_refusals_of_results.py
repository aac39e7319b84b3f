"""Results that cannot be written, and photos that have moved."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from PIL import Image

from retrieval.building.changes import BuildReport

Cli = Callable[..., Result]


Refused = Callable[..., str]


Listing = Callable[[Path], dict[str, bytes]]


OddFiles = tuple[dict[str, Path], dict[str, Path]]


def test_an_existing_result_is_kept_unless_told(
    cli: Cli, refused: Refused, gray_path: Path, reference_path: Path, tmp_path: Path
) -> None:
    output = tmp_path / "x.png"
    output.write_bytes(b"an earlier result")
    run = ["colorize", gray_path, "--reference", reference_path, "--output", output]
    refused(cli(*run), output, "--overwrite")
    assert output.read_bytes() == b"an earlier result"
    assert cli(*run, "--overwrite").exit_code == 0
    assert Image.open(output).size == Image.open(gray_path).size


@pytest.mark.parametrize("name", ["x.bmp", "x.gif", "x", "x.heic"])
def test_formats_that_cannot_be_written_are_refused(
    cli: Cli, refused: Refused, gray_path: Path, reference_path: Path, tmp_path: Path, name: str
) -> None:
    refused(
        cli("colorize", gray_path, "--reference", reference_path, "--output", tmp_path / name),
        tmp_path / name,
        ".png",
    )
    assert not (tmp_path / name).exists()


def test_folders_that_cannot_be_written_are_refused(
    cli: Cli,
    refused: Refused,
    gray_path: Path,
    gray_dir: Path,
    reference_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = ["--reference", reference_path, "--output"]
    below = gray_path / "below"  # a file is in the way
    refused(cli("colorize", gray_path, *run, below / "x.png"), below / "x.png")
    refused(cli("colorize", gray_dir, *run, below), below)
    refused(cli("colorize", gray_dir, *run, reference_path), reference_path)
    real = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode, **more: not mode & os.W_OK and real(path, mode, **more)
    )
    refused(
        cli("colorize", gray_path, *run, tmp_path / "new" / "x.png"), tmp_path / "new" / "x.png"
    )
    assert not (tmp_path / "new").exists()


def test_two_inputs_with_one_result_are_refused(
    cli: Cli,
    refused: Refused,
    gray_path: Path,
    reference_path: Path,
    tmp_path: Path,
    listing: Listing,
) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        Image.open(gray_path).save(folder / "a.png")
    before = listing(tmp_path)
    result = cli("colorize", *folders, "--reference", reference_path, "--output", tmp_path / "out")
    refused(result, *(folder / "a.png" for folder in folders))
    assert listing(tmp_path) == before


def test_nothing_to_do_is_told(
    cli: Cli, refused: Refused, reference_path: Path, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("not a picture\n")
    refused(
        cli(
            "colorize", tmp_path / "in", "--reference", reference_path, "--output", tmp_path / "out"
        ),
        tmp_path / "in",
    )


def _disk_full(path: Path, data: bytes) -> None:
    path.write_text("half")
    raise OSError(28, "No space left on device")


def test_a_full_disk_leaves_nothing_half_written(
    cli: Cli,
    refused: Refused,
    gray_path: Path,
    gray_dir: Path,
    reference_path: Path,
    tmp_path: Path,
    listing: Listing,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = ["--reference", reference_path, "--output"]
    (tmp_path / "old.png").write_bytes(b"an earlier result")
    (tmp_path / "out").mkdir()
    before = listing(tmp_path)
    monkeypatch.setattr(Path, "write_bytes", _disk_full)
    refused(
        cli("colorize", gray_path, *run, tmp_path / "x.png"),
        tmp_path / "x.png",
        "No space left on device; free some space",
    )
    refused(
        cli("colorize", gray_path, *run, tmp_path / "old.png", "--overwrite"),
        "No space left on device",
    )
    assert listing(tmp_path) == before
    refused(cli("colorize", gray_dir, *run, tmp_path / "out"), tmp_path / "out", "No space left")
    found = {n: c for n, c in listing(tmp_path).items() if c and n != "out/manifest.jsonl"}
    assert found == {n: c for n, c in before.items() if c}


def test_a_failing_single_file_still_gives_json(
    cli: Cli, gray_path: Path, reference_path: Path, tmp_path: Path, odd_files: OddFiles
) -> None:
    bad = odd_files[0]["truncated.jpg"]
    result = cli(
        "colorize",
        gray_path,
        bad,
        "--reference",
        reference_path,
        "--output",
        tmp_path / "out",
        "--json",
    )
    good, failed = json.loads(result.stdout)
    assert result.exit_code == 1 and good["error"] is None
    assert failed["output"] is None and str(bad) in failed["error"]
    result = cli(
        "colorize", bad, "--reference", reference_path, "--output", tmp_path / "x.jpg", "--json"
    )
    assert result.exit_code == 2 and json.loads(result.stdout)[0]["error"] == failed["error"]


def test_moved_photos_are_skipped_with_a_note(
    cli: Cli, photo_dir: Path, gray_path: Path, tmp_path: Path, build: Callable[..., BuildReport]
) -> None:
    build(photo_dir, tmp_path / "index")
    run = [
        "colorize",
        gray_path,
        "--index",
        tmp_path / "index",
        "--top-k",
        1,
        "--method",
        "training-free",  # which uses weak matches too
        "--overwrite",
        "--output",
        tmp_path / "x.png",
    ]
    (first,) = json.loads(cli(*run, "--json").stdout)
    gone = Path(first["references"][0]["path"])
    gone.rename(tmp_path / "elsewhere.png")
    result = cli(*run)
    assert result.exit_code == 0
    told, unlike = result.stderr.splitlines()
    assert told == f"note: {gray_path}: reference skipped: {gone}: no such file"
    assert unlike.endswith("The best matches lend their colors all the same.")
    assert gone.name not in result.stdout
    photo_dir.rename(tmp_path / "moved")
    result = cli(*run)
    assert result.exit_code == 2
    cure = f"rechroma index relink {tmp_path / 'index'} --root FOLDER"
    told = f"{photo_dir}, of which it holds photos, is not there; connect its drive, or if it moved"
    assert f"{told}: {cure}" in result.stderr
    ranked = cli("recommend", gray_path, "--index", tmp_path / "index")
    assert ranked.exit_code == 0 and f"find what was moved: {cure}" in ranked.stderr


def test_when_all_photos_have_moved_it_is_an_error(
    cli: Cli,
    refused: Refused,
    photo_dir: Path,
    gray_path: Path,
    gray_dir: Path,
    tmp_path: Path,
    build: Callable[..., BuildReport],
) -> None:
    build(photo_dir, tmp_path / "index")
    photo_dir.rename(tmp_path / "moved")
    run = ["--index", tmp_path / "index", "--output"]
    refused(
        cli("colorize", gray_path, *run, tmp_path / "x.png"), gray_path, tmp_path / "index", "moved"
    )
    assert not (tmp_path / "x.png").exists()
    result = cli("colorize", gray_dir, *run, tmp_path / "out")
    assert (result.exit_code, result.stdout) == (1, f"{tmp_path / 'out'}: 0 colorized, 2 failed\n")
    assert len(result.stderr.splitlines()) == 2 and "moved" in result.stderr
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        ".rechroma.lock",
        "manifest.jsonl",
    ]
