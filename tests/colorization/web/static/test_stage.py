"""The photo: waiting, comparing, zooming, brushing."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from colorization.inference.reference_search import ReferenceSearch
from colorization.pipeline import ColorizationPipeline


def test_it_waits_visibly(
    visit: Any, gray_file: Path, shots: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step is named on the photo, which is seen already; a second photo waits too."""
    go_on = threading.Event()
    steps = [(ReferenceSearch, "chosen")]
    steps += [(ColorizationPipeline, name) for name in ("prepare", "apply")]
    for owner, name in steps:

        def slow(*args: Any, _work: Any = getattr(owner, name), **more: Any) -> Any:
            assert go_on.wait(60)
            go_on.clear()
            return _work(*args, **more)

        monkeypatch.setattr(owner, name, slow)
    one = visit()
    one.choose(gray_file)
    step = one.tab.locator("#wait-step")
    for words in ("Describing …", "Matching …", "Coloring …"):
        expect(step).to_have_text(words)
        expect(step).to_be_visible()
        expect(one.tab.locator("#wait-progress")).to_be_visible()
        assert one.tab.locator("#after").evaluate("one => one.naturalWidth") > 0
        if words == "Matching …":
            one.tab.screenshot(path=shots / "waiting.png")
        go_on.set()
    expect(step).to_be_hidden()
    # an edit, and saving
    one.slide("saturation", 0.5)
    expect(step).to_have_text("Coloring …")
    go_on.set()
    expect(step).to_be_hidden()
    with one.tab.expect_download():
        one.tab.locator("#save").click()
        expect(step).to_have_text("Coloring …")
        expect(one.tab.locator("#save")).to_have_text("Saving …")
        go_on.set()
    expect(step).to_be_hidden()


def test_the_divider_compares(visit: Any, gray_file: Path, shots: Path) -> None:
    one = visit().open(gray_file)

    def chroma(name: str) -> float:
        box = one.tab.locator("#sheet").bounding_box()
        clip = {**box, "width": box["width"] / 2 - 30}
        one.tab.screenshot(path=shots / name, clip=clip)
        return float(
            np.ptp(np.asarray(Image.open(shots / name))[..., :3].astype(int), axis=2).mean()
        )

    gray = chroma("before.png")
    one.drag((0.5, 0.5), (0.05, 0.5))
    assert chroma("after.png") > gray + 5
    expect(one.tab.locator("#divider-range")).to_have_value("5")
    one.tab.locator("#divider-range").focus()
    one.tab.keyboard.press("End")
    assert chroma("again.png") <= gray + 1


def test_zoom_and_pan(visit: Any, gray_file: Path) -> None:
    one = visit().open(gray_file)
    level, sheet = one.tab.locator("#zoom-level"), one.tab.locator("#sheet")
    fit = sheet.bounding_box()
    one.tab.locator("#zoom-in").click()
    expect(level).to_have_text("150%")
    assert sheet.bounding_box()["width"] == pytest.approx(1.5 * fit["width"], abs=1)
    # what is under the pointer stays there
    one.tab.mouse.move(*(spot := one.place(0.4, 0.4)))
    one.tab.keyboard.down("Control")
    one.tab.mouse.wheel(0, -200)
    one.tab.keyboard.up("Control")
    expect(level).not_to_have_text("150%")
    assert one.place(0.4, 0.4) == pytest.approx(spot, abs=2)
    one.use("Color a spot")
    before = sheet.bounding_box()
    one.tab.mouse.move(640, 300)
    one.tab.mouse.down()
    one.tab.mouse.move(600, 280, steps=4)
    one.tab.mouse.up()
    after = sheet.bounding_box()
    assert (after["x"] - before["x"], after["y"] - before["y"]) == pytest.approx((-40, -20), abs=1)
    expect(one.tab.locator("#swatches button")).to_have_count(0)  # a drag is no click
    one.tab.locator("#stage").focus()
    one.tab.keyboard.press("0")
    expect(level).to_have_text("100%")
    assert sheet.bounding_box() == pytest.approx(fit, abs=1)


def test_a_place_is_hit_however_far_it_is_zoomed(visit: Any, gray_file: Path) -> None:
    one = visit().open(gray_file)
    one.use("Color a spot")
    one.tab.locator("#zoom-in").click()
    one.tab.locator("#zoom-in").click()
    one.click(0.45, 0.6)
    with one.tab.expect_request("**/edits*") as request:
        one.tab.locator("#swatches button").first.click()
    ((x, y),) = request.value.post_data_json["places"]
    assert (x, y) == pytest.approx((0.45, 0.6), abs=0.01)


def test_a_stroke_of_the_brush_is_one_step(visit: Any, gray_file: Path) -> None:
    one = visit().open(gray_file)
    one.use("Brush")
    one.tab.locator("#brush-color").fill("#c81e14")
    one.drag((0.2, 0.8), (0.5, 0.8), (0.5, 0.6))
    expect(one.status.first).to_contain_text("color points")
    points = int(one.status.first.inner_text().split(" color points")[0].split()[-1])
    assert 8 <= points <= 20
    expect(one.tab.locator(".mark:not(.cross)")).to_have_count(points)
    one.click(0.1, 0.1)
    expect(one.status.first).to_contain_text(f"{points + 1} color points")
    one.tab.keyboard.press("Control+z")
    expect(one.status.first).to_contain_text(f"{points} color points")
    one.tab.keyboard.press("Control+z")
    expect(one.status.first).not_to_contain_text("color point")


def test_two_fingers_zoom(visit: Any, gray_file: Path) -> None:
    one = visit(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844}).open(
        gray_file
    )
    devtools = one.context.new_cdp_session(one.tab)
    x, y = one.place(0.5, 0.5)
    for kind, far in (("touchStart", 30), ("touchMove", 45), ("touchMove", 60), ("touchEnd", 0)):
        points = [{"x": x - far, "y": y, "id": 0}, {"x": x + far, "y": y, "id": 1}] if far else []
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    expect(one.tab.locator("#zoom-level")).to_have_text("200%")
