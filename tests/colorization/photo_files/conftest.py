"""What pictures that are written have, and gray scans that are colorized through files."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageCms

from colorization.batch.jobs import Job
from colorization.batch.outcome import Outcome
from colorization.batch.request import Request, RunSettings
from colorization.batch.runner import run_jobs
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from retrieval.photos.reader import Picture, read_picture

Colorize = Callable[..., Picture]


@pytest.fixture
def rgb(pictures: dict[str, np.ndarray]) -> np.ndarray:
    return pictures["coffee"]


@pytest.fixture
def profile() -> bytes:
    """Of sRGB."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture
def colorized(
    pipeline: ColorizationPipeline, reference_path: Path, fast: ColorizeOptions
) -> Colorize:
    """``colorized(path, output, **options)``: through the files, but without the command line."""

    def run(path: Path, output: Path, **options: object) -> Picture:
        outcomes: list[Outcome] = []
        chosen = replace(fast, **options)  # type: ignore[arg-type]
        settings = RunSettings(pipeline, Request([reference_path]), chosen)
        run_jobs([Job(path, output)], settings, outcomes.append)
        assert outcomes[0].error == ""
        return read_picture(output)

    return run


@pytest.fixture
def grays(gray_pictures: dict[str, np.ndarray], rng: np.random.Generator) -> dict[int, np.ndarray]:
    """The same picture at 8 bits, and at 16 with all bits in use."""
    gray = gray_pictures["coffee"][:96, :144]
    deep = gray.astype(np.int64) * 257 + rng.integers(-128, 129, gray.shape)
    return {8: gray, 16: deep.clip(0, 65535).astype(np.uint16)}
