"""Color a photo from references and from the same ones with their colors turned."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from colorization.evaluation.measures.obedience import Obedience, obedience
from colorization.inference.matching import match_references
from colorization.inference.prepared_photo import PreparedPhoto
from colorization.inference.reference_checks import Reference
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from similarity.backbone.precision import inference
from similarity.color.lab import as_tensor, rgb_to_lab
from similarity.resize import resized


def measure_obedience(
    pipeline: ColorizationPipeline,
    gray: np.ndarray,
    references: Iterable[Reference] | None,
    options: ColorizeOptions,
) -> Obedience:
    """By how much a result turns when the chroma of its references is turned by 90 degrees.

    Args:
        pipeline: what colorizes.
        gray: the photo.
        references: color pictures; None takes recommended ones.
        options: how to colorize.

    Returns:
        NaN where there are no references, as where nothing in the library matches.
    """
    prepared = pipeline.prepare(gray, references, options)
    if not prepared.match.references:
        return Obedience(float("nan"), float("nan"))
    turned = with_turned_references(prepared)
    results = [pipeline.apply(one, options) for one in (prepared, turned)]
    ab = [_chroma(result.rgb, result.warped_ab.shape[1:]) for result in results]
    warped = [result.warped_ab for result in results]
    confidence = prepared.match.confidence[0].cpu().numpy()
    return obedience(ab[0], ab[1], warped[0], warped[1], confidence)


@inference()
def with_turned_references(prepared: PreparedPhoto) -> PreparedPhoto:
    """The same photo and references, their chroma turned by 90 degrees.

    Args:
        prepared: a photo, described and matched.
    """
    match = prepared.match
    turned = [replace(one, ab=torch.stack((-one.ab[1], one.ab[0]))) for one in match.references]
    return replace(prepared, match=match_references(match.target, turned, match.belief))


def _chroma(rgb: np.ndarray, size: tuple[int, ...]) -> Float[np.ndarray, "2 height width"]:
    small: Tensor = resized(rgb_to_lab(as_tensor(rgb))[1:], size)
    return small.numpy()
