"""Tags of TIFF and EXIF: which describe the photograph, and which only the file that held it."""

import re
from io import BufferedIOBase
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    import tifffile

ORIENTATION, DESCRIPTION, SOFTWARE = 0x0112, 0x010E, 0x0131
X_RESOLUTION, Y_RESOLUTION, UNIT, XMP, IPTC, ICC_PROFILE = 282, 283, 296, 700, 33723, 34675
PHOTOSHOP, LAYERS = 34377, 37724
WIDTH, HEIGHT = 0xA002, 0xA003  # of the picture in pixels, in the camera's folder
FOLDERS = (0x8769, 0x8825, 0xA005)  # of the camera, of the place, of interoperability
# what a TIFF says of its own layout, which Pillow counts among its EXIF, what is kept beside EXIF,
# and what other programs keep there for themselves: layers, stacks, what is no data, raw pixels
LAYOUT = frozenset((
    *range(254, 267), 273, *range(277, 285), *range(288, 294), UNIT, 297, 301, *range(317, 348),
    *range(512, 533), XMP, IPTC, PHOTOSHOP, ICC_PROFILE, LAYERS, 42113, 50341, 50838, 50839,
    *range(50706, 50742), *range(50778, 50834), *range(50879, 51180),
))  # fmt: skip
LAYERS_NOTE = "Photoshop's layers are left out"
_SHAPE = re.compile(r'\{"shape":|ImageJ=')  # how programs describe the layout of a file
_LARGEST = 1 << 28  # bytes of a tag that is believed


def is_layout(description: str) -> bool:
    """Whether a description tells how a program has laid out the file, not what the photo shows."""
    return bool(_SHAPE.match(description))


def raw_tags(file: BufferedIOBase | None, wanted: tuple[int, ...]) -> dict[int, bytes]:
    """The bytes of tags of the first page, in whatever type they are stored.

    Args:
        file: of the TIFF; its place is kept.
        wanted: numbers of the tags.

    Returns:
        Those that are there; of other kinds of files none.
    """
    if file is None or file.closed:
        return {}
    import tifffile  # slow to import, and few photos are TIFFs

    place, found = file.tell(), {}
    file.seek(0)
    try:
        with tifffile.TiffFile(cast("IO[bytes]", file)) as tiff:
            page = cast("tifffile.TiffPage", tiff.pages[0])
            for number in wanted:
                tag = page.tags.get(number)
                if tag is not None and tag.valuebytecount <= min(_LARGEST, tiff.filehandle.size):
                    file.seek(tag.valueoffset)
                    found[number] = file.read(tag.valuebytecount)
    except (tifffile.TiffFileError, OSError, ValueError, KeyError, IndexError, TypeError):
        return found
    finally:
        file.seek(place)
    return found
