"""Each measurement of scripts/benchmark, on few and small pictures and an index of its own."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from retrieval.photos.reader import read_picture
from retrieval.search.photo_index import PhotoIndex
from similarity.backbone.backbone import load_backbone

SCRIPTS = Path(__file__).parents[2] / "scripts"
Measure = Callable[..., dict[str, Any]]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script with a corpus of eight crops."""
    monkeypatch.syspath_prepend(SCRIPTS)
    module = ModuleType("benchmark")
    path = SCRIPTS / "benchmark"
    exec(compile(path.read_text(), str(path), "exec"), module.__dict__)
    monkeypatch.setattr("benchmarking.made_pictures.CORPUS", 8)
    monkeypatch.setattr("benchmarking.made_index.NUM_PHOTOS", 300)
    return module


@pytest.fixture
def made_pictures(script: ModuleType) -> ModuleType:
    return importlib.import_module("benchmarking.made_pictures")


@pytest.fixture
def folder(tmp_path: Path, made_pictures: ModuleType) -> Path:
    made = tmp_path / "made"
    made.mkdir()
    made_pictures.make_pictures(made)
    return made


@pytest.fixture
def measure(script: ModuleType) -> Measure:
    """``measure("warm", ...)``: the figures of one measurement."""

    def measured(*words: object) -> dict[str, Any]:
        done = CliRunner().invoke(script.app, [str(word) for word in words], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        assert found["mib"] > 50
        return found

    return measured


def test_the_pictures_have_the_sizes_of_the_table(folder: Path, made_pictures: ModuleType) -> None:
    for name, (height, width) in made_pictures.SIZES.items():
        with Image.open(folder / f"{name}.jpg") as picture:
            assert (picture.size, picture.mode) == ((width, height), "L")
    crops = sorted((folder / "corpus").iterdir())
    assert len(crops) == 8 and read_picture(crops[0]).rgb.shape == (200, 266, 3)


@pytest.mark.parametrize(
    ("method", "references"), [("training-free", 1), ("network", 0), ("network", 3)]
)
def test_a_warm_call_is_timed_and_colorizes(
    folder: Path, measure: Measure, method: str, references: int
) -> None:
    found = measure("warm", folder, "256 px", method, references)
    assert 0 < found["seconds"] < 60
    rgb = read_picture(folder / "out 256 px.jpg").rgb
    assert rgb.shape == (256, 341, 3) and np.ptp(rgb.astype(int), axis=2).mean() > 2


def test_a_color_point_is_timed(folder: Path, measure: Measure) -> None:
    assert 0 < measure("edit", folder, "256 px")["seconds"] < 60


def test_a_build_and_a_query_among_many_photos(
    folder: Path, tmp_path: Path, measure: Measure
) -> None:
    assert measure("build", folder / "corpus", tmp_path / "index")["rate"] > 0
    make_index = importlib.import_module("benchmarking.made_index").make_index
    large = make_index(tmp_path / "large", tmp_path / "index")
    index = PhotoIndex.open(large)
    index.extractor(load_backbone())  # refuses an index of another backbone
    assert len(index) == 300
    found = measure("query", folder, large)
    # among so few photos it may be lost in the noise
    assert 0 < found["ms"] < 60_000 and found["ranking_ms"] < found["ms"]


def test_large_scans(tmp_path: Path, made_pictures: ModuleType, measure: Measure) -> None:
    for name in made_pictures.make_scans(tmp_path, 1):
        assert measure("scan", tmp_path, name)["seconds"] > 0
        made, scan = read_picture(tmp_path / f"out {name}").rgb, read_picture(tmp_path / name).rgb
        assert (made.shape, made.dtype) == (scan.shape, scan.dtype)


def test_a_measurement_that_fails_ends_the_benchmark(tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(SCRIPTS / "benchmark"),
        "warm",
        str(tmp_path),
        "256 px",
        "network",
        "0",
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ, OMP_NUM_THREADS="1"),
    )
    assert done.returncode != 0 and "256 px.jpg" in done.stderr


def test_the_search_of_a_large_index(tmp_path: Path, measure: Measure) -> None:
    built = measure("scale-build", tmp_path, 1000, 1 << 30)
    assert built["faiss_bytes"] > 1000 * 512
    assert measure("scale-query", tmp_path, 1000)["recall"] == 1.0


def test_a_line_of_the_table(script: ModuleType) -> None:
    line = importlib.import_module("benchmarking.table").Line
    assert str(line("a", [2.0, 3.0])).split() == ["a", "2.000", "3.000", "1.5"]
    assert str(line("a", [3.0, 2.0], ".0f", True)).split() == ["a", "3", "2", "1.5"]
    assert str(line("a", [3.0])).split() == ["a", "3.000"]
