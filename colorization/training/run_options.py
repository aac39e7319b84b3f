"""How a network is trained, and what tells one such training from others."""

import hashlib
import json
from dataclasses import asdict, dataclass, field

from torch import Tensor

from colorization.network.colorization_network import NetworkConfig
from colorization.training.sample_plans import SamplingOptions
from colorization.training.store.stored_maps import MapStore
from colorization.training.two_branch_step import LossOptions
from similarity.backbone.rgb_network import RgbNetwork
from similarity.backbone.weight_files import hash_tensors


@dataclass(frozen=True)
class RunOptions:
    """How a network is trained.

    Attributes:
        steps: optimizer steps.
        batch: samples a step, over all processes.
        learning_rate: peak of the cosine schedule.
        weight_decay: of the weights of convolutions and linear layers.
        average: share of the moving average that stays in a step.
        judged_from: share of the steps, 0..1, after which samples ask for vivid colors and the
            answers are judged, where ``sampling.vivid`` is above 0.
        seed: of all that is drawn.
        network: layout.
        sampling: what samples look like.
        losses: weights.
    """

    steps: int = 16000
    batch: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    average: float = 0.999
    judged_from: float = 0.5
    seed: int = 0
    network: NetworkConfig = field(default_factory=NetworkConfig)
    sampling: SamplingOptions = field(default_factory=SamplingOptions)
    losses: LossOptions = field(default_factory=LossOptions)

    @property
    def first_judged(self) -> int:
        """Number of the step from which on samples may ask for vivid colors."""
        return int(self.judged_from * self.steps)


def settings_of(
    options: RunOptions,
    store: MapStore,
    judge: RgbNetwork | None,
    start: dict[str, Tensor] | None,
) -> dict[str, object]:
    """All that decides what a run ends with, for ``settings.json``.

    Args:
        options: how.
        store: crops with their maps.
        judge: of vivid answers; None if none are asked for.
        start: weights to begin with; None if they are drawn.
    """
    return asdict(options) | {
        "encoder": store.encoder_hash,
        "store": store.key,
        "photos": len(store),
        "judge": None if judge is None else judge.weights_hash,
        "start": None if start is None else hash_tensors(start),
        "prior": [float(f"{share:.3g}") for share in store.prior],
    }


def key_of(settings: dict[str, object]) -> str:
    """Tells settings apart, but for the steps.

    A run may be made longer or shorter while it lasts: the schedule follows.

    Args:
        settings: what settings_of gives.

    Returns:
        16 hexadecimal digits.
    """
    fixed = {key: value for key, value in settings.items() if key != "steps"}
    return hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()[:16]
