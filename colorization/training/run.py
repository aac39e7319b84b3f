"""The training of the colorization network, from a store of maps to checkpoints.

Each step draws its samples from (seed, step), so that a run that was stopped continues as if it
never had been. Beside the weights that are trained, their moving average is kept, which is what is
measured and shipped.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor, nn

from colorization.network.color_bins import rebalancing_weights
from colorization.network.colorization_network import ColorizationNetwork, NetworkConfig
from colorization.training.accelerator import accelerator_of
from colorization.training.losses.adversarial import Discriminator
from colorization.training.samples import Batch, SamplingOptions, draw_batch, moved
from colorization.training.stored_maps import MapStore
from colorization.training.two_branch_step import LossOptions, TrainingJudges, batch_losses
from colorization.training.weight_average import WeightAverage
from similarity.backbone.backbone import EFFICIENTNET_LAYERS
from similarity.backbone.rgb_network import RgbNetwork
from similarity.backbone.weight_files import hash_tensors
from similarity.training.loop import Ahead, LoopOptions, Team, check_checkpoint
from similarity.training.loop import train as run_loop

HELD_OUT = 64  # every 64th photo is not trained on
DISCRIMINATOR_RATE = 0.25  # of the learning rate
CHECKED = 256  # photos on which the losses are told at the end, trained on and not


@dataclass(frozen=True)
class RunOptions:
    """How a network is trained.

    Attributes:
        steps: optimizer steps.
        batch: samples a step, over all processes.
        learning_rate: peak of the cosine schedule.
        weight_decay: of the weights of convolutions and linear layers.
        average: share of the moving average that stays in a step.
        judged_from: share of the steps before vivid answers are judged; 1 leaves that out.
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


