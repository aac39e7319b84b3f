"""One resumable training loop; what a step does is passed in.

A checkpoint is a single safetensors file (no pickle): the tensors of every module and of the
optimizer, and the step number. Steps are numbered and draw their randomness from (seed, step), so a
killed run continues as if never stopped.
"""

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

Step = Callable[[int], dict[str, Tensor]]
T = TypeVar("T")


@dataclass(frozen=True)
class LoopOptions:
    """How long and how carefully to train.

    Attributes:
        steps: optimizer steps of the whole run.
        checkpoint_path: where the run is kept; an existing file is continued.
        config_key: hash of the settings; a checkpoint of another key is refused.
        learning_rate: peak of the cosine schedule.
        warmup: steps of linear warm-up.
        checkpoint_seconds: time between checkpoints.
        log_every: steps between log lines.
        clip_norm: largest norm of the gradient; None leaves it as it is.
    """

    steps: int
    checkpoint_path: Path
    config_key: str
    learning_rate: float = 1e-3
    warmup: int = 200
    checkpoint_seconds: float = 180.0
    log_every: int = 50
    clip_norm: float | None = None


class Ahead(Generic[T]):
    """Prepare the data of the next step in a thread while this step is computed."""

    def __init__(self, prepare: Callable[[int], T], steps: int) -> None:
        self._prepare, self._steps, self._pool = prepare, steps, ThreadPoolExecutor(1)
        self._waiting: tuple[int, Future[T]] | None = None

    def __call__(self, number: int) -> T:
        """The data of a step."""
        waiting, self._waiting = self._waiting, None
        data = waiting[1].result() if waiting and waiting[0] == number else self._prepare(number)
        if number + 1 < self._steps:
            self._waiting = number + 1, self._pool.submit(self._prepare, number + 1)
        return data


@dataclass(frozen=True)
class Team:
    """Processes that train one network together.

    Attributes:
        is_main: whether this one logs and writes checkpoints.
        mean: averages a tensor over the processes.
    """

    is_main: bool = True
    mean: Callable[[Tensor], Tensor] = lambda tensor: tensor


ALONE = Team()


def cosine_rate(step: int, options: LoopOptions) -> float:
    """Learning rate at a step: linear warm-up, then a half cosine to zero.

    Args:
        step: its number from 0.
        options: peak, warm-up and length of the run.
    """
    if step < options.warmup:
        return options.learning_rate * (step + 1) / options.warmup
    progress = (step - options.warmup) / max(1, options.steps - options.warmup)
    return options.learning_rate * 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))


def train(
    step: Step,
    modules: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer,
    options: LoopOptions,
    log: Callable[[str], None] = print,
    team: Team = ALONE,
    after: Callable[[int], None] = lambda number: None,
    unwrapped: Callable[[int], Sequence[nn.Parameter]] = lambda number: (),
) -> int:
    """Run ``step`` until the schedule ends, checkpointing on the way.

    Args:
        step: given the step number, computes the losses; the one named ``loss`` is minimised.
        modules: what is trained, by name.
        optimizer: over the parameters of the modules.
        options: see LoopOptions.
        log: receives one line every ``log_every`` steps.
        team: the processes that train together; whoever wrapped the modules averages gradients.
        after: called with the number of each step when it has changed the weights.
        unwrapped: parameters whose gradients in a step nobody else averages over the processes of a
            team; in some of these they may have none.

    Returns:
        The number of steps done in this call.

    Raises:
        FloatingPointError: the loss is not finite; the last good checkpoint is kept and named.
        ValueError: the checkpoint belongs to other settings.
    """
    first = load_checkpoint(modules, optimizer, options) if options.checkpoint_path.exists() else 0
    saved_at = logged_at = time.monotonic()
    logged = first
    trained = [p for group in optimizer.param_groups for p in group["params"]]
    for number in range(first, options.steps):
        for group in optimizer.param_groups:
            group["lr"] = group.get("share", 1.0) * cosine_rate(number, options)
        losses = step(number)
        mean_loss = team.mean(losses["loss"].detach())
        if not bool(torch.isfinite(mean_loss)):
            kept = (
                f"last good checkpoint: {options.checkpoint_path}"
                if options.checkpoint_path.exists()
                else "no checkpoint yet"
            )
            raise FloatingPointError(f"loss is {float(mean_loss)} at step {number}; {kept}")
        optimizer.zero_grad(set_to_none=True)
        losses["loss"].backward()  # type: ignore[no-untyped-call]
        if alone := unwrapped(number):
            _average_gradients(alone, team)
        if options.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(trained, options.clip_norm)
        optimizer.step()
        after(number)
        if (number + 1) % options.log_every == 0 and team.is_main:
            rate = (number + 1 - logged) / (time.monotonic() - logged_at)
            logged, logged_at = number + 1, time.monotonic()
            log(
                f"step {number + 1}/{options.steps} {rate:.2f} it/s "
                + " ".join(f"{k} {float(v.detach()):.4f}" for k, v in losses.items())
            )
        is_due = (
            time.monotonic() - saved_at > options.checkpoint_seconds or number + 1 == options.steps
        )
        if is_due and team.is_main:
            save_checkpoint(number + 1, modules, optimizer, options)
            saved_at = time.monotonic()
    return max(0, options.steps - first)


