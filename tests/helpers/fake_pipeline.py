"""A pipeline that is quick and remembers what it was asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorization.network.hints import Point
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from retrieval.search.recommendation import Recommendation

NAMES = ("astronaut", "chelsea", "coffee", "rocket")


@dataclass(frozen=True)
class Call:
    """What a pipeline was asked."""

    gray: np.ndarray
    references: list[np.ndarray] | None
    options: ColorizeOptions
    points: list[Point]


@dataclass(frozen=True)
class FakeResult:
    rgb: np.ndarray
    references: list[Recommendation]


@dataclass
class FakeIndex:
    paths: list[Path]

    def __len__(self) -> int:
        return len(self.paths)

    def path(self, row: int) -> Path:
        return self.paths[row]


class FakePipeline(ColorizationPipeline):
    """Tints the gray picture by the vividness, and recommends the first photo of its index."""

    def __init__(self, index: FakeIndex | None = None) -> None:
        self.network, self.calls, self.library = None, list[Call](), index

    @property
    def index(self) -> FakeIndex | None:  # type: ignore[override]
        return self.library

    def colorize(  # type: ignore[override]
        self,
        gray: np.ndarray,
        references: Sequence[np.ndarray] | None,
        options: ColorizeOptions,
        points: Sequence[Point],
    ) -> FakeResult:
        self.calls.append(
            Call(gray, None if references is None else list(references), options, list(points))
        )
        tint = np.array([30, 0, -30]) * options.vividness + len(points) / 10
        found = (
            [Recommendation(self.index.path(0), 1.0, "good", 1.0, 1.0, 1.0)]
            if references is None and self.index
            else []
        )
        return FakeResult(np.clip(gray + tint, 0, 255).astype(np.uint8), found)


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
