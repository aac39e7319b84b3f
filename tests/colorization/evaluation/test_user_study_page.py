"""The page of a study in a browser: what it needs, keys, and what it keeps."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_pipeline import NAMES
from study_page import Page

from colorization.evaluation.study_results import read_results, wilson_interval
from colorization.evaluation.user_study import build_study

NODE = shutil.which("node")


def test_the_page_needs_nothing_from_outside(
    real_dir: Path, result_dir: Path, tmp_path: Path
) -> None:
    build_study(real_dir, [result_dir], tmp_path / "study.html")
    page = Page(tmp_path / "study.html")
    assert not re.search(
        r"(https?:)?//(?!\s)[a-z]", re.sub(r"data:image/jpeg;base64,[\w+/=]+", "", page.text)
    )
    assert not [
        tag
        for tag, attributes in page.elements
        if tag in ("link", "iframe", "object") or "src" in attributes
    ]
    policy = next(
        a["content"] for t, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None and policy.startswith("default-src 'none'; img-src data:")
    assert (
        "fetch(" not in page.code
        and "XMLHttpRequest" not in page.code
        and "@import" not in page.text
    )


def test_the_page_is_accessible_and_fits_a_phone(
    real_dir: Path, result_dir: Path, tmp_path: Path
) -> None:
    build_study(real_dir, [result_dir], tmp_path / "study.html")
    page = Page(tmp_path / "study.html")
    by_id = {a["id"]: (t, a) for t, a in page.elements if "id" in a}
    assert dict(page.elements)["html"]["lang"] == "en"
    assert any(
        a.get("name") == "viewport" and "width=device-width" in str(a["content"])
        for _, a in page.elements
    )
    assert all(a.get("alt") for t, a in page.elements if t == "img")
    # reached and pressed by keyboard without any script of ours
    assert by_id["a"][0] == by_id["b"][0] == "button"
    assert by_id["status"][1]["aria-live"] == "polite" and by_id["progress"][1]["aria-label"]
    # blind: no file name is shown
    assert not any(name in page.text.split("<script", 1)[0] for name in NAMES)
    style = page.inside["style"][0]
    narrow = style[style.index("@media (max-width: 40rem)") :]
    assert "grid-template-columns: 1fr;" in narrow and "max-width: 100%" in style
    used = set(re.findall(r'at\("([\w-]+)"\)', page.code))
    assert used <= set(by_id) and {"a", "b", "back", "download"} <= used


BROWSER = (Path(__file__).parents[2] / "helpers" / "study_browser.js").read_text()


@pytest.fixture
def press(real_dir: Path, result_dir: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Press keys, click (``#id``) or click twice (``##id``) in the page of a study.

    Tell what it shows, keeps, downloads.
    """
    if NODE is None:
        pytest.skip("node is not installed")
    build_study(real_dir, [result_dir], tmp_path / "study.html")
    page = Page(tmp_path / "study.html")

    def run(*keys: str, kept: dict[str, object] | None = None) -> dict[str, Any]:
        given = json.dumps({"study": page.study, "code": page.code.replace('"use strict";', "")})
        command = [str(NODE), "-e", BROWSER, "x", json.dumps(keys), json.dumps(kept or {})]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found | {"study": page.study}

    return run


def test_the_page_computes_the_same_interval(press: Callable[..., dict[str, Any]]) -> None:
    found = press()["wilson"]
    for (successes, n), interval in zip(
        [(0, 0), (0, 9), (3, 9), (9, 9), (8, 10)], found, strict=True
    ):
        assert interval == pytest.approx(wilson_interval(successes, n), abs=1e-12)


def test_keys_choose_and_the_page_tells_what_python_tells(
    press: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """All four pairs by different keys.

    The download is read by Python and gives the sentence of the page.
    """
    before = press()
    assert (before["question"], before["status"], before["over"]) == (
        "Which photograph is real?",
        "Pair 1 of 4",
        False,
    )
    assert before["shown"] == [before["study"]["trials"][0][side] for side in "ab"]
    after = press("a", "ArrowRight", "1", "B", "#download")
    assert (after["question"], after["status"], after["over"], after["value"]) == (
        "Thank you",
        "4 of 4 pairs done",
        True,
        4,
    )
    sides = [choice["side"] for choice in after["downloaded"]["choices"]]
    assert sides == ["a", "b", "a", "b"]
    picked = [
        "first" if t["first"] == s else "second"
        for t, s in zip(after["study"]["trials"], sides, strict=True)
    ]
    assert [choice["picked"] for choice in after["downloaded"]["choices"]] == picked
    (tmp_path / "choices.json").write_text(json.dumps(after["downloaded"]))
    found = read_results([tmp_path / "choices.json"])
    assert (found.successes, found.n) == (picked.count("first"), 4)
    assert after["score"] == found.sentence()


def test_a_double_click_answers_one_pair(press: Callable[..., dict[str, Any]]) -> None:
    assert press("#a", "#b")["status"] == "Pair 3 of 4"
    assert press("##a", "##b")["status"] == "Pair 3 of 4"


def test_choices_are_kept_taken_back_and_forgotten(press: Callable[..., dict[str, Any]]) -> None:
    kept = press("a", "b")["kept"]
    again = press("2", kept=kept)
    assert (again["status"], again["value"]) == ("Pair 4 of 4", 3)
    assert press("Backspace", kept=kept)["status"] == "Pair 2 of 4"
    assert press("#restart", kept=kept)["status"] == "Pair 1 of 4"
    assert press("x", "Enter", kept=kept)["status"] == "Pair 3 of 4"
    early = press("#finish", kept=kept)
    assert early["over"] and early["status"] == "2 of 4 pairs done" and "(" in early["score"]
    assert press("#finish", "#back", kept=kept)["status"] == "Pair 3 of 4"
    wrong = dict.fromkeys(kept, '[{"photo": "of another page"}]')
    assert press(kept=wrong)["status"] == "Pair 1 of 4"


def test_a_browser_that_keeps_nothing_says_so(press: Callable[..., dict[str, Any]]) -> None:
    found = press("a", kept={"broken": True})
    assert found["status"] == "Pair 2 of 4" and "does not keep the choices" in found["note"]
