"""What a photo carries besides its pixels is put back, as far as its format can hold it."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, IptcImagePlugin, PngImagePlugin

from colorization.photo_files.provenance import Sources, credited
from colorization.photo_files.writer import (
    what_is_lost,
    write_picture,
)
from retrieval.photos.reader import Picture, read_picture

ORIENTATION, MAKER, EXIF_IFD, TAKEN = 0x0112, 0x010F, 0x8769, 0x9003


@pytest.fixture
def exif() -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKER] = 1, "Kodak"
    exif.get_ifd(EXIF_IFD)[TAKEN] = "1936:07:01 10:00:00"
    return exif


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_the_original_s_profile_and_exif_are_put_back(
    tmp_path: Path, rgb: np.ndarray, profile: bytes, exif: Image.Exif, suffix: str, depth: type
) -> None:
    source = Picture(
        rgb, metadata={"icc_profile": profile, "exif": exif.tobytes(), "dpi": (300, 300)}
    )
    write_picture(
        tmp_path / f"x{suffix}", rgb.astype(depth) * (257 if depth == np.uint16 else 1), source
    )
    found = Image.open(tmp_path / f"x{suffix}")
    assert found.size == rgb.shape[1::-1]
    assert found.info["icc_profile"] == profile
    assert found.getexif().get(ORIENTATION, 1) == 1
    assert found.getexif()[MAKER] == "Kodak"
    # tifffile writes 16 bits, and no folder of EXIF within them
    if suffix != ".tif" or depth == np.uint8:
        assert found.getexif().get_ifd(EXIF_IFD)[TAKEN] == "1936:07:01 10:00:00"
    if suffix != ".webp":  # which has no place for it
        assert tuple(round(float(v)) for v in found.info["dpi"]) == (300, 300)


@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg", ".webp"])
@pytest.mark.parametrize("kind", ["gray", "cmyk", "deep"])
def test_what_a_tiff_says_of_its_own_layout_is_not_put_back(
    tmp_path: Path, rgb: np.ndarray, kind: str, suffix: str
) -> None:
    """Pillow counts width, strips and compression among its EXIF; the result has its own layout."""
    image = Image.fromarray(rgb)
    image = {
        "gray": image.convert("L"),
        "cmyk": image.convert("CMYK"),
        "deep": image.convert("L").convert("I;16"),
    }[kind]
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKER] = 6, "Kodak"
    image.save(tmp_path / "scan.tif", exif=exif, compression=None if kind == "deep" else "tiff_lzw")
    source = read_picture(tmp_path / "scan.tif")
    upright = np.rot90(rgb, -1)  # orientation 6: to be turned clockwise
    write_picture(tmp_path / f"x{suffix}", upright, source)
    found = Image.open(tmp_path / f"x{suffix}")
    assert (found.size, found.mode) == (upright.shape[1::-1], "RGB")
    assert np.abs(np.asarray(found).astype(int) - upright).mean() < 5
    assert found.getexif()[MAKER] == "Kodak"
    assert found.getexif().get(ORIENTATION, 1) == 1


def test_captions_are_kept_from_file_to_file(tmp_path: Path, rgb: np.ndarray) -> None:
    """IPTC as archives write it: a title and two keywords."""
    records = ((5, b"Market day"), (25, b"market"), (25, "Dörfli".encode()))
    iptc = b"".join(
        struct.pack(">BBBH", 0x1C, 2, number, len(text)) + text for number, text in records
    )
    first = Picture(rgb, metadata={"iptc": iptc})
    for suffix in (".jpg", ".tif", ".jpg"):
        write_picture(tmp_path / f"a{suffix}", rgb, first)
        with Image.open(tmp_path / f"a{suffix}") as image:
            found = IptcImagePlugin.getiptcinfo(image)
        assert found == {(2, 5): b"Market day", (2, 25): [b"market", "Dörfli".encode()]}
        first = read_picture(tmp_path / f"a{suffix}")
    assert what_is_lost(first, tmp_path / "a.jpg") == []
    assert "PNG cannot hold IPTC captions" in what_is_lost(first, tmp_path / "a.png")[0]
    too_long = Picture(rgb, metadata={"iptc": iptc * 4000})
    write_picture(tmp_path / "long.jpg", rgb, too_long)
    assert read_picture(tmp_path / "long.jpg").rgb.shape == rgb.shape


def test_texts_are_carried_where_the_format_can_hold_them(tmp_path: Path, rgb: np.ndarray) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Title", "Market day")
    texts.add_itxt("Comment", "Dörfli, 写真", "de", "Kommentar")
    texts.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta/>")
    Image.fromarray(rgb).save(tmp_path / "a.png", pnginfo=texts)
    picture, deep = read_picture(tmp_path / "a.png"), rgb.astype(np.uint16) * 257
    for pixels, name in ((rgb, "b.png"), (deep, "deep.png")):
        write_picture(tmp_path / name, pixels, picture)
        with Image.open(tmp_path / name) as image:
            assert image.text == {
                "Title": "Market day",
                "Comment": "Dörfli, 写真",
                "XML:com.adobe.xmp": "<x:xmpmeta/>",
            }
            assert image.text["Comment"].lang == "de"
        assert what_is_lost(picture, tmp_path / name) == []
    write_picture(tmp_path / "b.jpg", rgb, picture)
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.info["comment"] == "Dörfli, 写真".encode()
    assert what_is_lost(picture, tmp_path / "b.jpg") == [
        "JPEG cannot hold its texts Title; choose a .png output to keep them"
    ]
    assert what_is_lost(picture, tmp_path / "b.tif") == [
        "TIFF cannot hold its texts Comment, Title; choose a .png output to keep them"
    ]


@pytest.mark.parametrize("stored", ["Dörfli".encode(), "Dörfli".encode("latin-1")])
def test_comments_of_jpegs_and_gifs_are_carried(
    tmp_path: Path, rgb: np.ndarray, stored: bytes
) -> None:
    for suffix in (".jpg", ".gif"):
        Image.fromarray(rgb).save(tmp_path / f"a{suffix}", comment=stored)
        picture = read_picture(tmp_path / f"a{suffix}")
        for name, written in (("b.jpg", "comment"), ("b.png", "Comment")):
            write_picture(tmp_path / name, rgb, picture)
            with Image.open(tmp_path / name) as image:
                assert image.info[written] in ("Dörfli", "Dörfli".encode())
            assert what_is_lost(picture, tmp_path / name) == []


def test_a_comment_that_no_jpeg_can_hold_is_told(tmp_path: Path, rgb: np.ndarray) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", "c" * 70_000)
    Image.fromarray(rgb).save(tmp_path / "a.png", pnginfo=texts)
    picture = read_picture(tmp_path / "a.png")
    write_picture(tmp_path / "b.jpg", rgb, picture)
    assert what_is_lost(picture, tmp_path / "b.jpg") == [
        "JPEG cannot hold its texts Comment; choose a .png output to keep them"
    ]


@pytest.mark.parametrize("name", ["EXIF", "XMP", "IPTC"])
def test_what_is_too_large_for_a_jpeg_is_told(tmp_path: Path, rgb: np.ndarray, name: str) -> None:
    exif = Image.Exif()
    exif[MAKER] = "m" * 70_000
    carried = {
        "EXIF": exif.tobytes(),
        "XMP": b"<x:xmpmeta/>" + b" " * 70_000,
        "IPTC": b"\x1c\x02\x78\x00\x05photo" * 7000,
    }[name]
    picture = Picture(rgb, metadata={name.lower(): carried})
    assert what_is_lost(picture, tmp_path / "a.jpg") == [
        f"its {name} is larger than a JPEG can hold; choose a .tif output to keep it"
    ]
    assert what_is_lost(picture, tmp_path / "a.tif") == []
    write_picture(tmp_path / "a.jpg", rgb, picture)
    assert "m" * 70_000 not in str(read_picture(tmp_path / "a.jpg").metadata)


def test_exif_with_a_misplaced_folder(tmp_path: Path, rgb: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0xA005], exif[MAKER] = 8, "Kodak"  # interoperability, which belongs in the camera's folder
    Image.fromarray(rgb).save(tmp_path / "odd.jpg", exif=exif.tobytes())
    write_picture(tmp_path / "x.jpg", rgb, read_picture(tmp_path / "odd.jpg"))
    assert Image.open(tmp_path / "x.jpg").getexif()[MAKER] == "Kodak"


def test_metadata_that_pillow_fails_at_is_one_line(
    tmp_path: Path, rgb: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise KeyError(40965)

    monkeypatch.setattr(Image.Image, "save", failing)
    with pytest.raises(
        ValueError, match=r"what the original carries cannot be written \(KeyError: 40965\)"
    ):
        write_picture(tmp_path / "x.jpg", rgb, Picture(rgb))
    assert list(tmp_path.iterdir()) == []


def test_exif_too_large_for_a_jpeg_loses_its_largest_entries_only(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E], exif[0x010F] = "Anna and her brother", "Agfa"
    exif.get_ifd(0x8769).update({0x927C: b"m" * 80_000, 0x9003: "1931:07:14 12:00:00"})
    rgb = np.zeros((8, 8, 3), np.uint8)
    write_picture(
        tmp_path / "x.jpg",
        rgb,
        credited(Picture(rgb, metadata={"exif": exif.tobytes()}), Sources([("a.jpg", 1.0)])),
    )
    kept = Image.open(tmp_path / "x.jpg").getexif()
    assert (
        kept[0x010E].startswith("Anna and her brother; Colorized by Rechroma")
        and kept[0x010F] == "Agfa"
    )
    assert kept.get_ifd(0x8769) == {0x9003: "1931:07:14 12:00:00"}
    write_picture(tmp_path / "x.png", rgb, Picture(rgb, metadata={"exif": exif.tobytes()}))
    assert len(Image.open(tmp_path / "x.png").getexif().get_ifd(0x8769)[0x927C]) == 80_000


def test_a_jpeg_goes_without_what_it_cannot_hold(tmp_path: Path, rgb: np.ndarray) -> None:
    """A TIFF may carry any amount of XMP, a JPEG 64 KiB in one piece."""
    source = Picture(rgb, metadata={"xmp": b"x" * 70_000, "dpi": (300, 300)})
    write_picture(tmp_path / "x.jpg", rgb, source)
    write_picture(tmp_path / "x.tif", rgb, source)
    assert "xmp" not in read_picture(tmp_path / "x.jpg").metadata
    assert read_picture(tmp_path / "x.tif").metadata["xmp"] == source.metadata["xmp"]


def test_exif_that_cannot_be_made_to_fit_is_left_out(tmp_path: Path, rgb: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x0131] = "x" * 80_000  # the name of a program
    write_picture(tmp_path / "x.jpg", rgb, Picture(rgb, metadata={"exif": exif.tobytes()}))
    assert not Image.open(tmp_path / "x.jpg").getexif()


def test_an_unreadable_profile_is_no_reason_to_fail(tmp_path: Path, rgb: np.ndarray) -> None:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "PNG", icc_profile=b"not a profile")
    (tmp_path / "in.png").write_bytes(buffer.getvalue())
    write_picture(tmp_path / "x.png", rgb, read_picture(tmp_path / "in.png"))
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "x.png")), rgb)
