"""The training of the colorization network, from a store of maps to checkpoints.

Each step draws its samples from (seed, step), so that a run that was stopped continues as if it
never had been. Beside the weights that are trained, their moving average is kept, which is what is
measured and shipped.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from jaxtyping import Int
from torch import Tensor, nn

from colorization.network.color_bins import rebalancing_weights
from colorization.network.colorization_network import ColorizationNetwork
from colorization.training.accelerator import accelerator_of
from colorization.training.losses.adversarial import Discriminator
from colorization.training.photo_order import held_out, photos_of, trained_on
from colorization.training.run_options import RunOptions, key_of, settings_of
from colorization.training.samples import Batch, draw_batch, moved
from colorization.training.store.stored_maps import MapStore
from colorization.training.two_branch_step import TrainingJudges, batch_losses
from colorization.training.weight_average import WeightAverage
from retrieval.photos.listing import evenly
from similarity.backbone.backbone import EFFICIENTNET_LAYERS
from similarity.backbone.precision import computes_bfloat16
from similarity.backbone.rgb_network import RgbNetwork, efficientnet_judge
from similarity.training.loop import Ahead, LoopOptions, Step, Team, check_checkpoint
from similarity.training.loop import train as run_loop

CHECKPOINT = "network.safetensors"  # in the output of a run
DISCRIMINATOR_RATE = 0.25  # of the learning rate
NO_REFERENCE = (1.0, 0.0, 0.0, 0.0, 0.0)  # kinds of samples
CHECKED = 256  # photos on which the losses are told at the end, trained on and not


@dataclass(frozen=True)
class _Trained:
    """What is trained, and what trains it.

    Attributes:
        network: what the gradients change.
        average: the moving average of its weights.
        judges: of vivid answers; None if none are asked for.
        optimizer: over the parameters of the network and of the discriminator.
    """

    network: ColorizationNetwork
    average: WeightAverage
    judges: TrainingJudges | None
    optimizer: torch.optim.Optimizer

    @property
    def modules(self) -> dict[str, nn.Module]:
        """What a checkpoint keeps, by name."""
        kept: dict[str, nn.Module] = {"network": self.network, "average": self.average.network}
        if self.judges is not None:
            kept["discriminator"] = self.judges.discriminator
        return kept


def train_network(
    store: MapStore,
    output: Path,
    options: RunOptions,
    start: dict[str, Tensor] | None = None,
    device: str | None = None,
    log: Callable[[str], None] = print,
) -> dict[str, dict[str, float]]:
    """Train a network, or go on training it.

    Args:
        store: crops with their maps.
        output: folder of the checkpoint ``network.safetensors`` and of ``settings.json``.
        options: how.
        start: weights to begin with; None draws them at random.
        device: ``cpu``, or None for what accelerate finds.
        log: receives a line now and then.

    Returns:
        The losses of the average on photos that were trained on (``seen``) and on others
        (``unseen``); of several processes, the main one has them.

    Raises:
        ValueError: the batch cannot be shared by the processes, the start is of another layout, or
            the checkpoint belongs to other settings.
        FloatingPointError: the loss is no longer finite; the last good checkpoint is kept.
    """
    accelerator = accelerator_of(device)
    is_main, team_size = accelerator.is_main_process, accelerator.num_processes
    if options.batch % team_size:
        raise ValueError(f"a batch of {options.batch} cannot be shared by {team_size} processes")
    judge = efficientnet_judge() if options.sampling.vivid > 0 else None
    trained = _modules(options, judge, start, accelerator.device)
    loop = _begin(output, options, settings_of(options, store, judge, start), is_main)
    bin_weights = rebalancing_weights(store.prior).to(accelerator.device)
    run_loop(
        _step(trained, store, bin_weights, options, accelerator),
        trained.modules,
        trained.optimizer,
        loop,
        log,
        Team(is_main, lambda tensor: accelerator.reduce(tensor, "mean")),
        after=lambda number: trained.average.follow(trained.network, number),
        unwrapped=_judging(trained, options, team_size),
    )
    return _checked(trained.average.network, store, bin_weights, options) if is_main else {}


def _modules(
    options: RunOptions,
    judge: RgbNetwork | None,
    start: dict[str, Tensor] | None,
    device: torch.device,
) -> _Trained:
    """The network, its average, the judges and the optimizer, as they are before the first step."""
    torch.manual_seed(options.seed)
    network = ColorizationNetwork(options.network)
    if start is not None:
        start_from(network, start)
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average, judges = WeightAverage(network, options.average), None
    groups = _groups(network, options.weight_decay)
    if judge is not None:
        judges = TrainingJudges(judge.to(device), Discriminator(judge.channels()).to(device))
        groups += _groups(judges.discriminator, options.weight_decay, DISCRIMINATOR_RATE)
    optimizer = torch.optim.AdamW(groups, lr=options.learning_rate, betas=(0.9, 0.99))
    return _Trained(network, average, judges, optimizer)


def _begin(
    output: Path, options: RunOptions, settings: dict[str, object], is_main: bool
) -> LoopOptions:
    """Write the settings into the folder, unless a checkpoint there belongs to others."""
    path = output / CHECKPOINT
    loop = LoopOptions(options.steps, path, key_of(settings), options.learning_rate, clip_norm=1.0)
    check_checkpoint(loop)
    if is_main:
        output.mkdir(parents=True, exist_ok=True)
        (output / "settings.json").write_text(json.dumps(settings) + "\n")
    return loop


def _sampler(
    store: MapStore, options: RunOptions, accelerator: Accelerator
) -> Callable[[int], Batch]:
    """What draws the samples of a step that fall to this process."""
    rank, team_size = accelerator.process_index, accelerator.num_processes
    dtype = torch.bfloat16 if computes_bfloat16(accelerator.device) else torch.float32
    careful = replace(options.sampling, vivid=0.0)

    def sample(number: int) -> Batch:
        photos = photos_of(number, len(store), options.batch, options.seed)[rank::team_size]
        rng = np.random.default_rng((options.seed, number, rank))
        sampling = options.sampling if number >= options.first_judged else careful
        return draw_batch(store, photos, rng, EFFICIENTNET_LAYERS, sampling, dtype)

    return sample


def _step(
    trained: _Trained,
    store: MapStore,
    bin_weights: Tensor,
    options: RunOptions,
    accelerator: Accelerator,
) -> Step:
    """What computes the losses of a step, while the samples of the next one are drawn."""
    rank, device = accelerator.process_index, accelerator.device
    samples = Ahead(_sampler(store, options, accelerator), options.steps)
    together = accelerator.prepare(trained.network)

    def step(number: int) -> dict[str, Tensor]:
        batch = moved(samples(number), device)
        # dropout draws from it: a run that goes on drops what it would have dropped
        drawn_seed = np.random.SeedSequence((options.seed, number, rank)).generate_state(1)[0]
        torch.manual_seed(int(drawn_seed))
        together.train()
        return batch_losses(together, batch, bin_weights, trained.judges, options.losses)

    return step


def _judging(
    trained: _Trained, options: RunOptions, team_size: int
) -> Callable[[int], list[nn.Parameter]]:
    """What the processes do not wrap, as not all of them judge looks in every step."""
    if trained.judges is None or team_size == 1:
        return lambda number: []
    parameters = list(trained.judges.discriminator.parameters())
    return lambda number: parameters if number >= options.first_judged else []


def start_from(network: nn.Module, state: dict[str, Tensor]) -> None:
    """Load an earlier network.

    Args:
        network: what receives the weights.
        state: weights of the same layout.

    Raises:
        ValueError: it has another layout.
    """
    try:
        network.load_state_dict(state, strict=True)
    except RuntimeError as error:
        cause = " ".join(str(error).split())[:200]
        raise ValueError(f"--weights-from: a network of another layout ({cause})") from error


def _checked(
    network: nn.Module, store: MapStore, bin_weights: Tensor, options: RunOptions
) -> dict[str, dict[str, float]]:
    """Mean losses on photos that were trained on and on others."""
    parts = {"seen": trained_on(len(store)), "unseen": held_out(len(store))}
    return {
        name: _mean_losses(network, store, rows, bin_weights, options)
        for name, rows in parts.items()
    }


@torch.no_grad()
def _mean_losses(
    network: nn.Module,
    store: MapStore,
    rows: Int[np.ndarray, " photos"],
    bin_weights: Tensor,
    options: RunOptions,
) -> dict[str, float]:
    """Mean losses of a network on some photos, of which it is told nothing."""
    told_nothing = replace(
        options.sampling, kinds=NO_REFERENCE, points=0.0, palette=0.0, saturation=0.0, vivid=0.0
    )
    chosen = rows[evenly(range(len(rows)), CHECKED)]
    sums = dict[str, float]()
    for start in range(0, len(chosen), 32):
        part = chosen[start : start + 32]
        rng = np.random.default_rng((options.seed, start))
        batch = draw_batch(store, part, rng, EFFICIENTNET_LAYERS, told_nothing)
        found = batch_losses(network, moved(batch, bin_weights.device), bin_weights)
        for name, value in found.items():
            sums[name] = sums.get(name, 0.0) + float(value) * len(part) / len(chosen)
    return sums


def _groups(network: nn.Module, weight_decay: float, share: float = 1.0) -> list[dict[str, object]]:
    """Parameters for the optimizer, with their share of its rate; biases and norms do not decay."""
    weights = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    return [
        {"params": weights, "weight_decay": weight_decay, "share": share},
        {"params": others, "weight_decay": 0.0, "share": share},
    ]
