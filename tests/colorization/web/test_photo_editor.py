import os
from collections.abc import Callable, Iterator
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
from colorization.photo_files.provenance import credited
from colorization.photo_files.writer import write_picture
from colorization.pipeline import ColorizationPipeline
from colorization.web.file_store import Store
from colorization.web.limits import Limits
from colorization.web.photo_editor import Studio
from retrieval.building.changes import BuildReport
from retrieval.photos.reader import PictureError, read_picture
from retrieval.search.photo_index import PhotoIndex
from similarity.backbone.backbone import Backbone

EXIF_TAKEN, EXIF_MAKER = 0x9003, 0x010F


@pytest.fixture
def studio(colorizer: ColorizationPipeline, store: Store, fast: ColorizeOptions) -> Studio:
    return Studio(colorizer, store, fast)


@pytest.fixture
def library(
    backbone: Backbone,
    photo_dir: Path,
    tmp_path: Path,
    build: Callable[..., BuildReport],
    store: Store,
    fast: ColorizeOptions,
) -> Studio:
    """With an index of its own, that a test may change."""
    build(photo_dir, tmp_path / "index")
    return Studio(
        ColorizationPipeline(backbone, PhotoIndex.open(tmp_path / "index"), load_network(backbone)),
        store,
        fast,
    )


@pytest.fixture
def alone(colorizer: ColorizationPipeline, store: Store, fast: ColorizeOptions) -> Iterator[Studio]:
    """Without an index."""
    yield Studio(ColorizationPipeline(colorizer.backbone, None, colorizer.network), store, fast)


def test_a_photo_opens_with_its_best_references(
    studio: Studio, photo: Path, library_dir: Path, fast: ColorizeOptions
) -> None:
    work = studio.open(photo)
    assert [one.path for one in work.candidates[:2]] == [
        library_dir / "motorcycle_left.png",
        library_dir / "sub" / "motorcycle_right.png",
    ]
    assert (work.edit.picks, work.note, len(work.candidates)) == (
        (0, 1),
        "",
        studio.limits.candidates,
    )
    anew = studio.pipeline.colorize(read_picture(photo).rgb, None, fast)
    assert studio.look(work).influence == anew.influence


def test_without_an_index_colors_are_automatic(alone: Studio, photo: Path) -> None:
    work = alone.open(photo)
    assert (work.candidates, work.edit.picks, work.note) == ((), (), "")
    assert np.ptp(alone.look(work).rgb.astype(int), axis=2).mean() > 3


def test_the_file_is_what_colorize_writes(
    studio: Studio, store: Store, pictures: dict[str, np.ndarray], fast: ColorizeOptions
) -> None:
    """Size, format and metadata of the original; colors of the wishes; found again by Python alone."""
    exif = Image.Exif()
    exif[EXIF_MAKER] = "Kodak"
    exif.get_ifd(0x8769)[EXIF_TAKEN] = "1936:07:01 10:00:00"
    original = store.new("1936.jpg")
    Image.fromarray(pictures["motorcycle_left"]).convert("L").save(
        original, exif=exif, dpi=(300, 300), quality=95
    )
    work = studio.put(studio.open(original).change("", picks=(1,)), 0.5, 0.5, "#a03020").change(
        "saturation", saturation=1.2
    )
    path = studio.write(work)
    assert path.name == "1936-color.jpg" and store.holds(str(path))
    found = Image.open(path)
    assert (found.format, found.size, found.info["dpi"]) == (
        "JPEG",
        (pictures["motorcycle_left"].shape[1], 128),
        (300, 300),
    )
    assert found.getexif()[EXIF_MAKER] == "Kodak"
    assert found.getexif().get_ifd(0x8769)[EXIF_TAKEN] == "1936:07:01 10:00:00"
    gray = read_picture(original).rgb
    options, point = replace(fast, saturation=1.2), Point.of_color(0.5, 0.5, (0xA0, 0x30, 0x20))
    wanted = studio.pipeline.colorize(gray, [work.candidates[1].recommended], options, [point]).rgb  # type: ignore[list-item]
    write_picture(
        store.folder / "wanted.jpg",
        wanted,
        credited(read_picture(original), [(work.candidates[1].path.name, 1.0)], "", 1),
    )
    assert path.read_bytes() == (store.folder / "wanted.jpg").read_bytes()


