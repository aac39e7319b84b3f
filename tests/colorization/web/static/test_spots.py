"""Colors at places."""

import re
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import expect
from skimage.color import rgb2lab


def test_suggested_colors_carry_their_names(visit: Any, gray_file: Path, shots: Path) -> None:
    one = visit().open(gray_file)
    one.use("Color a spot")
    one.click(0.25, 0.75)
    swatches = one.tab.locator("#swatches button")
    swatches.first.wait_for()
    names = swatches.all_inner_texts()
    assert len(names) > 3
    assert all(re.fullmatch(r"[a-z]+( [a-z]+)?, \d+%", name.strip()) for name in names)
    patch = one.tab.locator("#swatches i").first
    assert "rgb" in patch.evaluate("one => getComputedStyle(one).backgroundColor")
    swatches.nth(1).click()
    expect(one.status.first).to_contain_text("1 color point")
    one.tab.screenshot(path=shots / "points.png")
    # another on the same place replaces it; it can be taken away again
    swatches.nth(2).click()
    expect(one.status.first).to_contain_text("1 color point")
    one.tab.locator("#remove-point").click()
    expect(one.status.first).not_to_contain_text("color point")
    expect(one.tab.locator("#remove-point")).to_be_hidden()


def test_any_color_is_put_and_is_in_the_file(visit: Any, gray_file: Path, tmp_path: Path) -> None:
    one = visit().open(gray_file)
    one.use("Color a spot")
    with one.tab.expect_response("**/suggestions"):
        one.click(0.25, 0.75)
        one.tab.locator("#spot-color").fill("#2040a0")  # before the suggestions are there
    one.tab.locator("#swatches button").first.wait_for()
    one.tab.locator("#put-color").click()
    expect(one.status.first).to_contain_text("1 color point")
    rgb = np.asarray(Image.open(one.save(tmp_path)))
    row, column = int(0.75 * rgb.shape[0]), int(0.25 * rgb.shape[1])
    found = rgb2lab(rgb)[row - 2 : row + 3, column - 2 : column + 3, 1:].mean((0, 1))
    assert found[1] < -15  # blue


def test_colors_of_a_place_go_when_the_cross_moves(visit: Any, gray_file: Path) -> None:
    """Else they would be put where it was."""
    one = visit().open(gray_file)
    one.use("Color a spot")
    stage = one.tab.locator("#stage")
    stage.focus()
    stage.press("Enter")
    one.tab.locator("#swatches button").first.wait_for()
    stage.press("Shift+ArrowRight")
    expect(one.tab.locator("#swatches button")).to_have_count(0)
    expect(one.tab.locator("#put-color")).to_be_hidden()
    stage.press("Enter")
    one.tab.locator("#swatches button").first.click()
    expect(one.status.first).to_contain_text("1 color point")
    left = "one => one.style.left"
    assert one.tab.locator(".mark:not(.cross)").first.evaluate(left) == "60%"


def test_on_a_small_phone_the_colors_of_a_place_come_into_view(visit: Any, gray_file: Path) -> None:
    small = {"width": 360, "height": 640}
    one = visit(viewport=small, has_touch=True, is_mobile=True).open(gray_file)
    one.use("Color a spot")
    one.click(0.5, 0.5)
    swatch = one.tab.locator("#swatches button").first
    swatch.wait_for()
    bar = one.tab.locator("#bar").bounding_box()
    one.tab.wait_for_timeout(200)
    box = swatch.bounding_box()
    assert box["y"] + box["height"] <= bar["y"] + 1
    stage = one.tab.locator("#stage").bounding_box()
    assert stage["y"] + stage["height"] > 100  # and the photo is still there
