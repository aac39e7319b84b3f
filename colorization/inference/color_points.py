"""Colors at points: the network's answer to them, as far as they concern a place."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.inference.connected_places import connection
from colorization.inference.matching import ReferenceMatch
from colorization.inference.pictures.surface_smoothing import smooth_surfaces
from colorization.network.color_bins import nearest_bins, nearness
from colorization.network.hints import Point, chroma_of, point_planes
from similarity.color.lab import lab_to_rgb
from similarity.resize import resized
from similarity.smooth_step import smooth_step

# of the four levels of maps: the coarsest sees a face in the wall around it, the finest texture
LEVELS = slice(1, 3)
WIDEN = 1.8  # how much farther what is missing at points is carried than the network is told
# cosine to a point's place from which the network's answer to it is followed, and how much more it
# counts where it is connected with the place: lower, a blue uniform leaves flecks on the wall
# behind it; higher, a point stays a spot
KINDRED_FROM_TO, CONNECTED = (0.25, 0.55), 0.6
# the same cosine, connected or not, for a color of this likelihood: of one skin, or of two flowers
LIKELY_KINDRED_FROM_TO, PLAUSIBLE_FROM_TO = (-0.1, 0.3), (0.07, 0.25)
# how likely a place has a point's color, against the point's own place, from which it is reached
# where the network is sure of another: lower, a dress colors the skin beside it; higher, holes stay
LIKELY_FROM_TO = (0.2, 0.6)
SURE_FROM_TO = (0.3, 0.5)  # likelihood of the likeliest color from which the network is sure of it
LIKELY_SIGMA = 12.0  # Lab units within which colors are taken for one
LEAST_LIKELY = 1e-5  # less is no more than chance
# share of a surface that shows the same thing as a point from which the rest of it does too: lower,
# neighbours are flooded; higher, holes stay
FILLED_FROM_TO = (0.3, 0.7)
# cosine between a change of color and the way to a point's from which it is made: lower, a saucer
# beside orange wood turns blue; higher, other parts of the thing stay as they were
TOWARDS_FROM_TO = (0.3, 0.7)
# how many times the way to a point's color a change may go: parts of a thing are more colorful
BEYOND = 1.5
# of smoothing over surfaces, in shares of the longer side and units of L
SURFACE_REACH, SURFACE_CONTRAST = 0.2, 6.0


def blend_points(
    without_points: Float[Tensor, "2 height width"],
    answer: Float[Tensor, "2 height width"],
    points: Sequence[Point],
    match: ReferenceMatch,
    odds: Float[Tensor, "bins _rows _columns"],
) -> Float[Tensor, "2 height width"]:
    """Colors with points: what they do not concern stays as it was.

    The network's answer to points lets one color the whole picture.

    Args:
        without_points: colors without them, raw Lab units, at half the working size.
        answer: the network's colors with them.
        points: at least one.
        match: the picture.
        odds: how likely each color is in each place, at stride 8.
    """
    seen = torch.cat(match.target.maps.levels[LEVELS], 1)[0]
    near, reach = reach_of(points, seen, match.level, odds)
    ab = without_points + reach * (answer - without_points)
    ab = ab + near * _missing(ab, points, match.level)
    change = towards(points, without_points, ab - without_points, reach, match.level)
    return without_points + change


def towards(
    points: Sequence[Point],
    ab: Float[Tensor, "2 height width"],
    change: Float[Tensor, "2 height width"],
    reach: Float[Tensor, "1 height width"],
    level: Float[Tensor, "1 height width"],
) -> Float[Tensor, "2 height width"]:
    """Of the changes that points make, keep those that lead to one of their colors.

    The network also moves away from them: beside orange wood it took a saucer for blue.

    Args:
        points: at least one.
        ab: colors without the points.
        change: what the points add to them.
        reach: how far points concern each place, 0..1.
        level: L on the same grid; surfaces end where it changes.
    """
    wanted = torch.tensor([point.ab for point in points]).to(ab)[:, :, None, None] - ab
    cosine = F.cosine_similarity(wanted, change.expand_as(wanted), dim=1)
    past: Tensor = (BEYOND * wanted.norm(dim=1) / change.norm(dim=0).clamp(min=1e-6)).clamp(max=1.0)
    kept = (smooth_step(cosine, TOWARDS_FROM_TO) * past).amax(0, keepdim=True)
    around = smooth_surfaces(
        torch.cat((kept * change, kept)),
        level,
        SURFACE_REACH * max(level.shape[-2:]),
        SURFACE_CONTRAST,
    )
    filled: Tensor = (
        smooth_step(around[2:], FILLED_FROM_TO) * around[:2] / around[2:].clamp(min=1e-6)
    )
    return kept * change + reach * (1 - kept) * filled


def _missing(
    ab: Float[Tensor, "2 height width"],
    points: Sequence[Point],
    luminance: Float[Tensor, "1 height width"],
) -> Float[Tensor, "2 height width"]:
    """What is still missing at the points, carried to what lies near and is as bright."""
    _, height, width = ab.shape
    missing = []
    for point in points:
        row, column = point.cell(height, width)
        a, b = (torch.tensor(point.ab).to(ab) - ab[:, row, column]).tolist()
        missing.append(Point(point.x, point.y, (a, b)))
    return point_planes(missing, luminance, WIDEN)[:2]


def reach_of(
    points: Sequence[Point],
    seen: Float[Tensor, "channels _rows _columns"],
    level: Float[Tensor, "1 height width"],
    odds: Float[Tensor, "bins _rows _columns"],
) -> tuple[Float[Tensor, "1 height width"], Float[Tensor, "1 height width"]]:
    """How far points concern each place, 0..1.

    Args:
        points: at least one.
        seen: what tells things apart, at stride 8.
        level: L at half the working size; surfaces end where it changes.
        odds: how likely each color is in each place.

    Returns:
        How far each place lies near a point and shows the same thing; and how far it does that, or
        shows it anywhere.
    """
    alike = _alike(points, seen, level, odds)
    kindred = resized(alike.amax(0, keepdim=True), level.shape[-2:])
    # features alone leave holes in one plain surface: it is filled from what is sure of it
    reach = SURFACE_REACH * max(level.shape[-2:])
    around = smooth_surfaces(kindred, level, reach, SURFACE_CONTRAST)
    same = torch.maximum(kindred, smooth_step(around, FILLED_FROM_TO))
    near = same * point_planes(points, level, WIDEN)[2:]
    return near, torch.maximum(near, kindred)


def _alike(
    points: Sequence[Point],
    seen: Float[Tensor, "channels rows columns"],
    level: Float[Tensor, "1 _height _width"],
    odds: Float[Tensor, "bins rows columns"],
) -> Float[Tensor, "points rows columns"]:
    """How far each place shows what a point lies on, 0..1: see reach_of.

    What is connected with the point needs to look less like it than what lies elsewhere; and so
    does what is likely to have its color.
    """
    # what all places of a picture have in common does not tell its things apart
    own = F.normalize(seen - seen.mean((1, 2), keepdim=True), dim=0)
    rows, columns = own.shape[1:]
    cells = [point.cell(rows, columns) for point in points]
    at_points = torch.stack([own[:, row, column] for row, column in cells])
    cosine = torch.einsum("pc,chw->phw", at_points, own)
    connected = CONNECTED * (1 + cosine) * connection(own, cells)
    likelihoods = torch.einsum("kl,lhw->khw", nearness(LIKELY_SIGMA).to(odds), odds)
    wanted = torch.tensor([_shown(point, level) for point in points]).to(odds)
    likely = likelihoods[nearest_bins(wanted.T)]
    alike = torch.maximum(
        smooth_step(cosine + connected, KINDRED_FROM_TO),
        smooth_step(cosine, LIKELY_KINDRED_FROM_TO) * smooth_step(likely, PLAUSIBLE_FROM_TO),
    )
    return alike * _may_have(likely, cells, likelihoods)


def _may_have(
    likely: Float[Tensor, "points rows columns"],
    cells: Sequence[tuple[int, int]],
    likelihoods: Float[Tensor, "bins rows columns"],
) -> Float[Tensor, "points rows columns"]:
    """How far each place may have a point's color, 0..1: not where another one is sure.

    What is there looks like a point's place, but the network takes one for skin, the other for
    cloth.

    Args:
        likely: likelihood of each point's color.
        cells: where the points lie.
        likelihoods: of all colors.
    """
    likely = likely + LEAST_LIKELY
    own = torch.stack([likely[i, row, column] for i, (row, column) in enumerate(cells)])
    sure = smooth_step(likelihoods.amax(0, keepdim=True), SURE_FROM_TO)
    may_have: Tensor = 1 - sure * (1 - smooth_step(likely / own[:, None, None], LIKELY_FROM_TO))
    return may_have


def _shown(point: Point, level: Float[Tensor, "1 height width"]) -> tuple[float, float]:
    """The color of a point as a screen shows it at the luminance of its place."""
    row, column = point.cell(*level.shape[1:])
    return chroma_of(lab_to_rgb(torch.tensor([level[0, row, column], *point.ab]).view(3, 1, 1)))
