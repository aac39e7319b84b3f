import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorization.batch import Outcome, describe_recommendation, run_jobs
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from colorization.planning import Job, plan_jobs
from colorization.sheet import CELL
from colorization.wishes import Wishes
from retrieval.index import Recommendation
from retrieval.pictures import PictureError

Listing = Callable[[Path], dict[str, bytes]]

# --- plan_jobs


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., list[Path]]:
    """``files("a.png", "sub/b.jpg")`` makes files of any content below tmp_path: plans open none of them."""

    def make(*names: str) -> list[Path]:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(name.encode())
        return [tmp_path / name for name in names]

    return make


def planned(jobs: list[Job], output: Path) -> dict[str, str]:
    return {job.input_path.name: str(job.output_path.relative_to(output)) for job in jobs}


def test_one_file_goes_to_one_file(tmp_path: Path, files: Callable[..., list[Path]]) -> None:
    inputs = files("a.gif")
    assert plan_jobs(inputs, tmp_path / "new" / "x.tif", False) == [Job(inputs[0], tmp_path / "new" / "x.tif")]


def test_one_file_goes_into_a_folder_that_exists(tmp_path: Path, files: Callable[..., list[Path]]) -> None:
    (tmp_path / "out").mkdir()
    jobs = plan_jobs(files("a.jpg"), tmp_path / "out", False)
    assert planned(jobs, tmp_path / "out") == {"a.jpg": "a.jpg"}


def test_folders_keep_their_structure(tmp_path: Path, files: Callable[..., list[Path]]) -> None:
    files("in/b.JPG", "in/1932/c.bmp", "in/1932/deep/d.tif", "in/notes.txt", "in/.hidden.png", "in/.cache/e.png")
    extra = files("f.pgm")
    jobs = plan_jobs([tmp_path / "in", *extra], tmp_path / "out", False)
    wanted = {"c.bmp": "1932/c.png", "d.tif": "1932/deep/d.tif", "b.JPG": "b.JPG", "f.pgm": "f.png"}
    assert planned(jobs, tmp_path / "out") == wanted
    assert not (tmp_path / "out").exists()  # planning makes nothing


def test_a_folder_of_one_picture_still_goes_to_a_folder(tmp_path: Path, files: Callable[..., list[Path]]) -> None:
    files("in/a.png")
    jobs = plan_jobs([tmp_path / "in"], tmp_path / "out", False)
    assert planned(jobs, tmp_path / "out") == {"a.png": "a.png"}


def test_a_single_result_that_exists_is_an_error(tmp_path: Path, files: Callable[..., list[Path]]) -> None:
    inputs, old = files("a.png"), files("out.png")
    with pytest.raises(ValueError, match="exists already; replace it with --overwrite") as error:
        plan_jobs(inputs, old[0], False)
    assert str(old[0]) in str(error.value)
    assert len(plan_jobs(inputs, old[0], True)) == 1


def test_a_missing_input_is_named(tmp_path: Path, files: Callable[..., list[Path]]) -> None:
    for inputs in ([tmp_path / "gone.png"], [*files("a.png"), tmp_path / "gone.png"]):
        with pytest.raises(FileNotFoundError, match=r"gone\.png: no such file"):
            plan_jobs(inputs, tmp_path / "out", False)


def test_nothing_to_do_is_an_error(tmp_path: Path, files: Callable[..., list[Path]]) -> None:
    files("in/notes.txt")
    with pytest.raises(ValueError, match="no pictures in") as error:
        plan_jobs([tmp_path / "in"], tmp_path / "out", False)
    assert str(tmp_path / "in") in str(error.value)


@pytest.mark.parametrize(
    "names",
    [("in/a.gif", "in/a.png"), ("in/a.bmp", "in/a.pgm"), ("in/sub/a.jpg", "other/sub/a.jpg"), ("a.png", "in/a.png")],
    ids=str,
)
def test_two_inputs_with_one_result_are_refused(tmp_path: Path, files: Callable[..., list[Path]], names: tuple[str, str]) -> None:
    first, second = files(*names)
    inputs = list(dict.fromkeys(tmp_path / n.split("/")[0] for n in names))
    with pytest.raises(ValueError, match="would both be written to") as error:
        plan_jobs(inputs, tmp_path / "out", True)
    assert str(first) in str(error.value) and str(second) in str(error.value)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_result_never_replaces_an_input(tmp_path: Path, files: Callable[..., list[Path]], overwrite: bool) -> None:
    inputs = files("in/a.png", "in/b.png")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    for chosen, output in [
        (inputs[:1], inputs[0]),
        (inputs[:1], tmp_path / "in" / "sub" / ".." / "a.png"),
        (inputs[:1], tmp_path / "link" / "a.png"),
        (inputs, tmp_path / "in"),
        ([tmp_path / "in"], tmp_path / "in"),
        ([tmp_path / "in"], tmp_path / "link"),
        ([tmp_path / "link" / "b.png"], tmp_path / "in"),
    ]:
        with pytest.raises(ValueError, match="would replace a picture that was given"):
            plan_jobs(chosen, output, overwrite)


