"""Samples are of five kinds, which differ in what is lent, recolored and told."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from colorization.network.hints import FAITHFUL, LED, ORDINARY
from colorization.training.sample_plans import KINDS, SamplePlan, SamplingOptions, draw_plan
from colorization.training.store.stored_maps import MapStore

Only = Callable[..., SamplingOptions]
CROPS = 2  # of each photo of the store


@pytest.fixture
def plans(store: MapStore, rng: np.random.Generator) -> Callable[..., list[SamplePlan]]:
    """``plans(options)``: many samples of the first photo."""

    def draw(options: SamplingOptions, count: int = 200) -> list[SamplePlan]:
        return [draw_plan(store, 0, rng, options) for _ in range(count)]

    return draw


def test_kinds_have_their_shares(plans: Callable[..., list[SamplePlan]]) -> None:
    drawn = Counter(plan.kind for plan in plans(SamplingOptions(), 2000))
    for kind, share in zip(KINDS, SamplingOptions().kinds, strict=True):
        assert drawn[kind] / 2000 == pytest.approx(share, abs=0.04)


@pytest.mark.parametrize(
    ("kind", "counts"),
    [
        ("none", {0}),
        ("recommended", {1, 2, 3}),
        ("round trip", {1, 2, 3}),
        ("same photo", {1}),
        ("random", {1}),
    ],
)
def test_how_many_references_a_kind_has(
    plans: Callable[..., list[SamplePlan]], only: Only, kind: str, counts: set[int]
) -> None:
    drawn = plans(only(kind))
    assert {len(plan.references) for plan in drawn} == counts
    assert all(len({crop // CROPS for crop in p.references}) == len(p.references) for p in drawn)
    assert {plan.crop for plan in drawn} == {0, 1}


def test_recommended_references_are_of_the_photos_most_alike(
    plans: Callable[..., list[SamplePlan]], store: MapStore, only: Only
) -> None:
    drawn = plans(only("recommended", top=2))
    lent = {crop // CROPS for plan in drawn for crop in plan.references}
    assert lent == set(store.like[0][:2].tolist())


def test_the_same_photo_lends_its_other_crop(
    plans: Callable[..., list[SamplePlan]], only: Only
) -> None:
    assert all(plan.references == [1 - plan.crop] for plan in plans(only("same photo")))


@pytest.mark.parametrize("kind", KINDS)
def test_who_is_recolored(plans: Callable[..., list[SamplePlan]], only: Only, kind: str) -> None:
    for plan in plans(only(kind, recolored=(1.0,) * 5)):
        assert plan.angle != 0 and plan.gain > 0 and plan.gain != 1
        assert plan.turns_target == (kind != "random")
        assert plan.faithfulness == (ORDINARY if kind == "none" else FAITHFUL)
    for plan in plans(only(kind)):
        assert (plan.angle, plan.gain, plan.turns_target) == (0.0, 1.0, False)


@pytest.mark.parametrize("kind", KINDS)
def test_who_is_led(plans: Callable[..., list[SamplePlan]], only: Only, kind: str) -> None:
    options = only(kind, led=1.0, led_recolored=1.0, recolored=(1.0,) * 5, vivid=1.0)
    for plan in plans(options):
        assert plan.is_led == (kind in ("recommended", "random"))
        assert plan.faithfulness == (ORDINARY if kind == "none" else LED)
        assert not (plan.is_led and plan.turns_target) and not plan.is_vivid
