import os
from collections.abc import Callable
from pathlib import Path

import pytest

from colorization.batch.jobs import Extras, Job, beside, explanation_paths, plan_jobs
from retrieval.photos.passed_over import PassedOver


def planned(jobs: list[Job], output: Path) -> dict[str, str]:
    return {job.input_path.name: str(job.output_path.relative_to(output)) for job in jobs}


def test_names_beside_a_result() -> None:
    assert beside(Path("a/photo.old.jpg"), "-1", ".png") == Path("a/photo.old-1.png")
    assert explanation_paths(Path("x.tif")) == (Path("x-explained.png"), Path("x-explained.json"))


@pytest.mark.parametrize(
    ("extras", "names"),
    [
        (Extras(), ["x.jpg"]),
        (Extras(variants=2), ["x-1.jpg", "x-2.jpg", "x-variants.png"]),
        (Extras(explain=True), ["x.jpg", "x-explained.png", "x-explained.json"]),
        (Extras(1, True), ["x-1.jpg", "x-variants.png", "x-1-explained.png", "x-1-explained.json"]),
    ],
)
def test_all_that_a_job_may_write(extras: Extras, names: list[str]) -> None:
    assert [path.name for path in extras.files(Path("x.jpg"))] == names


@pytest.mark.parametrize(
    ("names", "extras", "wanted"),
    [
        (("a.gif", "a.png"), Extras(), {"a.gif": "a.gif.png", "a.png": "a.png"}),
        (("a.bmp", "a.pgm"), Extras(), {"a.bmp": "a.png", "a.pgm": "a.pgm.png"}),
        (("a.jpg", "a.png"), Extras(), {"a.jpg": "a.jpg", "a.png": "a.png"}),
        (("a.jpg", "a.png"), Extras(explain=True), {"a.jpg": "a.jpg", "a.png": "a.png.png"}),
        (("a.jpg", "a.png"), Extras(variants=2), {"a.jpg": "a.jpg", "a.png": "a.png.png"}),
        (("a.png", "a-1.png"), Extras(variants=2), {"a.png": "a.png", "a-1.png": "a-1.png"}),
        (
            ("a.png", "a-explained.png"),
            Extras(explain=True),
            {"a-explained.png": "a-explained.png", "a.png": "a.png.png"},
        ),
    ],
    ids=str,
)
def test_photos_that_would_write_the_same_file_keep_their_suffix(
    tmp_path: Path,
    files: Callable[..., list[Path]],
    names: tuple[str, ...],
    extras: Extras,
    wanted: dict[str, str],
) -> None:
    files(*(f"in/{name}" for name in names))
    jobs = plan_jobs([tmp_path / "in"], tmp_path / "out", False, extras=extras)
    assert planned(jobs, tmp_path / "out") == wanted
    written = [path for job in jobs for path in extras.files(job.output_path)]
    assert len(written) == len(set(written))
    assert [job.input_path.name for job in jobs] == sorted(names)


def test_one_file_goes_to_one_file(tmp_path: Path, files: Callable[..., list[Path]]) -> None:
    inputs = files("a.gif")
    assert plan_jobs(inputs, tmp_path / "new" / "x.tif", False) == [
        Job(inputs[0], tmp_path / "new" / "x.tif")
    ]


def test_one_file_goes_into_a_folder_that_exists(
    tmp_path: Path, files: Callable[..., list[Path]]
) -> None:
    (tmp_path / "out").mkdir()
    jobs = plan_jobs(files("a.jpg"), tmp_path / "out", False)
    assert planned(jobs, tmp_path / "out") == {"a.jpg": "a.jpg"}


def test_folders_keep_their_structure(tmp_path: Path, files: Callable[..., list[Path]]) -> None:
    files(
        "in/b.JPG",
        "in/1932/c.bmp",
        "in/1932/deep/d.tif",
        "in/notes.txt",
        "in/.hidden.png",
        "in/.cache/e.png",
    )
    extra = files("f.pgm")
    jobs = plan_jobs([tmp_path / "in", *extra], tmp_path / "out", False)
    wanted = {"c.bmp": "1932/c.png", "d.tif": "1932/deep/d.tif", "b.JPG": "b.JPG", "f.pgm": "f.png"}
    assert planned(jobs, tmp_path / "out") == wanted
    assert not (tmp_path / "out").exists()  # planning makes nothing


def test_a_folder_of_one_picture_still_goes_to_a_folder(
    tmp_path: Path, files: Callable[..., list[Path]]
) -> None:
    files("in/a.png")
    jobs = plan_jobs([tmp_path / "in"], tmp_path / "out", False)
    assert planned(jobs, tmp_path / "out") == {"a.png": "a.png"}


def test_folders_that_cannot_be_opened_are_told(
    tmp_path: Path, files: Callable[..., list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    files("in/a.png", "in/private/b.png")
    scandir, passed = os.scandir, PassedOver()

    def refused(path: str) -> object:
        if path.endswith("private"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    assert [
        job.input_path.name
        for job in plan_jobs([tmp_path / "in"], tmp_path / "out", False, passed=passed)
    ] == ["a.png"]
    assert [(name, reason.strerror) for name, reason in passed.closed.items()] == [
        (str(tmp_path / "in" / "private"), "Permission denied")
    ]


def test_links_that_lead_to_themselves_fail_alone(
    tmp_path: Path, files: Callable[..., list[Path]]
) -> None:
    (photo,) = files("in/a.png")
    (tmp_path / "in" / "loop.jpg").symlink_to(tmp_path / "in" / "loop.jpg")
    assert photo in [job.input_path for job in plan_jobs([photo.parent], tmp_path / "out", False)]


def test_a_photo_that_is_given_twice_is_done_once(
    tmp_path: Path, files: Callable[..., list[Path]]
) -> None:
    photo, _ = files("scans/a.png", "scans/b.png")
    jobs = plan_jobs([photo, photo.parent, photo], tmp_path / "out", True)
    assert planned(jobs, tmp_path / "out") == {"a.png": "a.png", "b.png": "b.png"}
