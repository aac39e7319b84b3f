"""Several photos at once."""

import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect


@pytest.fixture
def photos(gray_file: Path, gray_pictures: dict[str, np.ndarray], tmp_path: Path) -> list[Path]:
    (tmp_path / "broken.jpg").write_bytes(gray_file.read_bytes()[:5000])
    Image.fromarray(gray_pictures["chelsea"]).save(tmp_path / "cat.png")
    return [gray_file, tmp_path / "broken.jpg", tmp_path / "cat.png"]


def zipped(one: Any, folder: Path) -> list[str]:
    with one.tab.expect_download() as download:
        one.tab.get_by_role("link", name="Save all as one zip").click()
    download.value.save_as(folder / "all.zip")
    with zipfile.ZipFile(folder / "all.zip") as file:
        assert file.testzip() is None
        return file.namelist()


def test_several_photos_become_a_queue(
    visit: Any, photos: list[Path], tmp_path: Path, shots: Path
) -> None:
    one = visit()
    one.choose(*photos)
    told, cards = one.tab.locator("#queue-told"), one.tab.locator("#queued li")
    expect(cards).to_have_count(3)
    expect(told).to_have_text("2 of 3 photos done; 1 refused.")
    expect(cards.nth(1)).to_contain_text("broken.jpg is damaged or incomplete.")
    expect(cards.nth(0).get_by_role("img")).to_have_count(2)
    expect(cards.nth(0)).to_contain_text("Colors from motorcycle_left.png")
    one.tab.screenshot(path=shots / "queue.png")
    assert zipped(one, tmp_path) == ["garage-color.jpg", "cat-color.png"]
    with one.tab.expect_download() as download:
        one.tab.get_by_role("link", name="Save cat.png").click()
    assert download.value.suggested_filename == "cat-color.png"
    # work on one; its new result is in the queue
    one.tab.get_by_role("link", name="Work on it: garage.jpg").click()
    one.status.first.wait_for()
    one.use("Brush")
    one.drag((0.2, 0.8), (0.5, 0.8))
    expect(one.status.first).to_contain_text("color points")
    one.save(tmp_path)
    one.tab.get_by_role("link", name="All photos").click()
    expect(cards.nth(0)).to_contain_text("color points")
    # a page that is loaded again knows what is done
    one.tab.reload()
    expect(cards).to_have_count(2)
    expect(told).to_contain_text("the page was loaded again")
    assert zipped(one, tmp_path) == ["garage-color.jpg", "cat-color.png"]
    assert one.failed == []


def test_photos_that_have_colors_are_passed_over_and_all_notes_shown(
    visit: Any, photos: list[Path], pictures: dict[str, np.ndarray], tmp_path: Path, shots: Path
) -> None:
    Image.fromarray(pictures["coffee"]).save(tmp_path / "cup.png")
    page = Image.open(photos[2])
    page.save(tmp_path / "pages.tif", save_all=True, append_images=[page])
    one = visit()
    one.choose(tmp_path / "cup.png", photos[0], tmp_path / "pages.tif")
    told, cards = one.tab.locator("#queue-told"), one.tab.locator("#queued li")
    line = "2 of 3 photos done; 1 passed over, as it has colors already."
    expect(told).to_have_text(line)
    expect(one.tab.locator("#stop-queue")).to_be_hidden()
    expect(cards.nth(0)).to_contain_text("already has colors, so it was passed over.")
    expect(cards.nth(0).get_by_role("link")).to_have_count(0)
    expect(cards.nth(2)).to_contain_text("the first of 2 pages; the others are not colorized")
    one.tab.screenshot(path=shots / "passed-over.png")
    assert zipped(one, tmp_path) == ["garage-color.jpg", "pages-color.tif"]
    one.tab.reload()
    expect(told).to_contain_text(line.rstrip("."))
    one.tab.get_by_role("button", name="Color it anyway: cup.png").click()
    expect(cards.nth(0)).to_contain_text("already has colors; new ones replace them.")
    expect(told).to_contain_text("3 of 3 photos done")
    assert zipped(one, tmp_path)[0] == "cup-color.png"
    assert one.failed == []


