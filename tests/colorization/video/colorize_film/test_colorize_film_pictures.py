"""Folders of pictures as films."""

import errno
import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorization.messages import AUTOMATIC
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from colorization.video.colorize_film import UNLIKE, colorize_film
from colorization.video.film_reader import FilmError
from colorization.video.job import FilmJob
from colorization.video.options import FilmOptions
from colorization.video.report import FilmReport
from retrieval.search.photo_index import PhotoIndex

Pan = Callable[..., list[np.ndarray]]
Run = Callable[..., FilmReport]


@pytest.fixture
def frame_dir(tmp_path: Path, pan: Pan) -> Path:
    """Twelve frames named frame_1.png .. frame_12.png, and a text."""
    folder = tmp_path / "frames"
    folder.mkdir()
    for i, gray in enumerate(pan("coffee", 12), 1):
        Image.fromarray(gray).save(folder / f"frame_{i}.png")
    (folder / "notes.txt").write_text("not a picture\n")
    return folder


def test_a_folder_becomes_a_folder(frame_dir: Path, run: Run, tmp_path: Path) -> None:
    report = run(frame_dir, tmp_path / "out")
    assert report.frames == 12
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(
        f"frame_{i}.png" for i in range(1, 13)
    )
    for path in sorted((tmp_path / "out").iterdir()):
        result = np.asarray(Image.open(path)).astype(int)
        gray = np.asarray(Image.open(frame_dir / path.name)).astype(int)
        assert np.ptp(result, 2).mean() > 2  # colored
        assert np.abs(result @ [0.2126, 0.7152, 0.0722] - gray).mean() < 6  # and not mixed up
        assert "the colors are not original" in Image.open(path).getexif()[0x010E]
    with pytest.raises(ValueError, match="exists already"):
        run(frame_dir, tmp_path / "out")
    run(frame_dir, tmp_path / "out", overwrite=True)


def test_each_picture_tells_the_references_of_its_own_scene(
    colorizer: ColorizationPipeline,
    tiny: ColorizeOptions,
    index_dir: Path,
    pan: Pan,
    tmp_path: Path,
) -> None:
    (tmp_path / "frames").mkdir()
    for i, gray in enumerate([*pan("coffee", 5), *pan("rocket", 3)]):
        Image.fromarray(gray).save(tmp_path / "frames" / f"{i}.png")
    pipeline = ColorizationPipeline(
        colorizer.backbone, PhotoIndex.open(index_dir), colorizer.network
    )
    every = replace(tiny, method="training-free")  # weak matches too
    report = colorize_film(
        FilmJob(tmp_path / "frames", tmp_path / "out"), pipeline, every, FilmOptions(min_scene=2)
    )
    (first, *_), (second, *_) = (scene.references for scene in report.scenes)
    told = colorize_film(
        FilmJob(tmp_path / "frames", tmp_path / "automatic"),
        pipeline,
        tiny,
        FilmOptions(min_scene=2),
    )
    assert told.notes.count(UNLIKE.format(AUTOMATIC)) == 1 and [] in [
        scene.references for scene in told.scenes
    ]
    for i in range(8):
        own, other = (
            Path(path).name for path, _ in ((first, second) if i < 5 else (second, first))
        )
        told = Image.open(tmp_path / "out" / f"{i}.png").getexif()[0x010E]
        assert own in told and other not in told


def test_the_report_is_about_the_pictures_of_the_result_only(
    frame_dir: Path, run: Run, tmp_path: Path
) -> None:
    """Not about others of the output folder."""
    (tmp_path / "among").mkdir()
    Image.new("RGB", (64, 48), "red").save(tmp_path / "among" / "frame_13.png")
    for name in ("alone", "among"):
        run(frame_dir, tmp_path / name, report=tmp_path / f"{name}.json")
    alone, among = (
        json.loads((tmp_path / name).read_text())["cdc"] for name in ("alone.json", "among.json")
    )
    assert alone == among > 0


def test_a_folder_becomes_a_film_in_the_order_of_numbers(
    frame_dir: Path, run: Run, probe, tmp_path: Path
) -> None:
    run(frame_dir, tmp_path / "out.mp4", FilmOptions(quality=0, frame_rate=12.0))
    assert probe.times(tmp_path / "out.mp4") == [Fraction(i, 12) for i in range(12)]
    for i, luma in enumerate(probe.lumas(tmp_path / "out.mp4"), 1):
        gray = np.asarray(Image.open(frame_dir / f"frame_{i}.png")).astype(float)
        np.testing.assert_allclose(luma, 16 + gray * 219 / 255, atol=1.01)


@pytest.mark.parametrize("rate", [0.5, 0.1])
def test_slide_shows(frame_dir: Path, run: Run, probe, tmp_path: Path, rate: float) -> None:
    run(frame_dir, tmp_path / "out.mkv", FilmOptions(quality=0, frame_rate=rate))
    assert probe.times(tmp_path / "out.mkv") == [
        Fraction(i) / Fraction(rate).limit_denominator() for i in range(12)
    ]


def test_a_folder_on_another_disk(
    frame_dir: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.replace

    def across(path: Path, target: Path) -> Path:
        if path.parent != target.parent:
            raise OSError(errno.EXDEV, "Invalid cross-device link", str(path))
        return real(path, target)

    monkeypatch.setattr(Path, "replace", across)
    run(frame_dir, tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(
        f"frame_{i}.png" for i in range(1, 13)
    )
    assert not list(tmp_path.glob(".out*"))


def test_pictures_of_several_sizes_make_no_film(frame_dir: Path, run: Run, tmp_path: Path) -> None:
    Image.new("L", (10, 10)).save(frame_dir / "frame_5.png")
    with pytest.raises(
        FilmError, match=r"frame_5\.png: is 10x10 pixels, the pictures before 64x48"
    ):
        run(frame_dir, tmp_path / "out.mp4")
    assert run(frame_dir, tmp_path / "out").frames == 12


def test_two_pictures_with_one_result_are_refused(
    frame_dir: Path, run: Run, tmp_path: Path
) -> None:
    Image.new("L", (64, 48)).save(frame_dir / "frame_3.gif")
    with pytest.raises(
        FilmError, match=r"frame_3\.gif and .*frame_3\.png would both be written to .*frame_3\.png"
    ):
        run(frame_dir, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_without_pictures(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FilmError, match="holds no pictures"):
        run(tmp_path / "empty", tmp_path / "out")
