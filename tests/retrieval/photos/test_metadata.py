from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import IFDRational, ImageFileDirectory_v2

from retrieval.photos.embedded.tiff_tags import (
    DESCRIPTION,
    FOLDERS,
    HEIGHT,
    ORIENTATION,
    SOFTWARE,
    UNIT,
    WIDTH,
    X_RESOLUTION,
    Y_RESOLUTION,
)
from retrieval.photos.metadata import (
    INCH,
    load_exif,
    profile_space,
    read_metadata,
    read_tiff_metadata,
)
from retrieval.photos.reader import read_picture, read_small_rgb

MAKER, EXIF_IFD, TAKEN, GPS_IFD, LATITUDE = 0x010F, 0x8769, 0x9003, 0x8825, 2
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"'
    b' dc:creator="Frau M\xc3\xbcller"/></x:xmpmeta>'
)


@pytest.fixture
def gray() -> Image.Image:
    return Image.fromarray(np.arange(20 * 30, dtype=np.uint16).reshape(20, 30).astype(np.uint8))


def save(image: Image.Image, path: Path, exif: Image.Exif, xmp: bytes = XMP) -> None:
    settings: dict[str, object] = {"exif": exif}
    if path.suffix == ".png":
        texts = PngInfo()
        texts.add_itxt("XML:com.adobe.xmp", xmp.decode())
        settings["pnginfo"] = texts
    elif path.suffix == ".tif":
        exif[700] = xmp
    else:
        settings["xmp"] = xmp
    image.save(path, **settings)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".avif"])
