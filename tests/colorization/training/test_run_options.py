"""What tells one training from others."""

from dataclasses import replace

import pytest
import torch
from tiny_network import TINY

from colorization.training.run_options import RunOptions, key_of, settings_of
from colorization.training.store.stored_maps import MapStore

OPTIONS = RunOptions(steps=3, batch=4, network=TINY)


@pytest.mark.parametrize(
    ("share", "number"), [(0.0, 0), (0.4, 4), (0.49, 4), (1.0, 10)]
)  # 10 steps
def test_looks_are_judged_from_a_share_of_the_steps(share: float, number: int) -> None:
    assert replace(OPTIONS, steps=10, judged_from=share).first_judged == number


def test_settings_tell_everything_that_decides(store: MapStore) -> None:
    found = settings_of(OPTIONS, store, None, None)
    assert found["encoder"] == store.encoder_hash and found["store"] == store.key
    assert (found["photos"], found["batch"], found["judge"], found["start"]) == (6, 4, None, None)
    assert found["prior"] == pytest.approx(store.prior.tolist(), rel=0.01)


def test_a_key_is_that_of_all_settings_but_the_steps(store: MapStore) -> None:
    key = key_of(settings_of(OPTIONS, store, None, None))
    assert len(key) == 16
    assert key_of(settings_of(replace(OPTIONS, steps=9), store, None, None)) == key
    assert key_of(settings_of(replace(OPTIONS, seed=9), store, None, None)) != key
    assert key_of(settings_of(OPTIONS, store, None, {"weight": torch.ones(2)})) != key
