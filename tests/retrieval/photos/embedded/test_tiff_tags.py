"""Tags of a TIFF in whatever type they are stored."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from retrieval.photos.embedded.tiff_tags import IPTC, is_layout, raw_tags

RECORDS = b"\x1c\x02\x78\x00\x07caption"


@pytest.mark.parametrize(("type_", "count"), [(1, 12), (7, 12), (4, 3)])
def test_bytes_of_every_type(tmp_path: Path, type_: int, count: int) -> None:
    value: object = RECORDS if type_ != 4 else tuple(np.frombuffer(RECORDS, "<u4").tolist())
    extra = [(IPTC, type_, count, value, True)]
    gray = np.zeros((4, 4), np.uint8)
    tifffile.imwrite(tmp_path / "x.tif", gray, metadata=None, extratags=extra, byteorder="<")
    with (tmp_path / "x.tif").open("rb") as file:
        file.seek(3)
        assert raw_tags(file, (IPTC, 700)) == {IPTC: RECORDS}
        assert file.tell() == 3
    assert raw_tags(None, (IPTC,)) == {}


def test_other_files_have_none(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no TIFF")
    with (tmp_path / "x").open("rb") as file:
        assert raw_tags(file, (IPTC,)) == {}


def test_descriptions_of_layouts() -> None:
    assert is_layout('{"shape": [4, 4]}') and is_layout("ImageJ=1.53")
    assert not is_layout("Grandmother, 1931")
