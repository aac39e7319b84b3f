"""Photoshop's blocks, made by hand."""

import struct

import pytest

from retrieval.photos.embedded.photoshop import IPTC_RESOURCE, iptc_of, raw_profile, resources

IPTC = b"\x1c\x02\x78\x00\x05title"


def block(number: int, data: bytes, name: bytes = b"") -> bytes:
    padded = bytes([len(name)]) + name + bytes((len(name) + 1) % 2)
    head = b"8BIM" + struct.pack(">H", number) + padded + struct.pack(">I", len(data))
    return head + data + bytes(len(data) % 2)


def test_resources_with_names_and_odd_lengths() -> None:
    stored = block(1, b"abc", b"odd") + block(2, b"", b"even") + block(IPTC_RESOURCE, IPTC)
    assert resources(stored) == {1: b"abc", 2: b"", IPTC_RESOURCE: IPTC}


@pytest.mark.parametrize("left", range(24))
def test_of_a_damaged_block_those_before_the_damage(left: int) -> None:
    stored = block(1, b"abcd") + block(2, b"efgh")
    found = resources(stored[: len(block(1, b"abcd")) + left][:-1] if left else b"")
    assert found in ({}, {1: b"abcd"}, {1: b"abcd", 2: b"efgh"})


def test_iptc_in_every_way_it_is_stored() -> None:
    longs = IPTC + bytes(-len(IPTC) % 4)
    count = len(longs) // 4
    swapped = struct.pack(f">{count}I", *struct.unpack(f"<{count}I", longs))
    for stored in (IPTC, longs, swapped, block(IPTC_RESOURCE, IPTC)):
        assert iptc_of(stored) == IPTC
    assert iptc_of(b"") is None


def test_texts_of_pngs() -> None:
    assert raw_profile("\niptc\n       3\n61\n6263\n") == b"abc"
    for text in ("", "iptc 4 616263", "iptc 3 61zz63", "words only"):
        assert raw_profile(text) is None
