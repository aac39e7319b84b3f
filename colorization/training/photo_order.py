"""Which photos of a store are trained on, and in which order."""

import numpy as np
from jaxtyping import Int

HELD_OUT = 64  # every 64th photo is not trained on


def photos_of(number: int, count: int, batch: int, seed: int) -> Int[np.ndarray, " batch"]:
    """The photos of a step: each in turn, in an order that changes from round to round.

    Args:
        number: of the step, from 0.
        count: photos of the store.
        batch: samples a step.
        seed: of the orders.

    Returns:
        Numbers of photos.
    """
    rows = trained_on(count)
    rounds, places = np.divmod(np.arange(batch) + number * batch, len(rows))
    orders = {
        number: np.random.default_rng((seed, int(number), 1)).permutation(rows)
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
