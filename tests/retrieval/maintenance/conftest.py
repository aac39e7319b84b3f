"""What the tests of the care of an index share."""

from pathlib import Path

import pytest
from index_state import Build


@pytest.fixture
def other_dir(photo_dir: Path, tmp_path: Path, build: Build) -> Path:
    """An index of ``photo_dir``: four photos in two shards."""
    build(photo_dir, tmp_path / "other")
    return tmp_path / "other"
