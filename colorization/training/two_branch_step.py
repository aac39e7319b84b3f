"""One step of the training: what the network answers to a batch, and how wrong that is.

All samples are compared with the colors that they should have. Where vivid colors are asked for,
the answer must also look right to a frozen network, as in the perceptual branch of the paper; the
chrominance branch, which must restore the target's own colors, is among the samples.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.network.colorization_network import (
    GRID_STRIDE,
    HINT_STRIDE,
    NetworkInputs,
    Prediction,
)
from colorization.training.losses.chrominance import chrominance_loss
from colorization.training.losses.classification import classification_loss
from colorization.training.losses.perceptual import FeatureNetwork, perceptual_loss
from colorization.training.samples import Batch
from similarity.backbone.precision import autocast
from similarity.resize import resized

Network = Callable[[NetworkInputs], Prediction]


@dataclass(frozen=True)
class LossOptions:
    """Weights of the losses.

    Attributes:
        classification: of the cross entropy of the bins.
        vivid_chrominance: of the chrominance loss where vivid colors are asked for.
        perceptual: of the perceptual loss there.
        perceptual_side: pixels of a side that the frozen network sees.
    """

    classification: float = 0.1
    vivid_chrominance: float = 0.4
    perceptual: float = 1.0
    perceptual_side: int = 128


def batch_losses(
    network: Network,
    batch: Batch,
    bin_weights: Float[Tensor, " bins"],
    judge: FeatureNetwork | None = None,
    options: LossOptions = LossOptions(),
) -> dict[str, Tensor]:
    """Colorize samples and judge the answers.

    Args:
        network: what is trained, perhaps wrapped to average gradients.
        batch: samples.
        bin_weights: of the classification loss, from rebalancing_weights.
        judge: frozen RGB network of the perceptual loss; None leaves that out.
        options: weights.

    Returns:
        ``loss`` to minimise, and its parts for the log.
    """
    device = batch.ab.device
    with autocast(device):
        prediction = network(batch.inputs)
    wrong = chrominance_loss(prediction.ab, batch.ab)
    weights = torch.where(batch.is_vivid, options.vivid_chrominance, 1.0).to(wrong)
    loss = (weights * wrong).mean()
    careful = ~batch.is_vivid
    parts = {
        "chrominance": wrong[careful].detach().mean() if bool(careful.any()) else loss.detach()
    }
    coarse = F.avg_pool2d(batch.ab, GRID_STRIDE // HINT_STRIDE)
    entropy = classification_loss(prediction.logits, coarse, bin_weights).mean()
    loss, parts["classification"] = loss + options.classification * entropy, entropy.detach()
    if judge is not None and bool(batch.is_vivid.any()):
        seen = _seen(judge, prediction.ab, batch, options.perceptual_side)
        loss = loss + options.perceptual * seen.sum() / len(batch.ab)
        parts["perceptual"] = seen.detach().mean()
    return {"loss": loss} | parts


def _seen(
    judge: FeatureNetwork, ab: Float[Tensor, "batch 2 _height _width"], batch: Batch, side: int
) -> Float[Tensor, " vivid"]:
    """How different a frozen network finds the vivid answers and the truth."""
    rows = batch.is_vivid
    luminance = resized(batch.luminance[rows], (side, side))
    ours, truth = (
        torch.cat((luminance, resized(chroma[rows], (side, side))), 1) for chroma in (ab, batch.ab)
    )
    with autocast(ab.device):
        return perceptual_loss(judge, ours, truth)
