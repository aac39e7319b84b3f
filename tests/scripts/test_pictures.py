"""The pictures of the README are made from the weights that are here."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / ".github" / "pictures"


def test_the_pictures_of_the_readme_are_made_and_have_colors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    importlib.import_module("readme_pictures").main(tmp_path / "new", page=False)
    for name in ("results.jpg", "how.jpg"):
        with Image.open(tmp_path / "new" / name) as made, Image.open(COMMITTED / name) as committed:
            assert made.size == committed.size
            ours, known = (
                np.asarray(picture.convert("RGB")).astype(int) for picture in (made, committed)
            )
        assert np.ptp(ours, axis=2).mean() > 5
        assert np.abs(ours - known).mean() < 4, (
            f"{name} shows other colors: run scripts/pictures and look at them"
        )
