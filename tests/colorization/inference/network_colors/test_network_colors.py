"""Stage by stage, with a network that was never trained."""

import gc
import weakref
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from tiny_network import tiny_network

from colorization.inference import exact_matches
from colorization.inference import network_colors as module
from colorization.inference.color_belief import NetworkBelief
from colorization.inference.color_points import blend_points
from colorization.inference.matching import RECOMMENDED_SHARE, ReferenceMatch, match_references
from colorization.inference.network_colors import (
    Guidance,
    belief_of,
    network_colors,
    predict,
    said_of,
)
from colorization.inference.pictures.edge_upsampling import upsampled_along_edges
from colorization.network.color_bins import (
    NUM_BINS,
    ab_bins,
    rebalancing_weights,
    without_rebalancing,
)
from colorization.network.color_decoding import likely_colors, palette_colors
from colorization.network.colorization_network import ColorizationNetwork, NetworkInputs
from colorization.network.hints import FAITHFUL, LED, ORDINARY, Point, global_hints, point_planes
from colorization.options import ColorizeOptions

POINT = Point(0.4, 0.6, (40.0, -20.0))
CAREFUL = ColorizeOptions(vividness=0.0)
EVEN = torch.full((NUM_BINS,), 1 / NUM_BINS)


@pytest.fixture(autouse=True)
def _in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounding depends on the batch."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)


def careful(
    network: ColorizationNetwork,
    match: ReferenceMatch,
    seen: bool,
    guidance: Guidance = Guidance(),
) -> torch.Tensor:
    """The network's careful colors at half the working size."""
    said = predict(network, match, seen, guidance)
    ab = likely_colors(said.ab, said.logits, rebalancing_weights(network.prior), 0.0)
    return upsampled_along_edges(ab[0], match.level)


# What is asked


def test_references_are_shown_where_they_are_to_be_seen(
    network: ColorizationNetwork, match: ReferenceMatch, asked: list[NetworkInputs]
) -> None:
    for seen in (True, False):
        predict(network, match, seen)
    with_them, without = asked
    assert match.planes is not None
    assert torch.equal(with_them.references, match.planes.planes)
    assert not without.references.any()
    for inputs, worth in ((with_them, LED), (without, ORDINARY)):
        assert torch.equal(inputs.global_hints[0], global_hints(faithfulness=worth))
        assert not inputs.hints.any()
        for name, maps in match.target.encoder_maps.items():
            assert torch.equal(inputs.maps[name], maps)


def test_recommended_references_are_followed_a_little_less(
    network: ColorizationNetwork, match: ReferenceMatch, asked: list[NetworkInputs]
) -> None:
    belief = belief_of(network, match.target)
    asked.clear()
    recommended = match_references(match.target, match.references, belief)
    mixed = network_colors(network, recommended, Guidance(), CAREFUL)
    assert len(asked) == 1  # what it says without references was known
    # they do not lead: what is alike has often other colors
    assert torch.equal(asked[0].global_hints[0], global_hints(faithfulness=FAITHFUL))
    followed, without = (careful(network, recommended, seen) for seen in (True, False))
    wanted = torch.lerp(without, followed, RECOMMENDED_SHARE)
    torch.testing.assert_close(mixed, wanted, atol=1e-3, rtol=0)


def test_faithfulness_goes_from_the_answer_without_references_to_the_one_with_them(
    network: ColorizationNetwork, match: ReferenceMatch
) -> None:
    found = network_colors(network, match, Guidance(), replace(CAREFUL, faithfulness=0.25))
    seen, unseen = careful(network, match, True), careful(network, match, False)
    torch.testing.assert_close(found, torch.lerp(unseen, seen, 0.25))


def test_without_references_their_planes_are_zero(
    network: ColorizationNetwork, alone: ReferenceMatch, asked: list[NetworkInputs]
) -> None:
    predict(network, alone, True)
    assert not asked[0].references.any()


