"""The controls of a photo, by mouse, by keyboard and on a phone."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from skimage.color import rgb2lab

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def test_from_the_photo_to_the_file(
    visit: Any, gray_file: Path, tmp_path: Path, shots: Path
) -> None:
    one = visit().open(gray_file)
    expect(one.status.first).to_contain_text("motorcycle_left.png")
    cards = one.tab.locator("#cards label")
    expect(cards).to_have_count(6)  # each reference once
    expect(cards.first).to_contain_text("good match")
    expect(cards.last).to_contain_text("weak match")
    cards.nth(2).click()
    for i in range(3):
        expect(cards.nth(i).locator("input")).to_be_checked()
    expect(one.status.first).to_contain_text("%")
    one.tab.screenshot(path=shots / "recommended.png", full_page=True)
    result = one.save(tmp_path)
    assert result.name == "garage-color.jpg"
    rgb, gray = np.asarray(Image.open(result)), np.asarray(Image.open(gray_file))
    assert rgb.shape == (*gray.shape, 3) and np.ptp(rgb.astype(int), axis=2).mean() > 5
    apart = rgb2lab(rgb)[..., 0] - rgb2lab(np.dstack([gray] * 3))[..., 0]
    assert np.abs(apart).mean() < 1.0  # JPEG
    assert one.failed == []


def test_sliders_say_what_they_do(visit: Any, gray_file: Path) -> None:
    one = visit().open(gray_file)
    for name in ("saturation", "vividness", "faithfulness"):
        slider = one.tab.get_by_role("slider", name=name.capitalize())
        help_id = slider.get_attribute("aria-describedby")
        expect(one.tab.locator(f"#{help_id}")).to_contain_text(" ")
        before = one.tab.locator("#after").get_attribute("src")
        slider.fill("0.25")
        expect(one.tab.locator("#after")).not_to_have_attribute("src", before)
        expect(one.tab.locator(f"output[for={name}]")).to_have_text("0.25")
    for card in one.tab.locator("#cards label").all()[:2]:
        card.click()
    expect(one.tab.get_by_role("slider", name="Faithfulness")).to_be_hidden()


def test_undo_works_wherever_the_focus_is(visit: Any, gray_file: Path) -> None:
    one = visit().open(gray_file)
    output = one.tab.locator("output[for=saturation]")
    one.slide("saturation", 0.5)
    expect(output).to_have_text("0.50")
    for focused in (
        "#saturation",
        "#photo-name",
        "#stage",
        "#cards input >> nth=0",
        "#brush-color",
    ):
        if focused == "#brush-color":
            one.use("Brush")
        one.tab.locator(focused).focus()
        one.tab.keyboard.press("Control+z")
        expect(one.tab.locator("#undo")).to_be_disabled()
        one.tab.keyboard.press("Control+Shift+Z")
        expect(one.tab.locator("#redo")).to_be_disabled()
        expect(output).to_have_text("0.50")
    one.tab.locator("#undo").click()
    expect(one.tab.locator("#saturation")).to_have_value("1")


def test_nothing_is_lost_in_a_hurry(visit: Any, gray_file: Path, tmp_path: Path) -> None:
    """Whoever does not wait for the answer is answered all the same."""
    one = visit().open(gray_file)
    cards = one.tab.locator("#cards label")
    cards.nth(0).click()
    cards.nth(3).click()
    for value in (0.8, 0.6, 0.3, 0):
        one.slide("saturation", value)
    one.use("Brush")
    for place in (0.2, 0.5, 0.8):
        one.click(place, 0.5)
    expect(one.status.first).to_contain_text("3 color points")
    expect(cards.nth(0).locator("input")).not_to_be_checked()
    expect(cards.nth(3).locator("input")).to_be_checked()
    expect(one.tab.locator("#saturation")).to_have_value("0")
    # what the sliders show is done
    assert np.ptp(np.asarray(Image.open(one.save(tmp_path))).astype(int), axis=2).max() < 12


def test_another_photo_at_once(visit: Any, gray_file: Path, tmp_path: Path) -> None:
    second = shutil.copy(gray_file, tmp_path / "second.png")
    one = visit()
    one.choose(gray_file)
    one.drop("#stage", Path(second))
    expect(one.tab.locator("#photo-name")).to_have_text("second.png")
    one.status.first.wait_for()
    assert one.save(tmp_path).name == "second-color.png"
    assert one.failed == []


def test_own_references_and_a_palette(
    visit: Any, gray_file: Path, pictures: dict[str, np.ndarray], tmp_path: Path
) -> None:
    for name in ("coffee", "rocket"):
        Image.fromarray(pictures[name]).save(tmp_path / f"{name}.png")
    one = visit().open(gray_file)
    files = [str(gray_file), str(tmp_path / "coffee.png")]
    one.tab.locator("#own").set_input_files(files)
    alert = one.tab.get_by_role("alert")
    expect(alert).to_contain_text("garage.jpg: this reference is gray")
    expect(one.status.first).to_contain_text("coffee.png")
    own = one.tab.locator("#cards label", has_text="yours")
    expect(own.locator("input")).to_be_checked()
    expect(own).to_contain_text("coffee.png")
    overruled = one.tab.get_by_text("A palette is in use instead of references.")
    faithfulness = one.tab.locator("#faithfulness")
    expect(overruled).to_be_hidden()
    expect(faithfulness).to_be_visible()
    one.tab.locator("#palette-file").set_input_files(str(tmp_path / "rocket.png"))
    expect(one.status.first).to_contain_text("palette of rocket.png")
    expect(overruled).to_be_visible()
    expect(faithfulness).to_be_hidden()  # nothing follows them
    one.tab.get_by_role("button", name="Remove rocket.png").click()
    expect(one.status.first).not_to_contain_text("palette")
    expect(overruled).to_be_hidden()
    own.click()
    expect(one.status.first).not_to_contain_text("coffee.png")
    doubt = one.tab.locator("#doubt")
    expect(doubt).to_be_hidden()  # it says nothing without references
    one.tab.locator("#restart").click()
    expect(one.status.first).to_contain_text("motorcycle_left.png")
    doubt.check()
    for _ in range(one.tab.locator("#cards input:checked").count()):
        one.tab.locator("#cards input:checked").first.click()
    expect(one.status.first).to_contain_text("without a reference")
    expect(doubt).to_be_visible()


def test_a_closer_look_at_a_large_photo(
    visit: Any, gray_file: Path, gray_pictures: dict[str, Any], tmp_path: Path
) -> None:
    one = visit().open(gray_file)
    expect(one.tab.locator("#closer-part")).to_be_hidden()
    large = tmp_path / "large.png"
    Image.fromarray(gray_pictures["chelsea"]).resize((600, 520)).save(large)
    one.drop("#stage", large)
    expect(one.tab.locator("#photo-name")).to_have_text("large.png")
    one.tab.locator("#closer").check()
    expect(one.tab.locator("#undo")).to_be_enabled()
    one.tab.locator("#undo").click()
    expect(one.tab.locator("#closer")).not_to_be_checked()


def test_variants(visit: Any, gray_file: Path) -> None:
    one = visit().open(gray_file)
    one.tab.locator("#show-variants").click()
    bold = one.tab.get_by_role("button", name="bold")
    bold.click()
    expect(one.tab.locator("output[for=saturation]")).to_have_text("1.40")
    one.tab.keyboard.press("Control+z")
    expect(one.tab.locator("output[for=saturation]")).to_have_text("1.00")


def test_by_keyboard_alone(visit: Any, gray_file: Path, tmp_path: Path) -> None:
    """From the choice of the photo to the saved file: Tab, arrows, Space and Enter."""
    one = visit()

    def reach(selector: str) -> None:
        for _ in range(60):
            one.tab.keyboard.press("Tab")
            if one.tab.evaluate("s => document.activeElement.matches(s)", selector):
                return
        pytest.fail(f"Tab does not reach {selector}")

    reach("#choose")
    one.tab.keyboard.press("Enter")
    one.chooser().set_files(str(gray_file))
    one.status.first.wait_for()
    reach("#modes input")
    one.tab.keyboard.press("ArrowRight")
    reach("#stage")
    for key in ("ArrowLeft", "Shift+ArrowLeft", "ArrowUp", "Enter"):
        one.tab.keyboard.press(key)
    reach("#swatches button")
    one.tab.keyboard.press("Enter")
    expect(one.status.first).to_contain_text("1 color point")
    reach("#cards input")
    one.tab.keyboard.press("Space")
    expect(one.status.first).not_to_contain_text("motorcycle_left.png")
    reach("#saturation")
    one.tab.keyboard.press("ArrowLeft")
    expect(one.tab.locator("output[for=saturation]")).to_have_text("0.95")
    reach("#save")
    with one.tab.expect_download() as download:
        one.tab.keyboard.press("Enter")
    assert download.value.suggested_filename == "garage-color.jpg"
    with one.tab.expect_download():
        one.tab.keyboard.press("Control+s")


def test_all_that_takes_the_focus_has_a_name(visit: Any, gray_file: Path) -> None:
    one = visit().open(gray_file)
    one.use("Color a spot")
    one.click(0.5, 0.5)
    one.tab.locator("#swatches button").first.wait_for()
    tree = one.context.new_cdp_session(one.tab).send("Accessibility.getFullAXTree")["nodes"]
    nodes = [node for node in tree if not node.get("ignored")]
    focusable = [
        node
        for node in nodes
        if any(one["name"] == "focusable" and one["value"]["value"] for one in node["properties"])
        and node["role"]["value"] != "RootWebArea"
    ]
    assert len(focusable) > 25
    assert [node["role"]["value"] for node in focusable if not node["name"]["value"]] == []
    images = [node for node in nodes if node["role"]["value"] == "image"]
    assert {node["name"]["value"] for node in images} >= {"The photo in color"}


def test_on_a_phone(visit: Any, gray_file: Path, shots: Path) -> None:
    one = visit(**PHONE).open(gray_file)
    one.use("Color a spot")
    one.tab.touchscreen.tap(*one.place(0.5, 0.5))
    swatch = one.tab.locator("#swatches button").first
    swatch.tap()
    expect(one.status.first).to_contain_text("1 color point")
    assert one.tab.evaluate("document.documentElement.scrollWidth") <= 390  # nothing sideways
    assert one.tab.locator("input[type=number]").count() == 0
    # what is needed most stays in sight wherever the page is scrolled
    for place in (0, 600, 100_000):
        one.tab.evaluate("y => scrollTo(0, y)", place)
        for name in ("undo", "redo", "save"):
            box = one.tab.locator(f"#{name}").bounding_box()
            assert box["y"] >= 0 and box["y"] + box["height"] <= 844 and box["height"] >= 44
    assert swatch.bounding_box()["height"] >= 44
    one.tab.screenshot(path=shots / "phone.png")
    one.tab.locator("#undo").tap()
    expect(one.status.first).not_to_contain_text("color point")
