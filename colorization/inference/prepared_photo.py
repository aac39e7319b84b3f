"""A photo that is ready to be colorized again and again."""

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float
from torch import Tensor

from colorization.inference.matching import Matched
from colorization.options import ColorizeOptions
from retrieval.search.photo_index import Recommendation

# options that may change from edit to edit; a photo is prepared anew for others
EDITABLE = ("saturation", "vividness", "vivid_gain", "faithfulness", "temperature",
            "expected_share", "automatic_share", "guided_share", "warped_share", "keep_tint")  # fmt: skip


@dataclass(frozen=True)
class Prepared:
    """A photo and its references, described and matched.

    Attributes:
        target: the picture that is rendered, (height, width, 3), uint8 or uint16. It may be
            replaced by the same photo at another size, to look at a small one and write a large
            one: colors do not depend on it.
        luminance: its L at the working size.
        options: those it was prepared with.
        matched: see Matched.
        references: those that were recommended, as they are used; empty if pictures were given.
        skipped: one line for each recommended reference that could not be read.
    """

    target: np.ndarray
    luminance: Float[Tensor, "1 1 height width"]
    options: ColorizeOptions
    matched: Matched
    references: list[Recommendation] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def check(self, options: ColorizeOptions, for_network: bool) -> None:
        """Refuse what the photo would have to be prepared anew for.

        Args:
            options: of an edit.
            for_network: whether the network colors.

        Raises:
            ValueError: another option than those of EDITABLE differs, or the network needs what a
                pipeline without it left out.
        """
        if for_network and self.matched.references and self.matched.reference_planes is None:
            raise ValueError(
                "the photo was prepared by a pipeline without the colorization network: prepare it again"
            )
        wanted = vars(replace(options, **{name: getattr(self.options, name) for name in EDITABLE}))
        for name, ours in vars(self.options).items():
            if ours != wanted[name]:
                raise ValueError(
                    f"the photo was prepared with {name}={ours}, not {wanted[name]}: prepare it again"
                )

    @property
    def num_bytes(self) -> int:
        """Memory it holds, but for a few small planes."""
        matched = self.matched
        tensors = [self.luminance]
        for one in (matched.target, *matched.references):
            tensors += [one.luminance, one.ab, *one.features.values()]
        if (planes := matched.reference_planes) is not None:
            tensors += [
                planes.warped_ab,
                planes.similarity,
                planes.weights,
                planes.correlation.values,
            ]
        return self.target.nbytes + sum(tensor.nbytes for tensor in tensors)
