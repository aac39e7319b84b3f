"""Pages that ask people, and what their choices come to. The page's own arithmetic runs where node is installed."""

import base64
import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from click.testing import Result
from PIL import Image
from scipy import stats
from typer.testing import CliRunner

from colorization.cli.common import one_line_errors
from colorization.cli.user_study import user_study as user_study_command
from colorization.demo import luminance_of
from colorization.evaluation.study_results import StudyResult, read_results, wilson_interval
from colorization.evaluation.user_study import SIDE, build_study, match_names

NODE = shutil.which("node")
NAMES = ("astronaut", "chelsea", "coffee", "rocket")


@pytest.fixture
def real_dir(tmp_path: Path, pictures: dict[str, np.ndarray]) -> Path:
    return write(tmp_path / "real", {name: pictures[name] for name in NAMES})


@pytest.fixture
def result_dir(tmp_path: Path, pictures: dict[str, np.ndarray]) -> Path:
    """Sepia versions."""
    return write(tmp_path / "sepia", {name: sepia(pictures[name]) for name in NAMES})


def sepia(rgb: np.ndarray) -> np.ndarray:
    return np.clip(luminance_of(rgb) + np.array([25, 0, -25]), 0, 255).astype(np.uint8)


def write(folder: Path, pictures: dict[str, np.ndarray], suffix: str = ".png") -> Path:
    for name, rgb in pictures.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rgb).save(folder / f"{name}{suffix}")
    return folder


