import math

import pytest
import torch
from torch import Tensor

from colorization.inference import connected_places as module
from colorization.inference.connected_places import connection

ROWS, COLUMNS = 5, 9


def things(kinds: Tensor) -> Tensor:
    """Looks of a picture of things that have nothing in common."""
    return torch.eye(int(kinds.max()) + 1)[kinds].permute(2, 0, 1)


def test_by_hand() -> None:
    """One thing: only steps cost, and the straight way is the cheapest."""
    found = connection(things(torch.zeros(ROWS, COLUMNS, dtype=torch.long)), [(2, 1)])[0]
    assert float(found[2, 1]) == 1.0
    for row, column, length in ((2, 4, 3.0), (0, 1, 2.0), (3, 4, 2 + math.sqrt(2))):
        wanted = math.exp(-module.STEP * length / module.FAR)
        assert float(found[row, column]) == pytest.approx(wanted, rel=1e-4)


def test_another_thing_is_less_connected_than_the_same_farther_off() -> None:
    kinds = torch.zeros(ROWS, COLUMNS, dtype=torch.long)
    kinds[3:] = 1
    found = connection(things(kinds), [(2, 0)])[0]
    assert float(found[3, 0]) < float(found[2, -1])


def test_the_same_thing_behind_another_is_farther_than_around_it() -> None:
    kinds = torch.zeros(ROWS, COLUMNS, dtype=torch.long)
    kinds[:, 4] = 1
    apart = connection(things(kinds), [(2, 0)])[0]
    kinds[0, 4] = 0  # a way around
    around = connection(things(kinds), [(2, 0)])[0]
    assert float(apart[2, -1]) < 0.9 * float(around[2, -1])


def test_each_beginning_has_its_own_plane() -> None:
    looks = things(torch.randint(0, 3, (ROWS, COLUMNS)))
    cells = [(0, 0), (4, 8)]
    both = connection(looks, cells)
    for plane, cell in zip(both, cells, strict=True):
        torch.testing.assert_close(plane, connection(looks, [cell])[0])


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1)])
def test_grids_of_any_size(size: tuple[int, int]) -> None:
    looks = torch.ones(1, *size)
    found = connection(looks, [(0, 0)])
    assert found.shape == (1, *size) and bool((found > 0.9).all())
