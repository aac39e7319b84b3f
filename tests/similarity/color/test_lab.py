import numpy as np
import pytest
import skimage.color
import torch

from similarity.color.lab import (
    LUMINANCE_WEIGHTS,
    _clipped,
    _linear_of,
    as_tensor,
    lab_of_bytes,
    lab_to_rgb,
    lab_to_rgb_bytes,
    lab_to_rgb_unclipped,
    luminance_of_bytes,
    mean_chroma,
    rgb_to_lab,
)


def planes(rgb: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1)))


def one(*values: float) -> torch.Tensor:
    return torch.tensor([float(value) for value in values]).view(3, 1, 1)


def colors(*size: int) -> torch.Tensor:
    """Random Lab values, many of them outside the gamut."""
    unit = torch.rand(*size[:-2], 3, *size[-2:])
    return unit * torch.tensor([90.0, 240.0, 240.0]).view(3, 1, 1) + one(5, -120, -120)


def test_white_and_black_are_exact() -> None:
    torch.testing.assert_close(rgb_to_lab(one(1, 1, 1)), one(100, 0, 0), rtol=0, atol=1e-4)
    torch.testing.assert_close(rgb_to_lab(one(0, 0, 0)), one(0, 0, 0), rtol=0, atol=1e-4)


def test_red_by_hand() -> None:
    # red is linear 1, so XYZ / white = 0.412453 / 0.950456, 0.212671 / 1, 0.019334 / 1.088754; cube
    # roots 0.757090, 0.596902, 0.260894; L = 116 * 0.596902 - 16, a = 500 * (0.757090 - 0.596902),
    # b = 200 * (0.596902 - 0.260894)
    torch.testing.assert_close(
        rgb_to_lab(one(1, 0, 0)), one(53.2406, 80.0942, 67.2015), rtol=0, atol=2e-3
    )


def test_dark_grey_is_on_the_linear_parts() -> None:
    # 0.02 / 12.92 = 0.00154799 is below both thresholds: L = 116 * 7.787 * 0.00154799
    torch.testing.assert_close(
        rgb_to_lab(one(0.02, 0.02, 0.02)), one(1.39829, 0, 0), rtol=0, atol=1e-4
    )


def test_all_greys_are_neutral_and_equal_skimage() -> None:
    grey = np.repeat(np.arange(256, dtype=np.float32).reshape(16, 16, 1) / 255, 3, 2)
    lab = rgb_to_lab(planes(grey))
    assert lab[1:].abs().max() < 1e-4
    np.testing.assert_allclose(lab[0].numpy(), skimage.color.rgb2lab(grey)[..., 0], atol=0.01)
    torch.testing.assert_close(lab_to_rgb(lab), planes(grey), rtol=0, atol=1e-5)


