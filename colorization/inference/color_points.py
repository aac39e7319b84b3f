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
# the same, with what is connected, for what the network colors by itself as far as the point's own
# place, and for a color that is as likely there: of one suit, whose parts look different
TOLD_KINDRED_FROM_TO, TOLD_FROM_TO, AS_LIKELY_FROM_TO = (0.0, 0.3), (0.5, 0.8), (0.5, 0.9)
LEAST_WAY = 3.0  # Lab units; a shorter one to a point's color has been gone already
LEAST_TOLD = 0.3  # of the way to a point's color; at its own place less tells nothing
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
    probabilities: Float[Tensor, "bins _rows _columns"],
) -> Float[Tensor, "2 height width"]:
    """Colors with points: what they do not concern stays as it was.

    The network's answer to points lets one color the whole picture.

    Args:
        without_points: colors without them, raw Lab units, at half the working size.
        answer: the network's colors with them.
        points: at least one.
        match: the picture.
        probabilities: how likely each color is in each place, at stride 8.
    """
    seen = torch.cat(match.target.maps.levels[LEVELS], 1)[0]
    told = told_by(points, without_points, answer, (seen.shape[1], seen.shape[2]))
    reach = reach_of(points, seen, match.level, probabilities, told)
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
    distances = (distances - _at_places(distances, cells)).clamp(min=0.0)
    weights = (-distances - (distances + AT_POINT).log()).softmax(0)
    near = (-distances).amax(0, keepdim=True).exp()
    return near * torch.einsum("pc,phw->chw", missing, weights)


def told_by(
    points: Sequence[Point],
    without_points: Float[Tensor, "2 height width"],
    answer: Float[Tensor, "2 height width"],
    grid: tuple[int, int],
) -> Float[Tensor, "points _rows _columns"]:
    """How far the network goes to each point's color, against its own place, 0..1.

    Args:
        points: at least one.
        without_points: colors without them, raw Lab units.
        answer: the network's colors with them.
        grid: rows and columns.
    """
    colors = torch.tensor([point.ab for point in points]).to(answer)
    way = colors[:, :, None, None] - without_points
    gone = ((answer - without_points) * way).sum(1) / way.square().sum(1).clamp(min=LEAST_WAY**2)
    gone = F.adaptive_avg_pool2d(gone.clamp(0.0, 1.0), grid)
    own = _at_places(gone, [point.cell(*grid) for point in points])
    told: Tensor = (gone / own.clamp(min=LEAST_TOLD)).clamp(max=1.0)
    return told


def _at_places(
    planes: Float[Tensor, "points rows columns"], cells: Sequence[tuple[int, int]]
) -> Float[Tensor, "points 1 1"]:
    """What each plane holds at the place of its own point."""
    held = [plane[row, column] for plane, (row, column) in zip(planes, cells, strict=True)]
    return torch.stack(held)[:, None, None]


def reach_of(
    points: Sequence[Point],
    seen: Float[Tensor, "channels rows columns"],
    level: Float[Tensor, "1 height width"],
    probabilities: Float[Tensor, "bins rows columns"],
    told: Float[Tensor, "points rows columns"],
) -> Float[Tensor, "1 height width"]:
    """How far each place shows what one of the points lies on, 0..1.

    What is connected with the point needs to look less like it than what lies elsewhere; and so
    does what is likely to have its color.

    Args:
        points: at least one.
        seen: what tells things apart, at stride 8.
        level: L at half the working size.
        probabilities: how likely each color is in each place.
        told: see told_by.
    """
    # what all places of a picture have in common does not tell its things apart
    own = F.normalize(seen - seen.mean((1, 2), keepdim=True), dim=0)
    rows, columns = own.shape[1:]
    cells = [point.cell(rows, columns) for point in points]
    at_points = torch.stack([own[:, row, column] for row, column in cells])
    cosine = torch.einsum("pc,chw->phw", at_points, own)
    connected = CONNECTED * (1 + cosine) * connection(own, cells)
    likelihoods = torch.einsum(
        "kl,lhw->khw", nearness(LIKELY_SIGMA).to(probabilities), probabilities
    )
    wanted = torch.tensor([_shown(point, level) for point in points]).to(probabilities)
    likely = likelihoods[nearest_bins(wanted.T)]
    as_likely = (likely + LEAST_LIKELY) / (_at_places(likely, cells) + LEAST_LIKELY)
    alike = torch.stack(
        (
            smooth_step(cosine + connected, KINDRED_FROM_TO),
            smooth_step(cosine, LIKELY_KINDRED_FROM_TO) * smooth_step(likely, PLAUSIBLE_FROM_TO),
            smooth_step(cosine + connected, TOLD_KINDRED_FROM_TO)
            * smooth_step(told, TOLD_FROM_TO)
            * smooth_step(as_likely, AS_LIKELY_FROM_TO),
        )
    ).amax(0)
    # not where another color is sure: what is there looks like a point's place, but the network
    # takes one for skin, the other for cloth
    sure = smooth_step(likelihoods.amax(0, keepdim=True), SURE_FROM_TO)
    may_have = 1 - sure * (1 - smooth_step(as_likely, LIKELY_FROM_TO))
    return resized((alike * may_have).amax(0, keepdim=True), level.shape[-2:])


def _shown(point: Point, level: Float[Tensor, "1 height width"]) -> tuple[float, float]:
    """The color of a point as a screen shows it at the luminance of its place."""
    row, column = point.cell(*level.shape[1:])
    return chroma_of(lab_to_rgb(torch.tensor([level[0, row, column], *point.ab]).view(3, 1, 1)))
