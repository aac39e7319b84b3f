"""Pictures within the border of a print: seen without it, and rendered with its color."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from retrieval.photos.prints.border import PrintBorder, border_of


@dataclass(frozen=True)
class Paper:
    """A border and its color.

    Attributes:
        border: where it is.
        ab: raw Lab units.
    """

    border: PrintBorder
    ab: tuple[float, float] = (0.0, 0.0)

    def around(self, ab: Float[Tensor, "2 height width"]) -> Float[Tensor, "2 height width"]:
        """The chroma of picture and border, given that of the picture and of what it goes on in."""
        inside = self.border.inside(ab.shape[-2:]).to(ab.device)
        return torch.where(inside, ab, ab.new_tensor(self.ab)[:, None, None])


def within_border(
    lab: Float[Tensor, "batch 3 height width"],
) -> tuple[Float[Tensor, "batch 3 height width"], PrintBorder | None]:
    """A picture as it is seen, mirrored into its border, and where that is.

    Args:
        lab: of one picture, raw Lab units.
    """
    border = border_of(lab[0, 0].numpy())
    return (lab, None) if border is None else (border.mirrored(lab), border)