def test_points_and_palette_are_told(
    network: ColorizationNetwork, match: ReferenceMatch, asked: list[NetworkInputs]
) -> None:
    predict(network, match, True, Guidance([POINT], EVEN))
    (inputs,) = asked
    wanted = point_planes([POINT], F.avg_pool2d(match.target.luminance, 4)[0])
    torch.testing.assert_close(inputs.hints[0], torch.cat((wanted[:2] / 50, wanted[2:])))
    assert torch.equal(inputs.global_hints[0], global_hints(EVEN, faithfulness=LED))


# Decoding


def test_vivid_colors_are_sharper_and_stronger(
    network: ColorizationNetwork, alone: ReferenceMatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gain of 1.4 at half the vividness is 1.2."""
    monkeypatch.setattr(module, "vivid_gain", lambda ab, level: 1.4)
    for vividness, gain in ((0.0, 1.0), (0.5, 1.2), (1.0, 1.4)):
        said = predict(network, alone, False)
        weights = rebalancing_weights(network.prior)
        likely = likely_colors(said.ab, said.logits, weights, vividness)
        found = network_colors(network, alone, Guidance(), replace(CAREFUL, vividness=vividness))
        torch.testing.assert_close(found, gain * upsampled_along_edges(likely[0], alone.level))


def test_colors_of_references_are_not_sharpened_where_they_match(
    network: ColorizationNetwork, match: ReferenceMatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "vivid_gain", lambda ab, level: 1.0)
    monkeypatch.setattr(module, "followed_gain", lambda ab, match: 1.0)
    height, width = match.size
    trust = torch.zeros(1, height, width)
    trust[..., : width // 2] = 1.0
    monkeypatch.setattr(ReferenceMatch, "trust", trust)
    given, plain = (
        network_colors(network, match, Guidance(), replace(CAREFUL, vividness=x))
        for x in (1.0, 0.0)
    )
    apart = (given - plain).abs()
    assert apart[..., : width // 4].max() < 1e-3 < apart[..., -width // 4 :].max()


def test_the_gain_is_for_answers_without_a_palette(
    network: ColorizationNetwork, alone: ReferenceMatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for gain in (1.0, 1.5):
        monkeypatch.setattr(module, "VIVID_LIMITS", (gain, gain))
        match = replace(alone)  # which remembers nothing
        found.append(network_colors(network, match, Guidance(palette=EVEN), ColorizeOptions()))
    assert torch.equal(found[0], found[1])


def test_an_even_palette_of_an_even_prior_leaves_the_odds(
    network: ColorizationNetwork, alone: ReferenceMatch
) -> None:
    said = predict(network, alone, False, Guidance(palette=EVEN))
    found = network_colors(network, alone, Guidance(palette=EVEN), CAREFUL)
    weights = rebalancing_weights(network.prior)
    likely = palette_colors(said.ab, without_rebalancing(said.logits, weights))[0]
    wanted = upsampled_along_edges(likely, alone.level)
    torch.testing.assert_close(found, wanted, atol=1e-3, rtol=1e-4)


def gray_network() -> ColorizationNetwork:
    """It says gray, and is sure of it."""
    network = tiny_network()
    for part in (network.ab, network.bins[-1]):
        assert isinstance(part, torch.nn.Conv2d) and part.bias is not None
        part.weight.zero_()
        part.bias.zero_()
    network.bins[-1].bias[int(ab_bins().norm(dim=1).argmin())] = 100.0  # type: ignore[index]
    return network


@pytest.mark.parametrize("vividness", [0.0, 1.0])
def test_grays_stay_neutral(alone: ReferenceMatch, vividness: float) -> None:
    options = ColorizeOptions(vividness=vividness)
    found = network_colors(gray_network(), alone, Guidance(), options)
    assert float(found.abs().max()) < 1e-4


# Mixing


def test_faithfulness_goes_from_no_reference_to_the_reference(
    network: ColorizationNetwork, match: ReferenceMatch, alone: ReferenceMatch
) -> None:
    none = network_colors(network, alone, Guidance(), CAREFUL)
    results = [
        network_colors(network, match, Guidance(), replace(CAREFUL, faithfulness=share))
        for share in (0.0, 0.25, 1.0)
    ]
    torch.testing.assert_close(results[0], none, atol=1e-3, rtol=0)
    assert float((results[2] - none).abs().mean()) > 0.1
    torch.testing.assert_close(results[1], torch.lerp(none, results[2], 0.25), atol=1e-3, rtol=0)


def test_only_answers_that_count_are_asked_for(
    network: ColorizationNetwork, match: ReferenceMatch, asked: list[NetworkInputs]
) -> None:
    for faithfulness in (0.0, 0.5, 1.0):
        network_colors(network, match, Guidance(), replace(CAREFUL, faithfulness=faithfulness))
    assert [bool(inputs.references.any()) for inputs in asked] == [False, True]  # once each


# Exact matches


def test_exact_matches_are_taken_as_they_are(
    network: ColorizationNetwork, same: ReferenceMatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = F.avg_pool2d(same.target.ab, 2)
    found = network_colors(network, same, Guidance(), ColorizeOptions())
    torch.testing.assert_close(found, own, atol=0.5, rtol=0)
    half = network_colors(network, same, Guidance(), ColorizeOptions(faithfulness=0.5))
    monkeypatch.setattr(exact_matches, "SAME_FROM_TO", (5.0, 6.0))  # which no cosine reaches
    without = network_colors(network, replace(same), Guidance(), ColorizeOptions(faithfulness=0.5))
    torch.testing.assert_close(half, (without + own) / 2, atol=0.5, rtol=0)


def test_a_palette_overrules_references(
    network: ColorizationNetwork, same: ReferenceMatch, alone: ReferenceMatch
) -> None:
    """Even the very same picture, whose colors would be taken as they are."""
    both, without = (
        network_colors(network, match, Guidance(palette=EVEN), ColorizeOptions())
        for match in (same, alone)
    )
    assert torch.equal(both, without)


# Points


def test_points_are_blended_with_what_is_known_without_them(
    network: ColorizationNetwork, match: ReferenceMatch, asked: list[NetworkInputs]
) -> None:
    found = network_colors(network, match, Guidance([POINT]), CAREFUL)
    without = network_colors(network, match, Guidance(), CAREFUL)
    assert len(asked) == 2  # what it says without the point was known
    answer = careful(network, match, True, Guidance([POINT]))
    belief = NetworkBelief(said_of(network, match, True), rebalancing_weights(network.prior))
    wanted = blend_points(without, answer, [POINT], match, belief.probabilities[0])
    torch.testing.assert_close(found, wanted, atol=1e-3, rtol=1e-4)
    assert float((found - without).abs().max()) > 1


# What is remembered


def test_the_network_is_asked_only_about_what_changed(
    network: ColorizationNetwork, match: ReferenceMatch, asked: list[NetworkInputs]
) -> None:
    def runs(guidance: Guidance, options: ColorizeOptions = CAREFUL) -> int:
        asked.clear()
        network_colors(network, match, guidance, options)
        return len(asked)

    assert runs(Guidance()) == 1
    assert runs(Guidance()) == 0
    assert runs(Guidance([POINT])) == 1
    assert runs(Guidance(), replace(CAREFUL, saturation=1.4)) == 0
    assert runs(Guidance(), replace(CAREFUL, vividness=0.2)) == 0
    assert runs(Guidance(), replace(CAREFUL, faithfulness=0.2)) == 1  # without references
    assert runs(Guidance(), replace(CAREFUL, faithfulness=0.4)) == 0
    assert runs(Guidance(palette=EVEN)) == 1
    assert runs(Guidance(palette=EVEN.clone())) == 0
    assert runs(Guidance(palette=torch.linspace(0, 2, NUM_BINS) / NUM_BINS)) == 1


def test_each_network_is_asked(network: ColorizationNetwork, alone: ReferenceMatch) -> None:
    """Also one that lies in memory where another lay, which is gone."""
    match = match_references(alone.target, [])
    for seed in range(1, 6):
        other = tiny_network(seed)
        found = said_of(other, match, False)
        assert torch.equal(found.ab, predict(other, match, False).ab)
        there = weakref.ref(other)
        del other
        gc.collect()
        assert there() is not None  # as long as what it said is remembered
    said_of(network, match, False)
    gc.collect()
    assert there() is None
