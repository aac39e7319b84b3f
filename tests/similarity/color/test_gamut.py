import torch
from torch import Tensor

from similarity.color.gamut import LEAST, highest_chroma
from similarity.color.lab import lab_to_rgb_unclipped, rgb_to_lab


def is_shown(luminance: Tensor, ab: Tensor) -> Tensor:
    rgb = lab_to_rgb_unclipped(torch.cat((luminance[None], ab))[:, None])
    return ((rgb > -1e-3) & (rgb < 1 + 1e-3)).all(0)[0]


def test_less_chroma_is_shown_and_more_is_not() -> None:
    luminance, hue = torch.rand(500) * 80 + 10, torch.rand(500) * 6.28
    ways = torch.stack((hue.cos(), hue.sin()))
    highest = highest_chroma(luminance, ways)
    assert float(is_shown(luminance, 0.9 * highest * ways).float().mean()) > 0.99
    assert not is_shown(luminance, 1.2 * highest * ways).any()


def test_primaries_by_hand() -> None:
    """Nothing is more colorful than they are; the table cuts the tips off."""
    lab = rgb_to_lab(torch.eye(3)[:, :, None])[..., 0]
    chroma = torch.linalg.vector_norm(lab[1:], dim=0)
    torch.testing.assert_close(highest_chroma(lab[0], lab[1:]), chroma, atol=0, rtol=0.12)


def test_black_and_white_have_hardly_any() -> None:
    ab = torch.tensor([[10.0, -10.0], [5.0, 5.0]])
    assert highest_chroma(torch.tensor([0.0, 100.0]), ab).tolist() == [LEAST] * 2


def test_gray_has_no_hue_and_a_limit_all_the_same() -> None:
    found = highest_chroma(torch.tensor([50.0]), torch.zeros(2, 1))
    assert 20 < float(found) < 120
