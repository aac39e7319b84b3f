"""Pictures that were cut off show what they have begun to show."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval.photos.reader import DamagedPictureError, PictureError, read_picture

SAVED = {"progressive": {"progressive": True}, "TIFF": {"compression": "tiff_lzw"}}
CUT = ("JPEG", "progressive", "PNG", "PPM")


def cut(tmp_path: Path, rgb: np.ndarray, kind: str, share: float) -> Path:
    whole, path = io.BytesIO(), tmp_path / "cut"
    format_ = "JPEG" if kind == "progressive" else kind
    Image.fromarray(rgb).save(whole, format_, **SAVED.get(kind, {}))
    path.write_bytes(whole.getvalue()[: int(share * len(whole.getvalue()))])
    return path


@pytest.mark.parametrize("kind", CUT)
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_what_is_there_is_shown_if_that_is_allowed(
    tmp_path: Path, pictures: dict[str, np.ndarray], kind: str, share: float
) -> None:
    rgb = pictures["astronaut"]
    path = cut(tmp_path, rgb, kind, share)
    with pytest.raises(DamagedPictureError):
        read_picture(path)
    found = read_picture(path, allow_damaged=True)
    assert found.rgb.shape == rgb.shape
    assert any("it is damaged" in note for note in found.notes)
    upper = len(rgb) // 4
    error = np.abs(found.rgb[:upper].astype(int) - rgb[:upper])
    assert error.mean() < 12  # coarse, where it was progressive


def test_where_nothing_is_there_it_stays_an_error(
    tmp_path: Path, pictures: dict[str, np.ndarray]
) -> None:
    for kind in CUT:
        path = cut(tmp_path, pictures["astronaut"], kind, 0.0005)
        with pytest.raises(PictureError) as caught:
            read_picture(path, allow_damaged=True)
        assert not isinstance(caught.value, DamagedPictureError)


def test_a_tiff_without_its_end_says_so(tmp_path: Path, pictures: dict[str, np.ndarray]) -> None:
    path = cut(tmp_path, pictures["astronaut"], "TIFF", 0.6)
    with pytest.raises(PictureError, match="it is cut off: where its pages lie is missing"):
        read_picture(path, allow_damaged=True)
