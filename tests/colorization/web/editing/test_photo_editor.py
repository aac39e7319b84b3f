import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage.color import rgb2lab

from colorization.network.hints import Point
from colorization.network.pretrained import load_network
from colorization.options import ColorizeOptions
from colorization.photo_files.provenance import Sources, credited
from colorization.photo_files.writer import write_picture
from colorization.pipeline import ColorizationPipeline
from colorization.web.editing.photo_editor import HAS_COLORS, PhotoEditor, sources_of
from colorization.web.storage.file_store import FileStore
from colorization.web.storage.limits import Limits
from retrieval.building.changes import BuildReport
from retrieval.photos.reader import PictureError, read_picture
from retrieval.search.match_words import NOTHING_ALIKE
from retrieval.search.photo_index import PhotoIndex
from similarity.backbone.backbone import Backbone

EXIF_TAKEN, EXIF_MAKER = 0x9003, 0x010F


@pytest.fixture
def library(
    backbone: Backbone,
    photo_dir: Path,
    tmp_path: Path,
    build: Callable[..., BuildReport],
    store: FileStore,
    fast: ColorizeOptions,
) -> PhotoEditor:
    """With an index of its own, that a test may change."""
    build(photo_dir, tmp_path / "index")
    index = PhotoIndex.open(tmp_path / "index")
    return PhotoEditor(ColorizationPipeline(backbone, index, load_network(backbone)), store, fast)


@pytest.fixture
def saved(store: FileStore) -> Callable[..., Path]:
    """``saved(name, picture)``: a picture in the store."""

    def save(name: str, picture: np.ndarray) -> Path:
        path = store.new(name)
        Image.fromarray(picture).save(path)
        return path

    return save


def test_a_photo_opens_with_its_best_references(
    editor: PhotoEditor, photo: Path, library_dir: Path, fast: ColorizeOptions
) -> None:
    steps: list[str] = []
    work = editor.open(photo, steps.append)
    assert [one.path for one in work.candidates[:2]] == [
        library_dir / "motorcycle_left.png",
        library_dir / "sub" / "motorcycle_right.png",
    ]
    assert (work.edit.picks, work.note) == ((0, 1), "")
    assert len(work.candidates) == editor.limits.candidates
    assert steps == ["reading", "describing", "matching"]
    anew = editor.pipeline.colorize(read_picture(photo).rgb, None, fast)
    look = editor.look(work, steps.append)
    assert look.influence == anew.influence and steps[3:] == ["coloring"]
    assert [name for name, _ in sources_of(work, look).shares] == [
        "motorcycle_left.png",
        "motorcycle_right.png",
    ]


def test_where_nothing_is_alike_colors_are_automatic_and_a_note_says_so(
    library: PhotoEditor, photo: Path
) -> None:
    work = library.open(photo)
    assert work.note.startswith(NOTHING_ALIKE)
    assert (len(work.candidates), work.picked) == (4, ())
    assert library.look(work).influence == []
    assert len(library.look(work.change("", picks=(0, 1))).influence) == 2  # if a person wants


def test_without_an_index_colors_are_automatic(
    without_index: ColorizationPipeline, store: FileStore, photo: Path, fast: ColorizeOptions
) -> None:
    editor, steps = PhotoEditor(without_index, store, fast), list[str]()
    work = editor.open(photo, steps.append)
    assert (work.candidates, work.edit.picks, work.note) == ((), (), "")
    assert steps == ["reading", "describing"]
    assert np.ptp(editor.look(work).rgb.astype(int), axis=2).mean() > 3


def test_a_photo_that_has_colors_is_told(
    editor: PhotoEditor, saved: Callable[..., Path], pictures: dict[str, np.ndarray]
) -> None:
    assert HAS_COLORS in editor.open(saved("color.png", pictures["coffee"])).note.splitlines()
    gray = pictures["coffee"].mean(2, keepdims=True) / 255
    sepia = np.rint(gray * [255, 225, 180]).astype(np.uint8)
    assert HAS_COLORS not in editor.open(saved("sepia.png", sepia)).note


