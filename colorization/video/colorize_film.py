"""Color a film: look through it, color segment by segment, put the segments together."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
from av.error import FFmpegError

from colorization.inference.reference_checks import read_reference
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from colorization.video.film_reader import SUFFIXES, Film, FilmError, Frame
from colorization.video.frame_folder import PictureFilm
from colorization.video.frame_sinks import FilmSink, PictureSink, sink_of
from colorization.video.job import FilmJob, check_job, open_source
from colorization.video.options import FilmOptions
from colorization.video.report import FilmReport, Progress, write_report
from colorization.video.scene_colorizer import SceneColorizer
from colorization.video.scene_plan import Plan, Scene, make_plan, read_key, read_plan
from colorization.video.unfinished_work import PLAN, carry_path, describe_job, working
from colorization.video.yuv import Plane

UNLIKE = "nothing in your library looks like some of the scenes; their colors are automatic"


def colorize_film(
    job: FilmJob,
    pipeline: ColorizationPipeline,
    options: ColorizeOptions = ColorizeOptions(),
    film_options: FilmOptions = FilmOptions(),
    progress: Progress = lambda what, done, total: None,
    report: Path | None = None,
) -> FilmReport:
    """Color a film; a run that was stopped is taken up where its last segment ended.

    Args:
        job: see FilmJob.
        pipeline: with an index if references are to be recommended.
        options: see ColorizeOptions.
        film_options: see FilmOptions.
        progress: called with what is being done, frames done and frames in all.
        report: where figures of the run are written, see write_report, before the result gets its
            name: a run that is stopped while it measures is taken up too.

    Raises:
        ValueError: see check_job, Film, and read_reference; the result is not touched then.
    """
    check_job(job)
    film = open_source(job.input_path, film_options, job.output_path.suffix.lower() in SUFFIXES)
    references = [read_reference(path) for path in job.references]
    description = describe_job(job.input_path, job.references, pipeline, options, film_options)
    with working(job.output_path, description, job.overwrite) as folder:
        try:
            sink = sink_of(film, job.output_path, folder, options, film_options)
            colorizer_of = _scene_colorizers(pipeline, references, options, film_options)
            plan = _plan(film, folder, pipeline, options, film_options, bool(references), progress)
            colored, start = 0, time.perf_counter()
            for done in _color(film, plan, folder, sink, job, film_options, colorizer_of):
                colored += 1
                progress("coloring", done, plan.num_frames)
            seconds = time.perf_counter() - start
            whole = sink.finish(plan, _lent(job, plan.scenes))
            notes = list(dict.fromkeys((*plan.notes, *film.notes)))
            found = FilmReport(plan.num_frames, plan.scenes, colored, seconds, notes)
            if report is not None:
                write_report(report, found, job, whole, progress)
            sink.publish()
        except FFmpegError as error:
            raise FilmError(
                f"{job.output_path}: cannot be written ({error.strerror or error})"
            ) from error
    return found


def _lent(job: FilmJob, scenes: Sequence[Scene]) -> list[str]:
    """File names of the references of scenes, told in the result."""
    paths = job.references or [Path(path) for scene in scenes for path, _ in scene.references]
    return list(dict.fromkeys(path.name for path in paths))


def _plan(
    film: Film | PictureFilm,
    folder: Path,
    pipeline: ColorizationPipeline,
    options: ColorizeOptions,
    film_options: FilmOptions,
    given: bool,
    progress: Progress,
) -> Plan:
    """The plan of an earlier run, or a new one."""
    path = folder / PLAN

    def recommend(key: Plane) -> tuple[list[tuple[str, float]], list[str]]:
        if given or pipeline.index is None:
            return [], []
        prepared = pipeline.prepare(key, None, options)
        notes = [*prepared.skipped, *([UNLIKE] if prepared.note else [])]
        return [(str(r.path), r.score) for r in prepared.references], notes

    if (known := read_plan(path)) is not None:
        return _mended(known, folder, film_options, recommend)
    plan = make_plan(
        film, folder, film_options, recommend, lambda done, total: progress("looking", done, total)
    )
    plan = replace(plan, notes=[*film.notes, *plan.notes])  # damage is found only now
    plan.save(path)
    return plan


def _mended(
    plan: Plan,
    folder: Path,
    options: FilmOptions,
    recommend: Callable[[Plane], tuple[list[tuple[str, float]], list[str]]],
) -> Plan:
    """A plan whose references are there: unfinished scenes that lost one begin anew with others."""
    scenes, notes = list(plan.scenes), list(plan.notes)
    number = 0
    for i, scene in enumerate(plan.scenes):
        carries = [
            carry_path(folder, number + n)
            for n in range(-(-(scene.stop - scene.start) // options.segment_frames))
        ]
        number += len(carries)
        if all(path.exists() for path in carries) or all(
            Path(path).is_file() for path, _ in scene.references
        ):
            continue
        for path in carries:
            path.unlink(missing_ok=True)
        references, skipped = recommend(read_key(folder, i))
        scenes[i] = replace(scene, references=references)
        notes += [line for line in skipped if line not in notes]
    if scenes != plan.scenes:
        plan = replace(plan, scenes=scenes, notes=notes)
        plan.save(folder / PLAN)
    return plan


def _scene_colorizers(
    pipeline: ColorizationPipeline,
    references: list[np.ndarray],
    options: ColorizeOptions,
    film_options: FilmOptions,
) -> Callable[[Scene], SceneColorizer]:
    """Given references are described once, for all scenes."""
    given = (
        SceneColorizer(pipeline, references, False, options, film_options)
        if references or pipeline.index is None
        else None
    )

    def of(scene: Scene) -> SceneColorizer:
        if given is not None:
            return given
        pictures = [read_reference(Path(path)) for path, _ in scene.references]
        return SceneColorizer(pipeline, pictures, True, options, film_options)

    return of


def _color(
    film: Film | PictureFilm,
    plan: Plan,
    folder: Path,
    sink: FilmSink | PictureSink,
    job: FilmJob,
    options: FilmOptions,
    colorizer_of: Callable[[Scene], SceneColorizer],
) -> Iterator[int]:
    """Color the segments that are not there yet; yields the number of frames that are done."""
    frames = film.frames()
    number = at = 0
    for i, scene in enumerate(plan.scenes):
        colorizer, last = None, None
        sink.lent = _lent(job, [scene])
        for start in range(scene.start, scene.stop, options.segment_frames):
            stop = min(scene.stop, start + options.segment_frames)
            carry = carry_path(folder, number)
            if not carry.exists():
                if colorizer is None:
                    colorizer = colorizer_of(scene)
                    colorizer.begin(read_key(folder, i))
                    if last is not None:
                        colorizer.load(last)
                wanted = islice(frames, start - at, stop - at)
                yield from _color_segment(
                    wanted, stop - start, colorizer, sink, number, start, film.path
                )
                colorizer.save(carry)  # which says that the segment is finished
                at = stop
            last, number = carry, number + 1


def _color_segment(
    frames: Iterator[Frame],
    count: int,
    colorizer: SceneColorizer,
    sink: FilmSink | PictureSink,
    number: int,
    start: int,
    path: Path,
) -> Iterator[int]:
    sink.begin(number)
    try:
        done = 0
        for frame in frames:
            sink.write(frame, *colorizer.color(frame.gray))
            done += 1
            yield start + done
        if done < count:
            raise FilmError(f"{path}: has fewer frames than when it was looked through")
    except BaseException:
        sink.abort()
        raise
    sink.end()
