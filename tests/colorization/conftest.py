"""What the tests of the colorizer share: pipelines, small files to colorize, the command line in this process."""

import importlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

from colorization.cli import app
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from retrieval.index import PhotoIndex
from similarity.backbone import Backbone


@pytest.fixture(scope="session")
def fast() -> ColorizeOptions:
    """Options that match at a small size."""
    return ColorizeOptions(working_side=96, top_k=2)


@pytest.fixture(scope="session")
def pipeline(backbone: Backbone) -> ColorizationPipeline:
    """Without an index."""
    return ColorizationPipeline(backbone)


@pytest.fixture(scope="session")
def indexed(backbone: Backbone, index_dir: Path) -> ColorizationPipeline:
    """With the index of ``library_dir``."""
    return ColorizationPipeline(backbone, PhotoIndex.open(index_dir))


@pytest.fixture(scope="session")
def cli() -> Callable[..., Result]:
    """Run ``rechroma`` in this process; an exception that the command line does not turn into a line fails the test."""

    def run(*args: object) -> Result:
        return CliRunner().invoke(app, [str(a) for a in args], catch_exceptions=False)

    return run


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """``rechroma colorize`` matches at a small size; fixtures of a wider scope keep the defaults."""
    importlib.import_module("colorization.box")  # it names the class in its annotations, so it comes first
    monkeypatch.setattr("colorization.options.ColorizeOptions", partial(ColorizeOptions, working_side=96))


@pytest.fixture(scope="session")
def refused() -> Callable[..., str]:
    """Check that a command ended with exactly one line ``error: ...`` that holds the given words, and status 2."""

    def check(result: Result, *words: object) -> str:
        lines = result.stderr.splitlines()
        assert (result.exit_code, len(lines)) == (2, 1), result.output
        assert lines[0].startswith("error: ")
        for word in words:
            assert str(word) in lines[0]
        return lines[0]

    return check


@pytest.fixture(scope="session")
def listing() -> Callable[[Path], dict[str, bytes]]:
    """Everything below a folder, hidden files too: names and contents (b"" for folders)."""

    def walk(folder: Path) -> dict[str, bytes]:
        return {str(p.relative_to(folder)): b"" if p.is_dir() else p.read_bytes() for p in sorted(folder.rglob("*"))}

    return walk


@pytest.fixture
def gray_path(tmp_path: Path, gray_pictures: dict[str, np.ndarray]) -> Path:
    """A gray PNG."""
    path = tmp_path / "gray.png"
    Image.fromarray(gray_pictures["motorcycle_left"]).save(path)
    return path


@pytest.fixture
def reference_path(tmp_path: Path, pictures: dict[str, np.ndarray]) -> Path:
    """A color PNG of the same scene."""
    path = tmp_path / "reference.png"
    Image.fromarray(pictures["motorcycle_right"]).save(path)
    return path


@pytest.fixture
def gray_dir(tmp_path: Path, gray_pictures: dict[str, np.ndarray]) -> Path:
    """A folder of two gray JPEGs, one of them in a subfolder, and a text file."""
    folder = tmp_path / "grays"
    (folder / "1932").mkdir(parents=True)
    Image.fromarray(gray_pictures["chelsea"]).save(folder / "cat.jpg")
    Image.fromarray(gray_pictures["coffee"]).save(folder / "1932" / "cup.jpg")
    (folder / "notes.txt").write_text("not a picture\n")
    return folder