def test_the_file_is_what_colorize_writes(
    editor: PhotoEditor, store: FileStore, pictures: dict[str, np.ndarray], fast: ColorizeOptions
) -> None:
    """Size, format and metadata are the original's; Python alone finds the same colors."""
    exif = Image.Exif()
    exif[EXIF_MAKER] = "Kodak"
    exif.get_ifd(0x8769)[EXIF_TAKEN] = "1936:07:01 10:00:00"
    original = store.new("1936.jpg")
    rgb = pictures["motorcycle_left"]
    Image.fromarray(rgb).convert("L").save(original, exif=exif, dpi=(300, 300), quality=95)
    work = editor.put(editor.open(original).change("", picks=(1,)), [(0.5, 0.5)], "#a03020")
    work, steps = work.change("saturation", saturation=1.2), list[str]()
    path = editor.write(work, steps.append)
    assert path.name == "1936-color.jpg" and store.holds(str(path))
    assert steps == ["reading", "matching", "coloring", "writing"]
    found = Image.open(path)
    assert (found.format, found.size, found.info["dpi"]) == (
        "JPEG",
        (rgb.shape[1], 128),
        (300, 300),
    )
    assert found.getexif()[EXIF_MAKER] == "Kodak"
    assert found.getexif().get_ifd(0x8769)[EXIF_TAKEN] == "1936:07:01 10:00:00"
    gray, point = read_picture(original).rgb, Point.of_color(0.5, 0.5, (0xA0, 0x30, 0x20))
    reference = work.candidates[1]
    wanted = editor.pipeline.colorize(
        gray,
        [reference.recommended],  # type: ignore[list-item]
        replace(fast, saturation=1.2),
        [point],
    )
    source = credited(read_picture(original), Sources([(reference.path.name, 1.0)], "", 1))
    write_picture(store.folder / "wanted.jpg", wanted.rgb, source)
    assert path.read_bytes() == (store.folder / "wanted.jpg").read_bytes()


def test_deep_scans_stay_deep_and_the_preview_has_their_colors(
    editor: PhotoEditor, store: FileStore, gray_pictures: dict[str, np.ndarray]
) -> None:
    path, gray = store.new("scan.tif"), gray_pictures["motorcycle_left"]
    tifffile.imwrite(path, gray.astype(np.uint16) * np.uint16(257))
    work = editor.open(path)
    written, shown = tifffile.imread(editor.write(work)), editor.look(work).rgb
    assert (written.dtype, written.shape[:2]) == (np.uint16, gray.shape)
    assert max(shown.shape) == editor.limits.preview_side
    small = Image.fromarray((written >> 8).astype(np.uint8))
    small = small.resize((shown.shape[1], shown.shape[0]), Image.Resampling.BOX)
    assert np.abs(rgb2lab(np.asarray(small)) - rgb2lab(shown))[..., 1:].mean() < 2.0


