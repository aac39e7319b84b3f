"""What the tests of the colorizer share: pipelines, small files to colorize, the command line."""

import importlib
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

import colorization.video.colorize_film  # noqa: F401 - it names ColorizeOptions, so it comes before what "quick" puts there
from colorization.cli.commands import app
from colorization.network.pretrained import load_network
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from retrieval.search.photo_index import PhotoIndex
from similarity.backbone.backbone import Backbone

MakeFilm = Callable[..., Path]
SAMPLE_RATE = 8000


@pytest.fixture(scope="session")
def fast() -> ColorizeOptions:
    """Options that match at a small size."""
    return ColorizeOptions(working_side=96, top_k=2)


@pytest.fixture(scope="session")
def pipeline(backbone: Backbone) -> ColorizationPipeline:
    """Without an index."""
    return ColorizationPipeline(backbone)


@pytest.fixture(scope="session")
def indexed(backbone: Backbone, index_dir: Path) -> ColorizationPipeline:
    """With the index of ``library_dir``."""
    return ColorizationPipeline(backbone, PhotoIndex.open(index_dir))


@pytest.fixture(scope="session")
def cli() -> Callable[..., Result]:
    """Run ``rechroma`` in this process.

    An exception that the command line does not turn into a line fails the test.
    """

    def run(*args: object) -> Result:
        return CliRunner().invoke(app, [str(a) for a in args], catch_exceptions=False)

    return run


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """``rechroma colorize`` matches at a small size.

    Fixtures of a wider scope keep the defaults.
    """
    # it names the class in its annotations, so it comes first
    importlib.import_module("colorization.batch.folder_run")
    monkeypatch.setattr(
        "colorization.options.ColorizeOptions", partial(ColorizeOptions, working_side=96)
    )


@pytest.fixture(scope="session")
def refused() -> Callable[..., str]:
    """Check that a command ended with one line of error with the given words, and status 2."""

    def check(result: Result, *words: object) -> str:
        lines = result.stderr.splitlines()
        assert (result.exit_code, len(lines)) == (2, 1), result.output
        assert lines[0].startswith("error: ")
        for word in words:
            assert str(word) in lines[0]
        return lines[0]

    return check


@pytest.fixture(scope="session")
def listing() -> Callable[[Path], dict[str, bytes]]:
    """Everything below a folder, hidden files too: names and contents (b"" for folders)."""

    def walk(folder: Path) -> dict[str, bytes]:
        return {
            str(p.relative_to(folder)): b"" if p.is_dir() else p.read_bytes()
            for p in sorted(folder.rglob("*"))
        }

    return walk


@pytest.fixture
def gray_path(tmp_path: Path, gray_pictures: dict[str, np.ndarray]) -> Path:
    """A gray PNG."""
    path = tmp_path / "gray.png"
    Image.fromarray(gray_pictures["motorcycle_left"]).save(path)
    return path


@pytest.fixture
def reference_path(tmp_path: Path, pictures: dict[str, np.ndarray]) -> Path:
    """A color PNG of the same scene."""
    path = tmp_path / "reference.png"
    Image.fromarray(pictures["motorcycle_right"]).save(path)
    return path


@pytest.fixture
def gray_dir(tmp_path: Path, gray_pictures: dict[str, np.ndarray]) -> Path:
    """A folder of two gray JPEGs, one of them in a subfolder, and a text file."""
    folder = tmp_path / "grays"
    (folder / "1932").mkdir(parents=True)
    Image.fromarray(gray_pictures["chelsea"]).save(folder / "cat.jpg")
    Image.fromarray(gray_pictures["coffee"]).save(folder / "1932" / "cup.jpg")
    (folder / "notes.txt").write_text("not a picture\n")
    return folder


@pytest.fixture(scope="session")
def tiny() -> ColorizeOptions:
    """Options that match at the smallest size."""
    return ColorizeOptions(working_side=64, top_k=1)


@pytest.fixture(scope="session")
def colorizer(backbone: Backbone) -> ColorizationPipeline:
    """With the bundled network, without an index."""
    return ColorizationPipeline(backbone, None, load_network(backbone))


