"""Mean and deviation of a backbone's maps over photos: what a map is standardised by.

Without it, a few channels of large values decide what resembles what. Each picture's own statistics
are the other choice; they hide how far two pictures are from each other as a whole.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

# layer: mean and deviation, each (1, channels, 1, 1)
MapStatistics = Mapping[
    str, tuple[Float[Tensor, "1 channels 1 1"], Float[Tensor, "1 channels 1 1"]]
]
SMALLEST = 1e-3  # a channel that is nearly constant says nothing


class Moments:
    """Sums over many maps, from which statistics are computed."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}

    def add(self, features: Mapping[str, Float[Tensor, "batch channels height width"]]) -> None:
        """Count the maps of some pictures, by layer."""
        for layer, values in features.items():
            rows = values.double().transpose(0, 1).flatten(1)
            both = torch.stack(
                (rows.mean(1), rows.square().mean(1), torch.ones(len(rows)).double())
            )
            self.sums[layer] = self.sums.get(layer, torch.zeros_like(both)) + both

    def statistics(self) -> MapStatistics:
        """Mean and deviation of every layer that was counted."""
        found = {}
        for layer, (total, squares, count) in self.sums.items():
            mean, square = total / count, squares / count
            deviation = (square - mean.square()).clamp(min=0).sqrt().clamp(min=SMALLEST)
            found[layer] = mean.float().view(1, -1, 1, 1), deviation.float().view(1, -1, 1, 1)
        return found


def save_statistics(name: str, statistics: MapStatistics, weights_dir: Path) -> Path:
    """Write the statistics of a backbone beside the bundled weights.

    Args:
        name: of the backbone.
        statistics: by layer.
        weights_dir: folder of the file ``<name>-statistics.safetensors``.
    """
    path = weights_dir / f"{name}-statistics.safetensors"
    save_file({layer: torch.cat(pair).flatten(1) for layer, pair in statistics.items()}, path)
    path.chmod(0o644)
    return path


def load_statistics(name: str, weights_dir: Path) -> MapStatistics | None:
    """Read what save_statistics wrote; None for a backbone that has none.

    Args:
        name: of the backbone.
        weights_dir: folder of the file.

    Raises:
        ValueError: the file is damaged.
    """
    path = weights_dir / f"{name}-statistics.safetensors"
    if not path.is_file():
        return None
    try:
        pairs = load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path}: damaged ({error}); reinstall rechroma") from error
    return {
        layer: (values[0].view(1, -1, 1, 1), values[1].view(1, -1, 1, 1))
        for layer, values in pairs.items()
    }
