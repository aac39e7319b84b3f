"""A target and its references, described and matched once: what any number of edits have in common."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.inference.color_transfer import (
    FINE_STRIDE,
    detail_match,
    handicaps_of,
    influence_of,
    smooth_step,
    transfer,
)
from colorization.inference.picture_features import Described
from colorization.inference.surface_smoothing import Surfaces, outvoted_colors, smooth_colors
from colorization.network.colorization_network import BACKBONE_LAYERS
from colorization.network.input_planes import ReferencePlanes, reference_planes
from colorization.options import ColorizeOptions, default_faithfulness
from similarity.matching.correlation import Correlation, coherence, map_target_to_reference
from similarity.matching.refinement import FINE_LAYERS
from similarity.resize import resized

# of smoothing, in shares of the longer side and units of L
SURFACE_REACH, SURFACE_CONTRAST = 0.2, 6.0
WARPED_REACH = 0.05  # the same of warped colors, which are coarse but not blotchy
# of the surfaces that outvote single colors, and of colors on them
WARPED_CONTRAST, WARPED_SPREAD = 12.0, 12.0
EDIT_LAYERS = tuple(dict.fromkeys((*FINE_LAYERS, *BACKBONE_LAYERS)))  # what is read after matching


@dataclass(frozen=True)
class WarpedColors:
    """What the references lend, and how far it counts.

    Attributes:
        relevance: how far they show what is here, 0..1: the best of them all over, or any around
            this place.
        warped_ab: what they lend, raw Lab units, at half the working size.
        confidence: how far they can be trusted, 0..1.
        shares: of each among them; they sum to 1.
    """

    relevance: Float[Tensor, "1 height width"]
    warped_ab: Float[Tensor, "2 height width"]
    confidence: Float[Tensor, "1 height width"]
    shares: list[float]


@dataclass(frozen=True)
class DirectColors:
    """Colors taken from the references directly, beside the network, at half the working size.

    Attributes:
        same: how far a reference is the same picture, 0..1.
        transferred_ab: the colors for that, raw Lab units; None if it is not at all.
        fine_ab: colors of the best matches; None if a reference is surely the same picture.
        detail: how far those can be followed, 0..1; None likewise.
    """

    same: float
    transferred_ab: Float[Tensor, "2 height width"] | None
    fine_ab: Float[Tensor, "2 height width"] | None
    detail: Float[Tensor, "1 height width"] | None

    def over(self, ab: Float[Tensor, "2 height width"]) -> Float[Tensor, "2 height width"]:
        """Replace colors by these, as far as they are to be followed."""
        if self.fine_ab is not None and self.detail is not None:
            ab = self.detail * self.fine_ab + (1 - self.detail) * ab
        return (
            ab
            if self.transferred_ab is None
            else self.same * self.transferred_ab + (1 - self.same) * ab
        )

    def share_with(self, trust: Float[Tensor, "1 height width"]) -> Float[Tensor, "1 height width"]:
        """Share of the colors that come from references if it is ``trust`` in those that are replaced."""
        share = trust if self.detail is None else self.detail + (1 - self.detail) * trust
        return self.same + (1 - self.same) * share

    def weakened(self, share: float) -> "DirectColors":
        """The same, followed only in part: by a share, 0..1."""
        return replace(
            self,
            same=share * self.same,
            detail=None if self.detail is None else share * self.detail,
        )


@dataclass(frozen=True)
class Matched:
    """A target and its references, and what matching them says.

    Attributes:
        target: what is colorized.
        references: what lends colors.
        scores: of recommended references; None weighs all alike.
        options: with which it was matched.
        reference_planes: see there; None without references, and for the training-free method,
            which matches anew.
    """

    target: Described
    references: Sequence[Described]
    scores: Sequence[float] | None
    options: ColorizeOptions
    reference_planes: ReferencePlanes | None = None
    _last: dict[Hashable, Tensor] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def remembered(self, key: Hashable, make: Callable[[], Tensor]) -> Tensor:
        """What was made for this key the last time, or make it; the last one is kept, not to be changed by anyone."""
        known = self._last.get(key)
        if known is None:
            known = make()
            self._last.clear()
            self._last[key] = known
        return known

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of half the working size."""
        return self.target.luminance.shape[-2] // FINE_STRIDE, self.target.luminance.shape[
            -1
        ] // FINE_STRIDE

    @cached_property
    def surfaces(self) -> Surfaces:
        """Those of the target at half the working size."""
        return Surfaces(F.avg_pool2d(self.target.luminance, FINE_STRIDE)[0])

    @cached_property
    def warped(self) -> WarpedColors | None:
        """What the references lend; None without any."""
        planes = self.reference_planes
        if planes is None:
            return None
        best = planes.correlation.best
        around = F.avg_pool2d(best[None], 3, 1, 1, count_include_pad=False)[0]
        everywhere = likeness(planes.correlation, self.options.relevance_range)
        relevance = resized(smooth_step(around, self.options.local_range), self.size).clamp(
            min=everywhere
        )
        warped_ab, confidence = resized(planes.warped_ab, self.size), resized(best, self.size)
        return WarpedColors(
            relevance, warped_ab, confidence, influence_of(planes.weights, planes.correlation)
        )

    def trust(self, options: ColorizeOptions) -> Float[Tensor, "1 height width"]:
        """Share of the answer with references beside the answer without them, 0..1."""
        if self.warped is None:
            return self.target.luminance.new_zeros(1, *self.size)
        return self.warped.relevance * options.faithfulness_to(self.scores is not None)

    def reference_share(self, options: ColorizeOptions, overruled: bool = False) -> float:
        """Share of the colors that come from the references, 0..1; the training-free method has nothing else.

        Args:
            options: with which the target is colorized.
            overruled: whether a palette is given, beside which nothing is followed. Points overrule
                references too, as far as they reach, which is not counted.
        """
        if self.warped is None:
            return 1.0 if self.references else 0.0
        direct = None if overruled else self.direct_as(options)
        trust = self.trust(options)
        return float((trust if direct is None else direct.share_with(trust)).mean())

    def direct_as(self, options: ColorizeOptions) -> DirectColors | None:
        """Colors to take directly, as far as faithfulness wants: fully from its default on, not at all at 0."""
        if self.direct is None:
            return None
        recommended = self.scores is not None
        return self.direct.weakened(
            min(1.0, options.faithfulness_to(recommended) / default_faithfulness(recommended))
        )

    @cached_property
    def smoothed_warped_ab(self) -> Float[Tensor, "2 height width"] | None:
        """What references given by hand lend, mended and evened out on surfaces; None without, and for recommended ones."""
        if self.warped is None or self.scores is not None:
            return None
        longer = max(self.size)
        likely = outvoted_colors(
            self.warped.warped_ab,
            self.surfaces,
            SURFACE_REACH * longer,
            WARPED_CONTRAST,
            WARPED_SPREAD,
        )
        return smooth_colors(likely, self.surfaces, WARPED_REACH * longer, SURFACE_CONTRAST)

    @cached_property
    def direct(self) -> DirectColors | None:
        """Colors that can be taken directly; None without references."""
        planes = self.reference_planes
        if planes is None:
            return None
        options, pictures, plain = self.options, (self.target, self.references), planes.correlation
        same = likeness(plain, options.same_picture_range)
        if same > 0:
            same *= _coherent(plain, options.coherence_range)
        fine_ab = detail = transferred_ab = None
        if same < 1:
            fine_ab, detail = detail_match(
                *pictures, plain, plain.best, options.detail_range, options.sure_range
            )
        if same > 0:
            carried = transfer(*pictures, self.scores, options, plain)
            transferred_ab = carried.warped_ab * carried.confidence
        return DirectColors(same, transferred_ab, fine_ab, detail)


