"""What a run computes on follows from the machine and from --device."""

import inspect
from types import SimpleNamespace

import pytest
import torch

from colorization.training import accelerator
from colorization.training.accelerator import accelerator_of


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "mps", "gpu"])
def test_a_device_that_has_no_effect_is_refused(device: str) -> None:
    with pytest.raises(ValueError, match=f"^--device {device}: give cpu, or nothing") as caught:
        accelerator_of(device)
    assert "\n" not in str(caught.value)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether accelerate was told to use the CPU; it finds MPS otherwise."""
    found: list[bool] = []

    def accelerate(cpu: bool) -> SimpleNamespace:
        found.append(cpu)
        return SimpleNamespace(num_processes=1, device="cpu" if cpu else "mps")

    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setattr(accelerator, "Accelerator", accelerate)
    return found


@pytest.mark.parametrize(
    ("has_accelerator", "device", "cpu"),
    [(True, None, False), (True, "cpu", True), (False, None, True), (False, "cpu", True)],
)
def test_accelerate_finds_what_the_machine_has(
    asked: list[bool],
    monkeypatch: pytest.MonkeyPatch,
    has_accelerator: bool,
    device: str | None,
    cpu: bool,
) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: has_accelerator)
    # without the check of its type: this stands for an Accelerator
    inspect.unwrap(accelerator_of)(device)
    assert asked == [cpu]


def test_more_processes_than_can_be_joined_are_refused(
    asked: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(
        ValueError,
        match=r"^2 processes cannot train together on cpu; start one, or give --device cpu$",
    ):
        accelerator_of("cpu")
