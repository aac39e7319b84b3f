"""Photos to learn from; whoever calls knows how they are read."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from similarity.color.lab import as_tensor
from similarity.training.distillation import SIDE


@dataclass(frozen=True)
class Corpus:
    """Photos of any size.

    Attributes:
        names: of the photos, in order; a run belongs to them.
        read: gives a photo by its number, RGB in 0..255.
    """

    names: Sequence[str]
    read: Callable[[int], np.ndarray]

    def __len__(self) -> int:
        return len(self.names)

    def squares(
        self, batch: int, at_most: int | None = None
    ) -> Iterator[Float[Tensor, "batch 3 side side"]]:
        """Photos as squares of the teacher's native side, sRGB in 0..1.

        Args:
            batch: photos at once; the last may be fewer.
            at_most: how many photos, evenly spread; None is all.
        """
        numbers = range(0, len(self), 1 if at_most is None else -(-len(self) // at_most))
        for start in range(0, len(numbers), batch):
            yield torch.stack([square(self.read(i)) for i in numbers[start : start + batch]])


def square(rgb: UInt8[np.ndarray, "height width 3"]) -> Float[Tensor, "3 side side"]:
    """A photo in 0..255 as a square of the teacher's native side, sRGB in 0..1."""
    picture = Image.fromarray(rgb).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return as_tensor(np.asarray(picture))
