"""HEIC is learned from what a file is."""

from pathlib import Path

import pytest
from PIL import Image

from retrieval.photos.formats import head_of
from retrieval.photos.heic import learn_heic


def test_other_files_need_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrieval.photos.heic.can_read_heic", lambda: False)
    Image.new("L", (8, 8)).save(tmp_path / "x.heic", "PNG")
    assert head_of(tmp_path / "x.heic").startswith(b"\x89PNG")
    assert learn_heic(tmp_path / "x.heic")
    (tmp_path / "y.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(20))
    assert not learn_heic(tmp_path / "y.heic")
    assert not learn_heic(tmp_path / "missing", b"\0\0\0\x18ftypheic" + bytes(20))


def test_it_is_learned(tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif")
    assert learn_heic(tmp_path / "x", b"\0\0\0\x18ftypheic" + bytes(20))