def test_a_result_never_replaces_a_reference(tmp_path: Path, files: Callable[..., list[Path]]) -> None:
    inputs, references = files("a.png"), files("ref/a.png")
    for output in (references[0], tmp_path / "ref"):
        with pytest.raises(ValueError, match="would replace a picture that was given"):
            plan_jobs(inputs, output, True, references)


def test_results_of_an_earlier_run_are_no_inputs(tmp_path: Path, files: Callable[..., list[Path]]) -> None:
    """With the output folder inside the input folder, a second run must not colorize the results of the first."""
    files("in/a.png", "in/colored/a.png")
    jobs = plan_jobs([tmp_path / "in"], tmp_path / "in" / "colored", False)
    assert [job.input_path for job in jobs] == [tmp_path / "in" / "a.png"]


def test_several_inputs_need_a_folder(tmp_path: Path, files: Callable[..., list[Path]]) -> None:
    inputs, out = files("a.png", "b.png"), files("out.png")
    with pytest.raises(ValueError, match="is a file; several inputs need a folder"):
        plan_jobs(inputs, out[0], True)


def test_outputs_that_cannot_be_written_are_refused(
    tmp_path: Path, files: Callable[..., list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs, file = files("a.png"), files("file")
    with pytest.raises(ValueError, match="cannot write"):
        plan_jobs(inputs, tmp_path / "x.bmp", False)
    with pytest.raises(ValueError, match="cannot be written"):
        plan_jobs(inputs, file[0] / "sub" / "x.png", False)
    monkeypatch.setattr(os, "access", lambda *args, **kwargs: False)
    with pytest.raises(ValueError, match="cannot be written"):
        plan_jobs(inputs, tmp_path / "new" / "x.png", False)


# --- run_jobs


@pytest.fixture
def jobs(tmp_path: Path, gray_path: Path) -> list[Job]:
    """A good job between bad ones: missing, empty, a good one, a folder."""
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    inputs = [tmp_path / "missing.png", tmp_path / "empty.png", gray_path, tmp_path / "folder.png"]
    return [Job(path, tmp_path / "out" / path.name) for path in inputs]


def collect(
    jobs: list[Job], pipeline: ColorizationPipeline, wishes: Wishes, options: ColorizeOptions, num_cells: int = 0
) -> dict[str, Outcome]:
    outcomes: list[Outcome] = []
    run_jobs(jobs, pipeline, wishes, options, outcomes.append, num_cells)
    assert [o.job for o in outcomes] == jobs  # one each, in order
    return {o.job.input_path.name: o for o in outcomes}


def test_bad_files_are_told_and_the_others_done(
    jobs: list[Job], pipeline: ColorizationPipeline, reference_path: Path, fast: ColorizeOptions, listing: Listing
) -> None:
    outcomes = collect(jobs, pipeline, Wishes([reference_path]), fast)
    for name in ("missing.png", "empty.png", "folder.png"):
        assert outcomes[name].error.startswith(f"{outcomes[name].job.input_path}: ")
        assert len(outcomes[name].error.splitlines()) == 1
        assert outcomes[name].as_dict()["output"] is None
    good = outcomes["gray.png"]
    assert good.error == "" and good.seconds > 0
    assert good.cells == []  # not asked for
    assert good.references == [{"path": str(reference_path), "influence": 1.0}]
    assert list(listing(good.job.output_path.parent)) == ["gray.png"]
    assert Image.open(good.job.output_path).size == Image.open(good.job.input_path).size


def test_outcomes_can_be_written_as_json(
    jobs: list[Job], pipeline: ColorizationPipeline, reference_path: Path, fast: ColorizeOptions
) -> None:
    for outcome in collect(jobs, pipeline, Wishes([reference_path, reference_path]), fast).values():
        found = json.loads(json.dumps(outcome.as_dict()))
        assert set(found) == {"input", "output", "references", "seconds", "error", "notes"}
        assert (found["error"] is None) == (found["output"] is not None)
        assert len(found["references"]) == (0 if found["error"] else 2)


@pytest.mark.parametrize("error", [MemoryError("cannot allocate"), RuntimeError("not enough memory")], ids=repr)
def test_a_picture_too_large_for_the_memory_does_not_end_the_batch(
    tmp_path: Path,
    pipeline: ColorizationPipeline,
    reference_path: Path,
    gray_path: Path,
    fast: ColorizeOptions,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    real = ColorizationPipeline.prepare
    calls = []

    def once(self: ColorizationPipeline, *args: object, **kwargs: object) -> object:
        calls.append(args)
        if len(calls) == 1:
            raise error
        return real(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(ColorizationPipeline, "prepare", once)
    outcomes: list[Outcome] = []
    run_jobs([Job(gray_path, tmp_path / f"{n}.png") for n in "ab"], pipeline, Wishes([reference_path]), fast, outcomes.append)
    assert [bool(o.error) for o in outcomes] == [True, False]
    assert str(gray_path) in outcomes[0].error
    assert not (tmp_path / "a.png").exists() and (tmp_path / "b.png").exists()


def test_a_bad_reference_ends_it_before_anything_is_written(
    tmp_path: Path, gray_path: Path, pipeline: ColorizationPipeline, reference_path: Path, fast: ColorizeOptions
) -> None:
    for bad in (tmp_path / "missing.png", gray_path):
        with pytest.raises(PictureError, match=str(bad)):
            wishes = Wishes([reference_path, bad])
            run_jobs([Job(gray_path, tmp_path / "out" / "x.png")], pipeline, wishes, fast, lambda outcome: None)
    assert not (tmp_path / "out").exists()


def test_a_write_that_fails_is_told_with_the_input(
    tmp_path: Path, gray_path: Path, pipeline: ColorizationPipeline, reference_path: Path, fast: ColorizeOptions
) -> None:
    (tmp_path / "out").write_text("a file where a folder should be")
    outcome = collect([Job(gray_path, tmp_path / "out" / "x.png")], pipeline, Wishes([reference_path]), fast)["gray.png"]
    assert outcome.error.startswith(f"{gray_path}: ")


@pytest.mark.parametrize(("suffix", "told"), [(".png", False), (".jpg", True), (".webp", True), (".tif", False), (".TIFF", False)])
def test_lost_bits_are_noted(
    tmp_path: Path,
    pipeline: ColorizationPipeline,
    gray_pictures: dict[str, np.ndarray],
    reference_path: Path,
    fast: ColorizeOptions,
    suffix: str,
    told: bool,
) -> None:
    Image.fromarray(gray_pictures["coffee"].astype(np.uint16) * 257).save(tmp_path / "deep.png")
    outcome = collect([Job(tmp_path / "deep.png", tmp_path / f"x{suffix}")], pipeline, Wishes([reference_path]), fast)["deep.png"]
    assert outcome.error == ""
    assert any("16 bits became 8" in note for note in outcome.notes) is told


@pytest.mark.parametrize(("suffix", "told"), [(".png", False), (".jpg", True), (".JPEG", True), (".webp", False), (".tif", False)])
def test_lost_transparency_is_noted(
    tmp_path: Path,
    pipeline: ColorizationPipeline,
    gray_pictures: dict[str, np.ndarray],
    reference_path: Path,
    fast: ColorizeOptions,
    suffix: str,
    told: bool,
) -> None:
    gray = gray_pictures["coffee"]
    Image.fromarray(np.dstack((gray, 255 - gray)), "LA").save(tmp_path / "la.png")
    outcome = collect([Job(tmp_path / "la.png", tmp_path / f"x{suffix}")], pipeline, Wishes([reference_path]), fast)["la.png"]
    assert outcome.error == ""
    assert any("transparency" in note for note in outcome.notes) is told
    assert (Image.open(tmp_path / f"x{suffix}").mode == "RGBA") is not told


def test_cells_for_a_sheet(
    tmp_path: Path, gray_path: Path, pipeline: ColorizationPipeline, reference_path: Path, fast: ColorizeOptions
) -> None:
    (outcome,) = collect([Job(gray_path, tmp_path / "x.png")], pipeline, Wishes([reference_path]), fast, num_cells=1).values()
    assert [c.caption for c in outcome.cells] == ["target", "reference.png", "result"]
    assert all(max(c.rgb.shape) == CELL and c.rgb.dtype == np.uint8 for c in outcome.cells)
    assert np.ptp(outcome.cells[0].rgb, axis=2).max() == 0 < np.ptp(outcome.cells[2].rgb, axis=2).max()


def test_recommended_references_are_described(
    tmp_path: Path, gray_path: Path, indexed: ColorizationPipeline, fast: ColorizeOptions
) -> None:
    (outcome,) = collect([Job(gray_path, tmp_path / "x.png")], indexed, Wishes(), fast, num_cells=1).values()
    assert [Path(str(r["path"])).name for r in outcome.references] == ["motorcycle_left.png", "motorcycle_right.png"]
    for reference in outcome.references:
        assert set(reference) == {"path", "score", "global_score", "feature_score", "luminance_score", "influence"}
    assert len(outcome.cells) == 4
    assert outcome.cells[1].caption == f"motorcycle_left.png {outcome.references[0]['score']:.2f}"


def test_a_recommendation_as_a_dictionary() -> None:
    one = Recommendation(Path("a") / "b.png", 1.234567, 0.5, -0.25, 0.11111)
    assert describe_recommendation(one) == {
        "path": str(Path("a") / "b.png"),
        "score": 1.2346,
        "global_score": 0.5,
        "feature_score": -0.25,
        "luminance_score": 0.1111,
    }
