"""A photo that is ready to be colorized again and again."""

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float
from torch import Tensor

from colorization.inference.held_memory import held_bytes
from colorization.inference.matching import ReferenceMatch
from colorization.options import ColorizeOptions
from retrieval.search.recommendation import Recommendation

# options that may change from edit to edit; a photo is prepared anew for others
EDITABLE = ("vividness", "faithfulness", "saturation", "keep_tint")


@dataclass(frozen=True)
class PreparedPhoto:
    """A photo and its references, described and matched.

    Attributes:
        target: the picture that is rendered, (height, width, 3), uint8 or uint16. It may be
            replaced by the same photo at another size, to look at a small one and write a large
            one: colors do not depend on it.
        luminance: its L at the working size.
        options: those it was prepared with.
        match: of the photo and its references.
        references: those that were recommended, as they are used; empty if pictures were given.
        skipped: one line for each recommended reference that could not be read.
        note: one line where nothing in the index looks like the photo; else empty.
    """

    target: np.ndarray
    luminance: Float[Tensor, "1 1 height width"]
    options: ColorizeOptions
    match: ReferenceMatch
    references: list[Recommendation] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    note: str = ""

    def check(self, options: ColorizeOptions) -> None:
        """Refuse what the photo would have to be prepared anew for.

        Args:
            options: of an edit.

        Raises:
            ValueError: another option than those of EDITABLE differs.
        """
        kept = {name: getattr(self.options, name) for name in EDITABLE}
        wanted = vars(replace(options, **kept))
        for name, ours in vars(self.options).items():
            if ours != wanted[name]:
                raise ValueError(
                    f"the photo was prepared with {name}={ours}, not {wanted[name]}:"
                    " prepare it again"
                )

    @property
    def num_bytes(self) -> int:
        """Memory it holds by now; coloring it adds what edits have in common."""
        return held_bytes(self)
