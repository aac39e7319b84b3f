"""Carry values of the references to the target along a correspondence."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from similarity.matching.correlation import Correlation, PointMap

LEAST_WANTED = 1e-30  # of positions that nothing resembles, at temperatures near 0


def warp_hard(
    values: Sequence[Float[Tensor, "channels _height _width"]],
    mapping: PointMap,
    mode: str = "bilinear",
) -> Float[Tensor, "channels height width"]:
    """Fetch each position's value from where it maps to.

    Args:
        values: planes of each picture that is mapped into, at any resolution.
        mapping: see PointMap.
        mode: ``bilinear`` or ``nearest``.

    Returns:
        Warped planes on the grid of the mapping.
    """

    def fetched(planes: Tensor, xy: Tensor) -> Tensor:
        return F.grid_sample(
            planes[None], xy[None].to(planes), mode=mode, padding_mode="border", align_corners=False
        )[0]

    if len(values) == 1:
        return fetched(values[0], mapping.xy)
    warped = values[0].new_zeros(values[0].shape[0], *mapping.picture.shape)
    for i, planes in enumerate(values):
        here = mapping.picture == i
        if bool(here.any()):
            warped[:, here] = fetched(planes, mapping.xy[here][None])[:, 0]
    return warped


def soft_weights(
    correlation: Correlation,
    temperature: float,
    log_prior: Float[Tensor, "batch target references"] | None = None,
) -> Float[Tensor, "batch target references"]:
    """Weights of a soft warp: softmax over all positions of all references, and of the target.

    Some positions resemble everything: a cloud every bright wall. What many positions of the target
    want lends less to each, so that the wall turns to where only it belongs. This is the dual
    softmax at twice the temperature, whose rows are made to sum to 1.

    Args:
        correlation: of targets with references.
        temperature: of the softmax; towards 0 each takes from one position.
        log_prior: what else speaks for a pair, up to a constant for each target position: Bayes'
            rule; None for nothing.

    Raises:
        ValueError: the temperature is not positive.

    Source: Sun et al. 2021, LoFTR, equation 2; after Rocco et al. 2018, Neighbourhood Consensus
        Networks.
    """
    if temperature <= 0:
        raise ValueError(f"temperature must be positive, not {temperature}")
    highest, scale = correlation.best.flatten(2).mT, 0.5 / temperature
    # a softmax over the references, and what all of the target want, from one exponential
    roots = (correlation.values - highest).mul_(scale).exp_()
    wanted = ((highest - highest.amax(1, keepdim=True)) * scale).exp_().mT @ roots
    weights = roots.square().div_(wanted.clamp_(min=LEAST_WANTED))
    if log_prior is not None:
        weights = weights.mul_((log_prior - log_prior.amax(2, keepdim=True)).exp())
    return weights.div_(weights.sum(2, keepdim=True))


def warp_soft(
    values: Sequence[Float[Tensor, "batch channels _height _width"]],
    correlation: Correlation,
    weights: Float[Tensor, "batch target references"],
) -> Float[Tensor, "batch channels height width"]:
    """Average the references' values with the weights of a soft warp.

    Args:
        values: planes of each reference on its correspondence grid.
        correlation: gives the shapes.
        weights: from soft_weights; rows sum to 1.

    Returns:
        Warped planes on the targets' correspondence grid.

    Raises:
        ValueError: the planes are not on the correspondence grid.
    """
    sizes = tuple((v.shape[2], v.shape[3]) for v in values)
    if sizes != correlation.reference_sizes:
        raise ValueError(
            f"reference planes are {sizes}, the correspondence grids {correlation.reference_sizes}"
        )
    columns = torch.cat([v.flatten(2) for v in values], 2).to(weights)
    return (columns @ weights.mT).view(*columns.shape[:2], *correlation.target_size)
