from pathlib import Path

import pytest
from PIL import Image, ImageOps

from colorization.evaluation.photo import read_photo
from colorization.evaluation.survey import survey
from retrieval.photos.reader import PictureError


def test_survey_skips_gray_unreadable_and_tiny_photos(paths: list[Path], tmp_path: Path) -> None:
    extra = [tmp_path / name for name in ("gray.png", "sepia.png", "text.png", "tiny.png")]
    gray = Image.open(paths[0]).convert("L")
    gray.save(extra[0])
    ImageOps.colorize(gray, (20, 10, 0), (255, 235, 200)).save(extra[1])  # no truth either
    extra[2].write_text("not a picture\n")
    Image.new("RGB", (40, 10), (200, 0, 0)).save(extra[3])
    found = survey([extra[0], *paths, *extra[1:]])
    assert (found.paths, found.gray) == (paths, 2)
    assert [str(p) in line for p, line in zip(extra[2:], found.unreadable, strict=True)] == [
        True,
        True,
    ]
    assert "40 x 10 is too small" in found.unreadable[1]
    assert float(found.prior.sum()) == pytest.approx(1, abs=1e-5)
    with pytest.raises(ValueError, match="no color photo to measure with: 2 gray, 1 unreadable"):
        survey(extra[:3])
    with pytest.raises(PictureError, match="too small"):
        read_photo(extra[3])
