import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval.descriptors import glance
from retrieval.reading import Source, list_sources, read_glances


def names(sources: list[Source]) -> list[bytes]:
    return [source.path for source in sources]


# Listing


def test_files_are_listed_with_their_stamp(photo_dir: Path) -> None:
    os.utime(photo_dir / "coffee.png", ns=(5, 1_234_567_890_123_456_789))
    sources = list_sources([photo_dir])
    assert names(sources) == [b"astronaut.png", b"chelsea.png", b"coffee.png", b"rocket.png"]
    coffee = sources[2]
    assert coffee.root == os.fsencode(photo_dir)
    assert coffee.absolute == os.fsencode(photo_dir / "coffee.png")
    assert coffee.size == (photo_dir / "coffee.png").stat().st_size
    assert coffee.mtime_ns == 1_234_567_890_123_456_789


def test_each_file_once(photo_dir: Path, library_dir: Path) -> None:
    named = [photo_dir, photo_dir / "rocket.png", photo_dir, library_dir / "sub", library_dir]
    sources = list_sources(named)
    assert len(sources) == 4 + 8
    assert len({source.absolute for source in sources}) == 12


def test_one_folder_by_several_names_is_one_folder(photo_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (photo_dir.parent / "other").mkdir()
    monkeypatch.chdir(photo_dir.parent / "other")
    expected = [source.absolute for source in list_sources([photo_dir])]
    assert [s.absolute for s in list_sources([Path("../photos")])] == expected
    assert [s.absolute for s in list_sources([photo_dir, Path("../photos"), photo_dir / ".." / "photos"])] == expected


def test_single_files_may_have_any_suffix(photo_dir: Path) -> None:
    (photo_dir / "scan").write_bytes((photo_dir / "rocket.png").read_bytes())
    assert names(list_sources([photo_dir / "scan"])) == [b"scan"]
    assert len(list_sources([photo_dir])) == 4  # but in a folder suffixes decide


def test_names_that_are_not_utf8(photo_dir: Path) -> None:
    (photo_dir / "coffee.png").rename(photo_dir / os.fsdecode(b"caf\xe9.png"))
    [source] = [s for s in list_sources([photo_dir]) if b"caf" in s.path]
    assert source.absolute == os.fsencode(photo_dir) + b"/caf\xe9.png"
    [[reading]] = read_glances([source], 0, 4)
    assert reading.row[1] == b"caf\xe9.png"


def test_broken_links_are_passed_over(photo_dir: Path) -> None:
    (photo_dir / "gone.jpg").symlink_to(photo_dir / "nowhere.jpg")
    assert len(list_sources([photo_dir])) == 4


def test_missing_folder(photo_dir: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"elsewhere: no such folder"):
        list_sources([photo_dir, photo_dir / "elsewhere"])


def test_no_picture(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ValueError, match=rf"no pictures under {tmp_path}"):
        list_sources([tmp_path])


# Reading


@pytest.mark.parametrize("workers", [0, 1])
def test_read_in_order_with_what_a_shard_needs(library_dir: Path, pictures: dict[str, np.ndarray], workers: int) -> None:
    sources = list_sources([library_dir])
    batches = list(read_glances(sources, workers, 3))
    assert [len(batch) for batch in batches] == [3, 3, 2]
    readings = [reading for batch in batches for reading in batch]
    for source, reading in zip(sources, readings, strict=True):
        path = Path(os.fsdecode(source.absolute))
        digest = hashlib.sha256(path.read_bytes()).digest()
        assert reading.row == (source.root, source.path, source.size, source.mtime_ns, digest)
        assert reading.error == ""
        expected = glance(pictures[path.stem])
        np.testing.assert_array_equal(reading.glance.luminance, expected.luminance)
        assert reading.glance.chroma == pytest.approx(expected.chroma)


@pytest.mark.parametrize("workers", [0, 1])
def test_unusable_files_become_one_line_each(odd_files, workers: int) -> None:
    paths = [*odd_files.unusable.values(), odd_files.usable["whole.png"]]
    readings = [r for batch in read_glances(list_sources(paths), workers, 2) for r in batch]
    assert len(readings) == 5
    for path, reading in zip(paths[:-1], readings, strict=False):
        assert reading.glance is None
        assert reading.row is None
        assert reading.error.startswith(f"{path}: ")
        assert "\n" not in reading.error
    assert readings[-1].glance is not None


def test_files_that_vanish_after_listing(photo_dir: Path) -> None:
    sources = list_sources([photo_dir])
    (photo_dir / "coffee.png").unlink()
    readings = [r for batch in read_glances(sources, 0, 9) for r in batch]
    assert [bool(r.error) for r in readings] == [False, False, True, False]
    assert readings[2].error == f"{photo_dir / 'coffee.png'}: No such file or directory"


def test_nothing_to_read() -> None:
    assert list(read_glances([], 1, 8)) == []


def test_a_photo_and_its_copy_look_the_same(tmp_path: Path, pictures: dict[str, np.ndarray]) -> None:
    Image.fromarray(pictures["rocket"]).save(tmp_path / "a.png")
    Image.fromarray(pictures["rocket"]).save(tmp_path / "b.bmp")
    [[first, second]] = read_glances(list_sources([tmp_path]), 0, 2)
    np.testing.assert_array_equal(first.glance.luminance, second.glance.luminance)
    assert first.row[4] != second.row[4]
