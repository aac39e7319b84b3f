import json
from pathlib import Path

from colorization.batch.manifest_lines import MANIFEST, is_same, is_there, read_lines, stamp_of

LINE: dict[str, object] = {
    "file": "/in/a.png", "output": "a.png", "results": {"a.png": [6, 1]}, "settings": "s",
    "lasting": True, "error": None, "size": 3, "mtime_ns": 4, "references": [], "notes": [],
    "seconds": 0.5,
}  # fmt: skip


def test_lines_are_read_in_their_order_and_halves_passed_over(tmp_path: Path) -> None:
    assert list(read_lines(tmp_path)) == []
    outside = LINE | {"results": {"../a.png": [6, 1]}}
    texts = [json.dumps(LINE), json.dumps(LINE)[:20], "[]", json.dumps(outside)]
    (tmp_path / MANIFEST).write_text("\n".join([*texts, json.dumps(LINE | {"size": 5})]))
    assert list(read_lines(tmp_path)) == [LINE, LINE | {"size": 5}]


def test_a_file_by_whatever_spelling(tmp_path: Path) -> None:
    photo = tmp_path / "a.png"
    assert is_same(str(photo), photo) and not is_there(str(photo))  # gone, so the name counts
    photo.write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path)
    assert is_same(str(tmp_path / "link" / "a.png"), photo) and is_there(str(photo))
    assert not is_same(str(tmp_path / "b.png"), photo)


def test_a_stamp_is_size_and_time(tmp_path: Path) -> None:
    assert stamp_of(tmp_path / "a.png") is None
    (tmp_path / "a.png").write_bytes(b"four")
    assert stamp_of(tmp_path / "a.png") == (4, (tmp_path / "a.png").stat().st_mtime_ns)
