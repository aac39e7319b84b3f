import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from colorization.batch.jobs import Extras, Job
from colorization.batch.manifest import RunManifest, alone
from colorization.batch.manifest_lines import MANIFEST, stamp_of
from colorization.photo_files.staged_files import MACHINE, PREFIX

FACTS: dict[str, object] = {"references": [], "seconds": 1.5, "error": None, "notes": []}
Make = Callable[[str], Job]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out" / "sub").mkdir(parents=True)
    return tmp_path / "out"


@pytest.fixture
def make(tmp_path: Path, out: Path) -> Make:
    """A job whose input exists."""

    def run(name: str) -> Job:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
        return Job(path, out / name)

    return run


def finish(manifest: RunManifest, job: Job, content: bytes = b"result", **facts: object) -> None:
    """As the batch does: the line first, then the result."""
    temporary = job.output_path.with_name(f"{PREFIX}0")
    temporary.write_bytes(content)
    manifest.add(job, stamp_of(job.input_path), FACTS | facts, {job.output_path: temporary.stat()})
    temporary.replace(job.output_path)


def kinds(out: Path, job: Job, settings: str = "s", overwrite: bool = False) -> str:
    todo = RunManifest(out, settings).sort_out([job], Extras(), overwrite)
    (kind,) = [name for name, jobs in vars(todo).items() if jobs]
    return kind


def test_a_line_says_what_was_done(out: Path, make: Make) -> None:
    job = make("sub/a.png")
    finish(RunManifest(out, "s"), job, references=[{"path": "r.jpg", "score": 0.5}])
    (line,) = [json.loads(text) for text in (out / MANIFEST).read_text().splitlines()]
    assert line["file"] == str(job.input_path) and line["output"] == "sub/a.png"
    assert (line["references"], line["seconds"], line["error"]) == (
        [{"path": "r.jpg", "score": 0.5}],
        1.5,
        None,
    )
    assert line["results"] == {"sub/a.png": [6, job.output_path.stat().st_mtime_ns]}


def test_what_is_new_finished_or_foreign(out: Path, make: Make) -> None:
    job = make("a.png")
    assert kinds(out, job) == "jobs"
    job.output_path.write_bytes(b"somebody's")
    assert kinds(out, job) == "foreign"
    assert kinds(out, job, overwrite=True) == "jobs"
    finish(RunManifest(out, "s"), job)
    assert kinds(out, job) == "finished"
    assert kinds(out, job, overwrite=True) == "jobs"


def test_a_folder_in_the_way_is_told(out: Path, make: Make) -> None:
    job = make("a.png")
    job.output_path.mkdir(parents=True)
    for overwrite in (False, True):
        assert kinds(out, job, overwrite=overwrite) == "failed"


@pytest.mark.parametrize("change", ["settings", "content", "time", "result gone"])
def test_what_has_changed_is_done_anew(out: Path, make: Make, change: str) -> None:
    job = make("a.png")
    finish(RunManifest(out, "s"), job)
    if change == "content":
        job.input_path.write_bytes(b"another scan")
    elif change == "time":
        os.utime(job.input_path, ns=(1, 1))
    elif change == "result gone":
        job.output_path.unlink()
    assert kinds(out, job, "t" if change == "settings" else "s") == "jobs"


def test_the_result_of_another_photo_of_the_same_name_stays(
    tmp_path: Path, out: Path, make: Make
) -> None:
    job = make("a.png")
    finish(RunManifest(out, "s"), job)
    other = Job(tmp_path / "second box" / "a.png", job.output_path)
    other.input_path.parent.mkdir()
    other.input_path.write_bytes(job.input_path.read_bytes())
    # only the name tells them apart
    os.utime(other.input_path, ns=(job.input_path.stat().st_mtime_ns,) * 2)
    todo = RunManifest(out, "s").sort_out([other], Extras(), False)
    (refused, error), *more = todo.failed
    assert (refused, more, todo.jobs, todo.finished) == (other, [], [], [])
    assert (
        error == f"{other.input_path}: {job.output_path} is the result of {job.input_path};"
        " choose another --output"
    )
    assert kinds(out, other, overwrite=True) == "jobs"
    # a new plan for both
    assert RunManifest(out, "s").sort_out([job, other], Extras(), False).failed == []
    job.input_path.unlink()  # the box has moved
    assert kinds(out, other) == "finished"
    os.utime(other.input_path, ns=(5, 5))  # it was copied to a disk that keeps no exact times
    assert kinds(out, other) == "jobs"
    other.output_path.write_bytes(b"retouched since")
    assert kinds(out, other) == "foreign"
    other.input_path.write_bytes(b"a photo of another size")
    assert kinds(out, other) == "failed"
    other.input_path.write_bytes(b"another photo")  # the first one's drive is unplugged
    assert kinds(out, other) == "failed"
    job.output_path.unlink()
    assert kinds(out, other) == "jobs"  # nothing is in its way


