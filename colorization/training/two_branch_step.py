"""One step of the training: what the network answers to a batch, and how wrong that is.

All samples are compared with the colors that they should have. Where vivid colors are asked for,
the answer must also look right to a frozen network, as in the perceptual branch of the paper, and
like a photograph to a discriminator on that network's maps. The chrominance branch, which must
restore the target's own colors, is among the samples.
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
from colorization.training.losses.adversarial import Discriminator, adversarial_losses
from colorization.training.losses.chrominance import chrominance_loss
from colorization.training.losses.classification import classification_loss
from colorization.training.losses.perceptual import FeatureNetwork, maps_of, perceptual_loss
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
        adversarial: of the adversarial loss there.
        seen_side: pixels of a side that the frozen network sees.
    """

    classification: float = 0.1
    vivid_chrominance: float = 0.5
    perceptual: float = 2.0
    adversarial: float = 0.05
    seen_side: int = 128


@dataclass(frozen=True)
class TrainingJudges:
    """What vivid answers are judged by.

    Attributes:
        network: frozen RGB network.
        discriminator: on its maps, trained along.
    """

    network: FeatureNetwork
    discriminator: Discriminator


def batch_losses(
    network: Network,
    batch: Batch,
    bin_weights: Float[Tensor, " bins"],
    judges: TrainingJudges | None = None,
    options: LossOptions = LossOptions(),
) -> dict[str, Tensor]:
    """Colorize samples and judge the answers.

    Args:
        network: what is trained, perhaps wrapped to average gradients.
        batch: samples.
        bin_weights: of the classification loss, from rebalancing_weights.
        judges: of vivid answers; None leaves their losses out.
        options: weights.

    Returns:
        ``loss`` to minimise, and its parts for the log.
    """
    with autocast(batch.ab.device):
        prediction = network(batch.inputs)
    wrong = chrominance_loss(prediction.ab, batch.ab)
    weights = torch.where(batch.is_vivid, options.vivid_chrominance, 1.0).to(wrong)
    loss = (weights * wrong).mean()
    careful = ~batch.is_vivid
    parts = {"chrominance": wrong.detach()[careful if bool(careful.any()) else slice(None)].mean()}
    coarse = F.avg_pool2d(batch.ab, GRID_STRIDE // HINT_STRIDE)
    entropy = classification_loss(prediction.logits, coarse, bin_weights).mean()
    loss, parts["classification"] = loss + options.classification * entropy, entropy.detach()
    if judges is not None and bool(batch.is_vivid.any()):
        found, wanted = _seen(judges.network, prediction.ab, batch, options.seen_side)
        share = float(batch.is_vivid.float().mean())
        seen = perceptual_loss(found, wanted).mean()
        fooled, hinge = adversarial_losses(judges.discriminator, found, wanted)
        loss = loss + share * (options.perceptual * seen + options.adversarial * fooled) + hinge
        parts |= {"perceptual": seen.detach(), "discriminator": hinge.detach()}
    return {"loss": loss} | parts


def _seen(
    network: FeatureNetwork, ab: Float[Tensor, "batch 2 _height _width"], batch: Batch, side: int
) -> tuple[list[Tensor], list[Tensor]]:
    """A frozen network's maps of the vivid answers and of the truth."""
    rows, size = batch.is_vivid, (side, side)
    luminance = resized(batch.luminance[rows], size)
    ours, truth = (
        torch.cat((luminance, resized(chroma[rows], size)), 1) for chroma in (ab, batch.ab)
    )
    with autocast(ab.device):
        with torch.no_grad():
            wanted = maps_of(network, truth)
        return maps_of(network, ours), wanted
