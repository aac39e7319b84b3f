"""One resumable training loop; what a step does is passed in.

A checkpoint is a single safetensors file (no pickle): the tensors of every module and of the optimizer, and the step
number. Steps are numbered and draw their randomness from (seed, step), so a killed run continues as if never stopped.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

Step = Callable[[int], dict[str, Tensor]]


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
    """

    steps: int
    checkpoint_path: Path
    config_key: str
    learning_rate: float = 1e-3
    warmup: int = 200
    checkpoint_seconds: float = 180.0
    log_every: int = 50


def cosine_rate(step: int, options: LoopOptions) -> float:
    """Learning rate at a step: linear warm-up, then a half cosine to zero."""
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
) -> int:
    """Run ``step`` until the schedule ends, checkpointing on the way.

    Args:
        step: given the step number, computes the losses; the one named ``loss`` is minimised.
        modules: what is trained, by name.
        optimizer: over the parameters of the modules.
        options: see LoopOptions.
        log: receives one line every ``log_every`` steps.

    Returns:
        The number of steps done in this call.

    Raises:
        FloatingPointError: the loss is not finite; the last good checkpoint is kept and named.
        ValueError: the checkpoint belongs to other settings.
    """
    first = load_checkpoint(modules, optimizer, options) if options.checkpoint_path.exists() else 0
    saved_at = logged_at = time.monotonic()
    for number in range(first, options.steps):
        for group in optimizer.param_groups:
            group["lr"] = cosine_rate(number, options)
        losses = step(number)
        if not bool(torch.isfinite(losses["loss"])):
            kept = f"last good checkpoint: {options.checkpoint_path}" if options.checkpoint_path.exists() else "no checkpoint yet"
            raise FloatingPointError(f"loss is {float(losses['loss'].detach())} at step {number}; {kept}")
        optimizer.zero_grad(set_to_none=True)
        losses["loss"].backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if (number + 1) % options.log_every == 0:
            rate = options.log_every / (time.monotonic() - logged_at)
            logged_at = time.monotonic()
            log(
                f"step {number + 1}/{options.steps} {rate:.2f} it/s "
                + " ".join(f"{k} {float(v.detach()):.4f}" for k, v in losses.items())
            )
        if time.monotonic() - saved_at > options.checkpoint_seconds or number + 1 == options.steps:
            save_checkpoint(number + 1, modules, optimizer, options)
            saved_at = time.monotonic()
    return max(0, options.steps - first)


def save_checkpoint(step: int, modules: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer, options: LoopOptions) -> None:
    """Write modules, optimizer and step number under a temporary name, then rename."""
    tensors = {f"{name}.{key}": value for name, module in modules.items() for key, value in module.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{key}": torch.as_tensor(value) for key, value in state.items()}
    options.checkpoint_path.parent.mkdir(parents=True, exist_ok=True)
    temporary = options.checkpoint_path.with_suffix(".tmp")
    contiguous = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    save_file(contiguous, temporary, metadata={"step": str(step), "config_key": options.config_key})
    temporary.replace(options.checkpoint_path)


def load_checkpoint(modules: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer, options: LoopOptions) -> int:
    """Restore what save_checkpoint wrote and return its step number."""
    with safe_open(options.checkpoint_path, "pt") as file:
        metadata = file.metadata()
        if metadata["config_key"] != options.config_key:
            raise ValueError(
                f"{options.checkpoint_path} belongs to settings {metadata['config_key']}, this run has {options.config_key}:"
                " choose another --output or the same settings"
            )
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    for name, module in modules.items():
        prefix = f"{name}."
        module.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}, strict=True)
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, field = key.split(".", 2)
            state.setdefault(int(index), {})[field] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return int(metadata["step"])