class Page(HTMLParser):
    """Elements of a page, and the text of its scripts and styles."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text = path.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": []}
        self._open = ""
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open = tag

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open in self.inside:
            self.inside[self._open].append(data)

    @property
    def study(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.inside["script"][0])
        return found

    @property
    def code(self) -> str:
        return self.inside["script"][1]


def picture(uri: str) -> np.ndarray:
    head, data = uri.split(",")
    assert head == "data:image/jpeg;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))


def near(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and float(np.abs(a.astype(int) - b.astype(int)).mean()) < 4


def test_wilson_by_hand() -> None:
    """8 of 10: z² = 3.8415; middle (0.8 + 0.19207) / 1.38415 = 0.71674, half 1.95996 / 1.38415 * 0.16041 = 0.22715."""
    low, high = wilson_interval(8, 10)
    assert (low, high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))


@pytest.mark.parametrize(
    ("successes", "n"), [(0, 1), (1, 1), (0, 20), (20, 20), (7, 30), (500, 1000)]
)
def test_wilson_against_scipy(successes: int, n: int) -> None:
    wanted = stats.binomtest(successes, n).proportion_ci(0.95, method="wilson")
    assert wilson_interval(successes, n) == pytest.approx((wanted.low, wanted.high), abs=1e-9)


def test_wilson_without_trials_knows_nothing_and_refuses_nonsense() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)
    for successes, n in ((3, 2), (-1, 2), (0, -1)):
        with pytest.raises(ValueError, match="expected successes within"):
            wilson_interval(successes, n)


def test_wilson_mirrors_and_narrows() -> None:
    low, high = wilson_interval(3, 12)
    assert wilson_interval(9, 12) == pytest.approx((1 - high, 1 - low))
    assert np.ptp(wilson_interval(30, 120)) < high - low
    assert low < 0.25 < high


def test_names_match_without_their_suffix(tmp_path: Path, pictures: dict[str, np.ndarray]) -> None:
    rgb = pictures["coffee"]
    one = write(tmp_path / "one", {"a": rgb, "1932/b": rgb, "only": rgb})
    two = write(tmp_path / "two", {"a": rgb, "1932/b": rgb, "b": rgb}, ".jpg")
    matched, unmatched = match_names([one, two])
    assert list(matched) == ["1932/b", "a"] and unmatched == 2
    assert matched["1932/b"] == [one / "1932" / "b.png", two / "1932" / "b.jpg"]


def test_a_page_asks_which_is_real(
    real_dir: Path, result_dir: Path, tmp_path: Path, pictures: dict[str, np.ndarray]
) -> None:
    assert build_study(real_dir, [result_dir], tmp_path / "new" / "study.html") == (4, 0)
    study = Page(tmp_path / "new" / "study.html").study
    assert (study["kind"], study["names"], study["question"]) == (
        "real",
        ["sepia", "real"],
        "Which photograph is real?",
    )
    assert sorted(trial["photo"] for trial in study["trials"]) == list(NAMES)
    for trial in study["trials"]:
        truth = pictures[trial["photo"]]
        other = "b" if trial["first"] == "a" else "a"
        assert near(picture(trial[trial["first"]]), sepia(truth)) and near(
            picture(trial[other]), truth
        )
        assert "gray" not in trial
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["study.html"]


def test_a_page_compares_two_methods_beside_the_gray_photo(
    real_dir: Path, result_dir: Path, tmp_path: Path, pictures: dict[str, np.ndarray]
) -> None:
    blue = write(
        tmp_path / "blue",
        {n: np.ascontiguousarray(sepia(pictures[n])[..., ::-1]) for n in NAMES[:3]},
    )
    assert build_study(real_dir, [result_dir, blue], tmp_path / "study.html") == (3, 1)
    study = Page(tmp_path / "study.html").study
    assert (study["kind"], study["names"]) == ("preference", ["sepia", "blue"])
    for trial in study["trials"]:
        truth = pictures[trial["photo"]]
        other = "b" if trial["first"] == "a" else "a"
        assert near(picture(trial[trial["first"]]), sepia(truth)) and near(
            picture(trial[other]), sepia(truth)[..., ::-1]
        )
        assert near(picture(trial["gray"]), luminance_of(truth))


def test_order_and_sides_are_shuffled_by_the_seed(tmp_path: Path) -> None:
    small = {f"{i:02}": np.full((12, 12, 3), (i * 6, 90, 200 - i * 6), np.uint8) for i in range(30)}
    real, result = write(tmp_path / "real", small), write(tmp_path / "result", small)
    pages = []
    for i, seed in enumerate((1, 1, 2)):
        build_study(real, [result], tmp_path / f"{i}.html", seed)
        pages.append(tmp_path / f"{i}.html")
    assert pages[0].read_bytes() == pages[1].read_bytes()
    first, other = Page(pages[0]).study, Page(pages[2]).study
    names = [[trial["photo"] for trial in study["trials"]] for study in (first, other)]
    assert (
        names[0] != sorted(names[0])
        and names[0] != names[1]
        and sorted(names[0]) == sorted(names[1]) == sorted(small)
    )
    assert 5 < [trial["first"] for trial in first["trials"]].count("a") < 25
    assert first["id"] != other["id"]
    build_study(real, [result], tmp_path / "few.html", 1, limit=7)
    assert [t["photo"] for t in Page(tmp_path / "few.html").study["trials"]] == names[0][:7]


def test_both_pictures_have_one_size_and_one_encoding(tmp_path: Path) -> None:
    """A photo of 1200 x 800 and a result of 300 x 200: both are shown at 512 x 341, so that size betrays nothing."""
    gradient = np.linspace(0, 255, 1200).astype(np.uint8)
    big = np.repeat(np.stack((gradient, gradient[::-1], gradient), 1)[None], 800, 0)
    real = write(tmp_path / "real", {"a": big})
    result = write(tmp_path / "result", {"a": big[::4, ::4]}, ".jpg")
    build_study(real, [result], tmp_path / "study.html")
    (trial,) = Page(tmp_path / "study.html").study["trials"]
    assert (
        picture(trial["a"]).shape
        == picture(trial["b"]).shape
        == (round(800 * SIDE / 1200), SIDE, 3)
    )
    heads = [base64.b64decode(trial[side].split(",")[1]) for side in "ab"]
    tables = [Image.open(io.BytesIO(head)).quantization for head in heads]  # type: ignore[attr-defined]
    assert tables[0] == tables[1]


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


@pytest.mark.parametrize(
    "name", ["</script><b>x", "<!--<script>", 'quote"s', "Ölbild 写真", "__STUDY__"]
)
def test_any_file_name_can_take_part(
    tmp_path: Path, pictures: dict[str, np.ndarray], name: str
) -> None:
    rgb = pictures["chelsea"]
    for folder in ("real", "result"):
        write(tmp_path / folder, {"x": rgb})
        target = tmp_path / folder / f"{name}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "x.png").rename(target)
    build_study(tmp_path / "real", [tmp_path / "result"], tmp_path / "study.html")
    page = Page(tmp_path / "study.html")
    assert [trial["photo"] for trial in page.study["trials"]] == [name]
    assert len(page.inside["script"]) == 2 and "addEventListener" in page.code


def test_what_cannot_be_a_study_is_refused(
    real_dir: Path, result_dir: Path, tmp_path: Path, pictures: dict[str, np.ndarray]
) -> None:
    page = tmp_path / "study.html"
    page.write_text("an earlier study")
    with pytest.raises(ValueError, match="exists; choose another --output"):
        build_study(real_dir, [result_dir], page)
    with pytest.raises(ValueError, match=r"must be an \.html file"):
        build_study(real_dir, [result_dir], real_dir / "coffee.png", overwrite=True)
    with pytest.raises(ValueError, match="one or two folders"):
        build_study(real_dir, [], page, overwrite=True)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        build_study(real_dir, [tmp_path / "gone"], page, overwrite=True)
    other = write(tmp_path / "other", {"elsewhere": pictures["coffee"]})
    with pytest.raises(ValueError, match="no picture has the same name"):
        build_study(real_dir, [other], page, overwrite=True)
    turned = write(
        tmp_path / "turned", {"coffee": np.ascontiguousarray(pictures["coffee"].transpose(1, 0, 2))}
    )
    with pytest.raises(ValueError, match=r"coffee\.png: 128 x \d+ is of another shape"):
        build_study(real_dir, [turned], page, overwrite=True)
    twice = write(
        write(tmp_path / "twice", {"coffee": pictures["coffee"]}),
        {"coffee": pictures["coffee"]},
        ".jpg",
    )
    with pytest.raises(ValueError, match="two pictures of one name"):
        build_study(real_dir, [twice], page, overwrite=True)
    (result_dir / "coffee.png").write_text("not a picture\n")
    with pytest.raises(ValueError, match=r"coffee\.png: not a picture"):
        build_study(real_dir, [result_dir], page, overwrite=True)
    assert page.read_text() == "an earlier study"
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["study.html"]


def choices(path: Path, picked: list[str], kind: str = "real", **more: object) -> Path:
    made = [
        {"photo": str(i), "side": "a", "picked": one, "seconds": 1.5}
        for i, one in enumerate(picked)
    ]
    path.write_text(
        json.dumps({"study": "s", "kind": kind, "names": ["sepia", "real"], "choices": made} | more)
    )
    return path


def test_choices_of_several_people_add_up(tmp_path: Path) -> None:
    one = choices(tmp_path / "one.json", ["first", "second", "second"])
    two = choices(tmp_path / "two.json", ["first"])
    found = read_results([one, two])
    assert found == StudyResult("real", ("sepia", "real"), 2, 4)
    assert (found.share, found.interval) == (0.5, wilson_interval(2, 4))
    assert found.sentence() == "fooled: 50.0 % (2 of 4; 95 % interval 15.0 % to 85.0 %)"
    preferred = StudyResult("preference", ("sepia", "blue"), 8, 10)
    assert (
        preferred.sentence()
        == "preferred sepia over blue: 80.0 % (8 of 10; 95 % interval 49.0 % to 94.3 %)"
    )
    assert StudyResult("real", ("sepia", "real"), 0, 0).sentence() == "no choices yet"


def test_what_are_no_choices_is_refused(tmp_path: Path) -> None:
    good = choices(tmp_path / "good.json", ["first"])
    bad = tmp_path / "bad.json"
    for text in ("", "[]", "{}", '{"choices": 3}', "\xff"):
        bad.write_bytes(text.encode("latin-1"))
        with pytest.raises(ValueError, match=r"bad\.json: not a file of choices"):
            read_results([bad])
    for made in (
        choices(bad, ["third"]),
        choices(bad, ["first"], "other"),
        choices(bad, ["first"], names=["sepia"]),
    ):
        with pytest.raises(ValueError, match=r"bad\.json: not a file of choices"):
            read_results([made])
    with pytest.raises(ValueError, match="of another study than"):
        read_results([good, choices(bad, ["first"], study="t")])
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_results([tmp_path / "gone.json"])
    with pytest.raises(ValueError, match="at least one"):
        read_results([])


# enough of a browser to press keys in the page: elements by id, storage, and what it downloads
BROWSER = r"""
const elements = {}, listeners = {}, kept = JSON.parse(process.argv[3] || "{}");
let downloaded = null;
const element = (id) => elements[id] ||= { id, textContent: "", hidden: false, disabled: false, handlers: {}, img: { src: "" },
  addEventListener(kind, call) { this.handlers[kind] = call; }, querySelector() { return this.img; }, focus() {},
  click(detail = 1) { if (this.handlers.click && !this.disabled) this.handlers.click({ detail }); }, append() {}, remove() {} };
