"""What a person may turn, with all defaults in one place."""

import math
from dataclasses import dataclass
from numbers import Integral, Real

METHODS = ("network", "training-free")
MAX_SATURATION = 4.0
SIDE_STEP = 32  # pixels; the coarsest maps of the networks have one cell of it


@dataclass(frozen=True)
class ColorizeOptions:
    """How to colorize.

    Attributes:
        top_k: references fused when they are recommended, at least 1.
        method: ``network``, or ``training-free``, which only carries colors over from references.
        vividness: 0 asks for the expected color, careful and pale; 1 for colors that look real.
        faithfulness: how far references are followed, 0 not at all, 1 wherever they match. The
            training-free method has no other colors.
        saturation: factor on the chroma of the result, 0..4.
        same_class: recommend only photos of the target's ImageNet class, where there are any.
        keep_tint: leave what tints the target, as sepia does, over the new colors; otherwise only
            its luminance is used.
        working_side: pictures are looked at as if they had about this side squared, aspect kept; a
            multiple of 32 from 64.

    Raises:
        ValueError: a value is out of range, or of another kind.
    """

    top_k: int = 3
    method: str = "network"
    vividness: float = 1.0
    faithfulness: float = 1.0
    saturation: float = 1.0
    same_class: bool = False
    keep_tint: bool = False
    working_side: int = 256

    def __post_init__(self) -> None:
        """Check the ranges."""
        self._check_kinds()
        if self.top_k < 1:
            raise ValueError(f"top_k must be at least 1, not {self.top_k}")
        if self.method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}, not {self.method!r}")
        limits = {"vividness": 1.0, "faithfulness": 1.0, "saturation": MAX_SATURATION}
        for name, highest in limits.items():
            value = getattr(self, name)
            if not math.isfinite(value) or not 0 <= value <= highest:
                raise ValueError(f"{name} must be within 0..{highest:g}, not {value}")
        if self.working_side < 64 or self.working_side % SIDE_STEP:
            raise ValueError(
                f"working_side must be a multiple of {SIDE_STEP} from 64, not {self.working_side}"
            )

    def _check_kinds(self) -> None:
        for name, kind, what in (
            ("top_k", Integral, "a whole number"),
            ("vividness", Real, "a number"),
            ("faithfulness", Real, "a number"),
            ("saturation", Real, "a number"),
            ("same_class", bool, "True or False"),
            ("keep_tint", bool, "True or False"),
            ("working_side", Integral, "a whole number"),
        ):
            value = getattr(self, name)
            if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
                raise ValueError(f"{name} must be {what}, not {value!r}")
            if not isinstance(value, bool):  # of numpy's numbers no JSON can be made
                plain = float(value)
                object.__setattr__(self, name, int(plain) if kind is Integral else plain)
