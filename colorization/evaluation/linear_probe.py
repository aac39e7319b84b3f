"""The encoder as a representation: how well a linear classifier reads classes from its layers.

Learning to color teaches what things are, Zhang et al. say, and measure it with linear classifiers
on frozen layers. Each layer stands beside the same layer of a network that learned nothing: what is
above that, was learned.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from colorization.inference.working_size import working_lab
from colorization.network.colorization_network import BACKBONE_LAYERS, ColorizationNetwork
from colorization.network.input_planes import input_planes
from retrieval.photos.listing import some_pictures
from retrieval.photos.reader import PictureError, read_small_rgb
from similarity.backbone.backbone import SLIM_NORMALISATION, Backbone, autocast
from similarity.backbone.vgg19 import SLIM, VGG19, check_layers
from similarity.color.tones import spread_tones
from similarity.resize import resized

SIDE = 128  # photos are seen as squares of this side
CELLS = 3  # a layer is averaged to so many cells a side
BLOCKS = tuple(f"conv{i}" for i in range(1, 8))
TRAIN_SHARE = 0.75
STEPS, PENALTY = 100, 1e-3

Layer = Callable[[Float[Tensor, "batch 1 height width"]], Tensor]


@dataclass(frozen=True)
class LabelledPhotos:
    """Photos as luminance, and their classes.

    Attributes:
        luminance: L in 0..100.
        labels: position of each photo's class in ``classes``.
        classes: names of the class folders.
        unreadable: one line for each photo that could not be read.
    """

    luminance: Float[Tensor, "photos 1 side side"]
    labels: Int[Tensor, " photos"]
    classes: list[str]
    unreadable: list[str]


def read_classes(folder: Path, limit: int | None = None) -> LabelledPhotos:
    """Read a folder of class folders.

    Args:
        folder: its folders are the classes; pictures are found in them recursively.
        limit: at most so many photos of each class, evenly spaced.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: there are not two classes of at least four readable photos.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    planes: list[Tensor] = []
    labels: list[int] = []
    classes: list[str] = []
    unreadable: list[str] = []
    for place in sorted(p for p in folder.iterdir() if p.is_dir()):
        found = []
        for path in some_pictures(place, limit):
            try:
                lab = spread_tones(working_lab(read_small_rgb(path, SIDE), SIDE))
            except PictureError as error:
                unreadable.append(str(error))
                continue
            found.append(resized(lab[:, :1], (SIDE, SIDE))[0])
        if len(found) >= 4:
            planes += found
            labels += [len(classes)] * len(found)
            classes.append(place.name)
    if len(classes) < 2:
        wanted = "at least two folders of four readable photos, with --limit 4 or more"
        raise ValueError(f"{folder}: a linear probe takes {wanted}; found {len(classes)}")
    return LabelledPhotos(torch.stack(planes), torch.tensor(labels), classes, unreadable)


def check_names(block: str, layer: str) -> None:
    """Refuse what cannot be probed before any photo is read.

    Args:
        block: of the colorization network, one of BLOCKS.
        layer: of the backbone, such as relu5_4 or fc6.

    Raises:
        ValueError: there is none of that name.
    """
    if block not in BLOCKS:
        raise ValueError(f"no block {block!r}; there are: {', '.join(BLOCKS)}")
    check_layers([layer])


def encoder_layer(network: ColorizationNetwork, backbone: Backbone, block: str) -> Layer:
    """A block of the colorization network that sees luminance alone.

    Args:
        network: the colorization network; it gets neither references nor hints.
        backbone: that it reads.
        block: one of BLOCKS.
    """

    def layer(luminance: Tensor) -> Tensor:
        kept: list[Tensor] = []
        hook = getattr(network, block).register_forward_hook(
            lambda _module, _inputs, output: kept.append(output)
        )
        try:
            features = (
                backbone(luminance, BACKBONE_LAYERS) if network.config.backbone_channels else {}
            )
            with autocast(luminance.device):
                network(
                    input_planes(luminance, None, None, None, network.config.stride),
                    list(features.values()),
                )
        finally:
            hook.remove()
        return kept[0].float()

    return layer


def backbone_layer(backbone: Backbone, name: str) -> Layer:
    """A layer of the backbone.

    Args:
        backbone: the backbone.
        name: of the layer, such as relu5_4 or fc6.
    """
    return lambda luminance: backbone(luminance, (name,))[name]


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw torch's random numbers from a seed while the block runs, then from where they were."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def untrained_backbone(seed: int) -> Backbone:
    """The layout of vgg19-slim with random weights.

    The random numbers of the caller stay as they are.
    """
    with seeded(seed):
        fresh = VGG19(SLIM)
        for module in fresh.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    return Backbone("vgg19-slim", fresh, SLIM_NORMALISATION, "untrained")


