"""The measurements; each prints its figures, and is run in a process of its own."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarking.processes import median_seconds, print_figures
from colorization.batch.jobs import Job
from colorization.batch.outcome import Outcome
from colorization.batch.request import Request, RunSettings
from colorization.batch.runner import run_jobs
from colorization.cli.machine.cores import usable_cores
from colorization.inference.reference_checks import read_reference
from colorization.network.hints import Point
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from retrieval.building.builder import BuildOptions, build_index
from retrieval.extraction.extractor import glance
from retrieval.photos.reader import read_picture, read_small_rgb
from retrieval.search.query_threads import one_thread
from similarity.backbone.backbone import load_backbone
from similarity.backbone.pretrained import DEFAULT_BACKBONE

Weights = Annotated[Path | None, typer.Argument(help="Of vgg19; the default backbone without.")]


def warm(
    folder: Path, size: str, method: str, num_references: int, weights: Weights = None
) -> None:
    """Median seconds of a warm call, file to file."""
    call = colorizing(folder, f"{size}.jpg", method, num_references, weights)
    print_figures(seconds=median_seconds(call))


def scan(folder: Path, name: str) -> None:
    """Seconds from file to file of one large picture; the networks are loaded."""
    call = colorizing(folder, name, "network", 1)
    start = time.perf_counter()
    call()
    print_figures(seconds=time.perf_counter() - start)


def edit(folder: Path, size: str) -> None:
    """Median seconds of another color point in a picture that is prepared, as on the page."""
    pipeline = ColorizationPipeline.load()
    picture = read_picture(folder / f"{size}.jpg")
    prepared = pipeline.prepare(picture.rgb, [read_reference(folder / "reference.jpg")])
    rng = np.random.default_rng(0)

    def call() -> object:
        x, y = rng.uniform(0.1, 0.9, 2)
        return pipeline.apply(prepared, points=[Point(x, y, (30.0, 20.0))])

    print_figures(seconds=median_seconds(call))


def build(folder: Path, index: Path, weights: Weights = None) -> None:
    """Photos a second of a build, the loading of the network not counted."""
    backbone = load_backbone("vgg19" if weights else DEFAULT_BACKBONE, weights)
    options = BuildOptions(workers=usable_cores(), overwrite=True)
    start = time.perf_counter()
    report = build_index([folder], index, backbone, options)
    print_figures(rate=report.count / (time.perf_counter() - start))


def query(folder: Path, index: Path, weights: Weights = None) -> None:
    """Milliseconds of a warm query, from the picture to the references, and of the ranking."""
    name = "vgg19" if weights else DEFAULT_BACKBONE
    pipeline = ColorizationPipeline.load(index, backbone=name, weights_path=weights)
    gray = read_small_rgb(folder / "256 px.jpg", 224)
    whole = median_seconds(lambda: pipeline.recommend(gray), 9)
    assert pipeline.index
    extractor = pipeline.index.extractor(pipeline.backbone)
    with one_thread():
        describe = median_seconds(lambda: extractor.describe([glance(gray)]), 9)
    print_figures(ms=whole * 1000, ranking_ms=(whole - describe) * 1000)


def colorizing(
    folder: Path, name: str, method: str, num_references: int, weights: Path | None = None
) -> Callable[[], None]:
    """Load the networks.

    Args:
        folder: of the picture and of ``reference.jpg``.
        name: of the picture.
        method: of ColorizeOptions.
        num_references: how often the reference is given.
        weights: of vgg19; the default backbone without.

    Returns:
        What colorizes the file into another one beside it.
    """
    backbone = "vgg19" if weights else DEFAULT_BACKBONE
    pipeline = ColorizationPipeline.load(backbone=backbone, weights_path=weights)
    job = Job(folder / name, folder / f"out {name}")
    request = Request([folder / "reference.jpg"] * num_references)
    options = ColorizeOptions(method=method)

    def check(outcome: Outcome) -> None:
        if outcome.error:
            raise SystemExit(outcome.error)

    settings = RunSettings(pipeline, request, options)
    return lambda: run_jobs([job], settings, check)


MEASUREMENTS = (warm, scan, edit, build, query)
