"""When the connection breaks."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from colorization.pipeline import ColorizationPipeline

LOST = "Rechroma does not answer. Is it still running, and is the connection there?"


def test_a_cable_pulled_while_saving(visit: Any, gray_file: Path, tmp_path: Path) -> None:
    """Whether the question, the answer or the file breaks off: it is told, and Save works again."""
    one = visit().open(gray_file)
    alert, save = one.tab.get_by_role("alert"), one.tab.locator("#save")
    downloads: list[Any] = []
    one.tab.on("download", lambda download: downloads.append(download))
    for place in ("**/file?*", "**/files/**"):
        one.tab.route(place, lambda route: route.abort("connectionfailed"))
        save.click()
        expect(alert).to_contain_text(LOST)
        expect(save).to_be_enabled()
        expect(one.tab.locator("#wait")).to_be_hidden()
        one.tab.unroute(place)
    short = {"status": 200, "content_type": "application/x-ndjson", "body": '{"step": "reading"}\n'}
    one.tab.route("**/file?*", lambda route: route.fulfill(**short))
    save.click()
    expect(alert).to_contain_text(LOST)
    one.tab.unroute("**/file?*")
    assert downloads == []
    assert one.save(tmp_path).name == "garage-color.jpg"
    expect(alert.locator("p")).to_have_count(0)


def test_what_is_promised_without_an_answer_is_true(
    visit: Any, serving: Any, colorizer: ColorizationPipeline, gray_file: Path
) -> None:
    """A server that has ended has forgotten everything, also when it is started anew."""
    with serving(colorizer) as served:
        one = visit(served.url).open(gray_file)
    one.slide("saturation", 0.5)
    alert = one.tab.get_by_role("alert")
    expect(alert).to_contain_text(LOST)
    expect(alert).to_contain_text("While it runs, your work is kept: try again.")
    expect(alert).to_contain_text("If it was ended, it has forgotten all photos")


def test_an_edit_without_a_connection_is_told_and_controls_show_what_holds(
    visit: Any, gray_file: Path
) -> None:
    one = visit().open(gray_file)
    one.context.set_offline(True)
    one.tab.locator("#cards label").first.click()
    expect(one.tab.get_by_role("alert")).to_contain_text(LOST)
    expect(one.tab.locator("#cards input").first).to_be_checked()
    one.context.set_offline(False)
    one.tab.locator("#cards label").first.click()
    expect(one.status.first).not_to_contain_text("motorcycle_left.png")
    expect(one.tab.get_by_role("alert").locator("p")).to_have_count(0)


def test_a_server_that_falls_silent_is_told(visit: Any, gray_file: Path) -> None:
    """The page does not wait for ever: signs of life are missed after 15 seconds."""
    one = visit().open(gray_file)
    one.tab.clock.install()
    one.tab.route("**/edits?*", lambda route: None)  # never answered
    one.slide("saturation", 0.5)
    one.tab.clock.run_for(130_000)
    expect(one.tab.get_by_role("alert")).to_contain_text(LOST)
    expect(one.tab.locator("#saturation")).to_have_value("1")


@pytest.mark.parametrize("lost", [2])
def test_a_queue_waits_for_the_connection(visit: Any, gray_file: Path, lost: int) -> None:
    one = visit()
    one.tab.route("**/photos", lambda route: route.abort("connectionfailed"))
    one.choose(*[gray_file] * lost)
    expect(one.tab.get_by_role("alert")).to_contain_text(LOST)
    expect(one.tab.locator("#queued li", has_text="Waits")).to_have_count(lost)
    one.tab.unroute("**/photos")
    one.tab.get_by_role("button", name="Go on").click()
    expect(one.tab.locator("#queue-told")).to_have_text(f"{lost} of {lost} photos done.")
