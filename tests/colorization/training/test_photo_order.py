"""Every photo in turn, and some never."""

import numpy as np

from colorization.training.photo_order import HELD_OUT, held_out, photos_of, trained_on


def test_each_photo_is_shown_once_a_round_in_a_new_order() -> None:
    rows = np.concatenate([photos_of(step, 6, 3, seed=0) for step in range(4)]).tolist()
    assert sorted(rows[:6]) == sorted(rows[6:]) == list(range(6))
    assert rows[:6] != rows[6:]
    other = np.concatenate([photos_of(step, 6, 3, seed=1) for step in range(4)])
    assert other.tolist() != rows


def test_photos_held_out_are_never_trained_on() -> None:
    count = 3 * HELD_OUT
    ours, theirs = trained_on(count), held_out(count)
    assert sorted([*ours, *theirs]) == list(range(count))
    assert theirs.tolist() == [0, HELD_OUT, 2 * HELD_OUT]
    assert trained_on(5).tolist() == held_out(5).tolist() == list(range(5))
    drawn = np.concatenate([photos_of(step, count, 4, seed=0) for step in range(60)])
    assert not set(drawn.tolist()) & set(theirs.tolist())