def test_equals_skimage(pictures: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    for rgb in (pictures["coffee"] / 255, rng.random((40, 50, 3))):
        expected = skimage.color.rgb2lab(rgb)
        np.testing.assert_allclose(
            rgb_to_lab(planes(rgb.astype(np.float32))).permute(1, 2, 0).numpy(), expected, atol=0.01
        )
        back = lab_to_rgb_unclipped(planes(expected.astype(np.float32))).permute(1, 2, 0).numpy()
        np.testing.assert_allclose(back, rgb, atol=5e-4)


def test_luminance_of_bytes_is_that_of_the_conversion(rng: np.random.Generator) -> None:
    rgb = rng.integers(0, 256, (64, 96, 3)).astype(np.uint8)
    np.testing.assert_allclose(
        luminance_of_bytes(rgb), rgb_to_lab(as_tensor(rgb))[0].numpy(), atol=1e-3
    )


def test_lab_of_bytes_is_that_of_the_conversion(rng: np.random.Generator) -> None:
    rgb = rng.integers(0, 256, (64, 64, 3)).astype(np.uint8)
    rgb[:16] //= 16  # dark, where the tables are steepest
    rgb[0, :2] = ((0,) * 3, (255,) * 3)
    expected = rgb_to_lab(as_tensor(rgb)).numpy()
    assert np.abs(lab_of_bytes(rgb) - expected).max() < 0.15


def test_round_trip_reaches_every_corner_of_the_cube() -> None:
    axis = torch.linspace(0, 1, 18)
    rgb = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij")).view(3, 18, -1)
    torch.testing.assert_close(lab_to_rgb_unclipped(rgb_to_lab(rgb)), rgb, rtol=0, atol=1e-4)
    # nothing in the gamut is clipped
    torch.testing.assert_close(lab_to_rgb(rgb_to_lab(rgb)), rgb, rtol=0, atol=2e-4)


def test_batches_equal_single_pictures() -> None:
    lab = colors(2, 3, 5, 4)
    for convert in (rgb_to_lab, lab_to_rgb, lab_to_rgb_unclipped):
        source = torch.rand(2, 3, 3, 5, 4) if convert is rgb_to_lab else lab
        singles = torch.stack([torch.stack([convert(x) for x in row]) for row in source])
        torch.testing.assert_close(convert(source), singles, rtol=0, atol=1e-3)


def test_unclipped_leaves_the_gamut_on_both_sides() -> None:
    vivid = lab_to_rgb_unclipped(one(60, -120, 80))  # a green no screen shows
    assert vivid[0] < 0
    assert lab_to_rgb_unclipped(one(97, 0, 120))[:2].max() > 1


def test_clipping_keeps_luminance() -> None:
    lab = colors(40, 50)
    outside = ((lab_to_rgb_unclipped(lab) < -1e-3) | (lab_to_rgb_unclipped(lab) > 1.001)).any(0)
    assert outside.float().mean() > 0.3  # the test is about something
    rgb = lab_to_rgb(lab)
    assert rgb.min() >= 0
    assert rgb.max() <= 1
    torch.testing.assert_close(rgb_to_lab(rgb)[0], lab[0], rtol=0, atol=0.1)
    clipped_rgb = rgb_to_lab(lab_to_rgb_unclipped(lab).clamp(0, 1))
    assert (clipped_rgb[0] - lab[0]).abs().max() > 5  # what the usual clipping does


def test_what_a_channel_cannot_give_the_others_do() -> None:
    """By hand: red is 0.2 too bright, which is 0.0425 of luminance, and blue is full too then."""
    shares = LUMINANCE_WEIGHTS.view(3, 1, 1)
    lab = rgb_to_lab(torch.tensor([1.0, 0.5, 0.98]).view(3, 1, 1))
    linear = _linear_of(lab)
    linear[0] += 0.2
    missing = 0.2 * shares[0]
    found = _clipped(linear.flatten(1)).view(3, 1, 1)
    assert found[0] == 1 and found[2] == 1
    given = shares[1] * (found[1] - linear[1]) + shares[2] * (1 - linear[2])
    torch.testing.assert_close(given, missing)


def test_a_channel_below_zero_leaves_the_hue_of_the_others() -> None:
    linear = torch.tensor([[-0.1], [0.4], [0.2]])
    found = _clipped(linear)
    assert found[0] == 0
    torch.testing.assert_close(found[1] / found[2], torch.tensor([2.0]))
    torch.testing.assert_close(LUMINANCE_WEIGHTS @ found, LUMINANCE_WEIGHTS @ linear)


def test_chroma_at_white_and_black_vanishes() -> None:
    torch.testing.assert_close(lab_to_rgb(one(100, 60, -40)), one(1, 1, 1), rtol=0, atol=1e-4)
    torch.testing.assert_close(lab_to_rgb(one(0, 60, -40)), one(0, 0, 0), rtol=0, atol=1e-4)


def test_input_is_not_changed() -> None:
    lab = one(60, -120, 80)
    lab_to_rgb(lab)
    assert torch.equal(lab, one(60, -120, 80))


@pytest.mark.parametrize("convert", [rgb_to_lab, lab_to_rgb_unclipped])
def test_gradients_are_finite_even_at_black(convert) -> None:
    x = torch.cat(
        (torch.zeros(3, 1, 4), torch.rand(3, 1, 4), torch.ones(3, 1, 4)), 1
    ).requires_grad_()
    convert(x).sum().backward()
    assert torch.isfinite(x.grad).all()
    assert x.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("bright", "hue"),
    [((97, 8, 37), (95, 110)), ((95, 5, -40), (215, 240))],
    ids=["orange turns to yellow", "blue to cyan"],
)
def test_where_channels_are_full_hues_turn_as_in_strong_light(
    bright: tuple[float, ...], hue: tuple[float, float]
) -> None:
    lab = one(*bright)
    _, a, b = rgb_to_lab(lab_to_rgb(lab)).flatten().tolist()
    assert hue[0] < np.degrees(np.arctan2(b, a)) % 360 < hue[1]
    scales = torch.arange(0, 1, 1 / 4096)
    trials = lab_to_rgb_unclipped(torch.cat((lab[:1].expand(1, 1, 4096), lab[1:] * scales)))
    at_the_same_hue = scales[(trials <= 1).all(0)[0]].max() * lab[1:].norm()
    assert np.hypot(a, b) > 1.5 * float(at_the_same_hue)


def test_mean_chroma_by_hand() -> None:
    """Chroma of (a, b) = (3, 4) is 5, of (0, 0) it is 0: mean 2.5."""
    assert mean_chroma(torch.tensor([[3.0, 0.0], [4.0, 0.0]]).view(2, 1, 2)) == pytest.approx(2.5)


def test_bytes_are_those_of_the_exact_conversion() -> None:
    torch.manual_seed(0)
    lab = torch.rand(2, 3, 300, 40) * 100
    lab[:, 1:] = (lab[:, 1:] - 50) * 2  # within and outside what a screen can show
    lab[:, 1:, :30] = 0
    lab[:, :1, 30:60] *= 0.1  # dark
    exact = lab_to_rgb(lab) * 255
    found = lab_to_rgb_bytes(lab)
    assert found.dtype == torch.uint8 and found.shape == lab.shape
    differ = found != exact.round().to(torch.uint8)
    assert float(differ.float().mean()) < 0.02
    halfway = (exact - exact.floor() - 0.5).abs()
    assert float(halfway[differ].max()) < 0.02
    assert int((found.int() - exact.round().int()).abs().max()) == 1


def test_bytes_of_gray_are_gray() -> None:
    level = torch.linspace(0, 100, 1001)
    found = lab_to_rgb_bytes(torch.stack((level, 0 * level, 0 * level))[:, None])[:, 0]
    assert torch.equal(found[0], found[1]) and torch.equal(found[1], found[2])
    assert found[0, 0] == 0 and found[0, -1] == 255
    assert bool((found[0].int().diff() >= 0).all())
