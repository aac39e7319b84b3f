"""Samples: whose colors they lend, what is recolored, and what the network is told."""

import math
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from colorization.network.color_bins import NUM_BINS
from colorization.network.hints import FAITHFUL, LED, ORDINARY
from colorization.network.input_planes import AB_SCALE
from colorization.training.sample_plans import KINDS, SamplingOptions
from colorization.training.samples import Batch, moved, turned
from colorization.training.store.stored_maps import MapStore

Only = Callable[..., SamplingOptions]
Draw = Callable[..., Batch]
VIVID, WORTH = NUM_BINS + 3, NUM_BINS + 4  # places of the global hints


def own_colors(store: MapStore, photo: int) -> Tensor:
    """The colors of both crops of a photo at stride 4."""
    return F.avg_pool2d(store.read(np.array([2 * photo, 2 * photo + 1])).ab, 2)


def is_of(ab: Tensor, store: MapStore, photo: int) -> bool:
    """Whether colors at stride 4 are those of a crop of the photo."""
    return any(torch.allclose(ab, own, atol=1e-3) for own in own_colors(store, photo))


@pytest.fixture
def painted(make_store: Callable[..., MapStore]) -> MapStore:
    """Four photos of one color each."""
    colors = ((200, 60, 50), (60, 180, 70), (50, 80, 200), (190, 180, 60))
    return make_store([np.full((64, 64, 3), color, np.uint8) for color in colors])


def test_shapes_and_ranges(draw: Draw, store: MapStore) -> None:
    kinds = Counter[int]()
    for seed in range(20):
        batch = draw(store, seed=seed)
        assert batch.luminance.shape == (6, 1, 64, 64)
        assert batch.ab.shape == (6, 2, 16, 16)
        assert batch.inputs.luminance.shape == (6, 1, 32, 32)
        assert batch.inputs.references.shape == (6, 17, 8, 8)
        assert batch.inputs.hints.shape == (6, 3, 16, 16)
        assert len(batch.inputs.global_hints) == 6
        for values in (batch.ab, batch.inputs.references, batch.inputs.hints):
            assert bool(values.isfinite().all())
        kinds.update(batch.kinds.tolist())
    assert sorted(kinds) == list(range(len(KINDS)))
    assert kinds[1] > kinds[4]  # 0.34 and 0.12 of 120


def test_a_batch_depends_on_its_seed_only(draw: Draw, store: MapStore) -> None:
    one, again, other = draw(store, seed=1), draw(store, seed=1), draw(store, seed=2)
    assert torch.equal(one.ab, again.ab)
    assert torch.equal(one.inputs.references, again.inputs.references)
    assert torch.equal(one.inputs.global_hints, again.inputs.global_hints)
    assert not torch.equal(one.ab, other.ab)


def test_targets_are_crops_of_their_photos(draw: Draw, store: MapStore, only: Only) -> None:
    batch = draw(store, only("recommended"))
    assert all(is_of(batch.ab[i], store, i) for i in range(6))


def test_without_a_reference_its_planes_are_empty(draw: Draw, store: MapStore, only: Only) -> None:
    batch = draw(store, only("none"))
    assert not batch.inputs.references.any()
    assert not batch.inputs.hints[:, 2].any()


def lent(batch: Batch) -> Tensor:
    """The mean color that the references lend each sample."""
    warped = batch.inputs.references[:, :8].unflatten(1, (2, 4))  # of the quarters of each cell
    return warped.mean((2, 3, 4)) * AB_SCALE


def test_recommended_references_are_other_photos(draw: Draw, painted: MapStore, only: Only) -> None:
    own = torch.stack([own_colors(painted, i).mean((0, 2, 3)) for i in range(4)])
    seen = [set[int](), set[int](), set[int](), set[int]()]
    for seed in range(12):
        colors = lent(draw(painted, only("recommended", more_references=0.0), range(4), seed))
        for row, color in enumerate(colors):
            distance = (own - color).norm(dim=1)
            assert float(distance.min()) < 3
            seen[row].add(int(distance.argmin()))
    assert all(row not in found for row, found in enumerate(seen))
    assert all(len(found) == 3 for found in seen)


def test_the_same_photo_lends_from_another_crop(draw: Draw, painted: MapStore, only: Only) -> None:
    colors = lent(draw(painted, only("same photo"), range(4)))
    own = torch.stack([own_colors(painted, i).mean((0, 2, 3)) for i in range(4)])
    torch.testing.assert_close(colors, own, atol=2.0, rtol=0.05)


def test_a_round_trip_brings_back_the_targets_own_colors(
    draw: Draw, painted: MapStore, only: Only
) -> None:
    """Sent to another photo and back, they are still the target's."""
    batch = draw(painted, only("round trip"), range(4))
    own = batch.ab.mean((2, 3))
    torch.testing.assert_close(lent(batch), own, atol=2.0, rtol=0.05)


def test_pairs_are_recolored_together(draw: Draw, painted: MapStore, only: Only) -> None:
    options = only("same photo", recolored=(1.0,) * 5)
    batch = draw(painted, options, range(4))
    own = torch.stack([own_colors(painted, i).mean((0, 2, 3)) for i in range(4)])
    target = batch.ab.mean((2, 3))
    assert bool(((target - own).norm(dim=1) > 5).any())
    torch.testing.assert_close(lent(batch), target, atol=2.5, rtol=0.08)


