"""Colors that change with luminance, and not a cell beside."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from colorization.inference.pictures.edge_upsampling import upsampled_along_edges
from similarity.resize import resized

BLUE, YELLOW = torch.tensor([0.0, -40.0]), torch.tensor([5.0, 40.0])
HEIGHT, WIDTH = 8, 10  # cells


def sky_over_roof(edge: int, sky: float = 40.0, roof: float = 80.0) -> tuple[Tensor, Tensor]:
    """Chroma and luminance on the fine grid, of which ``edge`` rows are sky."""
    is_sky = torch.arange(2 * HEIGHT)[:, None] < edge
    ab = torch.where(is_sky, BLUE.view(2, 1, 1), YELLOW.view(2, 1, 1))
    luminance = torch.where(is_sky, sky, roof)[None]
    return (planes.expand(-1, -1, 2 * WIDTH).contiguous() for planes in (ab, luminance))


def blurred(ab: Tensor) -> Tensor:
    """As the network answers: cells between others have colors between theirs."""
    cells = F.avg_pool2d(ab[None], 2)
    return F.avg_pool2d(F.pad(cells, (1,) * 4, mode="replicate"), 3, 1)[0]


@pytest.mark.parametrize("edge", [6, 7, 8, 9])
def test_a_seam_between_two_surfaces_vanishes(edge: int) -> None:
    ab, luminance = sky_over_roof(edge)
    seam = blurred(ab)
    found, plain = upsampled_along_edges(seam, luminance), resized(seam, luminance.shape[-2:])
    error, before = ((one - ab).norm(dim=0).mean() for one in (found, plain))
    assert float(error) < 0.4 * float(before)
    # the rows on both sides of the edge have the colors of their surfaces
    rows = slice(edge - 2, edge + 2)
    torch.testing.assert_close(found[:, rows], ab[:, rows], atol=9, rtol=0)


def test_without_an_edge_of_luminance_colors_stay_smooth() -> None:
    ab, luminance = sky_over_roof(8, 60.0, 60.0)
    found = upsampled_along_edges(blurred(ab), luminance)[1, :, 0]
    assert bool((found.diff() >= -1e-3).all())  # from blue to yellow, and never back


def test_one_color_stays_one_color_whatever_the_luminance() -> None:
    ab = torch.tensor([20.0, -30.0]).view(2, 1, 1).expand(2, HEIGHT, WIDTH)
    found = upsampled_along_edges(ab, torch.rand(1, 2 * HEIGHT, 2 * WIDTH) * 100)
    torch.testing.assert_close(found, ab[:, :1, :1].expand_as(found))


def test_no_color_is_invented() -> None:
    ab = torch.randn(2, HEIGHT, WIDTH) * 30
    found = upsampled_along_edges(ab, torch.rand(1, 2 * HEIGHT, 2 * WIDTH) * 100)
    lowest, highest = ab.amin((1, 2), keepdim=True), ab.amax((1, 2), keepdim=True)
    assert found.shape == (2, 2 * HEIGHT, 2 * WIDTH)
    assert bool(((found >= lowest - 1e-3) & (found <= highest + 1e-3)).all())


def test_a_mirrored_picture_gets_mirrored_colors() -> None:
    ab, luminance = torch.randn(2, HEIGHT, WIDTH) * 30, torch.rand(1, 2 * HEIGHT, 2 * WIDTH) * 100
    found, mirrored = (
        upsampled_along_edges(ab, luminance),
        upsampled_along_edges(ab.flip(2), luminance.flip(2)),
    )
    torch.testing.assert_close(mirrored.flip(2), found, atol=1e-3, rtol=1e-4)


def test_a_speck_that_is_like_nothing_around_it_is_not_gray() -> None:
    ab, luminance = sky_over_roof(8, 2.0, 4.0)
    luminance[0, 8, 10] = 100.0
    speck = upsampled_along_edges(blurred(ab), luminance)[:, 8, 10]
    assert float(speck.norm()) > 5


@pytest.mark.parametrize("size", [(2, 2), (2, 5), (8, 8)], ids=str)
def test_pictures_of_few_cells(size: tuple[int, int]) -> None:
    ab, luminance = torch.randn(2, *size), torch.rand(1, 2 * size[0], 2 * size[1]) * 100
    assert bool(upsampled_along_edges(ab, luminance).isfinite().all())
