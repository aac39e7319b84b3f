"""The folder of an unfinished film: kept while it holds work, for the same job only."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from colorization.video.options import FilmOptions
from colorization.video.unfinished_work import (
    JOB,
    MOVING,
    PICTURES,
    PLAN,
    carry_path,
    describe_job,
    has_moved,
    work_folder,
    working,
)

OWN = {"input": "a", "film": {"quality": 16}}
OTHER = {"input": "a", "film": {"quality": 0}}


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out.mp4"


@pytest.fixture
def begun(output: Path) -> Path:
    """The folder of a run that was stopped after one segment."""
    with pytest.raises(KeyboardInterrupt), working(output, OWN, False) as folder:
        (folder / PLAN).write_text("{}")
        carry_path(folder, 0).write_bytes(b"a segment")
        (folder / PICTURES).mkdir()
        raise KeyboardInterrupt
    return folder


def test_the_folder_is_hidden_beside_the_result(output: Path) -> None:
    assert work_folder(output) == output.parent / ".out.mp4.rechroma"
    assert carry_path(Path("work"), 7).name == "segment-000007.npz"


def test_nothing_is_left_of_work_that_is_done(output: Path) -> None:
    with working(output, OWN, False) as folder:
        assert folder == work_folder(output) and folder.is_dir()
        assert json.loads((folder / JOB).read_text()) == OWN
        (folder / PLAN).write_text("{}")
    assert list(output.parent.iterdir()) == []


def test_work_that_is_done_is_gone_before_another_run_may_begin(
    output: Path, begun: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left of it would be taken for finished segments of the other run."""
    found: list[set[str]] = []
    real = Path.rmdir

    def begins(folder: Path) -> None:
        found.append({path.name for path in folder.iterdir()})
        (folder / JOB).write_text("{}")
        real(folder)

    (begun / PICTURES).rmdir()
    monkeypatch.setattr(Path, "rmdir", begins)
    with working(output, OWN, False):
        pass
    assert found == [set()]
    assert (begun / JOB).read_text() == "{}"  # what it begins at that very moment stays


def test_nothing_is_left_of_a_run_that_was_stopped_before_its_plan(output: Path) -> None:
    with pytest.raises(KeyboardInterrupt), working(output, OWN, False) as folder:
        (folder / "key-00000.png").write_bytes(b"looked at")
        raise KeyboardInterrupt
    assert list(output.parent.iterdir()) == []


def test_work_is_taken_up_by_the_same_job(output: Path, begun: Path) -> None:
    assert begun.is_dir()
    with working(output, OWN, False) as folder:
        assert carry_path(folder, 0).read_bytes() == b"a segment"
    assert not begun.exists()


def test_another_job_is_refused_with_what_differs_or_begins_anew(output: Path, begun: Path) -> None:
    with (
        pytest.raises(
            ValueError,
            match=r"was begun with another --quality; finish it .*, or .* --overwrite$",
        ) as error,
        working(output, OTHER, False),
    ):
        pytest.fail("it was taken up")
    assert str(begun) in str(error.value)
    assert carry_path(begun, 0).exists()
    with working(output, OTHER, True) as folder:
        assert {path.name for path in folder.iterdir()} == {JOB, "lock"}
        assert json.loads((folder / JOB).read_text()) == OTHER


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"input": ["/a.mkv", "2"]}, "before the film changed; begin anew with --overwrite"),
        ({"input": ["/b.mkv", "1"]}, "for another film, /a.mkv; finish it as it was begun, or"),
        ({"references": ["2"]}, "with other references; finish it as it was begun, or"),
        ({"index": None}, "with another --index; finish it as it was begun, or"),
        ({"weights": ["1", "3"]}, "with other networks; finish it as it was begun, or"),
        ({"encoder": {"libavcodec": [7]}}, "with another version of FFmpeg; begin anew with"),
        ({"version": "2"}, "with another version of Rechroma; begin anew with"),
        (
            {
                "film": {"quality": 20, "frame_rate": 12.0, "smoothing": 0.5},
                "options": {"top_k": 5, "vividness": 1.0},
            },
            "with another --top-k, with another --quality, --frame-rate; finish it as",
        ),
        (
            {"input": ["/a.mkv", "2"], "index": None},
            "before the film changed, with another --index; begin anew with",
        ),
    ],
)
def test_what_differs_is_told_in_words(output: Path, change: dict[str, object], told: str) -> None:
    job = {
        "input": ["/a.mkv", "1"],
        "references": ["1"],
        "index": "/index",
        "options": {"top_k": 3, "vividness": 1.0},
        "film": {"quality": 16, "frame_rate": 25.0, "smoothing": 0.5},
        "weights": ["1", "2"],
        "encoder": {"libavcodec": [6]},
        "version": "1",
    }
    with pytest.raises(KeyboardInterrupt), working(output, job, False) as folder:
        (folder / PLAN).write_text("{}")
        raise KeyboardInterrupt
    changed = {**job, **change}
    with pytest.raises(ValueError, match=f"was begun {told}"), working(output, changed, False):
        pytest.fail("it was taken up")
    with working(output, changed, True) as folder:
        assert not (folder / PLAN).exists()


