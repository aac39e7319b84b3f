import json
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
import typer

from colorization.batch.folder_run import KEPT, FolderReport
from colorization.batch.jobs import Extras, Job
from colorization.batch.outcome import Outcome
from colorization.batch.request import Request
from colorization.cli.telling.colorized import Task, print_results
from colorization.messages import without_alike
from colorization.options import ColorizeOptions
from retrieval.photos.passed_over import PassedOver
from retrieval.search.match_words import NOTHING_ALIKE

OUT = Path("out")
JOBS = [Job(Path(f"{name}.png"), OUT / f"{name}.png") for name in "abc"]


def task(single: bool = False, request: Request = Request()) -> Task:
    return Task(JOBS, PassedOver(), single, OUT, request, ColorizeOptions(), False, None)


def test_a_folder_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    a, b, c = JOBS
    results = FolderReport(
        [Outcome(a, notes=["an oddity"], results=[a.output_path]), Outcome(b, error="b.png: bad")],
        [Outcome(c, passed="it has colors")],
    )
    print_results(task(), results, False)
    out, err = capsys.readouterr()
    passed = "1 passed over: they have colors (--recolor colorizes them)"
    assert out == f"out: 1 colorized, 1 failed, {passed}\n"
    assert err == "note: a.png: an oddity\nfailed b.png: bad\n"


def test_photos_in_color_are_named_the_first_time(capsys: pytest.CaptureFixture[str]) -> None:
    jobs = [Job(Path(f"{i}.png"), OUT / f"{i}.png") for i in range(7)]
    outcomes = [Outcome(job, passed="it has colors") for job in jobs]
    print_results(task(), FolderReport(outcomes, []), False)
    line = "passed over 0.png, 1.png, 2.png, 3.png, 4.png, ...: in color already"
    assert capsys.readouterr().err == f"{line}; manifest.jsonl names all\n"


def test_results_that_may_be_of_another_hand_are_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    a, b, c = JOBS
    kept = [Outcome(a, notes=[KEPT]), Outcome(b, notes=[KEPT]), Outcome(c)]
    print_results(task(), FolderReport([], kept), False)
    out, err = capsys.readouterr()
    assert "3 existed already and were kept" in out
    line = "note: 2 of the results were changed since, or no run is known to have made them"
    assert err == f"{line} (a.png, b.png); they are kept, --overwrite replaces them\n"


def test_json_has_all_in_the_order_of_the_inputs(capsys: pytest.CaptureFixture[str]) -> None:
    a, b, c = JOBS
    print_results(task(), FolderReport([Outcome(c), Outcome(a)], [Outcome(b)]), True)
    told = json.loads(capsys.readouterr().out)
    assert [one["input"] for one in told] == ["a.png", "b.png", "c.png"]


@pytest.mark.parametrize("method", ["network", "training-free"])
def test_photos_that_nothing_is_like_are_told_together(
    method: Literal["network", "training-free"], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = replace(task(), options=ColorizeOptions(method=method))
    outcomes = [Outcome(job, notes=[f"{NOTHING_ALIKE} (0.41)"]) for job in JOBS]
    outcomes.append(Outcome(JOBS[0], passed="it has colors already"))
    print_results(asked, FolderReport(outcomes, []), False)
    line = "note: nothing in your library looks like 3 of these 3 photos."
    assert capsys.readouterr().err.startswith(f"{line} {without_alike(method)}\n")


def test_the_error_of_a_single_photo_ends_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        print_results(task(True), FolderReport([Outcome(JOBS[0], error="a.png: bad")], []), False)
    assert capsys.readouterr() == ("", "error: a.png: bad\n")


def test_the_results_of_a_single_photo_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    made = [OUT / "a-1.png", OUT / "a-2.png"]
    one = Outcome(JOBS[0], seconds=1.0, results=made, variants=["as it is", "bold"])
    print_results(task(True, Request(extras=Extras(2))), FolderReport([one], []), False)
    wanted = f"{made[0]} (as it is), {made[1]} (bold) in 1.00 s\n"
    assert capsys.readouterr().out == wanted
