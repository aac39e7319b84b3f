"""The command for films: ``rechroma video``."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from colorization.cli.common import Backbone, Device, VggWeights, fail, given, one_line, unheard

FrameRate = Annotated[
    float | None, typer.Option(help="Frames a second of a film made of pictures. Default 25.")
]
Quality = Annotated[
    int | None,
    typer.Option(min=0, max=51, help="Of the encoder: 0 loses nothing, 51 is worst. Default 16."),
]
Report = Annotated[
    Path | None,
    typer.Option(help="Write CDC (steadiness of colors), frames a second and scenes as JSON."),
]


def video_command(
    film: Annotated[Path, typer.Argument(metavar="INPUT", help="A film, or a folder of frames.")],
    output: Annotated[
        Path,
        typer.Option(help=".mp4, .m4v, .mov, .mkv or .webm; or a folder for a folder of frames."),
    ],
    reference: Annotated[
        list[Path] | None, typer.Option(help="A color reference for all scenes; may repeat.")
    ] = None,
    index: Annotated[
        Path | None,
        typer.Option("--index", help="Index to recommend references from, for each scene."),
    ] = None,
    saturation: Annotated[
        float | None, typer.Option(min=0, help="Factor on the colors of the result, at most 4.")
    ] = None,
    vividness: Annotated[
        float | None, typer.Option(min=0, max=1, help="0 careful and pale, 1 like real (default).")
    ] = None,
    faithfulness: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="How far references are followed; default 1 given, 0.6 recommended."
        ),
    ] = None,
    method: Annotated[
        str | None, typer.Option(help="network, or training-free: only carry colors over.")
    ] = None,
    top_k: Annotated[
        int | None, typer.Option(min=1, help="How many recommended references to fuse. Default 3.")
    ] = None,
    smoothing: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="How far colors are held where nothing moves. Default 0.5."
        ),
    ] = None,
    quality: Quality = None,
    frame_rate: FrameRate = None,
    allow_damaged: Annotated[
        bool, typer.Option("--allow-damaged", help="Color what can be read of a damaged film.")
    ] = False,
    report: Report = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what exists, and unfinished work.")
    ] = False,
    backbone: Backbone = None,
    vgg_weights: VggWeights = None,
    device: Device = None,
) -> None:
    """Color a film; sound and timestamps are kept. Run it again after an interruption to go on where it stopped."""
    try:
        import av  # noqa: F401
    except ImportError:
        fail('films need PyAV, which is not installed: pip install -e ".[video]"')
    from colorization.cli.progress_bar import photo_progress
    from colorization.options import ColorizeOptions
    from colorization.pipeline import ColorizationPipeline
    from colorization.video.colorize_film import colorize_film
    from colorization.video.film_reader import SUFFIXES
    from colorization.video.job import FilmJob, check_job, open_source
    from colorization.video.options import FilmOptions
    from colorization.video.report import check_report

    job = FilmJob(film, output, list(dict.fromkeys(reference or [])), overwrite)
    chosen = given(
        saturation=saturation,
        vividness=vividness,
        faithfulness=faithfulness,
        method=method,
        top_k=top_k,
    )
    filmed = given(smoothing=smoothing, quality=quality, frame_rate=frame_rate)
    options, film_options = (
        ColorizeOptions(**chosen),
        FilmOptions(**filmed, allow_damaged=allow_damaged),
    )
    open_source(film, film_options)  # a wrong path is told before any network is loaded
    check_job(job)
    if report is not None:
        check_report(report, job)
    place = None if reference else index
    pipeline = ColorizationPipeline.load(
        **given(index_dir=place, backbone=backbone, weights_path=vgg_weights, device=device)
    )
    from_pictures, to_film = film.is_dir(), output.suffix.lower() in SUFFIXES
    others = {
        "films of pictures": () if from_pictures and to_film else ("frame_rate",),
        "films": () if to_film else ("quality",),
    }
    for line in unheard(
        {**chosen, **filmed},
        bool(reference),
        index is not None,
        pipeline.network_for(options) is not None,
        others,
    ):
        typer.echo(f"note: {line}", err=True)
    with ExitStack() as stack:
        bars: dict[str, Any] = {}

        def progress(what: str, done: int, total: int) -> None:
            if what not in bars:
                stack.close()
                bars[what] = stack.enter_context(photo_progress(what, unit="frames"))
            bars[what](done, total)

        found = colorize_film(job, pipeline, options, film_options, progress, report)
    for note in found.notes:
        typer.echo(f"note: {one_line(note)}", err=True)
    taken_up = (
        f", {found.frames - found.colored} of them by an earlier run"
        if found.colored < found.frames
        else ""
    )
    rate = (
        f" in {found.seconds:.1f} s, {found.colored / found.seconds:.1f} frames/s"
        if found.colored
        else ""
    )
    scenes = "1 scene" if len(found.scenes) == 1 else f"{len(found.scenes)} scenes"
    typer.echo(f"{output}: {found.frames} frames of {scenes}{taken_up}{rate}")