@pytest.mark.parametrize("text", ["", "[]", '{"input": '])
def test_work_that_nobody_owns_is_dropped(output: Path, begun: Path, text: str) -> None:
    (begun / JOB).write_text(text)
    with working(output, OWN, False) as folder:
        assert not carry_path(folder, 0).exists()


def test_two_runs_do_not_share_a_result(output: Path) -> None:
    with working(output, OWN, False) as folder:
        with (
            pytest.raises(ValueError, match=r"out\.mp4: another run is writing it"),
            working(output, OWN, True),
        ):
            pytest.fail("both are at it")
        assert folder.is_dir()


def test_what_a_run_has_moved(tmp_path: Path) -> None:
    """Known only while all that tells of it is there."""
    output = tmp_path / "out"
    folder = work_folder(output)
    assert not has_moved(output, "1.png")
    (folder / PICTURES).mkdir(parents=True)
    (folder / JOB).write_text("{}")
    assert not has_moved(output, "1.png")  # it was not moving yet
    (folder / MOVING).touch()
    (folder / PICTURES / "2.png").write_bytes(b"still there")
    assert has_moved(output, "1.png") and not has_moved(output, "2.png")
    (folder / JOB).unlink()
    assert not has_moved(output, "1.png")


def test_a_job_is_described_by_all_that_its_colors_depend_on(
    colorizer: ColorizationPipeline, tiny: ColorizeOptions, tmp_path: Path
) -> None:
    source, reference = tmp_path / "in.mkv", tmp_path / "reference.png"
    source.write_bytes(b"a film")
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(reference)

    def described(
        options: ColorizeOptions = tiny, film_options: FilmOptions = FilmOptions()
    ) -> dict[str, object]:
        return describe_job(source, [reference], colorizer, options, film_options)

    first = described()
    assert described() == first == json.loads(json.dumps(first))
    Image.fromarray(np.ones((8, 8, 3), np.uint8)).save(reference)
    second = described()
    changes: list[tuple[str, Callable[[], dict[str, object]]]] = [
        ("options", lambda: described(replace(tiny, saturation=1.2))),
        ("film", lambda: described(film_options=FilmOptions(smoothing=0.1))),
    ]
    assert _differing(first, second) == ["references"]
    for name, change in changes:
        assert _differing(change(), second) == [name]
    os.utime(source, (1, 1))
    assert _differing(described(), second) == ["input"]


def test_names_of_pictures_belong_to_the_job(
    colorizer: ColorizationPipeline, tiny: ColorizeOptions, tmp_path: Path
) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "1.png")
    first = describe_job(tmp_path, [], colorizer, tiny, FilmOptions())
    (tmp_path / "notes.txt").write_text("no picture")
    assert describe_job(tmp_path, [], colorizer, tiny, FilmOptions()) == first
    (tmp_path / "1.png").rename(tmp_path / "2.png")
    assert _differing(describe_job(tmp_path, [], colorizer, tiny, FilmOptions()), first) == [
        "input"
    ]


def _differing(one: dict[str, object], other: dict[str, object]) -> list[str]:
    assert one.keys() == other.keys()
    return [key for key in one if one[key] != other[key]]
