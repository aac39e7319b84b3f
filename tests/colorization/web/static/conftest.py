"""The page in a real browser. Screenshots go where pytest keeps the folders of the last runs."""

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

if importlib.util.find_spec("playwright") is None:
    collect_ignore_glob = ["test_*.py"]
CHROMIUM = (
    shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
)
PATIENCE = 20_000  # milliseconds


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder need Chromium; without it they are skipped."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.skipif(CHROMIUM is None, reason="no Chromium"))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Of one module only: while it is there, no other test can run an event loop."""
    from playwright import sync_api

    sync_api.expect.set_options(timeout=PATIENCE)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visit:
    """A tab with the page, and what it asked for."""

    def __init__(self, context: Any, url: str) -> None:
        self.context, self.tab, self.url = context, context.new_page(), url
        self.asked: list[str] = []
        self.failed: list[str] = []
        self.tab.set_default_timeout(PATIENCE)
        self.tab.on("request", lambda request: self.asked.append(request.url))
        # from the start: one that is only awaited when it comes may come too early
        self.choosers: list[Any] = []
        self.tab.on("filechooser", lambda chooser: self.choosers.append(chooser))
        self.tab.on("pageerror", lambda error: self.failed.append(str(error)))
        self.tab.goto(url)
        self.tab.locator("#examples button").first.wait_for()

    def choose(self, *photos: Path) -> None:
        self.tab.locator("#choose").set_input_files([str(photo) for photo in photos])

    def chooser(self) -> Any:
        """The choice of files that the browser has opened."""
        for _ in range(PATIENCE // 50):
            if self.choosers:
                return self.choosers.pop()
            self.tab.wait_for_timeout(50)
        raise AssertionError("no choice of files was opened")

    def open(self, photo: Path) -> "Visit":
        """Choose a photo and wait for its colors."""
        self.choose(photo)
        self.status.first.wait_for()
        return self

    @property
    def status(self) -> Any:
        return self.tab.locator("#status p")

    def use(self, mode: str) -> None:
        self.tab.locator("#modes label", has_text=mode).click()

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where a place of the photo, 0..1, is in the window."""
        box = self.tab.locator("#sheet").bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def click(self, x: float, y: float) -> None:
        self.tab.mouse.click(*self.place(x, y))

    def drag(self, *places: tuple[float, float]) -> None:
        self.tab.mouse.move(*self.place(*places[0]))
        self.tab.mouse.down()
        for place in places[1:]:
            self.tab.mouse.move(*self.place(*place), steps=8)
        self.tab.mouse.up()

    def slide(self, name: str, value: float) -> None:
        self.tab.locator(f"#{name}").fill(str(value))

    def save(self, folder: Path) -> Path:
        with self.tab.expect_download() as download:
            self.tab.locator("#save").click()
        path = folder / download.value.suggested_filename
        download.value.save_as(path)
        return path

    def drop(self, selector: str, *paths: Path) -> None:
        """Drop files and folders of this machine on a part of the page, as the system does."""
        box = self.tab.locator(selector).bounding_box()
        devtools = self.context.new_cdp_session(self.tab)
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
            devtools.send("Input.dispatchDragEvent", {"type": kind, **at, "data": data})
        devtools.detach()


@pytest.fixture
def visit(chromium: Any, served: Any) -> Iterator[Callable[..., Visit]]:
    """``visit(url, **context)``: a new visitor, of another server or on another device."""
    contexts = []

    def run(url: str = "", **context: Any) -> Visit:
        contexts.append(
            chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **context})
        )
        return Visit(contexts[-1], url or served.url)

    yield run
    for context in contexts:
        context.close()


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    return tmp_path
