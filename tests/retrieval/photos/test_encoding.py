"""How a file kept its pixels."""

import io

import pytest
from PIL import Image

from retrieval.photos.encoding import Encoding, encoding_of


def saved(kind: str, **options: object) -> Encoding | None:
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (90, 80, 70)).save(file, kind, **options)
    with Image.open(file) as image:
        return encoding_of(image)


@pytest.mark.parametrize("animated", [False, True])
@pytest.mark.parametrize("lossless", [False, True])
def test_webp(lossless: bool, animated: bool) -> None:
    more: dict[str, object] = {}
    if animated:
        more = {"save_all": True, "append_images": [Image.new("RGB", (16, 16))]}
    assert saved("WEBP", lossless=lossless, exif=b"Exif", **more) == Encoding(is_lossless=lossless)


def test_jpegs_tell_their_tables() -> None:
    coarse, fine = saved("JPEG", quality=50), saved("JPEG", quality=98)
    assert coarse is not None and fine is not None
    assert len(coarse.tables) == 2 and sum(coarse.tables[0]) > 5 * sum(fine.tables[0])


def test_others_say_nothing() -> None:
    assert saved("PNG") is None and saved("BMP") is None
