"""Where and in which precision networks compute, whatever the program around has set."""

import contextlib
import os
from collections.abc import Iterator

import torch

# instruction sets that oneDNN can be limited to and that compute in bfloat16
WITH_BFLOAT16 = (
    "AVX512_CORE_BF16",
    "AVX512_CORE_FP16",
    "AVX512_CORE_AMX",
    "AVX10",
    "ALL",
    "DEFAULT",
)


def autocast(device: torch.device) -> contextlib.AbstractContextManager[None]:
    """Bfloat16 autocast where it is faster: GPUs, and processors with AVX512-BF16 or AMX."""
    is_fast = computes_bfloat16(device)
    return torch.autocast(device.type, torch.bfloat16) if is_fast else contextlib.nullcontext()


def computes_bfloat16(device: torch.device) -> bool:
    """Whether a device has instructions for it that oneDNN's own variable does not forbid.

    ``ONEDNN_MAX_CPU_ISA=AVX2`` makes any processor compute as most laptops do, to measure it.

    Args:
        device: where networks compute.
    """
    if device.type != "cpu":
        return True
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper()
    return (not limit or limit.startswith(WITH_BFLOAT16)) and torch.cpu._is_avx512_bf16_supported()


@contextlib.contextmanager
def inference() -> Iterator[None]:
    """Compute without gradients, in the precision and on the device that this code chooses."""
    # torch.get_default_device() of torch 2.6 knows nothing of a device that a with statement sets
    is_usual = torch.empty(0).device.type == "cpu"
    place = contextlib.nullcontext() if is_usual else torch.device("cpu")
    with (
        torch.inference_mode(),
        torch.autocast("cpu", enabled=False),
        torch.autocast("cuda", enabled=False),
        place,
    ):
        yield


def usable_device(device: torch.device | str) -> torch.device:
    """The device of a name.

    Raises:
        ValueError: there is no such device on this machine.
    """
    try:
        place = torch.device(device)
        torch.empty(1, device=place)
    except (RuntimeError, AssertionError) as error:
        first = str(error).splitlines()[0].split(". ")[0]
        if first.startswith("Expected one of"):  # more than twenty, of which few are a person's
            first = "it is none of cpu, cuda, cuda:1, mps and their like"
        elif "not compiled with CUDA" in first:
            first = "this PyTorch was built without it: install torch without --index-url"
        elif first.startswith("Could not run"):
            first = "this machine, or this PyTorch, has none"
        raise ValueError(
            f'device {device} cannot be used here ({first}); "cpu" works everywhere'
        ) from error
    return place
