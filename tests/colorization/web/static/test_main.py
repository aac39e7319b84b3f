"""From the start to a photo, and back, whatever is dropped."""

import re
import threading
import time
from pathlib import Path
from typing import Any

import uvicorn
from PIL import Image
from playwright.sync_api import expect

from colorization.pipeline import ColorizationPipeline
from colorization.web.requests.upload_checks import DAMAGED
from colorization.web.server import create_app
from colorization.web.storage.file_store import FileStore


def test_the_start_invites(visit: Any, shots: Path) -> None:
    one = visit()
    expect(one.tab.locator("header")).to_contain_text("Your photos stay on this computer.")
    expect(one.tab.locator("#drop")).to_contain_text("Drop gray photos here, or choose them")
    expect(one.tab.locator("#formats")).to_contain_text("JPEG, PNG, TIFF, WebP")
    expect(one.tab.locator("#library-told")).to_contain_text("8 photos")
    one.tab.screenshot(path=shots / "empty.png")
    one.tab.locator("#examples button").nth(1).click()
    expect(one.status.first).to_contain_text("Colors")
    expect(one.tab.locator("#photo-name")).to_have_text("camera.jpg")
    assert one.failed == []


def test_a_broken_file_does_not_block_it(
    visit: Any, gray_file: Path, tmp_path: Path, shots: Path
) -> None:
    (tmp_path / "broken.jpg").write_bytes(gray_file.read_bytes()[:5000])
    one = visit()
    one.choose(tmp_path / "broken.jpg")
    alert = one.tab.get_by_role("alert").locator("p")
    expect(alert).to_have_text(f"broken.jpg {DAMAGED}")
    one.tab.screenshot(path=shots / "broken.png")
    one.tab.locator("#drop").click()
    assert one.chooser()  # a click opens the choice of files at once
    one.open(gray_file)
    expect(alert).to_have_count(0)
    # over an open photo, too: it stays
    one.drop("#stage", tmp_path / "broken.jpg")
    expect(alert).to_have_text(f"broken.jpg {DAMAGED}")
    expect(one.tab.locator("#photo-name")).to_have_text("garage.jpg")
    expect(one.status.first).to_contain_text("motorcycle_left.png")
    assert not re.search(r"HTTP|\b4\d\d\b|undefined", one.tab.locator("body").inner_text())
    assert one.failed == []


def test_what_is_no_picture_is_told(visit: Any, tmp_path: Path) -> None:
    (tmp_path / "bomb.zip").write_bytes(b"PK\3\4")
    (tmp_path / "empty").mkdir()
    one = visit()
    one.drop("#drop", tmp_path / "bomb.zip")
    alert = one.tab.get_by_role("alert").locator("p")
    expect(alert).to_contain_text("bomb.zip is no picture that Rechroma reads. Choose a JPEG")
    one.drop("#drop", tmp_path / "empty")
    expect(alert).to_have_text("There is no file in what was dropped.")


def test_back_and_reload_at_any_moment(
    visit: Any, served: Any, gray_file: Path, tmp_path: Path
) -> None:
    second = tmp_path / "second.jpg"
    Image.open(gray_file).crop((0, 0, 120, 90)).save(second)
    one = visit().open(gray_file)
    one.use("Color a spot")
    one.click(0.3, 0.3)
    one.tab.locator("#swatches button").first.click()
    expect(one.status.first).to_contain_text("1 color point")
    one.tab.reload()
    expect(one.status.first).to_contain_text("1 color point")
    expect(one.tab.locator("#undo")).to_be_enabled()
    one.drop("#stage", second)
    expect(one.tab.locator("#photo-name")).to_have_text("second.jpg")
    expect(one.status.first).not_to_contain_text("color point")
    one.tab.go_back()
    expect(one.tab.locator("#photo-name")).to_have_text("garage.jpg")
    expect(one.status.first).to_contain_text("1 color point")
    one.tab.go_back()
    expect(one.tab.locator("#drop")).to_be_visible()
    one.tab.go_forward()
    expect(one.status.first).to_contain_text("1 color point")
    # Back while a photo is read, and Reload
    one.tab.go_back()
    one.choose(Path(second))
    one.tab.go_back()
    expect(one.tab.locator("#drop")).to_be_visible()
    one.choose(Path(second))
    one.tab.reload()
    expect(one.tab.locator("#drop")).to_be_visible()
    one.open(gray_file)
    assert one.failed == []


