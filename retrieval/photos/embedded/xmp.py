"""XMP of an original for its result: without what is true of the original's file alone."""

import re

_TURN = re.compile(rb"(tiff:Orientation\s*(?:=\s*[\"']|>)\s*)[2-8](?=\D)")


class _Property:
    """A property in all the ways that RDF allows: attribute, empty element, element."""

    def __init__(self, names: str) -> None:
        name = f"(?:{names})".encode()
        self._open = re.compile(rb"<(" + name + rb")(?:\s[^<>]*)?>")
        self._attribute = re.compile(rb"\s" + name + rb"\s*=\s*(?:\"[^\"]*\"|'[^']*')")

    def dropped(self, xmp: bytes) -> tuple[bytes, int]:
        """A packet without it, and how often it was there, in time linear in its length."""
        kept, place, count, unclosed = [], 0, 0, set[bytes]()
        for found in self._open.finditer(xmp):
            if found.start() < place or found[1] in unclosed:
                continue
            end = found.end()
            if not found[0].endswith(b"/>"):
                close = xmp.find(b"</" + found[1], end)
                end = xmp.find(b">", close) + 1 if close >= 0 else 0
            if not end:  # damaged
                unclosed.add(found[1])
                continue
            kept.append(xmp[place : found.start()])
            place, count = end, count + 1
        rest, attributes = self._attribute.subn(b"", b"".join((*kept, xmp[place:])))
        return rest, count + attributes


# parts of the file that are not in the result: what promises them, and what is told
_PARTS = (
    (
        "G?Camera:(?:MotionPhoto|MicroVideo)\\w*",
        "the moving picture of this motion photo is left out",
    ),
    ("G?Container:Directory", ""),
    ("hdrgm:\\w+", "its HDR gain map is left out"),
    ("HDRGainMap:\\w+", "its HDR gain map is left out"),
    (
        "(?:GDepth|GFocus|GImage|GAudio|Device|Profile|Image|Audio):\\w+",
        "its depth map, second picture or sound is left out",
    ),
    ("(?:xmp|xap):Thumbnails", "the thumbnail in its XMP, of the gray picture, is left out"),
    ("photoshop:(?:TextLayers|DocumentAncestors)", "what its XMP says of layers is left out"),
    ("xmpNote:HasExtendedXMP", "the extended part of its XMP is left out"),
)
# how the pixels of the old file were stored
_LAYOUT = _Property(
    "tiff:(?:BitsPerSample|Compression|PhotometricInterpretation|SamplesPerPixel"
    "|PlanarConfiguration|ImageWidth|ImageLength"
    "|YCbCr\\w+|ReferenceBlackWhite|WhitePoint|PrimaryChromaticities|TransferFunction)"
    "|exif:Pixel[XY]Dimension|photoshop:(?:ColorMode|ICCProfile)"
)
_FOUND = tuple((_Property(names), note) for names, note in _PARTS)
_NO = re.compile(rb"(?:MotionPhoto|MicroVideo)\s*(?:=\s*[\"']|>)\s*0")


def for_result(xmp: bytes) -> tuple[bytes, list[str]]:
    """XMP without what describes the old pixels, or parts of the file that are gone; upright.

    Args:
        xmp: a packet in UTF-8; others come back as they are.

    Returns:
        The packet, and a line for each kind of part that it promised.
    """
    notes: list[str] = []
    if b"<" not in xmp or b"\0" in xmp[:64]:
        return xmp, notes
    xmp = _TURN.sub(rb"\g<1>1", xmp)
    is_still = bool(_NO.search(xmp))
    for pattern, note in _FOUND:
        xmp, count = pattern.dropped(xmp)
        if count and note and not (is_still and "motion" in note):
            notes.append(note)
    return _LAYOUT.dropped(xmp)[0], list(dict.fromkeys(notes))
