"""The networks that look at results, and what they see in a picture."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn

from colorization.evaluation.measures import Rgb
from similarity.color.lab import as_tensor

JUDGE_SIDE = 224  # pixels; the judge sees the middle square of a picture at this side


@dataclass(frozen=True)
class Judges:
    """The networks that look at results, each of them optional.

    Attributes:
        judge: a classifier, as load_judge makes one; its "embedding" and "logits" are used where it
            has them.
        lpips: the distance of two pictures, as load_lpips makes it.
        inception: the embedding of a picture, as load_inception makes it.
    """

    judge: nn.Module | None = None
    lpips: Callable[[np.ndarray, np.ndarray], float] | None = None
    inception: Callable[[np.ndarray], np.ndarray] | None = None


@dataclass(frozen=True)
class NetworkOutputs:
    """What the networks see in one picture; None where they do not say.

    Attributes:
        embedding: the judge's.
        top1: the judge's likeliest class.
        inception: the embedding of FID's network.
    """

    embedding: np.ndarray | None = None
    top1: int | None = None
    inception: np.ndarray | None = None


def network_outputs(rgb: Rgb, judges: Judges) -> NetworkOutputs:
    """Show a picture to the networks.

    Args:
        rgb: sRGB, 0..255; the judge gets its middle square at JUDGE_SIDE.
        judges: the networks.

    Raises:
        ValueError: the judge fails, or does not answer with names.
    """
    embedding = top1 = None
    if judges.judge is not None:
        side = min(rgb.shape[:2])
        top, left = ((n - side) // 2 for n in rgb.shape[:2])
        square = Image.fromarray(rgb[top : top + side, left : left + side])
        small = np.array(square.resize((JUDGE_SIDE, JUDGE_SIDE), Image.Resampling.BICUBIC))
        seen = _judged(judges.judge, as_tensor(small)[None])
        embedding = seen["embedding"][0].float().numpy() if "embedding" in seen else None
        top1 = int(seen["logits"][0].argmax()) if "logits" in seen else None
    return NetworkOutputs(embedding, top1, judges.inception(rgb) if judges.inception else None)


def _judged(judge: nn.Module, rgb: Float[Tensor, "1 3 side side"]) -> Mapping[str, Tensor]:
    """What a judge says of a picture; it may be a Python file of the user's, and do anything."""
    try:
        with torch.inference_mode():
            seen = judge(rgb)
    except Exception as error:
        raise ValueError(f"the judge fails ({type(error).__name__}: {error})") from error
    if not isinstance(seen, Mapping):
        raise ValueError(
            'the judge must give a dictionary with "embedding" and "logits",'
            f" not a {type(seen).__name__}"
        )
    return seen