def test_deep_scans_stay_deep_and_the_preview_has_their_colors(
    studio: Studio, store: Store, gray_pictures: dict[str, np.ndarray]
) -> None:
    path = store.new("scan.tif")
    tifffile.imwrite(path, gray_pictures["motorcycle_left"].astype(np.uint16) * np.uint16(257))
    work = studio.open(path)
    written = tifffile.imread(studio.write(work))
    shown = studio.look(work).rgb
    assert (written.dtype, written.shape[:2]) == (np.uint16, gray_pictures["motorcycle_left"].shape)
    assert max(shown.shape) == studio.limits.preview_side
    small = Image.fromarray((written >> 8).astype(np.uint8)).resize(
        (shown.shape[1], shown.shape[0]), Image.Resampling.BOX
    )
    assert np.abs(rgb2lab(np.asarray(small)) - rgb2lab(shown))[..., 1:].mean() < 2.0


def test_further_edits_prepare_nothing(
    studio: Studio, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = studio.open(photo)

    def never(*args: object, **kwargs: object) -> None:
        raise AssertionError("prepared again")

    monkeypatch.setattr(ColorizationPipeline, "prepare", never)
    monkeypatch.setattr("colorization.web.photo_editor.read_picture", never)
    first = studio.look(work).rgb
    pointed = studio.put(work, 0.2, 0.8, "#2040c0")
    assert (studio.look(pointed).rgb != first).any()
    assert studio.suggest(pointed, 0.2, 0.8)
    assert (
        studio.look(
            pointed.change("saturation", saturation=0.0).change("vividness", vividness=0.1)
        ).rgb
        is not None
    )


def test_what_is_kept_is_bounded_and_the_oldest_goes(
    studio: Studio, store: Store, gray_pictures: dict[str, np.ndarray], photo: Path
) -> None:
    work = studio.open(photo)
    one = studio.kept_bytes
    assert one > 100_000
    bounded = _with_limits(studio, store, one * 5 // 2)
    works = []
    for name in ("astronaut", "coffee", "rocket", "chelsea"):
        path = store.new(f"{name}.png")
        Image.fromarray(gray_pictures[name][:96, :96]).save(path)
        works.append(bounded.open(path))
        assert bounded.kept_bytes <= one * 5 // 2
    assert len(bounded._kept) < len(works)
    assert bounded.look(works[0]).rgb.shape == (96, 96, 3)  # prepared again, unseen
    # too small to keep even one
    assert _with_limits(studio, store, 1).look(work).rgb.shape[1] == 96


def _with_limits(studio: Studio, store: Store, kept_bytes: int) -> Studio:
    store.limits = replace(store.limits, kept_bytes=kept_bytes)
    return Studio(studio.pipeline, store, studio.options)


def test_variants_differ(studio: Studio, store: Store, photo: Path) -> None:
    """A color point makes the network speak beside references of the same picture, which else are only carried over."""
    work = studio.put(studio.open(photo), 0.3, 0.3, "#a03020")
    variants = studio.variants(work)
    names = [f"only {one.path.name}" for one in work.picked]
    assert [one.caption for one in variants] == [
        "as it is",
        "careful",
        "bolder",
        "no reference",
        *names,
    ]
    assert len({one.rgb.tobytes() for one in variants}) == len(variants)
    # all that the page takes over
    varied = {"picks": (), "saturation": 1.0, "vividness": 1.0, "kind": ""}
    assert len({replace(one.work.edit, **varied) for one in variants}) == 1
    assert variants[3].work.undo().edit == work.edit
    deaf = Studio(studio.pipeline, store, replace(studio.options, local_range=(1.5, 2.0)))
    # of other things: nothing changes without them
    unheard = deaf.variants(work.change("", picks=(2, 3)))
    assert [one.caption for one in unheard] == ["as it is", "careful", "bolder"]


def test_own_references(
    studio: Studio,
    store: Store,
    photo: Path,
    pictures: dict[str, np.ndarray],
    gray_pictures: dict[str, np.ndarray],
) -> None:
    own, gray = store.new("own.png"), store.new("gray.png")
    Image.fromarray(pictures["coffee"]).save(own)
    Image.fromarray(gray_pictures["coffee"]).save(gray)
    work, refused = studio.bring(studio.open(photo), [own])
    assert (work.own, refused) == ([own], [])
    (share,) = studio.look(work).influence
    assert 0 < share < 0.2  # it shows something else
    assert Image.open(studio.thumbnail(work.picked[0])).size == Image.open(own).size
    # one that is refused does not stand in the way
    again, (line,) = studio.bring(work, [gray, own])
    assert again.own == [own] and "gray" in line
    alone, (line,) = studio.bring(work, [gray])
    assert alone == work and "gray" in line


def test_a_further_color_at_a_place_replaces_the_first(studio: Studio, photo: Path) -> None:
    """Trying several suggestions on one spot is choosing, not mixing."""
    work = studio.open(photo)
    for color in ("#ff0000", "#00ff00", "#0000ff"):
        work = studio.put(work, 0.25, 0.5, color)
    work = studio.put(work, 0.75, 0.5, "#ff0000")
    assert [(point.x, point.ab[1] < -50) for point in work.edit.points] == [
        (0.25, True),
        (0.75, False),
    ]
    assert len(work.undo().undo().edit.points) == 1


def test_own_references_are_bounded_however_they_are_dropped(
    studio: Studio, store: Store, photo: Path, pictures: dict[str, np.ndarray]
) -> None:
    own = [store.new(f"{i}.png") for i in range(3)]
    for path in own:
        Image.fromarray(pictures["coffee"]).save(path)
    studio.limits = replace(studio.limits, references=2)
    with pytest.raises(ValueError, match="at most 2 references of your own, not 3"):
        studio.bring(studio.open(photo), own)
    work, _ = studio.bring(studio.bring(studio.open(photo), own[:2])[0], own[2:])
    studio.look(work)
    with pytest.raises(ValueError, match="at most 2 references of your own, not 3"):
        studio.look(
            work.change("", picks=tuple(range(len(work.candidates) - 3, len(work.candidates))))
        )


def test_palettes_of_the_edit_and_of_its_history_are_kept(
    studio: Studio, store: Store, photo: Path, pictures: dict[str, np.ndarray]
) -> None:
    palettes = [store.new(f"{name}.png") for name in ("coffee", "chelsea")]
    for path in palettes:
        Image.fromarray(pictures[path.stem]).save(path)
    work = studio.open(photo).change("", palette=palettes[0]).change("", palette=palettes[1])
    for path in palettes:
        os.utime(path, (0, 0))
    studio.look(work)
    store.sweep()
    assert studio.look(work).rgb.size and studio.look(work.undo()).rgb.size
    for path in palettes:
        os.utime(path, (0, 0))
    studio.look(work.undo().undo())
    store.sweep()
    assert studio.look(work.undo().undo().redo().redo()).rgb.size


def test_a_photo_that_is_gone_is_told(studio: Studio, photo: Path, store: Store) -> None:
    work = studio.open(photo)
    photo.unlink()
    assert studio.look(work).rgb.size  # still kept
    with pytest.raises(PictureError, match="not kept any more"):
        studio.look(work.change("", picks=()))


def test_an_index_that_vanishes_is_told_and_the_photo_is_colored(
    library: Studio, photo_dir: Path, tmp_path: Path, photo: Path
) -> None:
    studio = library
    before = studio.open(photo)
    (tmp_path / "index").rename(tmp_path / "elsewhere")
    work = studio.open(photo)
    assert work.note == f"no references are recommended: {tmp_path / 'index'}: the index is gone"
    assert (work.candidates, studio.look(work).influence) == ((), [])
    assert len(studio.look(before).influence) == 2  # who has references keeps them

    (tmp_path / "elsewhere").rename(tmp_path / "index")
    for path in photo_dir.iterdir():
        path.unlink()
    assert "skipped" in studio.open(photo).note


def test_photos_indexed_while_it_runs_are_recommended(
    library: Studio,
    photo_dir: Path,
    tmp_path: Path,
    build: Callable[..., BuildReport],
    pictures: dict[str, np.ndarray],
    photo: Path,
) -> None:
    studio, pipeline = library, library.pipeline
    kept = pipeline.index
    before = {one.path.name for one in studio.open(photo).candidates}
    assert pipeline.index is kept  # nothing new: not opened again

    for name, rgb in pictures.items():
        Image.fromarray(rgb[:, ::-1]).save(photo_dir / f"new-{name}.png")
    build(photo_dir, tmp_path / "index")
    after = {one.path.name for one in studio.open(photo).candidates}
    assert not any(name.startswith("new-") for name in before) and any(
        name.startswith("new-") for name in after
    )


def test_limits_are_those_of_the_store(colorizer: ColorizationPipeline, store: Store) -> None:
    assert Studio(colorizer, store).limits == replace(Limits(), preview_side=96)
