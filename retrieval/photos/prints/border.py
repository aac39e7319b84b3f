"""The border of a print or a slide: white paper, or black, on all four sides of the picture.

It has no colors, and says nothing of the photo: networks that see it find skies pale, and
references lend it colors. So they see the picture mirrored there instead, and the border stays as
it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

BLACK_UP_TO, WHITE_FROM = 25.0, 70.0  # L of borders
PLAIN, PLAIN_SHARE = 6.0, 0.9  # units of L from its level, and how much of paper is as near
# units of L between border and picture: a pale sky differs little from paper, and stained paper
# from itself
STEPS = (4.0, 12.0)
SIDES_ALIKE = 10.0  # units of L by which the four sides of a border may differ
LEAST_DEPTH, MOST_SHARE = 1.5, 0.3  # pixels; share of the picture's height or width
BLURRED = 1  # pixels between border and picture that are neither
CORNER = 0.15  # share of a side at both ends, where the borders of its neighbours may lie
SLOPES = np.linspace(-0.08, 0.08, 17)  # of the edges of prints that lay askew on the scanner
TURNED_APART = 0.045  # by which the slopes of its four edges may differ: a print turns as a whole
STRAIGHT = 1.5  # pixels by which an edge may leave its line
# share of an edge that is on the line: on the average of the four, and of all but one, beside which
# the sky may be as white as paper. The outline of a thing on white ground has no such edges
MEAN_SEEN, LEAST_SEEN = 0.5, 0.35
BED_SEEN = 0.9  # the same of the gray bed of a scanner, where the border of a print lies on it
LEAST_SIDE = 32  # pixels in which a border is looked for within another


@dataclass(frozen=True)
class _Edge:
    """Where the border ends on one side.

    Attributes:
        depth: of the border in the middle of the side, as a share of the picture.
        slope: how much deeper it is at the right or lower end than at the other, as such a share.
        seen: how much of it was seen, 0..1.
        level: L of the border.
    """

    depth: float
    slope: float
    seen: float
    level: float

    @property
    def is_gray(self) -> bool:
        """Whether it is neither white nor black, as no paper is."""
        return BLACK_UP_TO < self.level < WHITE_FROM


@dataclass(frozen=True)
class PrintBorder:
    """A border.

    Attributes:
        edges: above, below, to the left and to the right of the picture.
    """

    edges: tuple[_Edge, ...]

    def mirrored(
        self, planes: Shaped[Tensor, "*channels height width"]
    ) -> Shaped[Tensor, "*channels height width"]:
        """The picture, and its mirror image where the border was.

        Args:
            planes: of picture and border, at any size, in the memory of the processor.
        """
        *others, height, width = planes.shape
        rows, columns = self.parts(height, width)
        around = (rows.start, height - rows.stop), (columns.start, width - columns.stop)
        inner = planes[..., rows, columns].numpy()
        return torch.from_numpy(np.pad(inner, [(0, 0)] * len(others) + [*around], "reflect"))

    def cropped(
        self, rgb: Shaped[np.ndarray, "_height _width 3"]
    ) -> Shaped[np.ndarray, "height width 3"]:
        """The picture without its border.

        Args:
            rgb: picture and border, at any size.
        """
        return rgb[self.parts(*rgb.shape[:2])]

    def parts(self, height: int, width: int, deepest: bool = False) -> tuple[slice, slice]:
        """Rows and columns of the picture, with corners of the border if it lies askew.

        Args:
            height: of picture and border.
            width: of picture and border.
            deepest: without those corners, and without what they would cut off.
        """
        sign = 1 if deepest else -1
        above, below, left, right = (e.depth + sign * abs(e.slope) / 2 for e in self.edges)
        return _part(height, above, below), _part(width, left, right)

    def inside(self, size: Sequence[int]) -> Bool[Tensor, "height width"]:
        """Which places show the picture.

        Args:
            size: rows and columns of a grid over picture and border.
        """
        y, x = ((torch.arange(count) + 0.5) / count for count in size)
        return self._holds(y[:, None], x[None])

    def has_on_it(self, x: float, y: float) -> bool:
        """Whether a place lies on the border, and not on the picture.

        Args:
            x: 0..1 from the left edge.
            y: 0..1 from the upper edge.
        """
        return not bool(self._holds(torch.tensor(y), torch.tensor(x)))

    def _holds(self, y: Tensor, x: Tensor) -> Tensor:
        above, below, left, right = self.edges
        rows = (y > _depth_at(above, x)) & (1 - y > _depth_at(below, x))
        return rows & (x > _depth_at(left, y)) & (1 - x > _depth_at(right, y))


def border_of(
    luminance: Float[np.ndarray, "height width"], aspect: float | None = None
) -> PrintBorder | None:
    """Find the border of a picture.

    Args:
        luminance: L, 0..100.
        aspect: height by width of the picture; None if it was not squeezed.

    Returns:
        None without one that is as bright on all four sides and ends in straight lines. What lies
        around a border, a scanner's lid or a mount, belongs to it.
    """
    aspect = aspect or luminance.shape[0] / luminance.shape[1]
    found = _outermost(luminance, aspect)
    if found is None:
        return None
    rows, columns = found.parts(luminance.shape[0], luminance.shape[1], deepest=True)
    part = luminance[rows, columns]
    height, width = (now / whole for now, whole in zip(part.shape, luminance.shape, strict=True))
    within = border_of(part, aspect * height / width) if min(part.shape) >= LEAST_SIDE else None
    if within is None:
        return None if found.edges[0].is_gray else found
    top, left = rows.start / luminance.shape[0], columns.start / luminance.shape[1]
    frames = (
        (top, height, left, width),
        (1 - top - height, height, left, width),
        (left, width, top, height),
        (1 - left - width, width, top, height),
    )
    return PrintBorder(
        tuple(_seen_from(edge, *frame) for edge, frame in zip(within.edges, frames, strict=True))
    )


def _outermost(luminance: Float[np.ndarray, "height width"], aspect: float) -> PrintBorder | None:
    """What lies around a picture; gray only if its edges are seen nearly whole."""
    edges = list[_Edge]()
    for side in (luminance, luminance[::-1], luminance.T, luminance.T[::-1]):
        if (edge := _edge(side)) is None:
            return None
        edges.append(edge)
    seen = [edge.seen for edge in edges]
    least = BED_SEEN if edges[0].is_gray else MEAN_SEEN
    if np.mean(seen) < least or sorted(seen)[1] < LEAST_SEEN:
        return None
    turns = aspect, -aspect, -1 / aspect, 1 / aspect
    slopes = [e.slope * turn for e, turn in zip(edges, turns, strict=True) if e.seen >= LEAST_SEEN]
    if np.ptp(slopes) > TURNED_APART or np.ptp([edge.level for edge in edges]) > SIDES_ALIKE:
        return None
    opposite = [edges[i] for i in (1, 0, 3, 2)]
    return PrintBorder(tuple(_or_opposite(*two) for two in zip(edges, opposite, strict=True)))


def _seen_from(edge: _Edge, start: float, scale: float, before: float, along: float) -> _Edge:
    """An edge of a part of the picture as one of the whole.

    Args:
        edge: of the part.
        start: how deep the part begins, as a share of the whole.
        scale: of the part, in this direction.
        before: what the side of the whole has before that of the part.
        along: the side of the part, as a share of that of the whole.
    """
    slope = edge.slope * scale / along
    depth = start + edge.depth * scale + slope * (0.5 - before - along / 2)
    return replace(edge, depth=depth, slope=slope)


def _edge(rows: Float[np.ndarray, "height width"]) -> _Edge | None:
    """The line in which a border ends that the first rows belong to; None if they do to none."""
    height, width = rows.shape
    corner = int(width * CORNER)
    side = rows[: int(height * MOST_SHARE), corner : width - corner]
    level = float(np.median(side[:2]))
    if (abs(side[:2] - level) < PLAIN).mean() < PLAIN_SHARE:
        return None
    lines = (_line(abs(side - level) > step, rows.shape) for step in STEPS)
    depth, slope, seen = next((line for line in lines if line[2] >= LEAST_SEEN), (0.0, 0.0, 0.0))
    return _Edge(depth, slope, seen, level)


def _line(differs: Bool[np.ndarray, "rows columns"], size: Sequence[int]) -> Sequence[float]:
    """The line along which most of a side differs first: depth, slope, and share of the side."""
    height, width = size
    depth = np.where(differs.any(0), differs.argmax(0), np.inf)
    x = np.arange(differs.shape[1]) - (differs.shape[1] - 1) / 2
    best, found = 0.0, (0.0, 0.0, 0.0)
    for slope in SLOPES:
        offsets = np.arange(LEAST_DEPTH + abs(slope) * width / 2, len(differs), 0.5)
        near = 1 - abs(depth - slope * x - offsets[:, None]) / STRAIGHT
        close = near.clip(0).mean(1)
        if close.max(initial=0.0) > best:
            i = int(close.argmax())
            best = float(close[i])
            seen = float((near[i] >= 0).mean())
            found = float(offsets[i]) / height, float(slope) * width / height, seen
    return found


def _or_opposite(edge: _Edge, opposite: _Edge) -> _Edge:
    """An edge, which is taken to lie as the opposite one where it cannot be seen."""
    if edge.seen >= LEAST_SEEN:
        return edge
    return replace(edge, depth=opposite.depth, slope=-opposite.slope)


def _depth_at(edge: _Edge, along: Tensor) -> Tensor:
    """Depth of a border at places along its side, 0..1."""
    return edge.depth + edge.slope * (along - 0.5)


def _part(count: int, before: float, after: float) -> slice:
    """Which of so many places lie between what is before and after them; at least one."""
    start = min(round(before * count) + BLURRED, count // 2)
    return slice(start, max(start + 1, count - round(after * count) - BLURRED))
