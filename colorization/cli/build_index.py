"""``rechroma build-index``: make an index of photo folders, or bring it up to date."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from colorization.cli.common import Backbone, Device, Exclude, IndexDir, VggWeights, given
from colorization.cli.machine.cores import usable_cores, usable_memory
from colorization.cli.machine.timings import Timings, told_timings
from colorization.cli.process import heavy_imports
from colorization.messages import one_line
from retrieval.stage_clock import stage

if TYPE_CHECKING:
    from retrieval.building.changes import BuildReport
    from retrieval.building.engines.ray_data import RayOptions
    from retrieval.photos.listing import Source

MAX_WORKERS = 8  # processes that describe photos, unless more are asked for


Photos = Annotated[
    list[Path], typer.Argument(help="Folders of color photos (walked recursively), or files.")
]
Workers = Annotated[
    int | None,
    typer.Option(min=0, help="Processes that describe photos; default: one a core, at most 8."),
]
MemoryBudget = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="Memory the search may take, as in 1.5GiB; larger indexes are searched on disk."
        " Default: as before; first 1GiB.",
    ),
]
Engine = Annotated[str, typer.Option(help="local, or ray: workers of Ray describe the photos.")]
RayAddress = Annotated[
    str | None, typer.Option(help="Of a Ray cluster; default: Ray on this machine.")
]
NumWorkers = Annotated[
    int | None, typer.Option(min=1, help="Workers of Ray; default: as many as fit.")
]
GpusPerWorker = Annotated[
    float, typer.Option(min=0, help="GPUs of each worker of Ray; may be a fraction.")
]
OverwriteIndex = Annotated[
    bool, typer.Option("--overwrite", help="Start over; the index forgets other folders.")
]


def build_index(
    photos: Photos,
    index: IndexDir,
    backbone: Backbone = None,
    vgg_weights: VggWeights = None,
    workers: Workers = None,
    memory_budget: MemoryBudget = None,
    engine: Engine = "local",
    ray_address: RayAddress = None,
    num_workers: NumWorkers = None,
    gpus_per_worker: GpusPerWorker = 0,
    exclude: Exclude = None,
    overwrite: OverwriteIndex = False,
    device: Device = None,
    timings: Timings = False,
) -> None:
    """Index photos as references to recommend; run again to add, update and drop."""
    with told_timings(timings):
        from retrieval.building.up_to_date import report_up_to_date
        from retrieval.photos.listing import list_sources
        from retrieval.photos.passed_over import PassedOver
        from similarity.backbone.pretrained import DEFAULT_BACKBONE

        ray = _ray_options(engine, ray_address, num_workers, gpus_per_worker)
        budget = _bytes_of(memory_budget)
        start, passed = time.perf_counter(), PassedOver()
        # a wrong path is told before any network is loaded
        sources = list_sources(photos, passed, exclude or ())
        if not overwrite:
            _print_gone(index)  # before photos that only moved are described again
        by_default = vgg_weights is None and device in (None, "cpu") and ray is None
        report = None
        if by_default and backbone in (None, DEFAULT_BACKBONE) and not overwrite:
            report = report_up_to_date(photos, sources, index, budget)
        if report is None:
            network = given(name=backbone, weights_path=vgg_weights, device=device)
            count = workers if workers is not None else min(MAX_WORKERS, usable_cores())
            asked = {"workers": count, "overwrite": overwrite, "memory_budget": budget}
            options = {**asked, "ray": ray, "exclude": tuple(exclude or ())}
            report, start = _build(photos, sources, index, network, options)
        for line in passed.lines():
            typer.echo(f"passed over {one_line(line)}", err=True)
        _print_report(index, report, time.perf_counter() - start)
        if report.unreadable:
            raise typer.Exit(1)


def _build(
    photos: list[Path],
    sources: "list[Source]",
    index: Path,
    network: dict[str, Any],
    options: dict[str, Any],
) -> "tuple[BuildReport, float]":
    """What was built, and when that began: imports and weights are not counted."""
    with heavy_imports():
        from colorization.cli.progress_bar import photo_progress
        from retrieval.building.builder import BuildOptions
        from retrieval.building.builder import build_index as build
        from similarity.backbone.backbone import load_backbone

    with stage("weights"):
        eyes = load_backbone(**network)
    start = time.perf_counter()
    with photo_progress("indexing") as progress:
        return build(photos, index, eyes, BuildOptions(**options), progress, sources), start


def _bytes_of(memory_budget: str | None) -> int | None:
    """The memory that the search may take; one line tells of more than there is."""
    from retrieval.storage.search_settings import parse_bytes

    if memory_budget is None:
        return None
    budget = parse_bytes(memory_budget)
    if (there := usable_memory()) and budget > there:
        line = f"this machine has {there / 2**30:.1f} GiB of memory; larger indexes would not fit"
        typer.echo(f"note: --memory-budget {memory_budget}: {line}", err=True)
    return budget


def _ray_options(
    engine: str, address: str | None, num_workers: int | None, gpus_per_worker: float
) -> "RayOptions | None":
    if engine not in ("local", "ray"):
        raise ValueError(f"--engine {engine}: choose local or ray")
    if engine == "ray":
        from retrieval.building.engines.ray_data import RayOptions, import_ray

        import_ray()
        if not (address or num_workers or gpus_per_worker):
            num_workers = usable_cores()
        return RayOptions(address, num_workers, gpus_per_worker)
    if address or num_workers or gpus_per_worker:
        raise ValueError("--ray-address, --num-workers and --gpus-per-worker need --engine ray")
    return None


def _print_report(index: Path, report: "BuildReport", seconds: float) -> None:
    for line in report.unreadable:
        typer.echo(f"skipped {one_line(line)}", err=True)
    done = report.added + report.changed
    rate = f", {done / seconds:.0f} photos/s" if done else ""
    typer.echo(
        f"{index}: {report.count} photos ({report.added} added, {report.changed} changed,"
        f" {report.dropped} dropped, {report.kept} unchanged, {len(report.unreadable)} unreadable)"
        f" in {seconds:.1f} s{rate}"
    )
    if done:
        _print_gray(index, report)


def _print_gone(index: Path) -> None:
    from retrieval.storage.manifest import MANIFEST, read_manifest
    from retrieval.storage.mending_commands import relink

    if not (index / MANIFEST).exists():
        return
    if gone := read_manifest(index).gone_roots():
        others = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
        line = f"{gone[0]}{others}, of which the index holds photos, cannot be found"
        typer.echo(f"note: {one_line(line)}; if moved: {relink(index)}", err=True)


def _print_gray(index: Path, report: "BuildReport") -> None:
    from retrieval.search.photo_index import PhotoIndex

    found = PhotoIndex.open(index)
    gray = int(found.gray.sum())
    are, they = ("is", "it is") if gray == 1 else ("are", "they are")
    some = f"{gray} of the {report.count} photos {are} gray: {they} never recommended"
    if note := found.note or (some if gray else ""):
        typer.echo(f"note: {note}", err=True)
