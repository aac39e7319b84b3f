"""All defaults of colorization, in one place."""

from dataclasses import dataclass

import numpy as np

METHODS = ("network", "training-free")
MAX_SATURATION = 4.0
MIN_EPSILON = 1e-4  # below it, the rounding of float32 decides
# references that are recommended may be of something else
GIVEN_FAITHFULNESS, RECOMMENDED_FAITHFULNESS = 1.0, 0.6
SHARES = ("vividness", "expected_share", "automatic_share", "guided_share", "warped_share")
RANGES = (
    "detail_range",
    "same_range",
    "sure_range",
    "relevance_range",
    "local_range",
    "same_picture_range",
    "coherence_range",
)
FINITE = (
    "temperature",
    "warp_temperature",
    "rank_weight",
    "caution",
    "mismatch",
    "edge_epsilon",
    *RANGES,
)


@dataclass(frozen=True)
class ColorizeOptions:
    """How to colorize.

    Attributes:
        top_k: references fused when they are recommended.
        working_side: pictures are matched at about this side squared, aspect kept; a multiple of
            16.
        method: ``network``, or ``training-free``, which only carries colors over; None takes the
            network if the backbone is the one it was trained on.
        vividness: 0 asks the network for the expected color, careful and pale; 1 for colors that
            look real.
        faithfulness: share of the answer with references beside the answer without them, 0..1; None
            for 1 if they are given, and for 0.6 if they are recommended. The training-free method
            has no other answer.
        saturation: factor on the chroma of the result.
        temperature: of the annealed mean over color bins; towards 0 the likeliest color, which is
            grayish more often than not, so that results become paler and patchier; 1 the mean.
        relevance_range: mean cosine of the best matches from which references are followed a
            little, and fully; an unrelated picture stays below.
        local_range: the same of the matches around a place, for references that show it and little
            of the rest.
        same_picture_range: the same measure, from which a reference seems to be the same picture,
            and surely is.
        coherence_range: share of neighbours that match neighbours, from which it can be the same
            picture, and may well be.
        vivid_gain: factor on the chroma of the network's answers at vividness 1, where no palette
            says how strong colors are: means over what is likely are paler than photos.
        expected_share: of the mean of the predicted distribution beside the regression, a median,
            in the careful answer.
        automatic_share: of the annealed mean beside the careful answer where there is no reference,
            at vividness 1.
        guided_share: the same with references.
        warped_share: of the carried colors themselves beside what the network makes of them, where
            references that are given match surely; recommended ones are left to the network.
        warp_temperature: of the soft warp over all positions of all references; lower follows
            single matches. This, caution and mismatch concern the training-free method, and the
            network where a reference is the same picture.
        rank_weight: how much the score of a recommended reference counts beside the cosines of its
            matches.
        caution: how far color is held back where matches disagree or are weak; 0 never.
        mismatch: how much a match of cosine 0 counts as doubt, in squared units of ab.
        detail_range: similarity of fine matches from which they are followed a little, and fully.
        same_range: cosines of coarse matches from which both pictures seem to show the same thing,
            a little and fully; only there fine matches are followed.
        sure_range: the same beside the network, which needs them only where the match is beyond
            doubt.
        edge_radius: radius of the edge-aware smoothing of soft matches, in working pixels.
        edge_epsilon: its regularisation, and that of the enlargement of all results, in squared
            units of L; lower follows edges more closely.
        same_class: recommend only photos of the target's ImageNet class, where there are any.
        keep_tint: leave what tints the target, as sepia does, over the new colors; otherwise only
            its luminance is used.

    Raises:
        ValueError: a value is out of range.
    """

    top_k: int = 3
    working_side: int = 256
    method: str | None = None
    vividness: float = 1.0
    faithfulness: float | None = None
    saturation: float = 1.0
    temperature: float = 0.38  # Zhang et al. 2016
    relevance_range: tuple[float, float] = (0.33, 0.5)
    local_range: tuple[float, float] = (0.4, 0.6)
    same_picture_range: tuple[float, float] = (0.59, 0.68)
    coherence_range: tuple[float, float] = (0.36, 0.42)
    vivid_gain: float = 1.25
    expected_share: float = 0.5
    automatic_share: float = 0.5
    guided_share: float = 1.0
    warped_share: float = 0.9
    warp_temperature: float = 0.03
    rank_weight: float = 0.4
    caution: float = 0.8
    mismatch: float = 100.0
    detail_range: tuple[float, float] = (0.5, 0.75)
    same_range: tuple[float, float] = (0.6, 0.87)
    sure_range: tuple[float, float] = (0.85, 0.97)
    edge_radius: int = 8
    edge_epsilon: float = 9.0
    same_class: bool = False
    keep_tint: bool = False

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.top_k < 1:
            raise ValueError(f"top_k must be at least 1, not {self.top_k}")
        if self.working_side < 64 or self.working_side % 16:
            raise ValueError(
                f"working_side must be a multiple of 16 from 64, not {self.working_side}"
            )
        if self.method not in (None, *METHODS):
            raise ValueError(f"method must be one of {', '.join(METHODS)}, not {self.method!r}")
        for name in SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be within 0..1, not {getattr(self, name)}")
        if self.faithfulness is not None and not 0 <= self.faithfulness <= 1:
            raise ValueError(f"faithfulness must be within 0..1, not {self.faithfulness}")
        for name in ("saturation", "vivid_gain"):
            if not 0 <= getattr(self, name) <= MAX_SATURATION:
                raise ValueError(
                    f"{name} must be within 0..{MAX_SATURATION:g}, not {getattr(self, name)}"
                )
        for name in ("temperature", "warp_temperature"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        for name in FINITE:
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"{name} must be finite, not {getattr(self, name)}")
        for name in RANGES:
            # lists, as of JSON, cannot be hashed
            object.__setattr__(self, name, tuple(getattr(self, name)))
            if not getattr(self, name)[0] < getattr(self, name)[1]:
                raise ValueError(f"{name} must rise, not {getattr(self, name)}")
        if (
            self.caution < 0
            or self.rank_weight < 0
            or self.edge_radius < 2
            or self.edge_epsilon < MIN_EPSILON
        ):
            lowest = f"edge_radius must be at least 2, edge_epsilon {MIN_EPSILON:g}"
            raise ValueError(f"caution and rank_weight must not be negative, {lowest}")

    def faithfulness_to(self, recommended: bool) -> float:
        """How far references are followed, 0..1: as asked for, or the default for such references."""
        if self.faithfulness is not None:
            return self.faithfulness
        return default_faithfulness(recommended)


def default_faithfulness(recommended: bool) -> float:
    """How far references are followed if nobody says."""
    return RECOMMENDED_FAITHFULNESS if recommended else GIVEN_FAITHFULNESS
