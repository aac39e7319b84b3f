"""What the tests of measuring share."""

from pathlib import Path

import numpy as np
import pytest
from fake_pipeline import FakeIndex, FakePipeline
from PIL import Image
from study_page import sepia, write

NAMES = ("astronaut", "chelsea", "coffee", "rocket")


@pytest.fixture
def truth_dir(tmp_path: Path, pictures: dict[str, np.ndarray]) -> Path:
    folder = tmp_path / "truth"
    folder.mkdir()
    for name in NAMES:
        Image.fromarray(pictures[name]).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def paths(truth_dir: Path) -> list[Path]:
    return sorted(truth_dir.iterdir())


@pytest.fixture
def reference_paths(tmp_path: Path, pictures: dict[str, np.ndarray]) -> list[Path]:
    found = []
    for name in ("retina", "hubble", "motorcycle_right"):
        found.append(tmp_path / f"{name}.png")
        Image.fromarray(pictures[name]).save(found[-1])
    return found


@pytest.fixture
def fake(reference_paths: list[Path]) -> FakePipeline:
    return FakePipeline(FakeIndex(reference_paths))


@pytest.fixture
def real_dir(tmp_path: Path, pictures: dict[str, np.ndarray]) -> Path:
    return write(tmp_path / "real", {name: pictures[name] for name in NAMES})


@pytest.fixture
def result_dir(tmp_path: Path, pictures: dict[str, np.ndarray]) -> Path:
    """Sepia versions."""
    return write(tmp_path / "sepia", {name: sepia(pictures[name]) for name in NAMES})
