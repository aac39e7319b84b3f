"""Chroma between pictures of one lightness each, by hand."""

import pytest
import torch
from painted_pictures import apart, painted
from torch import Tensor

from colorization.inference.carried_chroma import ALLOWED, within_lightness
from colorization.inference.picture_features import PictureFeatures
from colorization.network.input_planes import reference_planes
from similarity.color.gamut import highest_chroma

KINDS = torch.zeros(4, 6, dtype=torch.long)
BLUE, RED = (5.0, -40.0), (55.0, 30.0)


def picture(level: float, color: tuple[float, float] = (0.0, 0.0)) -> PictureFeatures:
    return painted(
        KINDS,
        apart(2),
        torch.tensor(color).expand(2, -1),
        level=torch.full(KINDS.shape, float(level)),
    )


def carried(level: float, reference: PictureFeatures) -> Tensor:
    """What a place of this lightness is lent."""
    target = picture(level)
    said = reference_planes(target.maps, [reference.maps], [reference.ab[None]])
    found = within_lightness(said, target, [reference]).warped_ab[0].flatten(1)
    torch.testing.assert_close(found, found[:, :1].expand_as(found))
    return found[:, 0]


def chroma(color: Tensor | tuple[float, float]) -> float:
    return float(torch.as_tensor(color).norm())


@pytest.mark.parametrize("color", [BLUE, RED])
def test_at_the_same_lightness_nothing_changes(color: tuple[float, float]) -> None:
    torch.testing.assert_close(carried(50, picture(50, color)), torch.tensor(color))


def test_a_bright_sky_takes_less_of_a_deep_one_and_its_hue() -> None:
    found = carried(95, picture(50, BLUE))
    assert chroma(found) < 0.3 * chroma(BLUE)
    torch.testing.assert_close(found / chroma(found), torch.tensor(BLUE) / chroma(BLUE))
    share = chroma(BLUE) / float(highest_chroma(torch.tensor([50.0]), torch.tensor([BLUE]).T))
    here = float(highest_chroma(torch.tensor([95.0]), torch.tensor([BLUE]).T))
    assert chroma(found) == pytest.approx(ALLOWED * share * here, rel=1e-3)


def test_yellow_stays_as_it_is_where_it_is_bright() -> None:
    yellow = (-11.0, 48.0)  # of which bright places can show more
    torch.testing.assert_close(carried(90, picture(60, yellow)), torch.tensor(yellow))


def test_chroma_is_never_raised() -> None:
    torch.testing.assert_close(carried(50, picture(92, (2.0, -8.0))), torch.tensor([2.0, -8.0]))


def test_gray_stays_gray() -> None:
    assert not carried(95, picture(50)).any()
