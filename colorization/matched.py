"""A target and its references, described and matched once: what any number of edits have in common."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.network import BACKBONE_LAYERS
from colorization.options import ColorizeOptions, default_faithfulness
from colorization.planes import ReferencePlanes, reference_planes
from colorization.smoothing import Surfaces, outvoted_colors, smooth_colors
from colorization.transfer import FINE_STRIDE, detail_match, handicaps_of, influence_of, smooth_step, transfer
from similarity.correspondence import Correlation, coherence, map_target_to_reference
from similarity.refinement import FINE_LAYERS

SURFACE_REACH, SURFACE_CONTRAST = 0.2, 6.0  # of smoothing, in shares of the longer side and units of L
LENT_REACH = 0.05  # the same of colors that are lent, which are coarse but not blotchy
LENT_CONTRAST, LENT_SPREAD = 12.0, 12.0  # of the surfaces that outvote single colors, and of colors on them
EDIT_LAYERS = tuple(dict.fromkeys((*FINE_LAYERS, *BACKBONE_LAYERS)))  # what is read after matching


@dataclass(frozen=True)
class Heard:
    """How far references are heard.

    Attributes:
        relevance: how far they show what is here, 0..1: the best of them all over, or any around this place.
        warped_ab: what they lend, raw Lab units, at half the working size.
        confidence: how far they can be trusted, 0..1.
        shares: of each among them; they sum to 1.
    """

    relevance: Float[Tensor, "1 height width"]
    warped_ab: Float[Tensor, "2 height width"]
    confidence: Float[Tensor, "1 height width"]
    shares: list[float]


@dataclass(frozen=True)
class Followed:
    """Colors followed beside the network, at half the working size.

    Attributes:
        same: how far a reference is the same picture, 0..1.
        carried_ab: the colors for that, raw Lab units; None if it is not at all.
        fine_ab: colors of the best matches; None if a reference is surely the same picture.
        detail: how far those can be followed, 0..1; None likewise.
    """

    same: float
    carried_ab: Float[Tensor, "2 height width"] | None
    fine_ab: Float[Tensor, "2 height width"] | None
    detail: Float[Tensor, "1 height width"] | None

    def over(self, ab: Float[Tensor, "2 height width"]) -> Float[Tensor, "2 height width"]:
        """Replace colors by those followed, as far as they are."""
        if self.fine_ab is not None and self.detail is not None:
            ab = self.detail * self.fine_ab + (1 - self.detail) * ab
        return ab if self.carried_ab is None else self.same * self.carried_ab + (1 - self.same) * ab

    def share_with(self, trust: Float[Tensor, "1 height width"]) -> Float[Tensor, "1 height width"]:
        """Share of the colors that come from references if it is ``trust`` in those that are replaced."""
        share = trust if self.detail is None else self.detail + (1 - self.detail) * trust
        return self.same + (1 - self.same) * share

    def weakened(self, share: float) -> "Followed":
        """The same, followed only in part: by a share, 0..1."""
        return replace(self, same=share * self.same, detail=None if self.detail is None else share * self.detail)


@dataclass(frozen=True)
class Matched:
    """Features of a target and its references, and what matching them says.

    Attributes:
        luminance: L of the target at the working size, with its tones spread.
        target: its features by layer.
        references: the same of each reference.
        reference_ab: chroma of each reference at its working size, raw Lab units.
        scores: of recommended references; None weighs all alike.
        options: with which it was matched.
        said: what the references say; None without references, and for the training-free method, which matches anew.
    """

    luminance: Float[Tensor, "1 1 height width"]
    target: Mapping[str, Tensor]
    references: Sequence[Mapping[str, Tensor]]
    reference_ab: Sequence[Float[Tensor, "2 _height _width"]]
    scores: Sequence[float] | None
    options: ColorizeOptions
    said: ReferencePlanes | None = None
    _last: dict[Hashable, Tensor] = field(default_factory=dict, init=False, repr=False, compare=False)

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
        return self.luminance.shape[-2] // FINE_STRIDE, self.luminance.shape[-1] // FINE_STRIDE

    @cached_property
    def surfaces(self) -> Surfaces:
        """Those of the target at half the working size."""
        return Surfaces(F.avg_pool2d(self.luminance, FINE_STRIDE)[0])

    @cached_property
    def heard(self) -> Heard | None:
        """How far the references are heard; None without any."""
        if self.said is None:
            return None
        best = self._best(self.said)
        around = F.avg_pool2d(best[None], 3, 1, 1, count_include_pad=False)[0]
        everywhere = likeness(self.said.correlation, self.options.relevance_range)
        relevance = _resize(smooth_step(around, self.options.local_range), self.size).clamp(min=everywhere)
        warped_ab, confidence = _resize(self.said.warped_ab, self.size), _resize(best, self.size)
        return Heard(relevance, warped_ab, confidence, influence_of(self.said.weights, self.said.correlation))

    def trust(self, options: ColorizeOptions) -> Float[Tensor, "1 height width"]:
        """Share of the answer with references beside the answer without them, 0..1."""
        if self.heard is None:
            return self.luminance.new_zeros(1, *self.size)
        return self.heard.relevance * options.faithfulness_to(self.scores is not None)

    def heard_share(self, options: ColorizeOptions, overruled: bool = False) -> float:
        """Share of the colors that come from the references, 0..1; the training-free method has nothing else.

        Args:
            options: with which the target is colorized.
            overruled: whether a palette is given, beside which nothing is followed. Points overrule references too, as far
                as they reach, which is not counted.
        """
        if self.heard is None:
            return 1.0 if self.references else 0.0
        followed = None if overruled else self.followed_as(options)
        trust = self.trust(options)
        return float((trust if followed is None else followed.share_with(trust)).mean())

    def followed_as(self, options: ColorizeOptions) -> Followed | None:
        """Colors to follow beside the network as far as faithfulness wants: fully from its default on, not at all at 0."""
        if self.followed is None:
            return None
        recommended = self.scores is not None
        return self.followed.weakened(min(1.0, options.faithfulness_to(recommended) / default_faithfulness(recommended)))

    @cached_property
    def lent_ab(self) -> Float[Tensor, "2 height width"] | None:
        """What references given by hand lend, mended and evened out on surfaces; None without, and for recommended ones."""
        if self.heard is None or self.scores is not None:
            return None
        longer = max(self.size)
        likely = outvoted_colors(self.heard.warped_ab, self.surfaces, SURFACE_REACH * longer, LENT_CONTRAST, LENT_SPREAD)
        return smooth_colors(likely, self.surfaces, LENT_REACH * longer, SURFACE_CONTRAST)

    @cached_property
    def followed(self) -> Followed | None:
        """Colors that can be followed beside the network; None without references."""
        if self.said is None:
            return None
        options, pictures = self.options, (self.target, self.references)
        same = likeness(self.said.correlation, options.same_picture_range)
        if same > 0:
            same *= _coherent(self.said.correlation, options.coherence_range)
        fine_ab = detail = carried_ab = None
        if same < 1:
            ranges = options.detail_range, options.sure_range
            fine_ab, detail = detail_match(self.said.correlation, self._best(self.said), *pictures, self.reference_ab, *ranges)
        if same > 0:
            carried = transfer(*pictures, self.luminance[0], self.reference_ab, self.scores, options, self.said.correlation)
            carried_ab = carried.warped_ab * carried.confidence
        return Followed(same, carried_ab, fine_ab, detail)

    @staticmethod
    def _best(said: ReferencePlanes) -> Float[Tensor, "1 rows columns"]:
        return said.correlation.values.amax(1).view(1, *said.correlation.target_size).clamp(0.0, 1.0)


def match(matched: Matched) -> Matched:
    """Match a target with its references for the network, and drop the features that are not read afterwards.

    Args:
        matched: with features of PREDICT_LAYERS.
    """
    target, references, reference_ab, scores = matched.target, matched.references, matched.reference_ab, matched.scores
    handicaps = None if scores is None else handicaps_of(scores, matched.options)
    said = reference_planes(target, references, reference_ab, handicaps) if references else None
    kept = [{layer: features[layer] for layer in EDIT_LAYERS} for features in (target, *references)]
    return Matched(matched.luminance, kept[0], kept[1:], reference_ab, scores, matched.options, said)


def likeness(correlation: Correlation, limits: tuple[float, float]) -> float:
    """How far the best of the references shows the target, 0..1, from its mean best cosine; smooth between limits."""
    parts = torch.split(correlation.values, correlation.counts, 1)
    best = torch.stack([part.amax(1).mean() for part in parts]).amax()
    return float(smooth_step(best, limits))


def _coherent(correlation: Correlation, limits: tuple[float, float]) -> float:
    """How far neighbours match neighbours: plain pictures, such as skies, resemble each other all over and at random."""
    return float(smooth_step(coherence(map_target_to_reference(correlation), correlation.reference_sizes).mean(), limits))


def _resize(planes: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(planes[None], size=size, mode="bilinear", align_corners=False)[0]