globalThis.document = { getElementById: element, createElement: () => element("link"), body: element("body"),
  addEventListener: (kind, call) => { listeners[kind] = call; } };
globalThis.window = { scrollTo() {} };
globalThis.confirm = () => true;
globalThis.setTimeout = () => 0;
globalThis.localStorage = { getItem: (key) => { if (kept.broken) throw Error("none"); return kept[key] ?? null; },
  setItem: (key, value) => { if (kept.broken) throw Error("none"); kept[key] = value; } };
globalThis.Blob = class { constructor(parts) { downloaded = JSON.parse(parts[0]); } };
URL.createObjectURL = () => "blob:";
const input = JSON.parse(require("fs").readFileSync(0, "utf8"));
element("study").textContent = JSON.stringify(input.study);
(0, eval)(input.code);
for (const key of JSON.parse(process.argv[2])) {
  if (key.startsWith("##")) [1, 2].forEach((detail) => element(key.slice(2)).click(detail));
  else if (key.startsWith("#")) element(key.slice(1)).click();
  else listeners.keydown({ key, preventDefault() {} });
}
const told = Object.fromEntries(["question", "status", "score", "note"].map((id) => [id, element(id).textContent]));
const shown = [elements.a.img.src, elements.b.img.src];
console.log(JSON.stringify({ ...told, kept, downloaded, shown, over: element("trial").hidden, value: element("progress").value,
  wilson: [[0, 0], [0, 9], [3, 9], [9, 9], [8, 10]].map(([k, n]) => (0, eval)("wilson")(k, n)) }));
