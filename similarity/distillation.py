"""Distil a slim VGG-19 on luminance from a frozen RGB ImageNet network.

The teacher looks at each color photo once; its feature maps, embedding and logits are stored beside the luminance.
The student then sees random crops of the luminance, with the teacher's maps cropped alike. Storing costs 120 kB a
photo and makes the teacher free during training, where asking it anew would cost a pass for every crop.

Crops lie on the grid of the coarsest map, at the photo's own scale, and are never mirrored: only there are the stored
maps what the teacher says. In between they would have to be interpolated, a teacher's features of a thing differ with
its size, and one that pads at one side only, as TensorFlow's do, does not see the mirror image mirrored.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Int
from torch import Tensor, nn

from similarity.lab import rgb_to_lab
from similarity.vgg import SLIM, VGG19

SIDE = 224  # photos are stored as squares of this side, the teacher's native size
TAPS = {8: "relu4_4", 16: "relu5_4", 32: "pool5"}  # stride of a teacher map: the student layer that learns it


@dataclass(frozen=True)
class DistillOptions:
    """Settings of a distillation.

    Attributes:
        batch: crops a step.
        crops: side of the crops in pixels over the course of the run, in equal shares of the steps; multiples of 32.
        temperature: of the logits in the KL term.
        weight_maps, weight_embedding, weight_logits: weights of the three terms.
        seed: of crops and order.
    """

    batch: int = 64
    crops: tuple[int, ...] = (128, 160, 192, 224)
    temperature: float = 2.0
    weight_maps: float = 1.0
    weight_embedding: float = 0.5
    weight_logits: float = 0.5
    seed: int = 0


class Student(nn.Module):
    """vgg19-slim with the linear heads that translate its layers into the teacher's; the heads are not shipped."""

    def __init__(self, map_channels: dict[int, int], embedding: int) -> None:
        super().__init__()
        self.backbone = VGG19(SLIM)
        widths = {8: SLIM.widths[3], 16: SLIM.widths[4], 32: SLIM.widths[4]}
        self.maps = nn.ModuleDict({str(s): nn.Conv2d(widths[s], c, 1) for s, c in map_channels.items()})
        self.embedding = nn.Linear(SLIM.hidden[0], embedding)

    def forward(self, luminance_norm: Tensor) -> dict[str, Tensor]:
        """Map normalised luminance (batch, 1, height, width) to the teacher's maps "8", "16", "32", "embedding", "logits"."""
        found = self.backbone(luminance_norm, (*TAPS.values(), "fc6", "logits"))
        out = {str(s): self.maps[str(s)](found[TAPS[s]]) for s in TAPS}
        return out | {"embedding": self.embedding(F.relu(found["fc6"])), "logits": found["logits"]}


@torch.inference_mode()
def store_targets(pictures: Iterable[np.ndarray], count: int, teacher: nn.Module, out: Path, batch: int = 32) -> Path:
    """Run the teacher once over all photos and store its answers beside the luminance.

    Args:
        pictures: RGB uint8 squares of SIDE pixels.
        count: how many there are.
        teacher: maps RGB in 0..1 to {8, 16, 32, "embedding", "logits"}.
        out: HDF5 file; written under a temporary name, then renamed.
        batch: photos a pass.

    Returns:
        ``out``.
    """
    temporary = out.with_suffix(".tmp")
    with h5py.File(temporary, "w") as file:
        position, waiting = 0, []
        for i, picture in enumerate(pictures, 1):
            waiting.append(picture)
            if len(waiting) == batch or i == count:
                rgb = torch.from_numpy(np.stack(waiting)).permute(0, 3, 1, 2).float() / 255
                answers = teacher(rgb.contiguous(memory_format=torch.channels_last))
                arrays = {str(key): value.half().numpy() for key, value in answers.items()}
                arrays["luminance"] = rgb_to_lab(rgb)[:, :1].mul(2.55).round().clamp(0, 255).byte().numpy()
                for key, value in arrays.items():
                    if key not in file:
                        file.create_dataset(key, (count, *value.shape[1:]), value.dtype, chunks=(1, *value.shape[1:]))
                    file[key][position : position + len(value)] = value
                position, waiting = position + len(waiting), []
        for key in ("8", "16", "32", "embedding"):
            sample = np.asarray(file[key][: min(count, 2000)], np.float32)
            axes = (0, 2, 3) if sample.ndim == 4 else (0,)
            file[key].attrs["mean"], file[key].attrs["std"] = sample.mean(axes), sample.std(axes) + 1e-3
    temporary.replace(out)
    return out


