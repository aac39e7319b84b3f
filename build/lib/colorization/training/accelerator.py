"""What a training run computes on: one device, or several processes together."""

import os

import torch
from accelerate import Accelerator


def accelerator_of(device: str | None) -> Accelerator:
    """What a run computes on.

    Args:
        device: ``cpu``, or None for what accelerate finds: CUDA, MPS and their like, else the CPU.

    Raises:
        ValueError: another device, or more processes than accelerate can join on it.
    """
    if device not in (None, "cpu"):
        raise ValueError(
            f"--device {device}: give cpu, or nothing for what accelerate finds;"
            " CUDA_VISIBLE_DEVICES selects GPUs"
        )
    # processes on the CPU are joined only if accelerate is told that there is nothing else
    accelerator = Accelerator(cpu=device == "cpu" or not torch.accelerator.is_available())
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if accelerator.num_processes < started:
        raise ValueError(
            f"{started} processes cannot train together on {accelerator.device}; start one, or give"
            " --device cpu"
        )
    return accelerator
