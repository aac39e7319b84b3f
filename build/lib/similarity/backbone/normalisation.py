"""What each network expects its input to be scaled by."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Normalisation:
    """Mean and deviation, per input channel, of luminance or sRGB scaled to 0..1."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


SLIM = Normalisation((0.5,), (0.25,))
IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
EFFICIENTNET = Normalisation((127 / 255,), (128 / 255,))
