import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval.extraction.corpus_reader import read_glances
from retrieval.extraction.extractor import glance
from retrieval.photos.listing import list_sources
from retrieval.storage.shards import PhotoRow


@pytest.mark.parametrize("workers", [0, 1])
def test_read_in_order_with_what_a_shard_needs(
    library_dir: Path, pictures: dict[str, np.ndarray], workers: int
) -> None:
    sources = list_sources([library_dir])
    batches = list(read_glances(sources, workers, 3))
    assert [len(batch) for batch in batches] == [3, 3, 2]
    readings = [reading for batch in batches for reading in batch]
    for source, reading in zip(sources, readings, strict=True):
        path = Path(os.fsdecode(source.absolute))
        digest = hashlib.sha256(path.read_bytes()).digest()
        row = PhotoRow(source.root, source.path, source.size, source.mtime_ns, digest)
        assert reading.row == row
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


def test_names_that_are_not_utf8(photo_dir: Path) -> None:
    path = (photo_dir / "coffee.png").rename(photo_dir / os.fsdecode(b"caf\xe9.png"))
    [[reading]] = read_glances(list_sources([path]), 0, 4)
    assert reading.row.path == b"caf\xe9.png"


def test_files_that_vanish_after_listing(photo_dir: Path) -> None:
    sources = list_sources([photo_dir])
    (photo_dir / "coffee.png").unlink()
    readings = [r for batch in read_glances(sources, 0, 9) for r in batch]
    assert [bool(r.error) for r in readings] == [False, False, True, False]
    assert readings[2].error == f"{photo_dir / 'coffee.png'}: No such file or directory"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    [[reading]] = read_glances(list_sources([tmp_path / "pipe.png"]), 0, 4)
    told = "it is a pipe or a device; save what comes from it as a file"
    assert reading.error == f"{tmp_path / 'pipe.png'}: {told}"


def test_a_file_larger_than_the_memory(photo_dir: Path) -> None:
    with (photo_dir / "huge.tif").open("wb") as file:
        file.truncate(1 << 42)  # a hole: it takes no room on the disk
    readings = [r for batch in read_glances(list_sources([photo_dir]), 0, 9) for r in batch]
    assert [r.error for r in readings if r.error] == [
        f"{photo_dir / 'huge.tif'}: 4398.0 GB are more than the memory holds"
    ]


def test_nothing_to_read() -> None:
    assert list(read_glances([], 1, 8)) == []


def test_a_photo_and_its_copy_look_the_same(
    tmp_path: Path, pictures: dict[str, np.ndarray]
) -> None:
    Image.fromarray(pictures["rocket"]).save(tmp_path / "a.png")
    Image.fromarray(pictures["rocket"]).save(tmp_path / "b.bmp")
    [[first, second]] = read_glances(list_sources([tmp_path]), 0, 2)
    np.testing.assert_array_equal(first.glance.luminance, second.glance.luminance)
    assert first.row.sha256 != second.row.sha256
