"""Indexing a folder from the page."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from colorization.pipeline import ColorizationPipeline


def test_a_folder_is_indexed_from_the_page(
    visit: Any,
    serving: Any,
    without_index: ColorizationPipeline,
    photo_dir: Path,
    gray_file: Path,
    gray_dir: Path,
    tmp_path: Path,
    shots: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with serving(without_index) as served:
        one = visit(served.url)
        told, folder = one.tab.locator("#library-told"), one.tab.locator("#library-folder")
        expect(told).to_contain_text("Let Rechroma index your color photos once")
        one.tab.screenshot(path=shots / "no-index.png")
        folder.fill(str(tmp_path / "absent"))
        one.tab.get_by_role("button", name="Index this folder").click()
        expect(told).to_have_text("There is no such folder. Type its whole path.")
        folder.fill(str(photo_dir))
        folder.press("Enter")
        expect(told).to_contain_text("4 photos of photos are indexed.")
        expect(told).to_contain_text("rechroma serve --index indexes/photos")
        # another folder, which holds none, leaves this library; it may be tried again
        (tmp_path / "none").mkdir()
        folder.fill(str(tmp_path / "none"))
        folder.press("Enter")
        expect(told).to_have_text(
            re.compile(r"^none: .*[^.]\. They come from your library photos: 4 photos\.$")
        )
        folder.fill(str(gray_dir))
        folder.press("Enter")
        expect(told).to_contain_text("nothing will be recommended")
        folder.fill(str(photo_dir))
        folder.press("Enter")
        expect(told).to_contain_text("4 photos of photos are indexed.")
        one.open(gray_file)
        expect(one.tab.locator("#cards label")).to_have_count(4)
        # none shows a motorcycle, and the page says so
        weak = "Nothing in your library looks like this photo; best match weak"
        expect(one.tab.locator("#status")).to_contain_text(weak)
        expect(one.status.first).to_have_text("Colors without a reference.")
        one.context.close()


def test_progress_is_shown(visit: Any) -> None:
    one = visit()
    page = one.tab.evaluate("async () => (await fetch('/api/page')).json()")
    library = page["library"]
    page["library"] = {**library, "index": "", "progress": [30, 120]}
    one.tab.route("**/api/page", lambda route: route.fulfill(json=page))
    one.tab.reload()
    told = one.tab.locator("#library-told")
    expect(told).to_have_text("Indexing: 30 of 120 photos. You can go on meanwhile.")
    bar = one.tab.get_by_role("progressbar", name="Indexing")
    assert bar.evaluate("one => [one.value, one.max]") == [30, 120]
    page["library"] = library
    expect(told).to_contain_text("8 photos")
