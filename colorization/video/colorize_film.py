"""Color a film: look through it, color segment by segment, put the segments together."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from av.error import FFmpegError

from colorization.inference.reference_checks import read_reference
from colorization.messages import without_alike
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

UNLIKE = "nothing in your library looks like some scenes of this film. {}"


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
            given = None
            if references or pipeline.index is None:
                given = SceneColorizer(pipeline, references, False, options, film_options)
            run = _FilmRun(job, film, folder, sink, pipeline, options, film_options, given)
            plan = run.plan(progress)
            colored, start = 0, time.perf_counter()
            for done in run.color(plan):
                colored += 1
                progress("coloring", done, plan.num_frames)
            seconds = time.perf_counter() - start
            lent = run.lent(plan.scenes)
            whole = sink.finish(plan, lent)
            notes = list(dict.fromkeys((*plan.notes, *film.notes)))
            found = FilmReport(plan.num_frames, plan.scenes, lent, colored, seconds, notes)
            if report is not None:
                write_report(report, found, job, whole, progress)
            sink.publish()
        except FFmpegError as error:
            raise FilmError(
                f"{job.output_path}: cannot be written ({error.strerror or error})"
            ) from error
    return found


@dataclass(frozen=True)
class _FilmRun:
    """A film under way.

    Attributes:
        job: what is asked for.
        film: that is read.
        folder: of the unfinished work.
        sink: receives colored frames.
        pipeline: with an index if references are to be recommended.
        options: of the colors.
        film_options: of the film.
        given: colors all scenes, from given references, which are described once, or from none;
            None if each scene has references of its own, from the index.
    """

    job: FilmJob
    film: Film | PictureFilm
    folder: Path
    sink: FilmSink | PictureSink
    pipeline: ColorizationPipeline
    options: ColorizeOptions
    film_options: FilmOptions
    given: SceneColorizer | None

    def plan(self, progress: Progress) -> Plan:
        """The plan of an earlier run, or a new one."""
        path = self.folder / PLAN
        if (known := read_plan(path)) is not None:
            return self._mended(known)
        plan = make_plan(
            self.film,
            self.folder,
            self.film_options,
            self._recommend,
            lambda done, total: progress("looking", done, total),
        )
        plan = replace(plan, notes=[*self.film.notes, *plan.notes])  # damage is found only now
        plan.save(path)
        return plan

    def color(self, plan: Plan) -> Iterator[int]:
        """Color the segments that are not there yet; yields the number of frames that are done."""
        frames = self.film.frames()
        length, number, at = self.film_options.segment_frames, 0, 0
        for i, scene in enumerate(plan.scenes):
            colorizer, last = None, None
            self.sink.lent = self.lent([scene])
            for start in range(scene.start, scene.stop, length):
                segment = range(start, min(scene.stop, start + length))
                carry = carry_path(self.folder, number)
                if not carry.exists():
                    if colorizer is None:
                        colorizer = self._colorizer_of(scene)
                        colorizer.begin(read_key(self.folder, i))
                        if last is not None:
                            colorizer.load(last)
                    wanted = islice(frames, start - at, segment.stop - at)
                    yield from self._color_segment(number, segment, wanted, colorizer)
                    colorizer.save(carry)  # which says that the segment is finished
                    at = segment.stop
                last, number = carry, number + 1

    def lent(self, scenes: Sequence[Scene]) -> list[str]:
        """File names of the references of scenes, told in the result."""
        paths = self.job.references or [
            Path(path) for scene in scenes for path, _ in scene.references
        ]
        return list(dict.fromkeys(path.name for path in paths))

    def _recommend(self, key: Plane) -> tuple[list[tuple[str, float]], list[str]]:
        """References for a scene, by its key frame, with their scores; and notes."""
        if self.given is not None:
            return [], []
        prepared = self.pipeline.prepare(key, None, self.options)
        unlike = UNLIKE.format(without_alike(self.options.method))
        notes = [*prepared.skipped, *([unlike] if prepared.note else [])]
        return [(str(r.path), r.score) for r in prepared.references], notes

    def _mended(self, plan: Plan) -> Plan:
        """The plan with references that are there: unfinished scenes that lost one begin anew."""
        scenes, notes = list(plan.scenes), list(plan.notes)
        number = 0
        for i, scene in enumerate(plan.scenes):
            count = -(-(scene.stop - scene.start) // self.film_options.segment_frames)
            carries = [carry_path(self.folder, number + n) for n in range(count)]
            number += count
            if all(path.exists() for path in carries) or all(
                Path(path).is_file() for path, _ in scene.references
            ):
                continue
            for path in carries:
                path.unlink(missing_ok=True)
            references, skipped = self._recommend(read_key(self.folder, i))
            scenes[i] = replace(scene, references=references)
            notes += [line for line in skipped if line not in notes]
        if scenes != plan.scenes:
            plan = replace(plan, scenes=scenes, notes=notes)
            plan.save(self.folder / PLAN)
        return plan

    def _colorizer_of(self, scene: Scene) -> SceneColorizer:
        if self.given is not None:
            return self.given
        pictures = [read_reference(Path(path)) for path, _ in scene.references]
        return SceneColorizer(self.pipeline, pictures, True, self.options, self.film_options)

    def _color_segment(
        self, number: int, segment: range, frames: Iterator[Frame], colorizer: SceneColorizer
    ) -> Iterator[int]:
        """Color and write the frames of one segment; yields the number of frames that are done."""
        self.sink.begin(number)
        try:
            done = segment.start
            for frame in frames:
                self.sink.write(frame, *colorizer.color(frame.gray))
                done += 1
                yield done
            if done < segment.stop:
                raise FilmError(
                    f"{self.film.path}: has fewer frames than when it was looked through"
                )
        except BaseException:
            self.sink.abort()
            raise
        self.sink.end()
