from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval.photos.reader import read_picture
from retrieval.photos.two_levels import NOTE, has_two_levels, with_grays


@pytest.fixture
def scan(gray_pictures: dict[str, np.ndarray]) -> Image.Image:
    """Dots of two levels that stand for grays."""
    return Image.fromarray(gray_pictures["coffee"]).convert("1")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.tif", {"compression": "group4"}),
        ("a.tif", {"compression": "group3"}),
        ("a.tif", {}),
        ("a.png", {}),
        ("a.pbm", {}),
        ("a.bmp", {}),
        ("a.gif", {}),
    ],
    ids=str,
)
def test_scans_of_two_levels_become_gray_and_are_told(
    name: str,
    options: dict[str, str],
    scan: Image.Image,
    gray_pictures: dict[str, np.ndarray],
    tmp_path: Path,
) -> None:
    scan.save(tmp_path / name, **options)
    picture = read_picture(tmp_path / name)
    assert picture.notes == (NOTE,)
    gray = picture.rgb[..., 0].astype(float)
    assert len(np.unique(gray)) > 50
    # as the dots are meant, over some of them
    blocks = np.s_[: gray.shape[0] // 8 * 8, : gray.shape[1] // 8 * 8]
    found, meant = (
        one[blocks].reshape(gray.shape[0] // 8, 8, -1, 8).mean((1, 3))
        for one in (gray, gray_pictures["coffee"].astype(float))
    )
    assert np.abs(found - meant).mean() < 12


def test_other_pairs_of_levels_count_too() -> None:
    assert has_two_levels(np.array([[3, 3], [200, 3]], np.uint8))
    assert not has_two_levels(np.array([[3, 4], [200, 3]], np.uint8))
    assert not has_two_levels(np.full((4, 4), 7, np.uint8))  # of one, nothing can be made


def test_the_mean_stays(rng: np.random.Generator) -> None:
    dots = (rng.random((200, 300)) < 0.3).astype(np.uint16) * 65535
    assert with_grays(dots).mean() == pytest.approx(0.3 * 255, rel=0.03)


def test_grays_and_colors_stay_as_they_are(
    gray_pictures: dict[str, np.ndarray], tmp_path: Path
) -> None:
    Image.fromarray(gray_pictures["coffee"]).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png").notes == ()


def test_edges_become_no_softer_in_large_scans() -> None:
    halves = np.zeros((4000, 4000), np.uint8)
    halves[:, 2000:] = 255
    row = with_grays(halves)[2000].astype(int)
    assert ((row > 5) & (row < 250)).sum() < 20