def test_the_zip_holds_what_the_editor_showed_last(
    visit: Any, photos: list[Path], tmp_path: Path
) -> None:
    """Nothing has to be saved, and nothing has to be waited for."""
    one = visit()
    one.choose(photos[0], photos[2])
    cards = one.tab.locator("#queued li")
    expect(one.tab.locator("#queue-told")).to_have_text("2 of 2 photos done.")
    was = cards.nth(1).get_by_role("link", name="Save").get_attribute("href")
    one.tab.get_by_role("link", name="Work on it: cat.png").click()
    one.status.first.wait_for()
    one.slide("vividness", 0)
    one.slide("saturation", 0)
    one.tab.get_by_role("link", name="All photos").click()
    expect(one.tab.locator("#queue-told")).to_have_text("2 of 2 photos done.")
    assert zipped(one, tmp_path) == ["garage-color.jpg", "cat-color.png"]
    with zipfile.ZipFile(tmp_path / "all.zip") as file:
        colors = [
            int(np.ptp(np.asarray(Image.open(file.open(name))).astype(int), axis=2).max())
            for name in file.namelist()
        ]
    assert colors[1] < 5 < colors[0]
    assert cards.nth(1).get_by_role("link", name="Save").get_attribute("href") != was
    # the editor has what was changed on the way out
    one.tab.get_by_role("link", name="Work on it: cat.png").click()
    expect(one.tab.locator("#saturation")).to_have_value("0")
    expect(one.tab.locator("#vividness")).to_have_value("0")
    assert one.failed == []