def _average_gradients(parameters: Sequence[nn.Parameter], team: Team) -> None:
    grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    means = team.mean(torch.cat([grad.flatten() for grad in grads]))
    parts = torch.split(means, [grad.numel() for grad in grads])
    for parameter, part in zip(parameters, parts, strict=True):
        parameter.grad = part.view_as(parameter)


def save_checkpoint(
    step: int,
    modules: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer,
    options: LoopOptions,
) -> None:
    """Write modules, optimizer and step number under a temporary name, then rename.

    Args:
        step: how many steps are done, which is the number of the next one.
        modules: what is trained, by name; their tensors are stored as ``<name>.<key>``.
        optimizer: whose state is kept, but for its settings such as learning rates.
        options: path, made with its folders, and config_key.
    """
    tensors = {
        f"{name}.{key}": value
        for name, module in modules.items()
        for key, value in module.state_dict().items()
    }
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {
            f"optimizer.{index}.{key}": torch.as_tensor(value) for key, value in state.items()
        }
    options.checkpoint_path.parent.mkdir(parents=True, exist_ok=True)
    temporary = options.checkpoint_path.with_suffix(".tmp")
    contiguous = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    save_file(contiguous, temporary, metadata={"step": str(step), "config_key": options.config_key})
    with temporary.open("rb+") as written:
        os.fsync(written.fileno())  # the only other copy is about to go
    temporary.replace(options.checkpoint_path)


def check_checkpoint(options: LoopOptions) -> None:
    """Refuse a checkpoint of other settings before anything is written beside it.

    Raises:
        ValueError: the checkpoint exists and belongs to other settings, or is no checkpoint.
    """
    if not options.checkpoint_path.exists():
        return
    try:
        with safe_open(options.checkpoint_path, "pt") as file:
            key = (file.metadata() or {}).get("config_key")
    except SafetensorError as error:
        raise ValueError(f"{options.checkpoint_path}: not a checkpoint ({error})") from error
    if key != options.config_key:
        raise ValueError(
            f"{options.checkpoint_path} belongs to settings {key}, this run has"
            f" {options.config_key}:"
            " choose another folder or the same settings"
        )


def load_checkpoint(
    modules: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer, options: LoopOptions
) -> int:
    """Restore what save_checkpoint wrote.

    Args:
        modules: get the stored tensors; of the same names and layouts as those that were saved.
        optimizer: gets the stored state, and keeps its own settings.
        options: path and config_key.

    Returns:
        The number of the step to go on with.

    Raises:
        FileNotFoundError: there is no checkpoint.
        ValueError: it belongs to other settings, or is no checkpoint.
        RuntimeError: a module has another layout.
    """
    check_checkpoint(options)
    with safe_open(options.checkpoint_path, "pt") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    for name, module in modules.items():
        module.load_state_dict(_of_module(tensors, name), strict=True)
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, field = key.split(".", 2)
            state.setdefault(int(index), {})[field] = value
    optimizer.load_state_dict(
        {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
    )
    return int(metadata["step"])


def read_module(checkpoint_path: Path, name: str) -> dict[str, Tensor]:
    """The state of one module of a checkpoint, to export it or to train it further in another run.

    Args:
        checkpoint_path: written by save_checkpoint, with any settings.
        name: that the module had there.

    Returns:
        Its tensors by their names in the module; none if there is no module of that name.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no checkpoint.
    """
    try:
        return _of_module(load_file(checkpoint_path), name)
    except SafetensorError as error:
        raise ValueError(f"{checkpoint_path}: not a checkpoint ({error})") from error


def _of_module(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    return {
        key.removeprefix(f"{name}."): value
        for key, value in tensors.items()
        if key.startswith(f"{name}.")
    }
