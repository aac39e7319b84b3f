"""Content decides what a file is: every format under the name of every other."""

import io
import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from retrieval.photos.formats import READ, READ_BY_NAME, SUFFIXES, UNREAD, readers_for
from retrieval.photos.listing import list_pictures
from retrieval.photos.reader import read_picture, read_small_rgb

FORMATS = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "TIFF": ".tif",
    "WEBP": ".webp",
    "HEIF": ".heic",
    "AVIF": ".avif",
    "JPEG2000": ".jp2",
    "BMP": ".bmp",
    "DIB": ".dib",
    "GIF": ".gif",
    "PPM": ".ppm",
    "SGI": ".sgi",
    "QOI": ".qoi",
    "DDS": ".dds",
}
BY_NAME = {"TGA": ".tga", "PCX": ".pcx"}


@pytest.fixture(scope="module")
def files(pictures: dict[str, np.ndarray]) -> dict[str, bytes]:
    square = Image.fromarray(pictures["chelsea"][:128, :128])
    made = {}
    for name in (*FORMATS, *BY_NAME):
        file = io.BytesIO()
        if name == "HEIF":
            pillow_heif.from_pillow(square).save(file)
        elif name in ("QOI", "JPEG2000"):
            square.save(file, name)
        else:
            square.save(file, name, **({"quality": 95} if name in ("JPEG", "WEBP") else {}))
        made[name] = file.getvalue()
    return made


@pytest.mark.parametrize("content", FORMATS)
def test_every_content_is_read_under_every_name(
    content: str, files: dict[str, bytes], pictures: dict[str, np.ndarray], tmp_path: Path
) -> None:
    expected = pictures["chelsea"][:128, :128].astype(float)
    for suffix in itertools.chain(FORMATS.values(), BY_NAME.values()):
        path = tmp_path / f"{content}{suffix}"
        path.write_bytes(files[content])
        for rgb in (read_picture(path).rgb, read_small_rgb(path, 128)):
            assert rgb.shape == (128, 128, 3), suffix
            assert np.abs(rgb - expected).mean() < 12, suffix


@pytest.mark.parametrize("content", BY_NAME)
def test_what_only_its_name_tells_is_read_by_its_name(
    content: str, files: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / f"a{BY_NAME[content]}").write_bytes(files[content])
    assert read_picture(tmp_path / f"a{BY_NAME[content]}").rgb.shape == (128, 128, 3)
    assert content not in readers_for("a.jpg")


def test_heic_under_another_name_does_not_depend_on_what_was_read_before(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / "a.jpg").write_bytes(files["HEIF"])
    code = (
        "import sys; from pathlib import Path; from retrieval.photos.reader import read_picture;"
        "print(read_picture(Path(sys.argv[1])).rgb.shape)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.jpg")]
    root = Path(__file__).parents[3]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout == "(128, 128, 3)\n" and done.stderr == ""


def test_all_that_is_read_is_walked(files: dict[str, bytes], tmp_path: Path) -> None:
    for name, suffix in (FORMATS | BY_NAME).items():
        (tmp_path / f"one{suffix}").write_bytes(files[name])
    assert len(list(list_pictures(tmp_path))) == len(FORMATS | BY_NAME)
    assert not SUFFIXES & UNREAD.keys()
    assert {s for some in (*READ.values(), *READ_BY_NAME.values()) for s in some} == SUFFIXES
