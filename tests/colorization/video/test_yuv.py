"""Luma and chroma against FFmpeg and by hand."""

import av
import numpy as np
import pytest

from colorization.video.yuv import (
    BT601,
    BT709,
    Coding,
    chroma_planes,
    evened,
    gray_of,
    halved,
    luma_of,
    matrix_of,
)


def test_gray_and_luma_by_hand() -> None:
    """16 is black and 235 white; what lies outside is cut."""
    luma = np.array([[0, 16, 126, 235, 255]], np.uint8)
    assert gray_of(luma, False).tolist() == [[0, 0, 128, 255, 255]]  # 110 * 255 / 219 = 128.08
    assert gray_of(luma, True) is luma
    assert luma_of(np.array([[0, 128, 255]], np.uint8)).tolist() == [[16, 126, 235]]


def test_gray_survives_luma_within_rounding() -> None:
    gray = np.arange(256, dtype=np.uint8)[None]
    assert np.abs(gray_of(luma_of(gray), False).astype(int) - gray).max() <= 1


def test_greys_have_no_chroma() -> None:
    gray = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, 2)
    for full in (False, True):
        for matrix in (BT709, BT601):
            u, v = chroma_planes(gray, Coding(matrix, full))
            assert (u == 128).all() and (v == 128).all()


def test_pure_colors_by_hand() -> None:
    """Blue has the largest U: 128 + 224 / 2 = 240, red the largest V.

    With full range 255 (128 + 127.5, cut).
    """
    rgb = np.array([[[0, 0, 255], [255, 0, 0]]], np.uint8)
    u, v = chroma_planes(rgb, Coding(BT601, False))
    assert (u[0, 0], v[0, 1]) == (240, 240)
    u, v = chroma_planes(rgb, Coding(BT709, True))
    assert (u[0, 0], v[0, 1]) == (255, 255)


@pytest.mark.parametrize(("matrix", "name"), [(BT601, "ITU601"), (BT709, "ITU709")])
@pytest.mark.parametrize("full", [False, True])
def test_chroma_is_that_of_ffmpeg(
    rng: np.random.Generator, matrix: int, name: str, full: bool
) -> None:
    rgb = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
    theirs = frame.reformat(
        format="yuv444p", dst_colorspace=name, dst_color_range="JPEG" if full else "MPEG"
    ).to_ndarray()
    for ours, plane in zip(chroma_planes(rgb, Coding(matrix, full)), theirs[1:], strict=True):
        assert np.abs(ours.astype(int) - plane).max() <= 2


def test_halving_takes_means_and_repeats_the_edge() -> None:
    plane = np.array([[0, 2, 10], [4, 6, 20], [8, 8, 30]], np.uint8)
    assert evened(plane).shape == (4, 4)
    assert halved(plane).tolist() == [[3, 15], [8, 30]]
    assert halved(np.array([[7]], np.uint8)).tolist() == [[7]]
    assert halved(np.full((2, 2), 255, np.uint8)).tolist() == [[255]]


def test_films_that_say_no_matrix_get_that_of_their_size() -> None:
    assert (matrix_of(2, 480), matrix_of(2, 1080), matrix_of(BT709, 480), matrix_of(0, 720)) == (
        BT601,
        BT709,
        BT709,
        BT709,
    )