def match(
    target: Described,
    references: Sequence[Described],
    scores: Sequence[float] | None,
    options: ColorizeOptions,
    for_network: bool,
) -> Matched:
    """Match a target with its references.

    Args:
        target: what is colorized; its colors are not read.
        references: what lends colors.
        scores: of recommended references; None weighs all alike.
        options: see ColorizeOptions.
        for_network: match for the network, and drop the features that are not read afterwards;
            otherwise everything is kept, for the training-free method.
    """
    if not for_network:
        return Matched(target, references, scores, options)
    planes = None
    if references:
        handicaps = None if scores is None else handicaps_of(scores, options)
        planes = reference_planes(
            target.features,
            [one.features for one in references],
            [one.ab for one in references],
            handicaps,
        )
    return Matched(
        target.only(EDIT_LAYERS),
        [one.only(EDIT_LAYERS) for one in references],
        scores,
        options,
        planes,
    )


def likeness(correlation: Correlation, limits: tuple[float, float]) -> float:
    """How far the best of the references shows the target, 0..1, from its mean best cosine; smooth between limits."""
    parts = torch.split(correlation.values, correlation.counts, 1)
    best = torch.stack([part.amax(1).mean() for part in parts]).amax()
    return float(smooth_step(best, limits))


def _coherent(correlation: Correlation, limits: tuple[float, float]) -> float:
    """How far neighbours match neighbours: plain pictures, such as skies, resemble each other all over and at random."""
    return float(
        smooth_step(
            coherence(map_target_to_reference(correlation), correlation.reference_sizes).mean(),
            limits,
        )
    )
