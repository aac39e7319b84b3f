"""A browser remembers what was done to a photo."""

import shutil
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

BEFORE = "You worked on this photo before"


def test_a_photo_is_as_it_was_left(visit: Any, gray_file: Path, tmp_path: Path) -> None:
    one = visit().open(gray_file)
    expect(one.tab.locator("#alert")).to_be_empty()
    one.use("Brush")
    one.click(0.25, 0.75)
    expect(one.status.first).to_contain_text("1 color point")
    one.slide("saturation", 0.5)
    expect(one.tab.locator("output[for=saturation]")).to_have_text("0.50")
    expect(one.tab.locator("#wait")).to_be_hidden()

    renamed = shutil.copy(gray_file, tmp_path / f"renamed{gray_file.suffix}")
    again = type(one)(one.context, one.url).open(renamed)
    expect(again.tab.locator("#alert")).to_contain_text(BEFORE)
    expect(again.status.first).to_contain_text("1 color point")
    expect(again.tab.locator("output[for=saturation]")).to_have_text("0.50")

    again.tab.locator("#undo").click()
    expect(again.status.first).not_to_contain_text("color point")
    expect(again.tab.locator("#undo")).to_be_disabled()
    fresh = type(one)(one.context, one.url).open(gray_file)
    expect(fresh.tab.locator("#undo")).to_be_disabled()
    expect(fresh.tab.locator("#alert")).to_be_empty()
    assert not one.failed and not again.failed


def test_a_browser_that_keeps_nothing(visit: Any, gray_file: Path) -> None:
    one = visit()
    one.tab.evaluate("Object.defineProperty(window, 'localStorage', { get() { throw Error() } })")
    one.open(gray_file)
    one.slide("saturation", 0.5)
    expect(one.tab.locator("#undo")).to_be_enabled()
    expect(one.tab.locator("#alert")).to_be_empty()
    assert not one.failed
