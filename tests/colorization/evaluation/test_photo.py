from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.color import rgb2lab

from colorization.evaluation.photo import MEASURED_SIDE, Photo, read_photo


def test_telephones_photos_are_measured_as_they_are_meant(
    tmp_path: Path, wide_profile: Callable[[float], bytes]
) -> None:
    """The primaries of Display P3 are wider than those of sRGB.

    The same numbers stand for stronger colors.
    """
    stored = np.full((32, 32, 3), (60, 160, 80), np.uint8)
    Image.fromarray(stored).save(tmp_path / "p3.png", icc_profile=wide_profile(2.2))
    Image.fromarray(stored).save(tmp_path / "srgb.png")
    wide, narrow = (
        rgb2lab(read_photo(tmp_path / name).truth)[..., 1:] for name in ("p3.png", "srgb.png")
    )
    assert np.linalg.norm(wide, axis=-1).mean() > 1.1 * np.linalg.norm(narrow, axis=-1).mean()


def test_deep_pictures_are_measured_at_eight_bits(
    tmp_path: Path, pictures: dict[str, np.ndarray]
) -> None:
    import tifffile

    deep = pictures["rocket"].astype(np.uint16) * 257
    tifffile.imwrite(tmp_path / "deep.tif", deep, photometric="rgb")
    photo = read_photo(tmp_path / "deep.tif")
    assert np.array_equal(photo.truth, pictures["rocket"])


def test_a_photo_is_its_truth_and_its_gray(paths: list[Path]) -> None:
    photo = read_photo(paths[1])
    assert isinstance(photo, Photo) and photo.path == paths[1]
    assert photo.rng(0, "points").random() != photo.rng(0, "distorted").random()
    assert photo.rng(0, "points").random() == photo.rng(0, "points").random()


def test_large_photos_are_measured_at_a_bounded_size(
    tmp_path: Path, pictures: dict[str, np.ndarray]
) -> None:
    picture = Image.fromarray(pictures["rocket"]).resize((3 * MEASURED_SIDE, 3 * 400))
    picture.save(tmp_path / "wide.png")
    photo = read_photo(tmp_path / "wide.png")
    assert photo.truth.shape[:2] == photo.gray.shape[:2] == (400, MEASURED_SIDE)
    assert np.abs(photo.truth.astype(int) - np.asarray(picture.reduce(3))).max() <= 1
