"""``rechroma video``: films and folders of frames.

The command goes in three steps: what a person asked for is checked before any network is loaded,
then the film is colored, then what became of it is told.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from colorization.cli.common import (
    Backbone,
    Device,
    Faithfulness,
    Library,
    Method,
    References,
    Saturation,
    TopK,
    VggWeights,
    Vividness,
    check_method,
    fail,
    given,
    without_effect,
)
from colorization.cli.process import heavy_imports
from colorization.messages import one_line
from retrieval.photos.passed_over import first_names

if TYPE_CHECKING:
    from colorization.options import ColorizeOptions
    from colorization.pipeline import ColorizationPipeline
    from colorization.video.job import FilmJob
    from colorization.video.options import FilmOptions
    from colorization.video.report import FilmReport

Film = Annotated[Path, typer.Argument(metavar="INPUT", help="A film, or a folder of frames.")]
Output = Annotated[
    Path, typer.Option(help=".mp4, .m4v, .mov, .mkv or .webm; or a folder for a folder of frames.")
]
Smoothing = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="How far colors are held where nothing moves. Default 0.5."),
]
Quality = Annotated[
    int | None,
    typer.Option(min=0, max=51, help="Of the encoder: 0 loses nothing, 51 is worst. Default 16."),
]
FrameRate = Annotated[
    float | None, typer.Option(help="Frames a second of a film made of pictures. Default 25.")
]
Sound = Annotated[
    str | None,
    typer.Option(help="copy, or aac or opus for containers that cannot hold it. Default copy."),
]
AllowDamaged = Annotated[
    bool,
    typer.Option("--allow-damaged", help="Color what can be read of damaged films and frames."),
]
Report = Annotated[
    Path | None,
    typer.Option(help="Write CDC (steadiness of colors), frames a second and scenes as JSON."),
]
OverwriteFilm = Annotated[
    bool, typer.Option("--overwrite", help="Replace what exists, and unfinished work.")
]


def video(
    film: Film,
    output: Output,
    reference: References = None,
    index: Library = None,
    saturation: Saturation = None,
    vividness: Vividness = None,
    faithfulness: Faithfulness = None,
    method: Method = None,
    top_k: TopK = None,
    smoothing: Smoothing = None,
    quality: Quality = None,
    frame_rate: FrameRate = None,
    sound: Sound = None,
    allow_damaged: AllowDamaged = False,
    report: Report = None,
    overwrite: OverwriteFilm = False,
    backbone: Backbone = None,
    vgg_weights: VggWeights = None,
    device: Device = None,
) -> None:
    """Color a film; sound and timestamps are kept. Run it again to go on after an interruption."""
    try:
        import av  # noqa: F401
    except ImportError:
        fail('films need PyAV, which is not installed: pip install -e ".[video]"')
    with heavy_imports():
        from colorization.pipeline import ColorizationPipeline
        from colorization.video.colorize_film import colorize_film as colorize_film
        from colorization.video.job import FilmJob

    chosen = given(
        saturation=saturation,
        vividness=vividness,
        faithfulness=faithfulness,
        method=method,
        top_k=top_k,
    )
    filmed = given(smoothing=smoothing, quality=quality, frame_rate=frame_rate, sound=sound)
    job = FilmJob(film, output, list(dict.fromkeys(reference or [])), overwrite)
    task = _parse(job, chosen, filmed, allow_damaged, report)
    check_method(task.options, False, bool(reference), index is not None)
    place = None if reference else index
    pipeline = ColorizationPipeline.load(
        **given(index_dir=place, backbone=backbone, weights_path=vgg_weights, device=device)
    )
    _print_without_effect(task, {**chosen, **filmed}, pipeline, index is not None)
    _print_report(task.job, _run(task, pipeline))


@dataclass(frozen=True)
class _Task:
    """What a person asked for, checked.

    Attributes:
        job: the film, its references and its result.
        options: of the pipeline.
        film_options: of the film.
        report: where figures of the run go, if they are wanted.
    """

    job: "FilmJob"
    options: "ColorizeOptions"
    film_options: "FilmOptions"
    report: Path | None


def _parse(
    job: "FilmJob",
    chosen: dict[str, Any],
    filmed: dict[str, Any],
    allow_damaged: bool,
    report: Path | None,
) -> _Task:
    from colorization.options import ColorizeOptions
    from colorization.video.job import check_job, open_source
    from colorization.video.options import FilmOptions
    from colorization.video.report import check_report

    options = ColorizeOptions(**chosen)
    film_options = FilmOptions(**filmed, allow_damaged=allow_damaged)
    open_source(job.input_path, film_options)  # a wrong path is told before any network is loaded
    check_job(job)
    if report is not None:
        check_report(report, job)
    return _Task(job, options, film_options, report)


def _print_without_effect(
    task: _Task, chosen: dict[str, Any], pipeline: "ColorizationPipeline", with_index: bool
) -> None:
    from colorization.video.film_reader import SUFFIXES

    from_pictures = task.job.input_path.is_dir()
    to_film = task.job.output_path.suffix.lower() in SUFFIXES
    others = {
        "films of pictures": () if from_pictures and to_film else ("frame_rate",),
        "films": () if to_film else ("quality",),
        "films with sound": ("sound",) if from_pictures else (),
    }
    by_network, lent = pipeline.network_for(task.options) is not None, bool(task.job.references)
    for line in without_effect(chosen, lent, with_index, by_network, others):
        typer.echo(f"note: {line}", err=True)


def _run(task: _Task, pipeline: "ColorizationPipeline") -> "FilmReport":
    from colorization.cli.progress_bar import progress_bars
    from colorization.video.colorize_film import colorize_film

    with progress_bars("frames") as progress:
        return colorize_film(
            task.job, pipeline, task.options, task.film_options, progress, task.report
        )


def _print_report(job: "FilmJob", found: "FilmReport") -> None:
    for note in found.notes:
        typer.echo(f"note: {one_line(note)}", err=True)
    taken_up = rate = ""
    if found.colored < found.frames:
        taken_up = f", {found.frames - found.colored} of them by an earlier run"
    if found.colored:
        rate = f" in {found.seconds:.1f} s, {found.colored / found.seconds:.1f} frames/s"
    frames, scenes = (
        f"{count} {one}" if count == 1 else f"{count} {one}s"
        for count, one in ((found.frames, "frame"), (len(found.scenes), "scene"))
    )
    line = f"{job.output_path}: {frames} of {scenes}{taken_up}{rate}"
    source = f"from {first_names(found.lent)}" if found.lent else "without a reference"
    recommended = ", as recommended" if found.lent and not job.references else ""
    typer.echo(one_line(f"{line}, {source}{recommended}"))
