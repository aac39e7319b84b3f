"""Exact matches: where a reference shows the very thing that the target shows.

At stride 8 a match covers a face; followed down to stride 2 it finds the eye in it. That is right
where both pictures show the same scene, and noise elsewhere: a fine match counts only where the
coarse one is sure, its neighbours match neighbours, and it is similar itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.inference.picture_features import PictureFeatures
from retrieval.stage_clock import stage
from similarity.matching.correlation import Correlation, coherence, map_target_to_reference
from similarity.matching.refinement import refine
from similarity.matching.warp import warp_hard
from similarity.resize import resized
from similarity.smooth_step import smooth_step

FINE_STRIDE = 2
# cosine of a coarse match from which both show the same thing, a little and surely: lower, patterns
# that merely look alike lend their specks; higher, a second photo of a scene is not taken for one
SAME_FROM_TO = 0.72, 0.9
# share of neighbours that match neighbours, from which fine matches are followed: lower, skies and
# walls, which resemble each other everywhere, match at random
COHERENT_FROM_TO = 0.5, 0.8
# cosine of a fine match from which it is followed: lower, edges are torn; higher, nothing is exact
FINE_FROM_TO = 0.5, 0.75
WINDOW = 5  # cells over which each is averaged, so that no seams show


@dataclass(frozen=True, eq=False)
class ExactColors:
    """Colors of exact matches at half the working size.

    Attributes:
        ab: raw Lab units.
        share: how far they are to be followed, 0..1.
    """

    ab: Float[Tensor, "2 height width"]
    share: Float[Tensor, "1 height width"]

    def over(
        self, ab: Float[Tensor, "2 height width"], faithfulness: float = 1.0
    ) -> Float[Tensor, "2 height width"]:
        """Replace colors by these, as far as they are to be followed.

        Args:
            ab: other colors, raw Lab units.
            faithfulness: factor on how far, 0..1.
        """
        share = faithfulness * self.share
        return share * self.ab + (1 - share) * ab


@stage("matching")
def exact_colors(
    target: PictureFeatures, references: Sequence[PictureFeatures], correlation: Correlation
) -> ExactColors | None:
    """Follow the best matches down to stride 2, where they can be exact.

    Args:
        target: what is colorized.
        references: what lends colors.
        correlation: of their positions at stride 8.

    Returns:
        The colors found; None where nothing matches exactly, as with most references.
    """
    there = map_target_to_reference(correlation)
    orderly = _averaged(coherence(there, correlation.reference_sizes)[None])
    sure = smooth_step(_averaged(correlation.best[0]), SAME_FROM_TO)
    coarse = sure * smooth_step(orderly, COHERENT_FROM_TO)
    if not bool(coarse.any()):  # looking for details would take longest here
        return None
    refined = refine(
        there,
        [level[0] for level in target.maps.detail],
        [[level[0] for level in one.maps.detail] for one in references],
    )
    fine = [F.avg_pool2d(one.ab[None], FINE_STRIDE)[0] for one in references]
    similar = smooth_step(_averaged(refined.similarity[None]), FINE_FROM_TO)
    share = similar * resized(coarse, similar.shape[-2:])
    return ExactColors(warp_hard(fine, refined.mapping), share)


def _averaged(planes: Float[Tensor, "1 height width"]) -> Tensor:
    return F.avg_pool2d(planes, WINDOW, 1, WINDOW // 2, count_include_pad=False)
