"""Distil a slim VGG-19 on luminance from a frozen RGB ImageNet network.

Teacher and student see the very same crops, the teacher in color: at any place and scale, mirrored
or not (Beyer et al. 2022, "Knowledge distillation: A good teacher is patient and consistent").
Answers stored once for each photo cost nothing in training, but 120 kB a photo, and fit only
unscaled, unmirrored crops on the grid of the coarsest map. Crops are large, since a teacher says
little that holds of small ones; and not mixed with others, since what stands in the way of this
student is learning, not learning by heart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from similarity.backbone.normalisation import SLIM as SLIM_NORMALISATION
from similarity.backbone.precision import autocast
from similarity.backbone.vgg19 import SLIM, VGG19
from similarity.color.lab import rgb_to_lab
from similarity.color.tones import simulate_print, spread_tones
from similarity.training.crops import random_square
from similarity.training.repvgg import branch

# of the photos whose answers give the statistics and the scores: the teacher's native size
SIDE = 224
# stride of a teacher map: the student layer that learns it
TAPS = {8: "relu4_4", 16: "relu5_4", 32: "pool5"}
STANDARDISED = (*map(str, TAPS), "embedding")


@dataclass(frozen=True)
class DistillOptions:
    """Settings of a distillation.

    Attributes:
        batch: crops a step.
        crops: side of the crops in pixels over the course of the run, in equal shares of the steps;
            multiples of 32.
        cover: smallest share of a photo's short side in a crop.
        temperature: of the logits in the KL term.
        weight_maps, weight_embedding, weight_logits: weights of the three terms.
        seed: of crops and order.
    """

    batch: int = 32
    crops: tuple[int, ...] = (160, 160, 192, 224)
    cover: float = 0.7
    temperature: float = 2.0
    weight_maps: float = 1.0
    weight_embedding: float = 0.5
    weight_logits: float = 0.5
    seed: int = 0


class Student(nn.Module):
    """vgg19-slim with branches, and linear heads that translate its layers into the teacher's.

    Maps and embedding are learned at mean 0 and deviation 1 of every channel; the statistics are
    kept with the weights.
    """

    def __init__(self, map_channels: dict[int, int], embedding: int) -> None:
        super().__init__()
        self.backbone = branch(VGG19(SLIM))
        widths = {8: SLIM.widths[3], 16: SLIM.widths[4], 32: SLIM.widths[4]}
        self.maps = nn.ModuleDict(
            {str(s): nn.Conv2d(widths[s], c, 1) for s, c in map_channels.items()}
        )
        self.embedding = nn.Linear(SLIM.hidden[0], embedding)
        for name, channels in {
            **{str(s): c for s, c in map_channels.items()},
            "embedding": embedding,
        }.items():
            self.register_buffer(f"mean_{name}", torch.zeros(channels))
            self.register_buffer(f"std_{name}", torch.ones(channels))

    def forward(self, luminance_norm: Tensor) -> dict[str, Tensor]:
        """Map normalised luminance to the teacher's "8", "16", "32", "embedding" and "logits"."""
        found = self.backbone(luminance_norm, (*TAPS.values(), "fc6", "logits"))
        out = {str(s): self.maps[str(s)](found[TAPS[s]]) for s in TAPS}
        return out | {"embedding": self.embedding(F.relu(found["fc6"])), "logits": found["logits"]}

    def measure(self, answers: Mapping[str, Tensor]) -> None:
        """Take mean and deviation of each channel from the teacher's answers for some photos."""
        for name in STANDARDISED:
            axes = (0, 2, 3) if answers[name].ndim == 4 else (0,)
            self.get_buffer(f"mean_{name}").copy_(answers[name].mean(axes))
            self.get_buffer(f"std_{name}").copy_(answers[name].std(axes) + 1e-3)

    def standardised(self, answers: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The teacher's answers as they are learned: all but logits at mean 0 and deviation 1."""
        out = dict(answers)
        for name in STANDARDISED:
            shape = (1, -1, 1, 1) if answers[name].ndim == 4 else (1, -1)
            mean, std = (self.get_buffer(f"{kind}_{name}").view(shape) for kind in ("mean", "std"))
            out[name] = (answers[name] - mean) / std
        return out


def photo_numbers(step: int, count: int, options: DistillOptions) -> list[int]:
    """Which photos a step shows: each once an epoch, in another order each time.

    Args:
        step: its number from 0.
        count: of the photos there are; those beyond the last whole batch are left out of an epoch.
        options: batch and seed.

    Returns:
        As many numbers below ``count`` as a batch has, or all if there are fewer photos.
    """
    size = min(options.batch, count)
    epoch, offset = divmod(step * size, count - count % size)
    order = np.random.default_rng((options.seed, epoch, 1)).permutation(count)
    return [int(n) for n in order[offset : offset + size]]


def draw_crops(
    photos: Sequence[np.ndarray], rng: np.random.Generator, side: int, options: DistillOptions
) -> Float[Tensor, "batch 3 side side"]:
    """A random square of each photo, sRGB in 0..1.

    Args:
        photos: RGB uint8 of any size.
        rng: the only source of randomness.
        side: of the crops in pixels.
        options: see DistillOptions.
    """
    return torch.stack([random_square(photo, rng, options.cover, side) for photo in photos])


@torch.no_grad()
def ask(teacher: nn.Module, rgb: Float[Tensor, "batch 3 height width"]) -> dict[str, Tensor]:
    """The teacher's answers in fp32, by name.

    Args:
        teacher: maps such pictures to answers; its keys, such as strides, become text.
        rgb: sRGB in 0..1, on the teacher's device.
    """
    with autocast(rgb.device):
        return {
            str(key): value.float()
            for key, value in teacher(rgb.contiguous(memory_format=torch.channels_last)).items()
        }


def seen_by_student(
    rgb: Float[Tensor, "batch 3 height width"], rng: np.random.Generator
) -> Float[Tensor, "batch 1 height width"]:
    """Normalised luminance of crops, in the tones of old prints, which are then spread.

    Args:
        rgb: sRGB in 0..1.
        rng: draws how each crop is faded or dark.
    """
    return normalise(spread_tones(_tone(rgb_to_lab(rgb)[:, :1] / 100, rng) * 100) / 100)


def normalise(luminance_unit: Tensor) -> Tensor:
    """Luminance in 0..1 as the student reads it, and as the backbone that it becomes will."""
    (mean,), (std,) = SLIM_NORMALISATION.mean, SLIM_NORMALISATION.std
    return (luminance_unit - mean) / std


def losses(
    answers: dict[str, Tensor], targets: dict[str, Tensor], options: DistillOptions
) -> dict[str, Tensor]:
    """Smooth L1 on maps and embedding, KL on logits at a temperature (Hinton et al. 2015).

    Args:
        answers: of the student, by name, see Student.forward.
        targets: of the teacher for the same crops, in fp32, see Student.standardised.
        options: temperature and weights.

    Returns:
        The weighted sum as ``loss``; to be logged, without weights and gradient, the mean of the
        ``maps``, the ``embedding`` and the ``kl`` of the logits.
    """
    maps = torch.stack([F.smooth_l1_loss(answers[str(s)].float(), targets[str(s)]) for s in TAPS])
    embedding = F.smooth_l1_loss(answers["embedding"].float(), targets["embedding"])
    student = F.log_softmax(answers["logits"].float() / options.temperature, 1)
    teacher = F.log_softmax(targets["logits"] / options.temperature, 1)
    kl = F.kl_div(student, teacher, reduction="batchmean", log_target=True) * options.temperature**2
    loss = (
        options.weight_maps * maps.sum()
        + options.weight_embedding * embedding
        + options.weight_logits * kl
    )
    return {
        "loss": loss,
        "maps": maps.mean().detach(),
        "embedding": embedding.detach(),
        "kl": kl.detach(),
    }


def crop_side(step: int, steps: int, options: DistillOptions) -> int:
    """Side of the crops at a step in pixels: small ones first, which are faster.

    Args:
        step: its number from 0.
        steps: of the whole run.
        options: the sides that share it.
    """
    return options.crops[min(len(options.crops) - 1, step * len(options.crops) // steps)]


def _tone(luminance_unit: Tensor, rng: np.random.Generator) -> Tensor:
    """Gamma, contrast and brightness of a faded or dark print."""
    n, device = len(luminance_unit), luminance_unit.device
    ranges = ((0.8, 1.25), (0.75, 1.1), (-0.08, 0.08))
    gamma, contrast, brightness = (
        torch.from_numpy(rng.uniform(*r, (n, 1, 1, 1)).astype(np.float32)).to(device)
        for r in ranges
    )
    return simulate_print(luminance_unit, gamma, contrast, brightness).clamp(0, 1)
