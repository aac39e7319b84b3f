"""What a film consists of: scenes, each with a key frame and references; found once and kept."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from colorization.batch.target_colors import HAS_COLORS, has_colors
from colorization.photo_files.staged_files import staging
from colorization.video.container.joining import Timing
from colorization.video.cut_detection import CutFinder
from colorization.video.film_reader import Film, FilmError, Frame
from colorization.video.frame_folder import PictureFilm
from colorization.video.options import FilmOptions
from colorization.video.yuv import Plane
from retrieval.photos.prints.detection import is_gray

KEY_SIDE = 512  # key frames are kept at about this side
LOOK_EVERY = 25  # frames: so often a film is looked at for colors
CANDIDATES = 16  # frames of a scene that are kept in memory to take its middle from


@dataclass(frozen=True)
class Scene:
    """Frames ``start`` up to ``stop``, and what they are colored from.

    Attributes:
        start: number of the first frame.
        stop: one more than that of the last.
        references: path and score of each recommended reference; empty if references are given, or
            none are.
    """

    start: int
    stop: int
    references: list[tuple[str, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Plan:
    """The scenes of a film, and when its frames are shown."""

    scenes: list[Scene]
    timing: Timing
    notes: list[str]

    @property
    def num_frames(self) -> int:
        """Of the whole film."""
        return len(self.timing.pts)

    def save(self, path: Path) -> None:
        """Write as JSON, whole or not at all."""
        with staging() as files:
            files.add(path).write_text(json.dumps(asdict(self)))


def read_plan(path: Path) -> Plan | None:
    """Read what save has written; None if it is not there, or not whole."""
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        scenes = [
            Scene(s["start"], s["stop"], [(place, score) for place, score in s["references"]])
            for s in found["scenes"]
        ]
        return Plan(scenes, Timing(**found["timing"]), found["notes"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def make_plan(
    film: Film | PictureFilm,
    folder: Path,
    options: FilmOptions,
    recommend: Callable[[Plane], tuple[list[tuple[str, float]], list[str]]],
    progress: Callable[[int, int], None],
) -> Plan:
    """Look through a film once.

    Args:
        film: see Film.
        folder: where the key frame of each scene, the one in its middle, is put, see key_path.
        options: how cuts are found.
        recommend: for a key frame, paths and scores of references, and notes.
        progress: called with frames seen and about how many there are.

    Raises:
        FilmError: the film is damaged, or has no frames.
    """
    finder, middle = CutFinder(options), _Middle()
    scenes: list[Scene] = []
    pts: list[int] = []
    notes: list[str] = []
    start = duration = looked = colored = 0

    def finish(stop: int) -> None:
        nonlocal middle
        key = middle.take()
        Image.fromarray(key).save(key_path(folder, len(scenes)), compress_level=1)
        references, skipped = recommend(key)
        notes.extend(line for line in skipped if line not in notes)
        scenes.append(Scene(start, stop, references))
        middle = _Middle()

    for i, frame in enumerate(film.frames()):
        gray = frame.gray
        if finder.is_cut(gray) and i:
            finish(i)
            start = i
        middle.offer(gray)
        if i % LOOK_EVERY == 0:
            looked, colored = looked + 1, colored + _shows_colors(frame)
        pts.append(frame.pts)
        duration = frame.duration
        progress(len(pts), max(film.num_frames, len(pts)))
    if not pts:
        raise FilmError(f"{film.path}: holds no frame that can be read")
    finish(len(pts))
    if 2 * colored > looked:
        notes.insert(0, HAS_COLORS)
    return Plan(scenes, Timing(pts, duration), notes)


def _shows_colors(frame: Frame) -> bool:
    """Whether a frame shows colors; tinted and toned ones are gray."""
    if frame.picture is not None:
        return has_colors(frame.picture)
    return frame.small is not None and not is_gray(frame.small())


def key_path(folder: Path, scene: int) -> Path:
    """Where the key frame of a scene lies.

    Args:
        folder: of the work on the film.
        scene: its number from 0.
    """
    return folder / f"key-{scene:05d}.png"


def read_key(folder: Path, scene: int) -> Plane:
    """The key frame of a scene.

    Args:
        folder: of the work on the film.
        scene: its number from 0.

    Returns:
        Gray, 0..255, at about KEY_SIDE or as small as the film is.

    Raises:
        FileNotFoundError: make_plan has not come to that scene.
    """
    with Image.open(key_path(folder, scene)) as image:
        return np.asarray(image.convert("L"))


class _Middle:
    """Keeps at most CANDIDATES frames of a scene, evenly spread, and gives the middle one.

    The scene may have any length, which is not known before its end.
    """

    def __init__(self) -> None:
        self._kept: list[tuple[int, Plane]] = []
        self._step, self._count = 1, 0

    def offer(self, gray: Plane) -> None:
        if self._count % self._step == 0:
            self._kept.append((self._count, _small(gray)))
            if len(self._kept) > CANDIDATES:
                self._kept, self._step = self._kept[::2], self._step * 2
        self._count += 1

    def take(self) -> Plane:
        """The middle frame."""
        wanted = (self._count - 1) / 2
        _, found = min(self._kept, key=lambda kept: abs(kept[0] - wanted))
        return found


def _small(gray: Plane) -> Plane:
    image = Image.fromarray(gray)
    factor = min(image.size) // KEY_SIDE
    return np.asarray(image.reduce(factor) if factor > 1 else image)
