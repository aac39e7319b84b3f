"""Chunks of PNG: which goes before which, also after Pillow has closed the file."""

import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from retrieval.photos.color.png_colors import (
    HDR_NOTE,
    color_code,
    is_hdr,
    keep_color_code,
    profile_of_png,
)
from retrieval.photos.reader import read_picture


def with_chunks(path: Path, **chunks: bytes) -> Path:
    Image.new("RGB", (8, 8), (90, 120, 60)).save(path)
    png = path.read_bytes()
    made = b""
    for name, body in chunks.items():
        whole = name.encode() + body
        made += struct.pack(">I", len(body)) + whole + struct.pack(">I", zlib.crc32(whole))
    path.write_bytes(png[:33] + made + png[33:])
    return path


def cicp(primaries: int, transfer: int) -> bytes:
    return bytes((primaries, transfer, 0, 1))


@pytest.mark.parametrize(("transfer", "hdr"), [(16, True), (18, True), (13, False)])
def test_hdr_is_told_without_any_exif(tmp_path: Path, transfer: int, hdr: bool) -> None:
    path = with_chunks(tmp_path / "x.png", cICP=cicp(9, transfer))
    with Image.open(path) as image:
        assert color_code(image) == (9, transfer, True)
        assert is_hdr(image) == hdr and profile_of_png(image) is not None
        keep_color_code(image)
        image.load()
        assert color_code(image) == (9, transfer, True)
    assert (HDR_NOTE in read_picture(path).notes) == hdr
    assert read_picture(path).metadata["icc_profile"]


def test_srgb_says_nothing_new(tmp_path: Path) -> None:
    gamma = struct.pack(">I", 100_000)
    for chunks, makes in (
        ({"sRGB": b"\0", "gAMA": gamma}, False),
        ({"cICP": cicp(1, 13), "gAMA": gamma}, False),
        ({"gAMA": struct.pack(">I", 45455)}, False),
        ({"gAMA": gamma}, True),
    ):
        with Image.open(with_chunks(tmp_path / "x.png", **chunks)) as image:
            assert (profile_of_png(image) is not None) == makes
