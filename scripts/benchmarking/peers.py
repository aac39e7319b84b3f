"""Networks of others, alone and with random weights: what their methods cost at least."""

from collections.abc import Callable

import torch
from torch import nn

from benchmarking.he2018_network import NUM_PLANES, He2018Network
from benchmarking.processes import median_seconds, print_figures
from similarity.backbone.precision import autocast, inference
from similarity.backbone.torchvision_import import import_torchvision
from similarity.backbone.vgg19 import VGG19

HE_SIDE, DDCOLOR_SIDE = 256, 512  # pixels; DDColor's default
HE_LAYERS = ("relu1_2", "relu2_2", "relu3_4", "relu4_4", "relu5_4")
VGG_CHANNELS = 3
CPU = torch.device("cpu")


def he2018() -> None:
    """Seconds of He et al. 2018: VGG-19 on target and reference, and the colorization network."""
    vgg, network = VGG19().eval(), He2018Network().eval()
    pictures = torch.rand(2, VGG_CHANNELS, HE_SIDE, HE_SIDE)
    planes = torch.rand(1, NUM_PLANES, HE_SIDE, HE_SIDE)

    def call() -> object:
        return vgg(pictures, HE_LAYERS), network(planes)

    _print_seconds(call, vgg, network)


def vgg19() -> None:
    """Seconds of the full-width VGG-19 on one picture."""
    vgg = VGG19().eval()
    picture = torch.rand(1, VGG_CHANNELS, HE_SIDE, HE_SIDE)
    _print_seconds(lambda: vgg(picture, HE_LAYERS), vgg)


def convnext(size: str) -> None:
    """Seconds of DDColor's encoder; its decoders come on top.

    Args:
        size: ``tiny`` or ``large``.
    """
    models = import_torchvision().models
    encoder = getattr(models, f"convnext_{size}")(weights=None).features.eval()
    picture = torch.rand(1, 3, DDCOLOR_SIDE, DDCOLOR_SIDE)
    _print_seconds(lambda: encoder(picture), encoder)


def _print_seconds(call: Callable[[], object], *networks: nn.Module) -> None:
    for network in networks:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    with inference(), autocast(CPU):
        seconds = median_seconds(call)
    print_figures(seconds=seconds)


MEASUREMENTS = (he2018, vgg19, convnext)
