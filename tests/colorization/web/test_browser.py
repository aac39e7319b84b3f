"""The page in a real browser: what a person does from the photo to the file, at a desk, by keyboard and on a phone."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
CHROMIUM = (
    shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
)
pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")]
PATIENCE = 60_000  # milliseconds
STATUS = "#status .prose"  # without gradio's own "processing", which comes and goes
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visit:
    """A tab with the page, and what it asked for."""

    def __init__(self, tab: Any, url: str, photo: Path) -> None:
        self.tab, self.asked, self.failed = tab, [], []
        tab.set_default_timeout(PATIENCE)
        tab.on("request", lambda request: self.asked.append(request.url))
        tab.on("pageerror", lambda error: self.failed.append(str(error)))
        tab.goto(url)
        tab.locator("#photo input[type=file]").set_input_files(str(photo), timeout=PATIENCE)
        tab.locator("#slider img").first.wait_for()
        expect(tab.locator(STATUS)).not_to_be_empty()

    def changed(self, selector: str, action: Any) -> None:
        """Do something and wait until a picture is another one."""
        source = self.tab.locator(selector).last.get_attribute("src")
        action()
        script = "([q, s]) => [...document.querySelectorAll(q)].slice(-1).some(one => one.getAttribute('src') !== s)"
        self.tab.wait_for_function(script, arg=[selector, source])


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    """Where screenshots go: pytest keeps the folders of the last runs, for people to look at."""
    return tmp_path


def test_from_the_photo_to_the_file(
    served: Any, chromium: Any, gray_file: Path, tmp_path: Path, shots: Path
) -> None:
    tab = chromium.new_page(viewport={"width": 1280, "height": 1000})
    visit = Visit(tab, served.url, gray_file)
    expect(tab.locator(STATUS)).to_contain_text("motorcycle_left.png")
    picks = tab.locator("#mix input")
    # a recommended reference
    visit.changed("#slider img", lambda: tab.locator("#references button:has(img)").nth(2).click())
    for i in range(3):
        expect(picks.nth(i)).to_be_checked()
    assert _described(tab) == {"slider": ["The gray photo", "The photo in color"], "picture": []}

    tab.get_by_role("tab", name="Put colors").click()
    tab.locator("#picture img").wait_for()
    assert _described(tab)["picture"] == ["The photo in color, to click a place of"]
    picture = tab.locator("#picture img")
    box = picture.bounding_box()
    tab.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + 0.75 * box["height"])
    tab.locator("#swatch-0").wait_for()
    expect(tab.locator("#left input")).to_have_value(re.compile(r"2[3-7](\.\d+)?"))
    expect(tab.locator("#top input")).to_have_value(re.compile(r"7[3-7](\.\d+)?"))
    color = tab.locator("#swatch-1").evaluate("swatch => getComputedStyle(swatch).backgroundColor")
    visit.changed("#slider img", lambda: tab.locator("#swatch-1").click())
    expect(tab.locator(STATUS)).to_contain_text("1 color point")
    tab.screenshot(path=shots / "desk-colors.png", full_page=True)

    tab.get_by_role("tab", name="Compare").click()
    stage = tab.locator("#slider").bounding_box()
    middle = stage["y"] + stage["height"] / 2
    left_part = {
        "x": stage["x"],
        "y": stage["y"],
        "width": stage["width"] / 2 - 30,
        "height": stage["height"],
    }
    before = tab.screenshot(path=shots / "divider-before.png", clip=left_part)
    tab.mouse.move(stage["x"] + stage["width"] / 2, middle)
    tab.mouse.down()
    tab.mouse.move(stage["x"] + 0.1 * stage["width"], middle, steps=5)
    tab.mouse.up()
    # more of the colors is seen
    assert tab.screenshot(path=shots / "divider-after.png", clip=left_part) != before
    tab.screenshot(path=shots / "desk-compare.png", full_page=True)

    with tab.expect_download() as download:
        tab.locator("#make").click()
    assert download.value.suggested_filename == "garage-color.jpg"
    download.value.save_as(tmp_path / "result.jpg")
    rgb, gray = np.asarray(Image.open(tmp_path / "result.jpg")), np.asarray(Image.open(gray_file))
    assert rgb.shape == (*gray.shape, 3)
    lab = rgb2lab(rgb)
    assert np.abs(lab[..., 0] - rgb2lab(np.dstack([gray] * 3))[..., 0]).mean() < 1.0  # JPEG
    wanted = rgb2lab(np.array([[[int(part) for part in color[4:-1].split(",")]]], np.uint8))[
        0, 0, 1:
    ]
    row, column = int(0.75 * gray.shape[0]), int(0.25 * gray.shape[1])
    found = lab[row - 2 : row + 3, column - 2 : column + 3, 1:].mean((0, 1))
    assert np.linalg.norm(found - wanted) < max(8.0, 0.5 * np.linalg.norm(wanted))
    assert visit.failed == []
    assert {url.split("/")[2] for url in visit.asked if url.startswith("http")} == {
        served.url.split("/")[2]
    }


def _described(tab: Any) -> dict[str, list[str]]:
    """What a screen reader says of the pictures of a photo."""
    script = "pictures => pictures.map(one => one.alt)"
    return {
        part: tab.locator(f"#{part} img").evaluate_all(script) for part in ("slider", "picture")
    }


def test_nothing_is_lost_in_a_hurry(
    served: Any, chromium: Any, gray_file: Path, tmp_path: Path
) -> None:
    """Whoever does not wait for the answer is answered all the same."""
    tab = chromium.new_page()
    Visit(tab, served.url, gray_file)
    ticks = tab.locator("#mix input")
    expect(ticks.nth(0)).to_be_checked()
    expect(ticks.nth(3)).not_to_be_checked()
    tab.locator("#references button:has(img)").nth(0).click()
    tab.locator("#references button:has(img)").nth(3).click()
    saturation = tab.locator("#saturation input[type=range]")
    saturation.focus()
    saturation.press("Home")
    tab.get_by_role("tab", name="Put colors").click()
    for place in (20, 50, 80):
        tab.locator("#left input").fill(str(place))
        tab.locator("#use-color").click()
    tab.get_by_text("3 color points").first.wait_for()
    expect(ticks.nth(0)).not_to_be_checked()
    expect(ticks.nth(3)).to_be_checked()
    assert float(saturation.input_value()) == 0
    tab.get_by_role("tab", name="Compare").click()
    with tab.expect_download() as download:
        tab.locator("#make").click()
    download.value.save_as(tmp_path / "result.jpg")
    # what the sliders show is done
    assert np.ptp(np.asarray(Image.open(tmp_path / "result.jpg")), axis=2).max() < 12


def test_another_photo_at_once(served: Any, chromium: Any, gray_file: Path, tmp_path: Path) -> None:
    shutil.copy(gray_file, tmp_path / "second.png")
    tab = chromium.new_page()
    tab.set_default_timeout(PATIENCE)
    tab.goto(served.url)
    tab.locator("#photo input[type=file]").set_input_files(str(gray_file))
    tab.locator("#photo [aria-label*=lear], #photo [aria-label*=emove]").first.click()
    tab.locator("#photo input[type=file]").set_input_files(str(tmp_path / "second.png"))
    tab.locator("#slider img").first.wait_for()
    tab.locator("#photo").get_by_text("second").first.wait_for()
    with tab.expect_download() as download:
        tab.locator("#make").click()
    assert download.value.suggested_filename == "second-color.png"


def test_own_references_are_taken_back(
    served: Any, chromium: Any, gray_file: Path, pictures: dict[str, np.ndarray], tmp_path: Path
) -> None:
    for name in ("coffee", "rocket"):
        Image.fromarray(pictures[name]).save(tmp_path / f"{name}.png")
    tab = chromium.new_page()
    Visit(tab, served.url, gray_file)
    status = tab.locator(STATUS)
    before = status.inner_text()
    tab.locator("#own input[type=file]").set_input_files(
        [str(tmp_path / "coffee.png"), str(tmp_path / "rocket.png")]
    )
    expect(status).to_contain_text("rocket.png")
    tab.locator("#own [aria-label='Remove this file']").first.click()
    expect(status).not_to_contain_text("coffee.png")
    expect(status).to_contain_text("rocket.png")
    tab.locator("#own [aria-label*=lear]").first.click()
    expect(status).to_have_text(before)


def test_by_keyboard(served: Any, chromium: Any, gray_file: Path) -> None:
    """Everything that the mouse does has a control that takes the focus and answers to keys."""
    tab = chromium.new_page()
    visit = Visit(tab, served.url, gray_file)
    divider = tab.locator("#divider input[type=range]")
    divider.focus()
    divider.press("ArrowLeft")
    tab.get_by_role("tab", name="Compare").focus()
    tab.keyboard.press("Tab")
    tab.get_by_role("tab", name="Put colors").focus()
    tab.keyboard.press("Enter")
    tab.locator("#left input").fill("40")
    tab.locator("#suggest").focus()
    tab.keyboard.press("Enter")
    tab.locator("#swatch-0").wait_for()
    tab.locator("#swatch-0").focus()
    visit.changed("#picture img", lambda: tab.keyboard.press("Enter"))
    expect(tab.locator(STATUS)).to_contain_text("1 color point")
    tab.locator("#undo").focus()
    visit.changed("#picture img", lambda: tab.keyboard.press("Space"))
    expect(tab.locator(STATUS)).not_to_contain_text("color point")
    tab.locator("#redo").focus()
    visit.changed("#picture img", lambda: tab.keyboard.press("Space"))
    expect(tab.locator(STATUS)).to_contain_text("1 color point")
    expect(tab.locator("#redo")).to_be_disabled()


def test_on_a_phone(served: Any, chromium: Any, gray_file: Path, shots: Path) -> None:
    context = chromium.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    tab = context.new_page()
    visit = Visit(tab, served.url, gray_file)
    tab.get_by_role("tab", name="Put colors").tap()
    tab.locator("#picture img").tap()
    tab.locator("#swatch-0").wait_for()
    visit.changed("#picture img", lambda: tab.locator("#swatch-0").tap())
    expect(tab.locator(STATUS)).to_contain_text("1 color point")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390  # nothing to scroll sideways
    assert tab.locator("#swatch-0").bounding_box()["height"] >= 44
    tab.screenshot(path=shots / "phone.png", full_page=True)
    context.close()


def test_a_file_that_is_refused_is_told_on_the_page(
    served: Any, chromium: Any, gray_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.jpg").write_bytes(gray_file.read_bytes()[:500])
    tab = chromium.new_page()
    tab.set_default_timeout(PATIENCE)
    tab.goto(served.url)
    tab.locator("#photo input[type=file]").set_input_files(str(tmp_path / "broken.jpg"))
    tab.get_by_text("broken.jpg:").first.wait_for()


def test_a_reference_that_is_refused_does_not_stand_in_the_way(
    served: Any, chromium: Any, gray_file: Path, pictures: dict[str, np.ndarray], tmp_path: Path
) -> None:
    Image.fromarray(pictures["coffee"]).save(tmp_path / "coffee.png")
    tab = chromium.new_page()
    Visit(tab, served.url, gray_file)
    tab.locator("#own input[type=file]").set_input_files(
        [str(gray_file), str(tmp_path / "coffee.png")]
    )
    expect(tab.get_by_text("garage.jpg: this reference is gray").first).to_be_visible()
    expect(tab.locator(STATUS)).to_contain_text("coffee.png")
    expect(tab.locator("#own")).to_contain_text("coffee")
    expect(tab.locator("#own")).not_to_contain_text("garage")
    tab.locator("#undo").click()
    expect(tab.locator(STATUS)).not_to_contain_text("coffee.png")
    expect(tab.locator("#own")).not_to_contain_text("coffee")


def test_errors_are_told_once_and_in_words(
    served: Any, chromium: Any, gray_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not on each part of the page, and without a traceback for whoever runs it."""
    tab = chromium.new_page()
    visit = Visit(tab, served.url, gray_file)
    field = tab.locator("#saturation input[type=number]")
    field.fill("")
    expect(tab.get_by_text("saturation must be a number").first).to_be_visible()
    expect(tab.locator("span.error")).to_have_count(1)
    # at most 2, which is taken
    visit.changed("#slider img", lambda: (field.fill("5"), field.press("Enter")))
    assert tab.locator("#saturation button").count() == 0
    tab.get_by_role("tab", name="Put colors").click()
    tab.locator("#left input").fill("150")
    tab.locator("#suggest").click()
    expect(tab.get_by_text("a color point must lie within the picture").first).to_be_visible()
    assert "Traceback" not in capfd.readouterr().err


DROP = """async ([selector, name, bytes]) => {
  const carried = new DataTransfer();
  carried.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
  const place = document.querySelector(selector);
  const dropped = new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: carried });
  place.dispatchEvent(dropped);
  return dropped.defaultPrevented;
}"""


def test_files_may_be_dropped_anywhere(
    served: Any, chromium: Any, gray_file: Path, pictures: dict[str, np.ndarray], tmp_path: Path
) -> None:
    """On a full box or on a picture a browser would open them instead."""
    second, reference = tmp_path / "second.png", tmp_path / "coffee.png"
    shutil.copy(gray_file, second)
    Image.fromarray(pictures["coffee"]).save(reference)
    tab = chromium.new_page()
    Visit(tab, served.url, gray_file)
    assert tab.evaluate(DROP, ["#own", reference.name, list(reference.read_bytes())])
    expect(tab.locator(STATUS)).to_contain_text("coffee.png")
    assert tab.evaluate(DROP, ["#slider", second.name, list(second.read_bytes())])
    expect(tab.locator("#photo")).to_contain_text("second")
    expect(tab.locator(STATUS)).not_to_contain_text("coffee.png")
    with tab.expect_download() as download:
        tab.locator("#make").click()
    assert download.value.suggested_filename == "second-color.png"