def test_further_edits_prepare_nothing(
    editor: PhotoEditor, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = editor.open(photo)

    def never(*args: object, **kwargs: object) -> None:
        raise AssertionError("prepared again")

    monkeypatch.setattr(ColorizationPipeline, "prepare", never)
    monkeypatch.setattr("colorization.web.editing.photo_editor.read_picture", never)
    first = editor.look(work).rgb
    pointed = editor.put(work, [(0.2, 0.8)], "#2040c0")
    assert (editor.look(pointed).rgb != first).any()
    assert editor.suggest(pointed, 0.2, 0.8)
    paler = pointed.change("saturation", saturation=0.0).change("vividness", vividness=0.1)
    assert editor.look(paler).rgb.size


def test_what_is_kept_is_bounded_and_the_oldest_goes(
    editor: PhotoEditor,
    store: FileStore,
    gray_pictures: dict[str, np.ndarray],
    saved: Callable[..., Path],
    photo: Path,
) -> None:
    work = editor.open(photo)
    one = editor.kept_bytes
    assert one > 100_000
    store.limits = replace(store.limits, kept_bytes=one * 5 // 2)
    bounded = PhotoEditor(editor.pipeline, store, editor.options)
    works = []
    for name in ("astronaut", "coffee", "rocket", "chelsea"):
        works.append(bounded.open(saved(f"{name}.png", gray_pictures[name][:96, :96])))
        assert bounded.kept_bytes <= one * 5 // 2
    assert len(bounded._kept) < len(works)
    assert bounded.look(works[0]).rgb.shape == (96, 96, 3)  # prepared again, unseen
    store.limits = replace(store.limits, kept_bytes=1)  # too small to keep even one
    assert PhotoEditor(editor.pipeline, store, editor.options).look(work).rgb.shape[1] == 96


def test_own_references(
    editor: PhotoEditor,
    saved: Callable[..., Path],
    photo: Path,
    pictures: dict[str, np.ndarray],
    gray_pictures: dict[str, np.ndarray],
) -> None:
    own, gray = saved("own.png", pictures["coffee"]), saved("gray.png", gray_pictures["coffee"])
    # one that is refused does not stand in the way
    usable, (line,) = editor.readable_references([gray, own])
    assert usable == [own] and "gray" in line
    work = editor.bring(editor.open(photo), usable)
    assert [one.path for one in work.picked] == [own]
    (share,) = editor.look(work).influence
    assert 0 < share < 0.2  # it shows something else
    assert Image.open(editor.thumbnail(own)).size == Image.open(own).size
    assert editor.bring(work, []) is work


def test_own_references_are_bounded_however_they_are_dropped(
    editor: PhotoEditor, saved: Callable[..., Path], photo: Path, pictures: dict[str, np.ndarray]
) -> None:
    own = [saved(f"{i}.png", pictures["coffee"]) for i in range(3)]
    editor.limits = replace(editor.limits, references=2)
    with pytest.raises(ValueError, match="at most 2 references of your own, not 3"):
        editor.readable_references(own)
    work = editor.bring(editor.open(photo), own[:2])
    with pytest.raises(ValueError, match="at most 2 references of your own, not 3"):
        editor.bring(work, own[2:])


def test_palettes_of_the_edit_and_of_its_history_are_kept(
    editor: PhotoEditor,
    store: FileStore,
    saved: Callable[..., Path],
    photo: Path,
    pictures: dict[str, np.ndarray],
) -> None:
    palettes = [saved(f"{name}.png", pictures[name]) for name in ("coffee", "chelsea")]
    work = editor.open(photo).change("", palette=palettes[0]).change("", palette=palettes[1])
    for looked_at in (work, work.undo().undo()):
        for path in palettes:
            os.utime(path, (0, 0))
        editor.look(looked_at)
        store.sweep()
        assert all(path.exists() for path in palettes)


def test_a_photo_that_is_gone_is_told(editor: PhotoEditor, photo: Path) -> None:
    work = editor.open(photo)
    photo.unlink()
    assert editor.look(work).rgb.size  # still kept
    with pytest.raises(PictureError, match=r"not kept any more\. Choose it again"):
        editor.look(work.change("", picks=()))


def test_an_index_that_vanishes_is_told_and_the_photo_is_colored(
    library: PhotoEditor, photo_dir: Path, tmp_path: Path, photo: Path
) -> None:
    before = library.open(photo).change("", picks=(0, 1))
    library.look(before)
    (tmp_path / "index").rename(tmp_path / "elsewhere")
    work = library.open(photo)
    assert work.note == f"No references are recommended: {tmp_path / 'index'}: the index is gone"
    assert (work.candidates, library.look(work).influence) == ((), [])
    assert len(library.look(before).influence) == 2  # who has references keeps them

    (tmp_path / "elsewhere").rename(tmp_path / "index")
    for path in photo_dir.iterdir():
        path.unlink()
    assert "none of the recommended photos can be read" in library.open(photo).note


def test_photos_indexed_while_it_runs_are_recommended(
    library: PhotoEditor,
    photo_dir: Path,
    tmp_path: Path,
    build: Callable[..., BuildReport],
    pictures: dict[str, np.ndarray],
    photo: Path,
) -> None:
    kept = library.pipeline.index
    library.open(photo)
    assert library.pipeline.index is kept  # nothing new: not opened again
    Image.fromarray(pictures["motorcycle_right"]).save(photo_dir / "new.png")
    build(photo_dir, tmp_path / "index")
    assert library.open(photo).candidates[0].path.name == "new.png"


def test_another_index_can_be_used(
    without_index: ColorizationPipeline, store: FileStore, index_dir: Path, photo: Path
) -> None:
    editor = PhotoEditor(without_index, store)
    editor.use_index(PhotoIndex.open(index_dir))
    assert editor.open(photo).candidates[0].path.name == "motorcycle_left.png"


def test_limits_are_those_of_the_store(colorizer: ColorizationPipeline, store: FileStore) -> None:
    assert PhotoEditor(colorizer, store).limits == replace(Limits(), preview_side=96)
