"""One step of the two-branch training: half of each batch through the chrominance branch, half through the perceptual.

Both branches share all weights. The chrominance branch sees the target's own colors after a round
trip through the references and must restore them: it learns to trust matches. The perceptual branch
sees the references' colors, and what people would be shown must look right to a frozen network: it
learns to make them natural. There the paper judges the regression; here the bins are judged, in the
mixture that ships, and the regression stays the careful answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from colorization.network.color_decoding import decode
from colorization.network.colorization_network import BACKBONE_LAYERS, NetworkConfig, Prediction
from colorization.network.input_planes import (
    REFERENCE_LAYERS,
    TARGET_LAYERS,
    input_planes,
    reference_planes,
)
from colorization.options import ColorizeOptions
from colorization.training.losses.chrominance import chrominance_loss
from colorization.training.losses.classification import classification_loss
from colorization.training.losses.perceptual import FeatureNetwork, perceptual_loss
from colorization.training.samples import CHROMINANCE, PERCEPTUAL, Sample
from similarity.backbone.backbone import Backbone, autocast
from similarity.resize import resized


@dataclass(frozen=True)
class LossOptions:
    """Weights of the losses.

    Attributes:
        perceptual: of the relative squared distance in the perceptual branch.
        classification: of the cross entropy of the bins.
    """

    perceptual: float = 40.0
    classification: float = 2.0


@dataclass(frozen=True)
class Frozen:
    """What training does not change.

    Attributes:
        backbone: features of luminance.
        judge: RGB network of the perceptual loss; None trains without it.
        bin_weights: of the classification loss.
    """

    backbone: Backbone
    judge: FeatureNetwork | None
    bin_weights: Float[Tensor, " bins"]


@dataclass(frozen=True)
class Inputs:
    """What the network reads, made from samples without any of its weights.

    Attributes:
        lab: the truth.
        planes: see input_planes.
        features: the targets' BACKBONE_LAYERS.
        hints: global hints.
    """

    lab: Float[Tensor, "batch 3 side side"]
    planes: Float[Tensor, "batch 16 cells cells"]
    features: list[Tensor]
    hints: Float[Tensor, "batch size"]


@torch.no_grad()
def prepare(samples: Sequence[Sample], backbone: Backbone, stride: int) -> Inputs:
    """Match samples with their references.

    It needs none of the trained weights, so that the next batch can be prepared while this one is
    learned.

    Args:
        samples: of one batch.
        backbone: frozen.
        stride: of the network's grid.
    """
    lab = torch.stack([s.lab for s in samples]).to(backbone.device)
    planes, features = _planes(samples, lab, backbone, stride)
    hints = torch.stack([s.hints for s in samples]).to(backbone.device)
    return Inputs(lab, planes.contiguous(memory_format=torch.channels_last), features, hints)


def batch_losses(
    network: nn.Module,
    config: NetworkConfig,
    samples: Sequence[Sample],
    frozen: Frozen,
    options: LossOptions,
    inputs: Inputs | None = None,
) -> dict[str, Tensor]:
    """Colorize samples and judge the answers.

    Args:
        network: what is trained, perhaps wrapped to average gradients.
        config: its layout.
        samples: of both branches.
        frozen: see Frozen.
        options: weights; ``perceptual`` 0 makes both branches plain regression.
        inputs: of the samples, if they are prepared already.

    Returns:
        ``loss`` to minimise, and its parts for the log.
    """
    device = frozen.backbone.device
    inputs = inputs or prepare(samples, frozen.backbone, config.stride)
    lab = inputs.lab
    with autocast(device):
        prediction: Prediction = network(
            inputs.planes,
            inputs.features if config.backbone_channels else (),
            inputs.hints if config.global_size else None,
        )
    truth = F.avg_pool2d(lab[:, 1:], config.stride)
    regression = chrominance_loss(prediction.ab, truth)
    judged = frozen.judge is not None and options.perceptual > 0
    loss = regression.mean()
    parts = {"chrominance": loss.detach()}
    if prediction.logits is not None and options.classification > 0:
        coarse = F.avg_pool2d(truth, 2)
        entropy = classification_loss(
            prediction.logits, coarse, frozen.bin_weights.to(device)
        ).mean()
        loss, parts["classification"] = loss + options.classification * entropy, entropy.detach()
    rows = [i for i, s in enumerate(samples) if s.branch == PERCEPTUAL and s.is_vivid]
    if judged and rows and frozen.judge is not None:
        shown = _vivid(prediction, samples, frozen.bin_weights)[rows]
        full = resized(shown, lab.shape[-2:])
        seen = perceptual_loss(
            frozen.judge, torch.cat((lab[rows, :1], full), 1), lab[rows]
        ).sum() / len(samples)
        loss, parts["perceptual"] = (
            loss + options.perceptual * seen,
            (seen * len(samples) / len(rows)).detach(),
        )
    return {"loss": loss} | parts


def _vivid(
    prediction: Prediction, samples: Sequence[Sample], bin_weights: Tensor
) -> Float[Tensor, "batch 2 height width"]:
    """The answer that people get at full vividness, before its gain; only the bins learn from how it looks.

    The regression stays careful. A network without bins has one answer for both, as in the paper.
    """
    if prediction.logits is None:
        return prediction.ab
    defaults = ColorizeOptions()
    boldness = torch.tensor(
        [defaults.guided_share if s.references else defaults.automatic_share for s in samples]
    )
    return decode(prediction.ab.detach(), prediction.logits, bin_weights, boldness, defaults)


def _planes(
    samples: Sequence[Sample], lab: Tensor, backbone: Backbone, stride: int
) -> tuple[Tensor, list[Tensor]]:
    device = lab.device
    target = backbone(lab[:, :1], TARGET_LAYERS)
    flat = [reference for sample in samples for reference in sample.references]
    references = torch.stack(flat).to(device) if flat else lab[:0]
    found = backbone(references[:, :1], REFERENCE_LAYERS) if flat else {}
    side = lab.shape[-1] // 8
    warped, similarity = (
        lab.new_zeros(len(samples), 2, side, side),
        lab.new_zeros(len(samples), 10, side, side),
    )
    position = 0
    for i, sample in enumerate(samples):
        rows = range(position, position + len(sample.references))
        position += len(sample.references)
        if not sample.references:
            continue
        own = {k: v[i : i + 1] for k, v in target.items()}
        theirs = [{k: v[r : r + 1] for k, v in found.items()} for r in rows]
        is_round_trip = sample.branch == CHROMINANCE
        said = reference_planes(
            own,
            theirs,
            [references[r, 1:] for r in rows],
            None,
            lab[i, 1:] if is_round_trip else None,
        )
        warped[i] = said.round_trip_ab if said.round_trip_ab is not None else said.warped_ab
        similarity[i] = said.similarity
    points = torch.stack([s.points for s in samples]).to(device)
    return input_planes(lab[:, :1], warped, similarity, points, stride), [
        target[layer] for layer in BACKBONE_LAYERS
    ]
