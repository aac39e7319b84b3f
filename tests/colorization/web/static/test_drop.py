"""Files may be dropped anywhere; a browser would open them instead."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import expect


def test_files_go_where_they_fall(
    visit: Any, gray_file: Path, pictures: dict[str, np.ndarray], tmp_path: Path
) -> None:
    second, reference = tmp_path / "second.png", tmp_path / "coffee.png"
    shutil.copy(gray_file, second)
    Image.fromarray(pictures["coffee"]).save(reference)
    one = visit().open(gray_file)
    one.drop("#references h2", reference)
    expect(one.status.first).to_contain_text("coffee.png")
    one.tab.locator("#palette").scroll_into_view_if_needed()
    one.drop("#palette h2", reference)
    expect(one.status.first).to_contain_text("palette of coffee.png")
    one.drop("#status", second)
    expect(one.tab.locator("#photo-name")).to_have_text("second.png")
    expect(one.status.first).to_contain_text("motorcycle_left.png")
    expect(one.status.first).not_to_contain_text("palette")


def test_text_that_is_dropped_is_no_file(visit: Any, gray_file: Path) -> None:
    one = visit().open(gray_file)
    script = """() => {
      const carried = new DataTransfer();
      carried.setData("text/plain", "hello");
      const kind = { bubbles: true, cancelable: true, dataTransfer: carried };
      const dropped = new DragEvent("drop", kind);
      document.querySelector("#stage").dispatchEvent(dropped);
      return dropped.defaultPrevented;
    }"""
    assert one.tab.evaluate(script)
    expect(one.tab.get_by_role("alert")).to_contain_text("There is no file in what was dropped.")
    expect(one.tab.locator("#photo-name")).to_have_text("garage.jpg")
