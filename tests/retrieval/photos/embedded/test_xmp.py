"""XMP without what is no longer true."""

import pytest

from retrieval.photos.embedded.xmp import for_result

HEAD, END = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description dc:creator="A" ', b"</x:xmpmeta>"
MOTION = "the moving picture of this motion photo is left out"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b'GCamera:MotionPhoto="1"', [MOTION]),
        (b'GCamera:MotionPhoto="0"', []),
        (b'hdrgm:Version="1.0"', ["its HDR gain map is left out"]),
        (b'GDepth:Format="RangeInverse"', ["its depth map, second picture or sound is left out"]),
        (b'tiff:BitsPerSample="8"', []),
        (b'xmpNote:HasExtendedXMP="00"', ["the extended part of its XMP is left out"]),
    ],
)
def test_promises_are_dropped_and_told(said: bytes, told: list[str]) -> None:
    found, notes = for_result(HEAD + said + b"/>" + END)
    assert notes == told
    assert said.partition(b"=")[0] not in found and b'dc:creator="A"' in found


def test_the_orientation_becomes_upright() -> None:
    found, _ = for_result(HEAD + b'tiff:Orientation="6"/>' + END)
    assert b'tiff:Orientation="1"' in found


def test_elements_are_dropped_whole() -> None:
    thumbnail = b"<xmp:Thumbnails><rdf:Alt>" + b"x" * 5000 + b"</rdf:Alt></xmp:Thumbnails>"
    found, notes = for_result(HEAD + b"/>" + thumbnail + b"<dc:title>T</dc:title>" + END)
    assert found == HEAD + b"/>" + b"<dc:title>T</dc:title>" + END and len(notes) == 1


def test_damage_and_other_encodings_stay_as_they_are() -> None:
    for packet in (b"", b"no packet", HEAD.decode().encode("utf-16")):
        assert for_result(packet) == (packet, [])