@pytest.fixture(scope="session")
def pan(gray_pictures: dict[str, np.ndarray]) -> Callable[..., list[np.ndarray]]:
    """A window of a gray photo that moves to the right by two pixels a frame.

    It is ``pan(name, count, height, width)``.
    """

    def make(name: str, count: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
        gray = gray_pictures[name][20:, 10:]
        return [np.ascontiguousarray(gray[:height, 2 * i : 2 * i + width]) for i in range(count)]

    return make


@pytest.fixture(scope="session")
def make_film() -> MakeFilm:
    """``make_film(path, lumas, pts=..., ...)`` writes luma planes as a film, without loss."""

    def make(
        path: Path,
        lumas: Sequence[np.ndarray],
        pts: Sequence[int] | None = None,
        time_base: Fraction = Fraction(1, 25),
        rate: Fraction | int = 25,
        codec: str = "ffv1",
        pix_fmt: str = "yuv420p",
        sound: float = 0.0,
        rotation: int = 0,
        metadata: dict[str, str] | None = None,
        **context: Any,
    ) -> Path:
        with av.open(str(path), "w") as container:
            container.metadata.update(metadata or {})
            options = {"crf": "0", "preset": "ultrafast"} if codec == "libx264" else {}
            stream = container.add_stream(codec, rate=rate, options=options)
            stream.width, stream.height, stream.pix_fmt = (
                lumas[0].shape[1],
                lumas[0].shape[0],
                pix_fmt,
            )
            stream.codec_context.time_base = stream.time_base = time_base
            for name, value in context.items():
                setattr(stream.codec_context, name, value)
            if rotation:
                stream.set_display_rotation(rotation)
            tone = (
                container.add_stream(
                    "pcm_s16le" if path.suffix == ".mkv" else "aac", rate=SAMPLE_RATE
                )
                if sound
                else None
            )
            packets = []
            for i, luma in enumerate(lumas):
                frame = _frame(luma, pix_fmt)
                frame.pts, frame.time_base = (pts[i] if pts else i), time_base
                packets += stream.encode(frame)
            packets += stream.encode()
            if tone:
                wave = (8000 * np.sin(np.arange(int(sound * SAMPLE_RATE)) / 5)).astype(np.int16)
                for start in range(0, len(wave), 1024):
                    samples = av.AudioFrame.from_ndarray(
                        wave[None, start : start + 1024], format="s16", layout="mono"
                    )
                    samples.sample_rate, samples.pts = SAMPLE_RATE, start
                    packets += tone.encode(samples)
                packets += tone.encode()
            for packet in packets:
                container.mux(packet)
        return path

    return make


def _frame(luma: np.ndarray, pix_fmt: str) -> av.VideoFrame:
    """The luma plane with colors that do not belong to it.

    A film that has colors already loses them.
    """
    if pix_fmt == "gray":
        return av.VideoFrame.from_ndarray(luma, format=pix_fmt)
    if pix_fmt == "gray16le":
        return av.VideoFrame.from_ndarray(luma.astype(np.uint16) * 257, format=pix_fmt)
    if pix_fmt == "bgr0":
        return av.VideoFrame.from_ndarray(
            np.repeat(luma[..., None], 3, 2), format="rgb24"
        ).reformat(format=pix_fmt)
    full = av.VideoFrame.from_ndarray(
        np.stack((luma, np.full_like(luma, 90), np.full_like(luma, 160))), format="yuv444p"
    )
    return full if pix_fmt == "yuv444p" else full.reformat(format=pix_fmt)


def _plane(plane: av.video.plane.VideoPlane, height: int, width: int) -> np.ndarray:
    return np.array(np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:height, :width])  # type: ignore[call-overload]


class Probe:
    """What a film holds."""

    @staticmethod
    def lumas(path: Path) -> list[np.ndarray]:
        """Luma planes as they are stored, not turned."""
        with av.open(str(path)) as container:
            return [_plane(f.planes[0], f.height, f.width) for f in container.decode(video=0)]

    @staticmethod
    def chroma(path: Path) -> list[np.ndarray]:
        """U and V, one below the other, less 128: zeros are no color."""
        with av.open(str(path)) as container:
            return [f.to_ndarray()[f.height :].astype(int) - 128 for f in container.decode(video=0)]

    @staticmethod
    def times(path: Path) -> list[Fraction]:
        """When each frame is shown, in seconds."""
        with av.open(str(path)) as container:
            return [f.pts * f.time_base for f in container.decode(video=0)]

    @staticmethod
    def sound(path: Path) -> list[tuple[bytes, Fraction]]:
        """Packets of the sound as they are stored, with their time in seconds."""
        with av.open(str(path)) as container:
            return [(bytes(p), p.pts * p.time_base) for p in container.demux(audio=0) if p.size]


@pytest.fixture(scope="session")
def probe() -> type[Probe]:
    return Probe
