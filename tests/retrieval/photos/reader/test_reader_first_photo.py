"""The first photo of a process is read whatever its format, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import retrieval

CODE = """
import sys
from pathlib import Path
from retrieval.photos.reader import read_small_rgb
print(read_small_rgb(Path(sys.argv[1]), 16).shape)
"""


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".gif"])
def test_the_first_photo_of_a_process(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(np.full((20, 30, 3), 90, np.uint8)).save(path)
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(path)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(retrieval.__file__).parents[1])},
    )
    assert done.stdout == "(20, 30, 3)\n", done.stderr
