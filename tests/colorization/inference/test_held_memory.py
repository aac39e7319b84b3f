from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from colorization.inference.held_memory import held_bytes

KILO = 1024


def kilo() -> Tensor:
    """A tensor of 1024 bytes."""
    return torch.zeros(KILO // 4)


@dataclass(frozen=True)
class Holder:
    planes: object = None
    said: dict[object, object] = field(default_factory=dict)

    @cached_property
    def computed(self) -> Tensor:
        return kilo()


def test_a_tensor_and_an_array() -> None:
    assert held_bytes(torch.zeros(3, 5, dtype=torch.float64)) == 3 * 5 * 8
    assert held_bytes(np.zeros((3, 5), np.uint16)) == 3 * 5 * 2
    assert held_bytes(torch.zeros(0)) == held_bytes("text") == held_bytes(None) == 0


def test_what_is_in_others() -> None:
    maps = {"a": kilo(), "b": [kilo(), (kilo(), np.zeros(KILO, np.uint8))]}
    assert held_bytes(Holder(maps, {True: ("key", Holder(kilo()))})) == 5 * KILO


def test_what_is_held_twice_counts_once() -> None:
    one, array = kilo(), np.zeros(KILO, np.uint8)
    assert held_bytes(Holder([one, one, one.view(16, 16), array, array])) == 2 * KILO


def test_a_view_counts_as_the_whole_that_it_keeps() -> None:
    assert held_bytes(kilo()[:3]) == KILO
    assert held_bytes(np.zeros((4, 256), np.uint8)[1:2, ::2]) == KILO
    gray = np.zeros((16, 64, 1), np.uint8)
    assert held_bytes(np.broadcast_to(gray, (16, 64, 3))) == KILO


def test_what_was_computed_and_what_is_remembered_count_from_then_on() -> None:
    holder = Holder()
    assert held_bytes(holder) == 0
    assert holder.computed.nbytes == KILO == held_bytes(holder)
    holder.said["answer"] = kilo()
    assert held_bytes(holder) == 2 * KILO


def test_networks_do_not_count() -> None:
    network = nn.Conv2d(3, 5, 3)
    assert held_bytes(Holder(network, {(network, None): kilo()})) == KILO


def test_a_circle_ends() -> None:
    holder = Holder()
    holder.said["itself"] = holder
    assert held_bytes(holder) == 0