def train_network(
    store: MapStore,
    output: Path,
    options: RunOptions,
    judge: RgbNetwork | None = None,
    start: dict[str, Tensor] | None = None,
    device: str | None = None,
    log: Callable[[str], None] = print,
) -> dict[str, dict[str, float]]:
    """Train a network, or go on training it.

    Args:
        store: crops with their maps.
        output: folder of the checkpoint ``network.safetensors`` and of ``settings.json``.
        options: how.
        judge: frozen RGB network through which vivid answers are judged; None leaves that out.
        start: weights to begin with; None draws them at random.
        device: ``cpu``, or None for what accelerate finds.
        log: receives a line now and then.

    Returns:
        The losses of the average on photos that were trained on (``seen``) and on others
        (``unseen``).

    Raises:
        ValueError: the batch cannot be shared by the processes, the start is of another layout, or
            the checkpoint belongs to other settings.
        FloatingPointError: the loss is no longer finite; the last good checkpoint is kept.
    """
    torch.manual_seed(options.seed)
    accelerator = accelerator_of(device)
    rank, team_size = accelerator.process_index, accelerator.num_processes
    if options.batch % team_size:
        raise ValueError(f"a batch of {options.batch} cannot be shared by {team_size} processes")
    place = accelerator.device
    network = ColorizationNetwork(options.network)
    if start is not None:
        start_from(network, start)
    network = network.to(place, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = WeightAverage(network, options.average)
    judges = None
    modules = {"network": network, "average": average.network}
    groups = _groups(network, options.weight_decay)
    if judge is not None and options.judged_from < 1:
        judges = TrainingJudges(judge.to(place), Discriminator(judge.channels()).to(place))
        modules["discriminator"] = judges.discriminator
        groups += _groups(judges.discriminator, options.weight_decay, DISCRIMINATOR_RATE)
    bin_weights = rebalancing_weights(store.prior).to(place)
    optimizer = torch.optim.AdamW(groups, lr=options.learning_rate, betas=(0.9, 0.99))
    settings = asdict(options) | {
        "encoder": store.encoder_hash,
        "store": store.key,
        "photos": len(store),
        "judge": None if judges is None or judge is None else judge.weights_hash,
        "start": None if start is None else hash_tensors(start),
        "prior": [float(f"{share:.3g}") for share in store.prior],
    }
    # a run may be made longer or shorter while it lasts: the schedule follows
    fixed = {key: value for key, value in settings.items() if key != "steps"}
    key = hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()[:16]
    dtype = torch.bfloat16 if _is_bfloat16_fast(place) else torch.float32
    begin = int(options.judged_from * options.steps) if judges is not None else options.steps
    plain = replace(options.sampling, vivid=0.0)

    def drawn(number: int) -> Batch:
        photos = photos_of(number, len(store), options)[rank::team_size]
        rng = np.random.default_rng((options.seed, number, rank))
        sampling = options.sampling if number >= begin else plain
        return draw_batch(store, photos, rng, EFFICIENTNET_LAYERS, sampling, dtype)

    ahead, together = Ahead(drawn, options.steps), accelerator.prepare(network)

    def step(number: int) -> dict[str, Tensor]:
        batch = moved(ahead(number), place)
        # dropout draws from it: a run that goes on drops what it would have dropped
        drawn_seed = np.random.SeedSequence((options.seed, number, rank)).generate_state(1)[0]
        torch.manual_seed(int(drawn_seed))
        together.train()
        return batch_losses(together, batch, bin_weights, judges, options.losses)

    loop = LoopOptions(
        options.steps, output / "network.safetensors", key, options.learning_rate, clip_norm=1.0
    )
    check_checkpoint(loop)
    if accelerator.is_main_process:
        output.mkdir(parents=True, exist_ok=True)
        (output / "settings.json").write_text(json.dumps(settings) + "\n")
    team = Team(accelerator.is_main_process, lambda tensor: accelerator.reduce(tensor, "mean"))

    def judging(number: int) -> list[nn.Parameter]:
        """What the processes do not wrap, as not all of them judge looks in every step."""
        if judges is None or team_size == 1 or number < begin:
            return []
        return list(judges.discriminator.parameters())

    run_loop(
        *(step, modules, optimizer, loop, log, team),
        after=lambda number: average.follow(network, number),
        unwrapped=judging,
    )
    return {
        name: _checked(average.network, store, rows, bin_weights, plain, options.seed)
        for name, rows in (("seen", trained_on(len(store))), ("unseen", held_out(len(store))))
    }


def photos_of(number: int, count: int, options: RunOptions) -> Int[np.ndarray, " batch"]:
    """The photos of a step: each in turn, in an order that changes from round to round.

    Args:
        number: of the step.
        count: photos of the store.
        options: batch and seed.
    """
    rows = trained_on(count)
    rounds, places = np.divmod(np.arange(options.batch) + number * options.batch, len(rows))
    orders = {
        number: np.random.default_rng((options.seed, int(number), 1)).permutation(rows)
        for number in np.unique(rounds)
    }
    return np.array([orders[number][place] for number, place in zip(rounds, places, strict=True)])


def trained_on(count: int) -> Int[np.ndarray, " photos"]:
    """Numbers of the photos that are trained on; all of a small corpus."""
    rows = np.arange(count)
    return rows[rows % HELD_OUT > 0] if count > HELD_OUT else rows


def held_out(count: int) -> Int[np.ndarray, " photos"]:
    """Numbers of the photos that are never trained on; all of a small corpus."""
    return np.arange(0, count, HELD_OUT) if count > HELD_OUT else np.arange(count)


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


@torch.no_grad()
def _checked(
    network: nn.Module,
    store: MapStore,
    rows: Int[np.ndarray, " photos"],
    bin_weights: Tensor,
    sampling: SamplingOptions,
    seed: int,
) -> dict[str, float]:
    """Mean losses of a network on some photos, without references."""
    alone = replace(sampling, kinds=(1.0, 0.0, 0.0, 0.0, 0.0), points=0.0, palette=0.0)
    place, sums, chosen = (
        bin_weights.device,
        dict[str, float](),
        rows[:: max(1, len(rows) // CHECKED)],
    )
    for start in range(0, len(chosen), 32):
        part = chosen[start : start + 32]
        rng = np.random.default_rng((seed, start))
        batch = moved(draw_batch(store, part, rng, EFFICIENTNET_LAYERS, alone), place)
        for name, value in batch_losses(network, batch, bin_weights).items():
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


def _is_bfloat16_fast(device: torch.device) -> bool:
    return device.type != "cpu" or torch.cpu._is_avx512_bf16_supported()
