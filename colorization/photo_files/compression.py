"""How finely results are compressed: as their originals were, or finer."""

import io
from functools import cache

from PIL import Image, JpegImagePlugin

from retrieval.photos.encoding import Encoding

WITH_QUALITY = frozenset(("JPEG", "WEBP"))  # a PNG or TIFF loses nothing
LEAST_QUALITY = 95  # of JPEG and WebP, however coarse the original was: its colors are new


def compression(format_: str, original: Encoding | None, quality: int | None) -> dict[str, object]:
    """What Pillow's writer takes for it.

    Args:
        format_: JPEG, WEBP or PNG.
        original: of the file that was read, if it says.
        quality: 1..100, for JPEG and WebP; None takes the quantization tables of the original, or
            finer ones where those of LEAST_QUALITY are, no subsampling, and no loss where the
            original had none.
    """
    if format_ == "PNG":
        return {"compress_level": 4}
    if format_ == "JPEG":
        if quality is not None or original is None or not original.tables:
            return {"quality": quality or LEAST_QUALITY, "subsampling": 0}
        return {"qtables": _at_least_as_fine(original.tables), "subsampling": 0}
    if quality is None and original is not None and original.is_lossless:
        return {"lossless": True, "exact": True, "quality": 75}  # here: effort
    return {"quality": quality or LEAST_QUALITY}


def _at_least_as_fine(tables: tuple[tuple[int, ...], ...]) -> list[list[int]]:
    """Tables of luminance and chroma; a gray original has that of luminance alone."""
    both = (tables[0], tables[min(1, len(tables) - 1)])
    return [
        [max(1, min(pair)) for pair in zip(own, usual, strict=True)]
        for own, usual in zip(both, _usual_tables(), strict=True)
    ]


@cache
def _usual_tables() -> list[list[int]]:
    """Of LEAST_QUALITY."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", quality=LEAST_QUALITY)
    with Image.open(file, formats=["JPEG"]) as image:
        assert isinstance(image, JpegImagePlugin.JpegImageFile)
        return [list(table) for _, table in sorted(image.quantization.items())]
