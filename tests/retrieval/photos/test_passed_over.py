import ntpath
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from retrieval.photos import passed_over
from retrieval.photos.listing import list_pictures, list_sources
from retrieval.photos.passed_over import Exclusion, PassedOver


@pytest.fixture
def library(tmp_path: Path) -> Callable[..., Path]:
    def make(*names: str) -> Path:
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        return tmp_path

    return make


def listed(folder: Path, *exclude: str) -> tuple[list[str], list[str]]:
    passed = PassedOver()
    found = [str(p.relative_to(folder)) for p in list_pictures(folder, passed, exclude)]
    return found, passed.lines()


@pytest.mark.parametrize(
    "name",
    [
        "@eaDir/x.jpg/SYNOPHOTO_THUMB_M.jpg",
        "#recycle/x.jpg",
        "@Recycle/x.jpg",
        "$RECYCLE.BIN/x.jpg",
        "__MACOSX/x.jpg",
        "lost+found/x.jpg",
        "System Volume Information/x.jpg",
        "Catalog Previews.lrdata/0/x.jpg",
        "iPod Photo Cache/x.jpg",
        "[Originals]/x.jpg",
        "CaptureOne/Cache/x.jpg",
        "appdata_oc1a2b/preview/x.png",
        "Photos Library.photoslibrary/resources/derivatives/x.jpeg",
        ".thumbnails/x.jpg",
    ],
)
def test_folders_of_programs_are_passed_over(name: str, library: Callable[..., Path]) -> None:
    folder = library("lib/a.jpg", f"lib/{name}")
    found, lines = listed(folder / "lib")
    assert found == ["a.jpg"]
    hidden = name.startswith(".")
    assert len(lines) == (0 if hidden else 1)
    assert hidden or lines[0].startswith("1 folder that other programs keep beside photos: ")


def test_originals_within_the_library_of_a_program_are_walked(library: Callable[..., Path]) -> None:
    inside = "Photos Library.photoslibrary"
    folder = library(f"{inside}/originals/0/a.heic", f"{inside}/resources/renders/a.jpeg")
    assert listed(folder)[0] == [f"{inside}/originals/0/a.heic"]


def test_links_to_folders_are_told(library: Callable[..., Path]) -> None:
    folder = library("box/a.jpg", "elsewhere/b.jpg")
    (folder / "box" / "more").symlink_to(folder / "elsewhere")
    assert listed(folder / "box") == (
        ["a.jpg"],
        ["1 link to folders, which must be named to be taken: more"],
    )


def test_pictures_without_a_suffix_are_told(library: Callable[..., Path]) -> None:
    folder = library("a.jpg", "notes", ".hidden")
    Image.new("L", (8, 8)).save(folder / "scan1", "JPEG")
    Image.new("L", (8, 8)).save(folder / "scan2", "TIFF")
    assert listed(folder) == (
        ["a.jpg"],
        ["2 pictures without a suffix such as .jpg: scan1, scan2"],
    )
    assert listed(folder, "scan*")[1] == []


def test_what_has_no_suffix_and_is_no_file_is_left_alone(library: Callable[..., Path]) -> None:
    folder = library("a.jpg")
    (folder / "loop").symlink_to(folder / "loop")
    os.mkfifo(folder / "pipe")
    assert listed(folder) == (["a.jpg"], [])


def test_a_folder_that_is_named_is_walked_whatever_its_name(library: Callable[..., Path]) -> None:
    folder = library("@eaDir/a.jpg")
    assert listed(folder / "@eaDir")[0] == ["a.jpg"]


def test_excluded_names_and_paths(library: Callable[..., Path]) -> None:
    folder = library("a.jpg", "a_thumb.jpg", "1932/b.jpg", "1933/c.jpg", "drafts/1932/d.jpg")
    assert listed(folder, "*_thumb.jpg", "drafts") == (
        ["1932/b.jpg", "1933/c.jpg", "a.jpg"],
        ["2 files or folders by --exclude"],
    )
    assert listed(folder, "1932")[0] == ["1933/c.jpg", "a.jpg", "a_thumb.jpg"]
    only_below_root, _ = listed(folder, "1932/*")
    assert only_below_root == ["1933/c.jpg", "a.jpg", "a_thumb.jpg", "drafts/1932/d.jpg"]


def test_paths_of_windows_are_excluded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passed_over.os, "sep", "\\")
    monkeypatch.setattr(passed_over.os, "path", ntpath)
    exclusion = Exclusion("C:\\photos", ["thumbs", "old/*"])
    names = ("thumbs", "a\\thumbs", "old\\x.jpg", "a\\x.jpg")
    fits = [exclusion.fits("C:\\photos\\" + name) for name in names]
    assert fits == [True, True, True, False]


def test_a_pattern_without_text_is_refused() -> None:
    with pytest.raises(ValueError, match="the pattern is empty"):
        Exclusion("/", ["a", "/"])


def test_files_like_pictures_are_counted_with_their_reason(library: Callable[..., Path]) -> None:
    folder = library(
        "a.jpg", "a.CR2", "b.cr2", "c.nef", "d.svg", "e.jxl", "f.MP4", "g.mov", "notes.txt"
    )
    found, lines = listed(folder)
    assert found == ["a.jpg"]
    assert lines == [
        "2 .cr2, 1 .nef: camera raw files cannot be read: develop them first",
        "1 .jxl: this format cannot be read: convert it to TIFF or PNG first",
        "1 .mov, 1 .mp4: films are for another command: rechroma video",
        "1 .svg: drawings cannot be read: export them as PNG first",
    ]


def test_a_folder_of_only_what_is_passed_over_says_why(library: Callable[..., Path]) -> None:
    folder = library("@eaDir/a.jpg", "b.jpg", "c.dng")
    with pytest.raises(ValueError, match="no pictures in") as caught:
        list_sources([folder], exclude=["*"])
    assert str(caught.value) == (
        f"{folder}: no pictures in this folder; passed over: 1 folder that other programs keep"
        " beside photos: @eaDir; 1 file or folder by --exclude"
    )


def test_each_path_counts_once(library: Callable[..., Path]) -> None:
    folder, passed = library("a.jpg", "b.jpg", "@eaDir/a.jpg"), PassedOver()
    assert len(list_sources([folder, folder], passed, ["b.jpg"])) == 1
    assert (len(passed.folders), len(passed.excluded)) == (1, 1)


@pytest.mark.parametrize("pattern", ["*", "*.jpg", "lib/*", "?*"])
def test_a_pattern_that_fits_everything_leaves_nothing(
    library: Callable[..., Path], pattern: str
) -> None:
    folder = library("lib/a.jpg", "lib/b.jpg")
    found, lines = listed(folder, pattern)
    assert found == [] and len(lines) == 1 and lines[0].endswith(" by --exclude")
    with pytest.raises(ValueError, match=r": no pictures in .*; passed over: .* by --exclude$"):
        list_sources([folder], exclude=[pattern])