"""


@pytest.fixture
def press(real_dir: Path, result_dir: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Press keys, click (``#id``) or click twice (``##id``) in the page of a study; tell what it shows, keeps, downloads."""
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
    """All four pairs by different keys; the download is read by Python and gives the sentence of the page."""
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


@pytest.fixture
def command() -> Callable[..., Result]:
    app = typer.Typer()
    app.command()(one_line_errors(user_study_command))
    return lambda *args: CliRunner().invoke(app, [str(a) for a in args], catch_exceptions=False)


def test_the_command_writes_a_page(
    command: Callable[..., Result], real_dir: Path, result_dir: Path, tmp_path: Path
) -> None:
    (result_dir / "rocket.png").unlink()
    result = command(real_dir, result_dir, "--output", tmp_path / "s.html")
    assert (result.exit_code, result.stderr) == (0, "")
    assert (
        result.stdout
        == f"{tmp_path / 's.html'}: 3 pairs, 1 names left out that not all folders have; open it in a browser\n"
    )
    again = command(
        real_dir,
        result_dir,
        result_dir,
        "--output",
        tmp_path / "s.html",
        "--overwrite",
        "--limit",
        2,
        "--json",
    )
    assert json.loads(again.stdout) == {
        "page": str(tmp_path / "s.html"),
        "pairs": 2,
        "unmatched": 1,
    }
    assert Page(tmp_path / "s.html").study["kind"] == "preference"


def test_the_command_adds_up_choices(command: Callable[..., Result], tmp_path: Path) -> None:
    one = choices(tmp_path / "one.json", ["first", "second"])
    two = choices(tmp_path / "two.json", ["first", "second"])
    result = command("--results", one, "--results", two)
    assert (result.exit_code, result.stdout) == (
        0,
        "fooled: 50.0 % (2 of 4; 95 % interval 15.0 % to 85.0 %)\n",
    )
    found = json.loads(command("--results", one, "--json").stdout)
    assert (found["successes"], found["n"], found["share"]) == (1, 2, 0.5)
    assert found["interval"] == pytest.approx(wilson_interval(1, 2))
    empty = json.loads(command("--results", choices(one, []), "--json").stdout)
    assert (empty["share"], empty["interval"]) == (None, [0.0, 1.0])


def test_what_the_command_refuses_is_one_line(
    command: Callable[..., Result], refused: Callable[..., str], real_dir: Path, tmp_path: Path
) -> None:
    refused(command(), "REAL_DIR", "--results")
    refused(command(real_dir), "RESULT_DIR")
    refused(command(real_dir, tmp_path / "gone"), tmp_path / "gone")
    refused(command("--results", tmp_path / "gone.json"), "gone.json: no such file")
    refused(command(real_dir, "--results", choices(tmp_path / "one.json", [])), "not both")