def test_what_is_chosen_before_the_page_has_loaded_opens(visit: Any, gray_file: Path) -> None:
    one = visit()

    def late(route: Any) -> None:
        one.tab.wait_for_timeout(700)
        route.continue_()

    one.tab.route("**/api/page", late)
    one.tab.goto(one.url, wait_until="domcontentloaded")
    one.choose(gray_file)
    expect(one.status.first).to_contain_text("motorcycle_left.png")


def test_two_tabs_on_one_photo(visit: Any, gray_file: Path) -> None:
    one = visit().open(gray_file)
    other = one.context.new_page()
    other.goto(one.tab.url)
    expect(other.locator("#status p").first).to_contain_text("motorcycle_left.png")
    one.tab.locator("#cards label").first.click()
    expect(one.status.first).not_to_contain_text("motorcycle_left.png")
    other.locator("#saturation").fill("0.5")
    # each shows what holds, the other's step too
    expect(other.locator("#status p").first).not_to_contain_text("motorcycle_left.png")
    expect(other.locator("#cards input").first).not_to_be_checked()


def test_a_photo_that_is_gone_is_told(visit: Any, gray_file: Path) -> None:
    one = visit()
    one.tab.goto(f"{one.url}/#photo=anothers")
    line = "This photo is not kept any more. Choose it again."
    expect(one.tab.get_by_role("alert").locator("p")).to_have_text(line)
    expect(one.tab.locator("#drop")).to_be_visible()
    one.open(gray_file)


def test_only_this_machine_is_asked(visit: Any, gray_file: Path) -> None:
    one = visit().open(gray_file)
    hosts = {url.split("/")[2] for url in one.asked if url.startswith("http")}
    assert hosts == {one.url.split("/")[2]}


def test_a_visitor_from_elsewhere_is_not_told_that_photos_stay_here(
    chromium: Any, colorizer: ColorizationPipeline, store: FileStore
) -> None:
    app = create_app(colorizer, store, hosts=None)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", port=0))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    tab = chromium.new_page()
    tab.goto(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}")
    told = "Your photos stay on the computer that Rechroma runs on."
    expect(tab.locator("#privacy")).to_have_text(told)
    expect(tab.locator("#library-form")).to_be_hidden()
    tab.close()
    server.should_exit = True
    thread.join(60)


def test_an_error_does_not_lose_the_address_of_the_work(visit: Any, gray_file: Path) -> None:
    one = visit().open(gray_file)
    one.tab.wait_for_url(re.compile("#photo="))
    address, refusals = one.tab.url, ['{"error": "There is not enough memory."}\n']

    def answer(route: Any) -> None:
        if refusals:
            body = refusals.pop()
            route.fulfill(status=200, content_type="application/x-ndjson", body=body)
        else:
            route.continue_()

    one.tab.route("**/api/photos/*", answer)
    one.tab.reload()
    expect(one.tab.get_by_role("alert").locator("p")).to_have_text("There is not enough memory.")
    assert one.tab.url == address
    one.tab.reload()
    expect(one.status.first).to_contain_text("Colors")
    # what is gone does not come back
    one.tab.goto(f"{one.url}#photo=nobody-has-this")
    expect(one.tab.get_by_role("alert").locator("p")).to_contain_text("not kept any more")
    expect(one.tab).to_have_url(re.compile("#$"))