def test_of_random_references_only_the_reference_is_recolored(
    draw: Draw, store: MapStore, only: Only
) -> None:
    batch = draw(store, only("random", recolored=(1.0,) * 5))
    assert all(is_of(batch.ab[i], store, i) for i in range(6))


def test_turning_by_hand() -> None:
    ab = torch.tensor([30.0, 0.0]).view(1, 2, 1, 1)
    quarter = turned(ab, torch.tensor([math.pi / 2]), torch.tensor([2.0]))
    torch.testing.assert_close(quarter.flatten(), torch.tensor([0.0, 60.0]), atol=1e-4, rtol=0)
    same = turned(ab, torch.zeros(1), torch.ones(1))
    torch.testing.assert_close(same, ab)


def test_points_tell_the_truth(draw: Draw, painted: MapStore, only: Only) -> None:
    batch = draw(painted, only("none", points=1.0), range(4))
    for ab, hints in zip(batch.ab, batch.inputs.hints, strict=True):
        given = hints[2] > 0.9
        if bool(given.any()):
            torch.testing.assert_close(hints[:2, given] * AB_SCALE, ab[:, given], atol=1, rtol=0.05)
    assert bool((batch.inputs.hints[:, 2] > 0).any())


def test_a_palette_is_that_of_the_target(draw: Draw, store: MapStore, only: Only) -> None:
    told = draw(store, only("none", palette=1.0)).inputs.global_hints
    silent = draw(store, only("none")).inputs.global_hints
    torch.testing.assert_close(told[:, :NUM_BINS].square().sum(1), torch.ones(6))
    assert not silent[:, :NUM_BINS].any()


@pytest.mark.parametrize(
    ("kind", "told", "worth"),
    [
        ("none", {"led": 1.0, "faithful": 1.0}, ORDINARY),
        ("recommended", {}, ORDINARY),
        ("recommended", {"faithful": 1.0}, FAITHFUL),
        ("recommended", {"led": 1.0}, LED),
        ("random", {"led": 1.0}, LED),
        ("round trip", {}, FAITHFUL),
        ("round trip", {"led": 1.0}, LED),
        ("same photo", {}, FAITHFUL),
    ],
)
def test_what_the_network_is_told_of_references(
    draw: Draw, store: MapStore, only: Only, kind: str, told: dict[str, float], worth: float
) -> None:
    hints = draw(store, only(kind, **told)).inputs.global_hints
    assert hints[:, WORTH].tolist() == [worth] * 6


def test_who_is_led_finds_the_colors_of_its_reference(
    draw: Draw, painted: MapStore, only: Only
) -> None:
    """Photos of one plain color each resemble each other everywhere."""
    options = only("recommended", led=1.0, more_references=0.0)
    batch = draw(painted, options, range(4))
    own = torch.stack([own_colors(painted, i).mean((0, 2, 3)) for i in range(4)])
    found = batch.ab.mean((2, 3))
    assert bool(((found - own).norm(dim=1) > 5).all())
    torch.testing.assert_close(found, lent(batch), atol=2.5, rtol=0.08)


def test_who_is_led_by_a_recolored_reference_is_not_recolored_itself(
    draw: Draw, painted: MapStore, only: Only
) -> None:
    options = only("recommended", led=1.0, led_recolored=1.0, more_references=0.0)
    batch = draw(painted, options, range(4))
    torch.testing.assert_close(batch.ab.mean((2, 3)), lent(batch), atol=2.5, rtol=0.08)


@pytest.mark.parametrize(
    ("kind", "is_vivid"),
    [("none", True), ("recommended", True), ("round trip", False), ("random", False)],
)
def test_vivid_colors_are_asked_for_where_they_are_judged(
    draw: Draw, store: MapStore, only: Only, kind: str, is_vivid: bool
) -> None:
    batch = draw(store, only(kind, vivid=1.0))
    assert batch.is_vivid.tolist() == [is_vivid] * 6
    assert batch.inputs.global_hints[:, VIVID].tolist() == [float(is_vivid)] * 6


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 3])
def test_a_corpus_of_few_photos(
    draw: Draw,
    make_store: Callable[..., MapStore],
    pictures: dict[str, np.ndarray],
    only: Only,
    kind: str,
    count: int,
) -> None:
    names = ("chelsea", "coffee", "retina")
    store = make_store([pictures[name] for name in names[:count]])
    for seed in range(3):
        batch = draw(store, only(kind), range(count), seed)
        assert bool(batch.inputs.references.isfinite().all())
        assert bool(batch.inputs.references.any()) == (kind != "none")


def test_a_gray_photo_has_no_colors_to_find(
    draw: Draw, make_store: Callable[..., MapStore], gray_pictures: dict[str, np.ndarray]
) -> None:
    gray = np.dstack([gray_pictures["chelsea"]] * 3)
    batch = draw(make_store([gray, gray]), photos=range(2))
    assert float(batch.ab.abs().max()) < 1


def test_moving_keeps_everything(draw: Draw, store: MapStore) -> None:
    batch = draw(store)
    there = moved(batch, torch.device("cpu"))
    assert torch.equal(there.ab, batch.ab) and torch.equal(there.is_vivid, batch.is_vivid)
    for name, maps in batch.inputs.maps.items():
        assert torch.equal(there.inputs.maps[name], maps)
        assert there.inputs.maps[name].is_contiguous(memory_format=torch.channels_last)