def test_a_folder_keeps_its_folders(visit: Any, photos: list[Path], tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    (scans / "1932").mkdir(parents=True)
    shutil.copy(photos[0], scans / "garage.jpg")
    shutil.copy(photos[0], scans / "1932" / "garage.jpg")
    (scans / "notes.txt").write_text("no picture")
    one = visit()
    one.drop("#drop", scans)
    told = one.tab.locator("#queue-told")
    passed = "1 other file passed over, of kinds that are not read here: notes.txt"
    expect(told).to_have_text(f"2 of 2 photos done; {passed}.")
    assert sorted(zipped(one, tmp_path)) == [
        "scans/1932/garage-color.jpg",
        "scans/garage-color.jpg",
    ]


def test_files_without_a_suffix_are_looked_at(
    visit: Any, photos: list[Path], tmp_path: Path
) -> None:
    shutil.copy(photos[0], tmp_path / "scan of 1932")
    one = visit()
    one.choose(tmp_path / "scan of 1932", photos[2])
    expect(one.tab.locator("#queue-told")).to_have_text("2 of 2 photos done.")
    assert zipped(one, tmp_path) == ["scan of 1932-color.jpg", "cat-color.png"]


def test_two_hundred_photos_at_once(
    visit: Any, gray_pictures: dict[str, np.ndarray], tmp_path: Path
) -> None:
    """All are taken; the work can be stopped at any, and goes on."""
    many = [tmp_path / f"{i:03}.png" for i in range(200)]
    for path in many:
        Image.fromarray(gray_pictures["coffee"][:32, :32]).save(path)
    one = visit()
    one.choose(*many)
    told, stop = one.tab.locator("#queue-told"), one.tab.locator("#stop-queue")
    expect(one.tab.locator("#queued li")).to_have_count(200)
    expect(told).to_have_text(re.compile(r"^[2-9] of 200 photos done\.$"))
    stop.click()
    expect(stop).to_have_text("Go on")
    expect(one.tab.locator("#queued li", has_text="…")).to_have_count(0)
    done = int(told.inner_text().split()[0])
    assert len(zipped(one, tmp_path)) == done
    stop.click()
    expect(told).to_have_text(
        re.compile(rf"^({'|'.join(str(done + i) for i in range(2, 9))}) of 200")
    )
    assert one.failed == []


def test_nothing_that_is_a_picture(visit: Any, tmp_path: Path) -> None:
    for name in ("a.txt", "b.zip"):
        (tmp_path / name).write_text("x")
    one = visit()
    one.choose(tmp_path / "a.txt", tmp_path / "b.zip")
    alert = one.tab.get_by_role("alert").locator("p")
    expect(alert).to_have_text("None of these files is a picture that Rechroma reads.")
    expect(one.tab.locator("#drop")).to_be_visible()


def test_whoever_leaves_while_it_works_is_asked(visit: Any, photos: list[Path]) -> None:
    one = visit()
    asked: list[str] = []
    one.tab.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    one.tab.locator("h1").first.click()  # browsers ask only whoever has touched the page
    one.choose(*photos * 12)
    expect(one.tab.locator("#queue-told")).to_have_text(re.compile("^[1-9]"))
    one.tab.reload()
    expect(one.tab.locator("#queue-told")).to_contain_text("the page was loaded again")
    assert asked == ["beforeunload"]


def test_back_leads_to_an_earlier_queue_and_none_loses_what_waits(
    visit: Any, photos: list[Path]
) -> None:
    one = visit()
    told, cards = one.tab.locator("#queue-told"), one.tab.locator("#queued li")
    one.choose(photos[0], photos[2])
    expect(told).to_have_text("2 of 2 photos done.")
    one.choose(*photos[::2] * 4)
    expect(told).to_have_text(re.compile("^[1-6] of 8 photos done"))
    one.tab.go_back()
    expect(told).to_have_text("2 of 2 photos done.")
    expect(cards).to_have_count(2)
    one.tab.go_forward()
    expect(cards).to_have_count(8)
    expect(told).to_have_text("8 of 8 photos done.")
    one.choose(photos[0], photos[2])
    expect(told).to_have_text("2 of 2 photos done.")
    assert one.failed == []


def test_more_photos_than_are_taken_are_no_other_files(
    visit: Any, serving: Any, colorizer: Any, photos: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with serving(colorizer, queued_photos=2) as small:
        one = visit(small.url)
        one.choose(*[photos[0], photos[2]] * 2, tmp_path / "notes.txt")
        expect(one.tab.locator("#queue-told")).to_have_text(
            "2 of 2 photos done; 1 other file passed over, of kinds that are not read here:"
            " notes.txt; 2 more than the 2 that are taken at once: drop them afterwards."
        )


def test_who_works_with_keys_stays_where_they_are(
    visit: Any, pictures: dict[str, np.ndarray], photos: list[Path], tmp_path: Path
) -> None:
    Image.fromarray(pictures["coffee"]).save(tmp_path / "cup.png")
    one = visit()
    one.choose(tmp_path / "cup.png", photos[0])
    button = one.tab.get_by_role("button", name="Color it anyway: cup.png")
    button.focus()
    button.press("Enter")
    expect(one.tab.get_by_role("link", name="Work on it: cup.png")).to_be_focused()


def test_other_files_do_not_stop_a_queue(visit: Any, photos: list[Path], tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    one = visit()
    one.choose(*photos[::2] * 4)
    told = one.tab.locator("#queue-told")
    expect(told).to_have_text(re.compile("^[1-6] of 8 photos done"))
    one.choose(tmp_path / "a.txt", tmp_path / "a.txt")
    expect(one.tab.get_by_role("alert").locator("p")).to_contain_text("None of these files")
    expect(told).to_have_text("8 of 8 photos done.")


def test_a_full_store_stops_the_queue_and_says_what_to_do(
    visit: Any, serving: Any, colorizer: Any, photos: list[Path]
) -> None:
    size = photos[0].stat().st_size
    with serving(colorizer, stored_bytes=10 * size, queued_bytes=4 * size) as small:
        one = visit(small.url)
        one.choose(*photos[:1] * 20)
        alert = one.tab.get_by_role("alert").locator("p")
        expect(alert).to_contain_text("save these as one zip")
        expect(one.tab.locator("#stop-queue")).to_have_text("Go on")
        expect(one.tab.locator("#queue-told")).to_have_text(
            re.compile(r"^\d+ of 20 photos done\.$")
        )


def test_a_queue_that_comes_late_does_not_take_the_place_of_another(
    visit: Any, photos: list[Path]
) -> None:
    one = visit()
    cards = one.tab.locator("#queued li")
    one.choose(photos[0], photos[2])
    expect(one.tab.locator("#queue-told")).to_have_text("2 of 2 photos done.")
    first = one.tab.url.rpartition("=")[2]
    one.choose(*photos)
    expect(one.tab.locator("#queue-told")).to_have_text("2 of 3 photos done; 1 refused.")
    held = list[Any]()
    one.tab.route(f"**/api/queues/{first}", lambda request: held.append(request))
    with one.tab.expect_request(f"**/api/queues/{first}"):
        one.tab.go_back()
    one.tab.go_forward()
    expect(cards).to_have_count(3)
    with one.tab.expect_response(f"**/api/queues/{first}"):
        held[0].continue_()
    one.tab.wait_for_timeout(200)
    expect(cards).to_have_count(3)
    assert one.failed == []