class Targets:
    """Random crops of stored luminance and teacher maps, standardised per channel."""

    def __init__(self, path: Path) -> None:
        self.file = h5py.File(path, "r", rdcc_nbytes=0)
        self.count = len(self.file["luminance"])
        self.channels = {stride: self.file[str(stride)].shape[1] for stride in TAPS}
        self.embedding = self.file["embedding"].shape[1]

    def rows(self, key: str, rows: np.ndarray) -> Tensor:
        """Sorted rows of what is stored under a key, as float32."""
        stored = self.file[key]
        return torch.from_numpy(np.stack([stored[row] for row in rows])).float()  # faster than h5py's fancy indexing

    def standardised(self, key: str, data: Tensor) -> Tensor:
        """Channels of a map or embedding at mean 0 and deviation 1 over the corpus."""
        shape = (1, -1, 1, 1) if data.ndim == 4 else (1, -1)
        mean, std = (torch.from_numpy(np.asarray(self.file[key].attrs[k])).view(shape) for k in ("mean", "std"))
        return (data - mean) / std

    def batch(self, step: int, options: DistillOptions, side: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Crops (batch, 1, side, side) of normalised luminance and the teacher's answers for them; of all photos if fewer."""
        rng = np.random.default_rng((options.seed, step))
        size = min(options.batch, self.count)
        epoch, offset = divmod(step * size, self.count - self.count % size)
        order = np.random.default_rng((options.seed, epoch, 1)).permutation(self.count)
        rows = np.sort(order[offset : offset + size])
        corners = _random_corners(rng, len(rows), side)
        luminance = self.rows("luminance", rows) / 255
        targets = {str(s): self.standardised(str(s), _crop(self.rows(str(s), rows), corners // s, side // s)) for s in TAPS}
        targets["embedding"] = self.standardised("embedding", self.rows("embedding", rows))
        targets["logits"] = self.rows("logits", rows)
        return normalise(_tone(_crop(luminance, corners, side), rng)), targets


def normalise(luminance_unit: Tensor) -> Tensor:
    """Luminance in 0..1 to about zero mean and unit deviation."""
    return (luminance_unit - 0.5) / 0.25


def losses(answers: dict[str, Tensor], targets: dict[str, Tensor], options: DistillOptions) -> dict[str, Tensor]:
    """Smooth L1 on standardised maps and embedding, KL on logits at a temperature (Hinton et al. 2015)."""
    maps = torch.stack([F.smooth_l1_loss(answers[str(s)].float(), targets[str(s)]) for s in TAPS])
    embedding = F.smooth_l1_loss(answers["embedding"].float(), targets["embedding"])
    student = F.log_softmax(answers["logits"].float() / options.temperature, 1)
    teacher = F.log_softmax(targets["logits"] / options.temperature, 1)
    kl = F.kl_div(student, teacher, reduction="batchmean", log_target=True) * options.temperature**2
    loss = options.weight_maps * maps.sum() + options.weight_embedding * embedding + options.weight_logits * kl
    return {"loss": loss, "maps": maps.mean().detach(), "embedding": embedding.detach(), "kl": kl.detach()}


def crop_side(step: int, steps: int, options: DistillOptions) -> int:
    """Side of the crops at a step: small ones first, which are faster."""
    return options.crops[min(len(options.crops) - 1, step * len(options.crops) // steps)]


def _random_corners(rng: np.random.Generator, count: int, side: int) -> Int[np.ndarray, "count 2"]:
    """Row and column of the upper left corners of crops, in pixels, on the grid of the coarsest map."""
    return rng.integers(0, (SIDE - side) // max(TAPS) + 1, (count, 2)) * max(TAPS)


def _crop(planes: Tensor, corners: Int[np.ndarray, "count 2"], side: int) -> Tensor:
    return torch.stack([plane[:, y : y + side, x : x + side] for plane, (y, x) in zip(planes, corners, strict=True)])


def _tone(luminance_unit: Tensor, rng: np.random.Generator) -> Tensor:
    """Gamma, contrast and brightness of a faded or dark print."""
    n = len(luminance_unit)
    ranges = ((0.8, 1.25), (0.75, 1.1), (-0.08, 0.08))
    gamma, contrast, brightness = (torch.from_numpy(rng.uniform(*r, (n, 1, 1, 1)).astype(np.float32)) for r in ranges)
    return ((luminance_unit.clamp(0, 1) ** gamma - 0.5) * contrast + 0.5 + brightness).clamp(0, 1)
