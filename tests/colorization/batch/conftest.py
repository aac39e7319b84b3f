"""What the tests of batches share."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., list[Path]]:
    """``files("a.png", "sub/b.jpg")`` makes files of any content below tmp_path."""

    def make(*names: str) -> list[Path]:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(name.encode())
        return [tmp_path / name for name in names]

    return make