def test_texts_that_are_not_ascii_keep_their_bytes(
    gray: Image.Image, tmp_path: Path, suffix: str
) -> None:
    """UTF-8 as scanners write it, and Latin-1 as older programs do."""
    exif = Image.Exif()
    exif[DESCRIPTION], exif[SOFTWARE] = (
        "Gro\u00dfmutter, Pozna\u0144".encode(),
        "M\u00fcller".encode("latin-1"),
    )
    save(gray, tmp_path / f"a{suffix}", exif)
    found = load_exif(read_picture(tmp_path / f"a{suffix}").metadata["exif"])
    assert (found[DESCRIPTION], found[SOFTWARE]) == (
        "Gro\u00dfmutter, Pozna\u0144".encode(),
        "M\u00fcller".encode("latin-1"),
    )


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".avif"])
def test_xmp_is_kept_but_for_the_orientation(
    gray: Image.Image, tmp_path: Path, suffix: str
) -> None:
    """The pixels are upright: a viewer that reads XMP must not turn them again."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    save(gray, tmp_path / f"a{suffix}", exif)
    picture = read_picture(tmp_path / f"a{suffix}")
    assert picture.rgb.shape == (30, 20, 3)
    assert picture.metadata["xmp"] == XMP.replace(b'tiff:Orientation="6"', b'tiff:Orientation="1"')
    assert load_exif(picture.metadata["exif"])[ORIENTATION] == 1


@pytest.mark.parametrize(("orientation", "size"), [(1, (30, 20)), (3, (30, 20)), (6, (20, 30))])
def test_the_size_in_exif_is_that_of_the_upright_picture(
    gray: Image.Image, tmp_path: Path, orientation: int, size: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif.get_ifd(FOLDERS[0]).update({WIDTH: 30, HEIGHT: 20})
    save(gray, tmp_path / "a.jpg", exif)
    picture = read_picture(tmp_path / "a.jpg")
    camera = load_exif(picture.metadata["exif"]).get_ifd(FOLDERS[0])
    assert (camera[WIDTH], camera[HEIGHT]) == size == picture.rgb.shape[1::-1]


@pytest.mark.parametrize(
    "written", [b"<tiff:Orientation>8</tiff:Orientation>", b"tiff:Orientation='3'"]
)
def test_other_ways_to_write_the_orientation(
    gray: Image.Image, tmp_path: Path, written: bytes
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 3
    save(gray, tmp_path / "a.jpg", exif, b"<x>" + written + b"</x>")
    found = read_picture(tmp_path / "a.jpg").metadata["xmp"]
    assert found in (
        b"<x><tiff:Orientation>1</tiff:Orientation></x>",
        b"<x>tiff:Orientation='1'</x>",
    )


@pytest.mark.parametrize("tag", [282, 283, 296, 700, 33723, 34377, 34675])
def test_what_is_kept_elsewhere_or_says_nothing_of_the_result_leaves_exif(
    gray: Image.Image, tmp_path: Path, tag: int
) -> None:
    exif = Image.Exif()
    exif[MAKER], exif[33723], exif[34377] = "Epson", b"IPTC", b"8BIM"
    save(gray, tmp_path / "a.tif", exif)
    found = load_exif(read_picture(tmp_path / "a.tif").metadata["exif"])
    assert tag not in found and found[MAKER] == "Epson"


def test_the_resolution_in_exif_counts_more_than_that_of_the_header(
    gray: Image.Image, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[X_RESOLUTION] = exif[Y_RESOLUTION] = 600
    exif[UNIT] = INCH
    gray.save(tmp_path / "a.jpg", dpi=(72, 72), exif=exif)
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.info["dpi"] == (72, 72)
        assert read_metadata(image)[0]["dpi"] == (600, 600)


def test_resolution(gray: Image.Image, tmp_path: Path) -> None:
    """1200 pixels a centimetre are 3048 an inch; a WebP has only EXIF to say so.

    A TIFF that says nothing has none.
    """
    exif = Image.Exif()
    exif[282], exif[283], exif[296] = 1200.0, 600.0, 3
    gray.save(tmp_path / "a.webp", exif=exif)
    assert read_picture(tmp_path / "a.webp").metadata["dpi"] == pytest.approx((3048, 1524))
    gray.save(tmp_path / "a.tif", dpi=(300, 200))
    assert read_picture(tmp_path / "a.tif").metadata["dpi"] == pytest.approx((300, 200))
    gray.save(tmp_path / "b.tif")
    assert "dpi" not in read_picture(tmp_path / "b.tif").metadata


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize(
    "value", [IFDRational(0, 0), IFDRational(72, 0), IFDRational(4_000_000_000), "300 dpi"], ids=str
)
def test_a_resolution_that_is_none_is_left_out(
    gray: Image.Image, tmp_path: Path, suffix: str, value: IFDRational | str
) -> None:
    tags = ImageFileDirectory_v2()
    for tag in (282, 283):
        tags.tagtype[tag] = 2 if isinstance(value, str) else 5
        tags[tag] = value
    tags[296] = 2
    if suffix == ".tif":
        gray.save(tmp_path / "a.tif", tiffinfo=tags)
    else:
        gray.save(tmp_path / f"a{suffix}", exif=b"Exif\0\0II*\0\x08\0\0\0" + tags.tobytes(8))
    found = read_picture(tmp_path / f"a{suffix}").metadata.get("dpi")
    assert found in (None, (72, 72))  # which is what Pillow says of a JPEG


def test_the_space_of_a_profile() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert profile_space(profile) == "RGB"
    assert [profile_space(other) for other in (None, b"", b"not a profile")] == ["", "", ""]


def test_a_layout_that_pillow_cannot_open_keeps_its_tags(tmp_path: Path) -> None:
    """16-bit gray with alpha, stored lying."""
    upright = np.arange(20 * 30 * 2, dtype=np.uint16).reshape(20, 30, 2)
    tags = [
        (ORIENTATION, "H", 1, 3, True),
        (MAKER, "s", 0, "Epson", True),
        (700, "B", len(XMP), XMP, True),
        (33723, "B", 4, b"IPTC", True),
    ]
    kind = {"photometric": "minisblack", "planarconfig": "contig", "extrasamples": ["unassalpha"]}
    more = {"extratags": tags, "metadata": None, "resolution": (300, 300), "resolutionunit": "INCH"}
    tifffile.imwrite(tmp_path / "a.tif", upright[::-1, ::-1], **kind, **more)  # type: ignore[arg-type]
    metadata, _, orientation = read_tiff_metadata(tmp_path / "a.tif")
    assert orientation == 3
    assert load_exif(metadata["exif"])[MAKER] == "Epson"
    assert metadata["dpi"] == (300, 300) and b"Frau M" in metadata["xmp"]  # type: ignore[operator]
    assert metadata["iptc"] == b"IPTC"
    picture = read_picture(tmp_path / "a.tif")
    np.testing.assert_array_equal(picture.rgb[..., 1], upright[..., 0])
    np.testing.assert_array_equal(picture.alpha, upright[..., 1])


def test_the_layout_that_tifffile_describes_is_dropped(gray: Image.Image, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.asarray(gray))
    assert Image.open(tmp_path / "a.tif").getexif()[DESCRIPTION].startswith('{"shape"')
    assert DESCRIPTION not in load_exif(read_picture(tmp_path / "a.tif").metadata.get("exif"))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("said", ["Market day", "Markt in Dörfli"])
def test_a_description_before_that_of_the_layout_is_kept(
    tmp_path: Path, channels: int, said: str
) -> None:
    """As tifffile writes both; Pillow reads gray here, and tifffile 16-bit color."""
    pixels = np.zeros((20, 30, 3), np.uint16) if channels == 3 else np.zeros((20, 30), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, description=said.encode())
    found = load_exif(read_picture(tmp_path / "a.tif").metadata.get("exif"))[DESCRIPTION]
    assert (found.decode() if isinstance(found, bytes) else found) == said
    assert read_small_rgb(tmp_path / "a.tif", 16, (tmp_path / "a.tif").read_bytes()).shape == (
        20,
        30,
        3,
    )


def test_damaged_exif_is_left_out(gray: Image.Image, tmp_path: Path) -> None:
    gray.save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff damaged")
    assert read_picture(tmp_path / "a.jpg").rgb.shape == (20, 30, 3)


def test_folders_of_camera_and_place_are_kept(gray: Image.Image, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[MAKER] = "Leica"
    exif.get_ifd(EXIF_IFD)[TAKEN] = "1936:07:01 10:00:00"
    exif.get_ifd(GPS_IFD)[LATITUDE] = (52.0, 30.0, 12.0)
    gray.save(tmp_path / "a.jpg", exif=exif)
    found = load_exif(read_picture(tmp_path / "a.jpg").metadata["exif"])
    assert found.get_ifd(EXIF_IFD)[TAKEN] == "1936:07:01 10:00:00"
    assert tuple(map(float, found.get_ifd(GPS_IFD)[LATITUDE])) == (52.0, 30.0, 12.0)