def test_the_same_photo_by_another_name_is_finished(
    tmp_path: Path, out: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make("a.png")
    finish(RunManifest(out, "s"), job)
    (tmp_path / "link").symlink_to(tmp_path / "in")
    monkeypatch.chdir(out)
    for name in (Path("../in/a.png"), tmp_path / "link" / "a.png"):
        assert kinds(out, Job(name, job.output_path)) == "finished"
        assert kinds(out, Job(name, job.output_path), settings="other") == "jobs"


def test_a_result_that_was_changed_by_hand_stays(out: Path, make: Make) -> None:
    job = make("a.png")
    finish(RunManifest(out, "s"), job)
    job.output_path.write_bytes(b"retouched")
    assert kinds(out, job) == kinds(out, job, "other settings") == "foreign"


def test_a_run_killed_before_the_result_got_its_name(out: Path, make: Make) -> None:
    """The line is there, the result is not, or is that of an earlier run: it is not finished."""
    job = make("a.png")
    manifest = RunManifest(out, "s")
    (out / "x").write_bytes(b"new")
    manifest.add(job, stamp_of(job.input_path), FACTS, {job.output_path: (out / "x").stat()})
    assert kinds(out, job) == "jobs"
    finish(RunManifest(out, "s"), job)
    manifest.add(job, stamp_of(job.input_path), FACTS, {job.output_path: (out / "x").stat()})
    assert kinds(out, job) == "jobs"


def test_a_run_killed_within_a_line(out: Path, make: Make) -> None:
    jobs = [make(name) for name in ("a.png", "b.png", "c.png")]
    for job in jobs[:2]:
        finish(RunManifest(out, "s"), job)
    whole = (out / MANIFEST).read_bytes()
    (out / MANIFEST).write_bytes(whole[:-20])
    manifest = RunManifest(out, "s")
    todo = manifest.sort_out(jobs, Extras(), False)
    # nothing tells whose b is
    assert todo.finished == jobs[:1] and todo.jobs == jobs[2:] and todo.foreign == jobs[1:2]
    finish(manifest, jobs[2])
    assert kinds(out, jobs[2]) == "finished"


@pytest.mark.parametrize("key", ["references", "notes", "seconds", "results", "error"])
def test_a_line_that_somebody_shortened_counts_as_none(out: Path, make: Make, key: str) -> None:
    job = make("a.png")
    finish(RunManifest(out, "s"), job)
    line = json.loads((out / MANIFEST).read_text())
    del line[key]
    (out / MANIFEST).write_text(json.dumps(line) + "\n")
    assert kinds(out, job) == "foreign"


@pytest.mark.parametrize(("lasting", "kind"), [(True, "failed"), (False, "jobs")])
def test_failures(out: Path, make: Make, lasting: bool, kind: str) -> None:
    job = make("a.png")
    RunManifest(out, "s").add(
        job, stamp_of(job.input_path), FACTS | {"error": "a.png: not a picture"}, {}, lasting
    )
    assert kinds(out, job) == kind
    if lasting:
        assert RunManifest(out, "s").sort_out([job], Extras(), False).failed == [
            (job, "a.png: not a picture")
        ]
    job.input_path.write_bytes(b"repaired")
    assert kinds(out, job) == "jobs"


def test_a_box_that_was_moved_as_a_whole_stays_finished(
    tmp_path: Path, out: Path, make: Make
) -> None:
    job = make("a.png")
    finish(RunManifest(out, "s"), job)
    moved = tmp_path / "elsewhere"
    tmp_path.joinpath("in").rename(tmp_path / "scans")
    out.rename(moved)
    assert kinds(moved, Job(tmp_path / "scans" / "a.png", moved / "a.png")) == "finished"


def test_lines_of_others_are_passed_over(out: Path, make: Make) -> None:
    (out / MANIFEST).write_text('{"a": 1}\n[]\nnot JSON\n')
    job = make("a.png")
    finish(RunManifest(out, "s"), job)
    assert kinds(out, job) == "finished"


@pytest.mark.parametrize(
    "change",
    [{"results": None}, {"results": {"../victim.txt": [6, 1]}},
     {"results": {"/victim.txt": [6, 1]}}, {"results": {"a.png": 3}},
     {"output": []}, {"file": None}, {"error": 7}],
)  # fmt: skip
def test_lines_that_are_not_ours_do_nothing(
    out: Path, make: Make, change: dict[str, object]
) -> None:
    job = make("a.png")
    finish(RunManifest(out, "s"), job)
    line = json.loads((out / MANIFEST).read_text()) | change
    (out / MANIFEST).write_text("[" * 100_000 + "\n" + json.dumps(line) + "\n")
    manifest = RunManifest(out, "s")
    assert manifest.outdated(job, []) == []
    assert kinds(out, job) == "foreign"


def test_an_original_that_nobody_may_look_for(
    out: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make("a.png")
    finish(RunManifest(out, "s"), job)
    line = json.loads((out / MANIFEST).read_text())
    (out / MANIFEST).write_text(json.dumps(line | {"file": "/closed/a.png"}) + "\n")
    stat = Path.stat

    def refused(path: Path, **more: object) -> os.stat_result:
        if str(path).startswith("/closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "stat", refused)
    assert kinds(out, job) == "finished"


def test_one_run_at_a_time(out: Path, make: Make) -> None:
    job = make("sub/a.png")
    (out / "sub" / f"{PREFIX}{MACHINE}-999999999-left.png").write_bytes(b"")
    with alone(out, [job]):
        assert list((out / "sub").iterdir()) == []
        with pytest.raises(ValueError, match="another run is writing here"), alone(out, [job]):
            pass
    with alone(out, [job]):
        pass
