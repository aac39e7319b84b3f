"""Colors at points: the network's answer to them, as far as they concern a place."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.inference.connected_places import connection
from colorization.inference.matching import ReferenceMatch
from colorization.network.color_bins import nearest_bins, nearness
from colorization.network.hints import Point, chroma_of, point_distances
from similarity.color.lab import lab_to_rgb
from similarity.resize import resized
from similarity.smooth_step import smooth_step

# of the four levels of maps: the coarsest sees a face in the wall around it, the finest texture
LEVELS = slice(1, 3)
WIDEN = 1.8  # how much farther what is missing at points is carried than the network is told
AT_POINT = 1e-4  # squared distance from a point within which it alone counts
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
# cosine between a change of color and the way to a point's from which it is made: lower, a saucer
# beside orange wood turns blue; higher, other parts of the thing stay as they were
TOWARDS_FROM_TO = (0.3, 0.7)


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
    reach = reach_of(points, seen, match.level, odds)
    ab = without_points + reach * (answer - without_points)
    ab = ab + reach * _missing(ab, points, match.level)
    return without_points + towards(points, without_points, ab - without_points)


def towards(
    points: Sequence[Point],
    ab: Float[Tensor, "2 height width"],
    change: Float[Tensor, "2 height width"],
) -> Float[Tensor, "2 height width"]:
    """Of the changes that points make, keep those that lead to one of their colors.

    The network also moves away from them: beside orange wood it took a saucer for blue.

    Args:
        points: at least one.
        ab: colors without the points.
        change: what the points add to them.
    """
    wanted = torch.tensor([point.ab for point in points]).to(ab)[:, :, None, None] - ab
    cosine = F.cosine_similarity(wanted, change.expand_as(wanted), dim=1)
    return change * smooth_step(cosine, TOWARDS_FROM_TO).amax(0)


def _missing(
    ab: Float[Tensor, "2 height width"],
    points: Sequence[Point],
    luminance: Float[Tensor, "1 height width"],
) -> Float[Tensor, "2 height width"]:
    """What is still missing at the points, carried to what lies near and is as bright.

    At a point it is exactly what it lacks, however many others lie beside it.

    Source: Shepard 1968, A two-dimensional interpolation function for irregularly-spaced data.
    """
    cells = [point.cell(*ab.shape[1:]) for point in points]
    missing = torch.stack(
        [
            torch.tensor(point.ab).to(ab) - ab[:, row, column]
            for point, (row, column) in zip(points, cells, strict=True)
        ]
    )
    distances = point_distances(points, luminance, WIDEN)
    own = torch.stack([distances[i, row, column] for i, (row, column) in enumerate(cells)])
    distances = (distances - own[:, None, None]).clamp(min=0.0)
    weights = (-distances - (distances + AT_POINT).log()).softmax(0)
    near = (-distances).amax(0, keepdim=True).exp()
    return near * torch.einsum("pc,phw->chw", missing, weights)


def reach_of(
    points: Sequence[Point],
    seen: Float[Tensor, "channels rows columns"],
    level: Float[Tensor, "1 height width"],
    odds: Float[Tensor, "bins rows columns"],
) -> Float[Tensor, "1 height width"]:
    """How far each place shows what one of the points lies on, 0..1.

    What is connected with the point needs to look less like it than what lies elsewhere; and so
    does what is likely to have its color.

    Args:
        points: at least one.
        seen: what tells things apart, at stride 8.
        level: L at half the working size.
        odds: how likely each color is in each place.
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
    found = (alike * _may_have(likely, cells, likelihoods)).amax(0, keepdim=True)
    return resized(found, level.shape[-2:])


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
