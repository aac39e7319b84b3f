"""The first file that a process reads, before Pillow has loaded its readers."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

READ = """
import sys
from pathlib import Path
from retrieval.photos.reader import read_small_rgb
print(read_small_rgb(Path(sys.argv[1]), 16).shape)
"""


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_a_process_reads_any_common_format_first(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"photo{suffix}"
    Image.fromarray(np.full((20, 30, 3), 90, np.uint8)).save(path)
    command = [sys.executable, "-c", READ, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "(20, 30, 3)", done.stderr
