"""Indexes that are built, kept up to date, or left as they were."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

Cli = Callable[..., Result]


Refused = Callable[..., str]


Listing = Callable[[Path], dict[str, bytes]]


def test_a_library_that_has_moved_is_told(cli: Cli, photo_dir: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    assert cli("build-index", photo_dir, "--index", index, "--workers", 0).exit_code == 0
    moved = photo_dir.rename(tmp_path / "moved")
    result = cli("build-index", moved, "--index", index, "--workers", 0)
    line = f"note: {photo_dir}, of which the index holds photos, cannot be found; if moved:"
    assert result.stderr == f"{line} rechroma index relink {index} --root FOLDER\n"


def test_gray_photos_among_those_of_an_index_are_told(
    cli: Cli, photo_dir: Path, gray_dir: Path, tmp_path: Path
) -> None:
    result = cli("build-index", photo_dir, gray_dir, "--index", tmp_path / "index", "--workers", 0)
    assert result.stderr == "note: 2 of the 6 photos are gray: they are never recommended\n"


def test_an_index_is_built_and_kept_up_to_date(cli: Cli, photo_dir: Path, tmp_path: Path) -> None:
    arguments = ["build-index", photo_dir, "--index", tmp_path / "index", "--workers", 0]
    result = cli(*arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    assert (
        f"{tmp_path / 'index'}: 4 photos (4 added, 0 changed, 0 dropped, 0 unchanged, 0 unreadable)"
        in result.stdout
    )
    assert "photos/s" in result.stdout
    (photo_dir / "coffee.png").unlink()
    (photo_dir / "text.jpg").write_text("not a picture\n")
    result = cli(*arguments)
    assert result.exit_code == 1  # as of every command of which some photos failed
    assert "3 photos (0 added, 0 changed, 1 dropped, 3 unchanged, 1 unreadable)" in result.stdout
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"skipped {photo_dir / 'text.jpg'}: ")
    result = cli(*arguments, "--overwrite")
    assert "3 photos (3 added, 0 changed, 0 dropped, 0 unchanged, 1 unreadable)" in result.stdout


def test_photos_can_be_files_and_folders(
    cli: Cli, photo_dir: Path, tmp_path: Path, pictures: dict[str, np.ndarray]
) -> None:
    Image.fromarray(pictures["retina"]).save(tmp_path / "eye.png")
    result = cli(
        "build-index",
        photo_dir,
        tmp_path / "eye.png",
        "--index",
        tmp_path / "index",
        "--workers",
        1,
    )
    assert result.exit_code == 0 and "5 photos (5 added" in result.stdout


def test_photos_that_cannot_be_indexed_are_one_line(
    cli: Cli, refused: Refused, tmp_path: Path, photo_dir: Path, listing: Listing
) -> None:
    index = tmp_path / "index"
    refused(cli("build-index", tmp_path / "nowhere", "--index", index), tmp_path / "nowhere")
    (tmp_path / "nothing").mkdir()
    refused(
        cli("build-index", tmp_path / "nothing", "--index", index),
        "no pictures",
        tmp_path / "nothing",
    )
    assert not index.exists()
    (tmp_path / "nothing" / "bad.jpg").write_text("not a picture\n")
    refused(
        cli("build-index", tmp_path / "nothing", "--index", index, "--workers", 0),
        "could be read",
        "bad.jpg",
    )
    assert not (index / "index.json").exists()
    (tmp_path / "file").write_text("")
    refused(
        cli("build-index", photo_dir, "--index", tmp_path / "file" / "index"), tmp_path / "file"
    )
    before = listing(photo_dir)
    refused(cli("build-index", photo_dir, "--index", photo_dir), photo_dir, "holds no index")
    assert listing(photo_dir) == before


def test_a_build_that_fails_keeps_the_index(
    cli: Cli,
    refused: Refused,
    own_index: Path,
    photo_dir: Path,
    gray_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = cli("recommend", gray_path, "--index", own_index).stdout
    (photo_dir / "new.png").write_bytes((photo_dir / "rocket.png").read_bytes())

    def disk_full(*args: object) -> None:
        raise OSError(28, "No space left on device", str(own_index))

    with monkeypatch.context() as patch:
        patch.setattr("faiss.write_index", disk_full)
        refused(
            cli("build-index", photo_dir, "--index", own_index, "--workers", 0),
            own_index,
            "No space",
        )
    assert cli("recommend", gray_path, "--index", own_index).stdout == before


def test_an_index_of_another_backbone_is_not_mixed(
    cli: Cli, refused: Refused, own_index: Path, photo_dir: Path
) -> None:
    manifest = json.loads((own_index / "index.json").read_text())
    (own_index / "index.json").write_text(
        json.dumps(manifest | {"backbone": "vgg19", "weights_hash": "0123456789abcdef"})
    )
    refused(
        cli("build-index", photo_dir, "--index", own_index),
        own_index,
        "vgg19",
        "efficientnet-lite0",
        "0123456789abcdef",
    )
    assert (
        cli("build-index", photo_dir, "--index", own_index, "--workers", 0, "--overwrite").exit_code
        == 0
    )
    assert json.loads((own_index / "index.json").read_text())["backbone"] == "efficientnet-lite0"
