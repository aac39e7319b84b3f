from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorization.photo_files.contact_sheet import (
    CELL,
    Cell,
    abreast,
    check_sheet,
    thumbnail,
    write_sheet,
)

RED, BLUE = (220, 20, 20), (20, 20, 220)


def plain(color: tuple[int, int, int], height: int = 40, width: int = 40) -> np.ndarray:
    return np.full((height, width, 3), color, np.uint8)


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ((100, 200), (32, 64)),
        ((200, 100), (64, 32)),
        ((1, 1), (64, 64)),
        ((100, 20_000), (1, 64)),  # 64 * 100 / 20000 = 0.32, at least one pixel
        ((33, 64), (33, 64)),
    ],
)
def test_thumbnails_fit_the_square(size: tuple[int, int], wanted: tuple[int, int]) -> None:
    small = thumbnail(plain(RED, *size), 64)
    assert small.shape == (*wanted, 3)
    assert (small == RED).all()


def test_pictures_stand_in_rows_and_columns(tmp_path: Path) -> None:
    """Two rows, the first shorter: red, then blue and red. Middles of cells show their color."""
    path = tmp_path / "made" / "sheet.png"
    write_sheet(
        path, [[Cell(plain(RED), "one")], [Cell(plain(BLUE), "two"), Cell(plain(RED), "three")]]
    )
    sheet = np.asarray(Image.open(path))
    height, width = sheet.shape[0] // 2, sheet.shape[1] // 2
    assert height >= CELL and width >= CELL
    middles = [
        tuple(int(v) for v in sheet[y + CELL // 2, x + CELL // 2])
        for y in (0, height)
        for x in (0, width)
    ]
    assert middles[0] == RED and middles[2:] == [BLUE, RED]
    assert middles[1] not in (RED, BLUE)
    assert [p.name for p in path.parent.iterdir()] == ["sheet.png"]


def test_pictures_keep_their_aspect(tmp_path: Path) -> None:
    write_sheet(tmp_path / "sheet.png", [[Cell(plain(RED, 20, 40), "wide")]])
    red = (np.asarray(Image.open(tmp_path / "sheet.png")) == RED).all(2)
    assert red.any(1).sum() == CELL // 2
    assert red.any(0).sum() == CELL


def test_captions_are_drawn_below_and_stay_in_their_cell(tmp_path: Path) -> None:
    """A very long caption: light pixels below its own picture, none below the next, without one."""
    write_sheet(
        tmp_path / "sheet.png", [[Cell(plain(RED), "a photograph of " * 30), Cell(plain(BLUE), "")]]
    )
    sheet = np.asarray(Image.open(tmp_path / "sheet.png")).astype(int)
    light = (sheet.min(2) > 150)[CELL + 5 :]
    assert light[:, : CELL + 4].any()
    assert not light[:, CELL + 8 :].any()


@pytest.mark.parametrize(
    "caption",
    ["", "Ölbild äöü.jpg", "写真.jpg", "two\nlines.jpg", "latin-1 caf\udce9.jpg"],
    ids=ascii,
)
def test_any_file_name_can_be_a_caption(tmp_path: Path, caption: str) -> None:
    """Names with line breaks, or with bytes that are not UTF-8, occur in old collections."""
    write_sheet(tmp_path / "sheet.png", [[Cell(plain(RED), caption)]])
    assert Image.open(tmp_path / "sheet.png").size[0] > CELL


def test_a_sheet_can_be_a_jpeg(tmp_path: Path) -> None:
    write_sheet(tmp_path / "sheet.jpg", [[Cell(plain(RED), "one")]])
    assert Image.open(tmp_path / "sheet.jpg").format == "JPEG"


def test_a_sheet_that_fails_leaves_nothing_and_keeps_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disk_full(path: Path, data: bytes) -> None:
        path.write_text("half")
        raise OSError(28, "No space left on device")

    (tmp_path / "sheet.png").write_bytes(b"old")
    monkeypatch.setattr(Path, "write_bytes", disk_full)
    with pytest.raises(OSError, match="No space"):
        write_sheet(tmp_path / "sheet.png", [[Cell(plain(RED), "one")]])
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"sheet.png": b"old"}


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_a_sheet_may_be_replaced_by_the_next_and_other_pictures_not(
    tmp_path: Path, suffix: str
) -> None:
    sheet, photo, folder = (
        tmp_path / f"sheet{suffix}",
        tmp_path / f"photo{suffix}",
        tmp_path / f"folder{suffix}",
    )
    check_sheet(sheet, [])
    write_sheet(sheet, [[Cell(plain(RED), "one")]])
    check_sheet(sheet, [])
    Image.fromarray(plain(RED)).save(photo)
    with pytest.raises(
        ValueError, match="exists already and is no contact sheet; choose another --sheet"
    ):
        check_sheet(photo, [])
    folder.mkdir()
    with pytest.raises(ValueError, match="is a folder; name a file for the sheet"):
        check_sheet(folder, [])


def test_a_picture_of_any_size_is_no_contact_sheet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)  # Pillow refuses more than twice as many
    Image.new("RGB", (40, 30)).save(tmp_path / "large.png")
    with pytest.raises(ValueError, match="is no contact sheet"):
        check_sheet(tmp_path / "large.png", [])


@pytest.mark.parametrize("size", [(40, 30), (900, 3000), (2100, 1600)])
def test_thumbnails_of_any_size_and_depth(rng: np.random.Generator, size: tuple[int, int]) -> None:
    smooth = np.asarray(
        Image.fromarray(rng.integers(0, 255, (9, 12, 3), np.uint8)).resize(
            size, Image.Resampling.BICUBIC
        )
    )
    found = thumbnail(smooth)
    assert found.dtype == np.uint8 and max(found.shape) == CELL
    wanted = np.asarray(
        Image.fromarray(smooth).resize(found.shape[1::-1], Image.Resampling.LANCZOS)
    )
    assert np.abs(found.astype(int) - wanted).max() <= 2
    np.testing.assert_array_equal(thumbnail(smooth.astype(np.uint16) * 257), found)


def test_a_format_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sheet"):
        write_sheet(tmp_path / "sheet.xyz", [[Cell(plain(RED), "one")]])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("photos", "columns", "lines", "a_line"), [(1, 2, 1, 2), (3, 3, 3, 3), (50, 2, 10, 10)]
)
def test_many_photos_make_a_sheet_that_is_about_square(
    photos: int, columns: int, lines: int, a_line: int
) -> None:
    rows = [[Cell(plain(RED), f"{i} {x}") for x in range(columns)] for i in range(photos)]
    found = abreast(rows)
    assert (len(found), len(found[0])) == (lines, a_line)
    assert [cell.caption for line in found for cell in line] == [c.caption for r in rows for c in r]


def test_photos_with_fewer_pictures_keep_their_columns() -> None:
    rows = [[Cell(plain(RED), "a"), Cell(plain(RED), "b")], *[[Cell(plain(RED), "c")]] * 7]
    found = abreast(rows)
    assert [cell.caption for cell in found[0]] == ["a", "b", "c", ""]


def test_captions_have_umlauts_however_they_are_kept(tmp_path: Path) -> None:
    """Of a system without any font they are boxes, in both forms alike."""
    gray = np.zeros((64, 64, 3), np.uint8)
    sheets = []
    for name in ("K\u00fcche", "Ku\u0308che"):
        write_sheet(tmp_path / "sheet.png", [[Cell(gray, name)]])
        sheets.append(np.asarray(Image.open(tmp_path / "sheet.png")))
    assert np.array_equal(*sheets) and sheets[0][-20:].max() > 200
