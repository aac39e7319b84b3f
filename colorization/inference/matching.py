"""A target matched with its references once: what any number of edits have in common."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.inference.color_belief import NetworkBelief
from colorization.inference.exact_matches import FINE_STRIDE, ExactColors, exact_colors
from colorization.inference.picture_features import PictureFeatures
from colorization.network.colorization_network import Prediction
from colorization.network.input_planes import ReferencePlanes, reference_planes
from colorization.network.relatedness import matched, relatedness
from retrieval.stage_clock import stage
from similarity.resize import resized
from similarity.smooth_step import smooth_step

# how far recommended references are followed: enough to take their colors, and less than those that
# were given
RECOMMENDED_SHARE = 0.75
# cosine of a match from which the network follows it, a little and fully, as measured by turning
# the colors of references
FOLLOWED_FROM_TO = 0.35, 0.6
LOWER = 0.2  # how much lower that is for given references that are related to the photo
# share of a photo that the network must be able to follow for given references to be followed in
# full: what matches by chance lends the brown of a table to a floor, and less color to all else
LEAST_HEARD = 0.05


@dataclass(frozen=True, eq=False)
class ReferenceMatch:
    """A target and its references, and what matching them says.

    Attributes:
        target: what is colorized.
        references: what lends colors.
        belief: which colors the network finds likely, by which recommended references are chosen;
            None for given ones, which are not questioned.
        planes: what matching says; None without references.
    """

    target: PictureFeatures
    references: Sequence[PictureFeatures]
    belief: NetworkBelief | None = None
    planes: ReferencePlanes | None = None
    _said: dict[bool, tuple[Hashable, Prediction]] = field(
        default_factory=dict, init=False, repr=False
    )

    def remembered(self, seen: bool, key: Hashable, ask: Callable[[], Prediction]) -> Prediction:
        """What the network said the last time, or ask it.

        Args:
            seen: whether it sees the references; one answer is kept for either.
            key: what else the answer depends on: the network, and what it is told.
            ask: asks the network; nobody may change what it returns.
        """
        known = self._said.get(seen)
        if known is None or known[0] != key:
            known = self._said[seen] = key, ask()
        return known[1]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of half the working size, on which colors are finished."""
        height, width = self.target.luminance.shape[-2:]
        return height // FINE_STRIDE, width // FINE_STRIDE

    @cached_property
    def level(self) -> Float[Tensor, "1 height width"]:
        """L of the target at half the working size."""
        return F.avg_pool2d(self.target.luminance, FINE_STRIDE)[0]

    @cached_property
    def confidence(self) -> Float[Tensor, "1 height width"]:
        """How far references can be trusted in each place, 0..1; zeros without references."""
        if self.planes is None:
            return self.target.luminance.new_zeros(1, *self.size)
        return resized(self.planes.correlation.best[0], self.size)

    @cached_property
    def trust(self) -> Float[Tensor, "1 height width"]:
        """How surely references match in each place, 0..1; zeros without references.

        By the same measure training has decided where references lead.
        """
        if self.planes is None:
            return self.target.luminance.new_zeros(1, *self.size)
        best = self.planes.correlation.best
        return resized(relatedness(best) * matched(best), self.size)[0]

    @cached_property
    def warped_ab(self) -> Float[Tensor, "2 height width"]:
        """What the references lend, raw Lab units; zeros without references."""
        if self.planes is None:
            return self.target.luminance.new_zeros(2, *self.size)
        return resized(self.planes.warped_ab[0], self.size)

    @cached_property
    def exact(self) -> ExactColors | None:
        """Colors of exact matches; None where there are none."""
        if self.planes is None:
            return None
        return exact_colors(self.target, self.references, self.planes.correlation)

    def followed(self, faithfulness: float) -> float:
        """How far to go from the network's answer without references to the one with them, 0..1.

        Args:
            faithfulness: see ColorizeOptions.
        """
        if self.belief is not None:
            return faithfulness * RECOMMENDED_SHARE
        return faithfulness * min(1.0, float(self.heard.mean()) / LEAST_HEARD)

    @cached_property
    def heard(self) -> Float[Tensor, "1 height width"]:
        """How far the network follows references in each place where it sees them, 0..1."""
        cosine = self.confidence
        if self.belief is None:
            cosine = cosine + LOWER * relatedness(cosine[None])[0]
        return smooth_step(cosine, FOLLOWED_FROM_TO)

    def shares(self, faithfulness: float, by_network: bool = True) -> list[float]:
        """Share of the colors that comes from each reference, 0..1; the rest is the network's own.

        Args:
            faithfulness: see ColorizeOptions.
            by_network: whether the network colors; otherwise all colors are those of references.
        """
        if self.planes is None:
            return []
        heard = torch.full_like(self.confidence, faithfulness)
        if by_network:
            heard = self.followed(faithfulness) * self.heard
            if self.exact is not None:
                heard = torch.maximum(heard, faithfulness * self.exact.share)
        cells = F.adaptive_avg_pool2d(heard, self.planes.correlation.target_size).flatten()
        lent = (cells @ self.planes.weights[0]) / len(cells)
        return [float(share.sum()) for share in torch.split(lent, self.planes.correlation.counts)]


@stage("matching")
def match_references(
    target: PictureFeatures,
    references: Sequence[PictureFeatures],
    belief: NetworkBelief | None = None,
) -> ReferenceMatch:
    """Match a target with its references.

    Args:
        target: what is colorized; its colors are not read.
        references: what lends colors.
        belief: of recommended references, which colors the network finds likely in the target.
    """
    planes = None
    if references:
        maps, ab = [one.maps for one in references], [one.ab[None] for one in references]
        prior = None if belief is None else belief.log_prior
        planes = reference_planes(target.maps, maps, ab, log_prior=prior)
    return ReferenceMatch(target, references, belief, planes)