def probe(layer: Layer, photos: LabelledPhotos, seed: int = 0) -> float:
    """Accuracy of a linear classifier of a layer on photos it has not seen.

    A quarter of each class is held out. The layer is averaged to CELLS x CELLS cells and
    standardised; the classifier is multinomial logistic regression with a ridge penalty, fitted by
    L-BFGS.

    Args:
        layer: luminance in, activations out.
        photos: with their classes.
        seed: of the split.

    Returns:
        Share of the held-out photos whose class is found, 0..1.

    Source: after Zhang et al. 2016, section 3.2.
    """
    with torch.inference_mode():
        found = (layer(part) for part in torch.split(photos.luminance, 32))
        features = torch.cat([_in_cells(part) for part in found]).clone()
    train = _split(photos.labels, seed)
    mean, std = features[train].mean(0), features[train].std(0) + 1e-5
    features = (features - mean) / std / features.shape[1] ** 0.5
    weight = torch.zeros(len(photos.classes), features.shape[1], requires_grad=True)
    bias = torch.zeros(len(photos.classes), requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=STEPS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (
            F.cross_entropy(F.linear(features[train], weight, bias), photos.labels[train])
            + PENALTY * weight.square().sum()
        )
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    with torch.inference_mode():
        guess = F.linear(features[~train], weight, bias).argmax(1)
    return float((guess == photos.labels[~train]).float().mean())


def probe_all(
    backbone: Backbone,
    network: ColorizationNetwork,
    photos: LabelledPhotos,
    block: str,
    layer: str,
    seed: int = 0,
) -> dict[str, float]:
    """Probe a block of the encoder and a layer of the backbone.

    Each stands beside the same layer of a network that learned nothing, and beside chance.

    Args:
        backbone: vgg19-slim.
        network: that reads it.
        photos: with their classes.
        block: one of BLOCKS.
        layer: of the backbone.
        seed: of the split and of the random weights.

    Returns:
        Accuracies by name, 0..1. The encoder reads the backbone, so the untrained encoder is shown
        twice: reading the trained backbone, and reading an untrained one.
    """
    blank = untrained_backbone(seed).to(backbone.device)
    with seeded(seed):
        random = ColorizationNetwork(network.config).eval().to(backbone.device)
    held_out = photos.labels[~_split(photos.labels, seed)]
    rows = {
        f"encoder {block}": probe(encoder_layer(network, backbone, block), photos, seed),
        f"encoder {block}, untrained, on the trained {backbone.name}": probe(
            encoder_layer(random, backbone, block), photos, seed
        ),
        f"encoder {block}, nothing trained": probe(
            encoder_layer(random, blank, block), photos, seed
        ),
        f"{backbone.name} {layer}": probe(backbone_layer(backbone, layer), photos, seed),
        f"{backbone.name} {layer}, untrained": probe(backbone_layer(blank, layer), photos, seed),
    }
    return rows | {"the most frequent class": float(held_out.bincount().amax() / len(held_out))}


def _in_cells(activations: Tensor) -> Tensor:
    """A row a photo; fc6 and logits have no place in the picture."""
    return (
        F.adaptive_avg_pool2d(activations, CELLS) if activations.ndim == 4 else activations
    ).flatten(1)


def _split(labels: Tensor, seed: int) -> Tensor:
    """Which photos are trained on: TRAIN_SHARE of each class, at least one, never all."""
    rng = np.random.default_rng(seed)
    train = torch.zeros(len(labels), dtype=torch.bool)
    for label in range(int(labels.max()) + 1):
        rows = rng.permutation(torch.nonzero(labels == label)[:, 0].numpy())
        train[rows[: min(len(rows) - 1, max(1, round(len(rows) * TRAIN_SHARE)))]] = True
    return train


def table(rows: dict[str, float], photos: LabelledPhotos) -> str:
    """The accuracies for people, a line each.

    Args:
        rows: accuracies by name, 0..1.
        photos: that were probed.
    """
    width = max(map(len, rows))
    lines: Sequence[str] = [
        f"{name.ljust(width)}  {share * 100:5.1f} %" for name, share in rows.items()
    ]
    return "\n".join(
        (
            f"{len(photos.labels)} photos of {len(photos.classes)} classes, a quarter held out",
            *lines,
        )
    )
