"""Photos led to the colors of references, by hand: things of one look, each of one color."""

import torch
import torch.nn.functional as F
from torch import Tensor

from colorization.training.led_colors import FINER, led_colors
from similarity.matching.correlation import correlate
from similarity.matching.unit_maps import UnitMaps

SIDE = 8  # cells of stride 8
SKY, GRASS, OTHER, RARE, CLOUD, HAZE = range(6)
LOOKS = torch.eye(6)  # nothing resembles anything else, but for these:
LOOKS[CLOUD] = torch.tensor([0.7, 0.0, 0.0, 0.0, -0.22, 0.68])  # like the sky
LOOKS[HAZE] = torch.tensor([0.55, 0.0, 0.0, 0.0, 0.835, 0.0])  # like the sky, but not like clouds
BLUE, GREEN = (0.0, -40.0), (-40.0, 30.0)
TURQUOISE, BROWN = (-20.0, -10.0), (10.0, 25.0)

# sky above, grass below
KINDS = torch.full((SIDE, SIDE), SKY)
KINDS[SIDE // 2 :] = GRASS


def maps_of(kinds: Tensor) -> UnitMaps:
    planes = F.normalize(LOOKS, dim=1)[kinds].permute(2, 0, 1)[None]
    return UnitMaps((planes,) * 4)


def colored(kinds: Tensor, colors: dict[int, tuple[float, float]]) -> Tensor:
    """Each kind in its color, (1, 2, height, width)."""
    table = torch.zeros(len(LOOKS), 2)
    for kind, color in colors.items():
        table[kind] = torch.tensor(color)
    return table[kinds].permute(2, 0, 1)[None]


def finer(planes: Tensor) -> Tensor:
    """On the grid of stride 4."""
    return planes.repeat_interleave(FINER, 2).repeat_interleave(FINER, 3)


def led(
    kinds: Tensor, ab: Tensor, reference: Tensor, colors: dict[int, tuple[float, float]]
) -> Tensor:
    ours, theirs = maps_of(kinds), maps_of(reference)
    return led_colors(ab, ours, correlate(ours, [theirs]), [colored(reference, colors)])


TRUTH = finer(colored(KINDS, {SKY: BLUE, GRASS: GREEN}))


def test_what_matches_takes_the_reference_s_color_up_to_its_edge() -> None:
    reference = torch.where(KINDS == GRASS, OTHER, SKY)
    found = led(KINDS, TRUTH, reference, {SKY: TURQUOISE, OTHER: BROWN})
    wanted = finer(colored(KINDS, {SKY: TURQUOISE, GRASS: GREEN}))
    torch.testing.assert_close(found, wanted, atol=0.5, rtol=0)


def test_all_of_a_surface_is_led_even_what_does_not_match_itself() -> None:
    kinds = KINDS.clone()
    kinds[1, 2] = CLOUD  # of the sky's color
    reference = torch.where(KINDS == SKY, HAZE, GRASS)
    found = led(kinds, TRUTH, reference, {HAZE: TURQUOISE, GRASS: GREEN})
    sky = found[0, :, : SIDE // 2 * FINER].flatten(1)
    wanted = torch.tensor(TURQUOISE)[:, None].expand_as(sky)
    torch.testing.assert_close(sky, wanted, atol=2, rtol=0)


def test_what_a_surface_shows_within_stays() -> None:
    detail = torch.zeros_like(TRUTH)
    detail[:, 0, ::2], detail[:, 0, 1::2] = 2.0, -2.0  # stripes finer than what is matched
    colors = {SKY: TURQUOISE, GRASS: BROWN}
    plain, striped = (led(KINDS, ab, KINDS, colors) for ab in (TRUTH, TRUTH + detail))
    torch.testing.assert_close(striped - plain, detail, atol=0.5, rtol=0)


def test_a_photo_of_something_else_changes_nothing() -> None:
    found = led(KINDS, TRUTH, torch.full((SIDE, SIDE), OTHER), {OTHER: BROWN})
    assert torch.equal(found, TRUTH)


def test_a_single_match_is_chance() -> None:
    reference = torch.full((SIDE, SIDE), OTHER)
    reference[0, 0] = RARE
    kinds = KINDS.clone()
    kinds[2, 2] = RARE
    found = led(kinds, TRUTH, reference, {OTHER: BROWN, RARE: BROWN})
    assert torch.equal(found, TRUTH)


def test_each_of_a_batch_by_its_own_reference() -> None:
    both = UnitMaps(tuple(level.expand(2, -1, -1, -1) for level in maps_of(KINDS).levels))
    lent = torch.cat([colored(KINDS, {SKY: sky, GRASS: BROWN}) for sky in (TURQUOISE, BLUE)])
    found = led_colors(TRUTH.expand(2, -1, -1, -1), both, correlate(both, [both]), [lent])
    for one, sky in zip(found, (TURQUOISE, BLUE), strict=True):
        assert torch.equal(one, led(KINDS, TRUTH, KINDS, {SKY: sky, GRASS: BROWN})[0])
