"""Old prints change luminance only, and keep it a luminance."""

import numpy as np
import pytest
import torch

from colorization.training.store import aged_prints
from colorization.training.store.aged_prints import aged, on_film
from similarity.color.lab import LUMINANCE_WEIGHTS, rgb_to_lab


def test_only_luminance_changes_and_stays_in_range(rng: np.random.Generator) -> None:
    lab = torch.cat((torch.rand(1, 24, 32) * 100, torch.randn(2, 24, 32) * 30))
    for _ in range(60):
        found = aged(lab, rng)
        assert torch.equal(found[1:], lab[1:])
        assert 0 <= float(found[0].min()) <= float(found[0].max()) <= 100
        assert not torch.equal(found[0], lab[0])


def test_without_blur_and_grain_the_order_of_tones_is_kept(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aged_prints, "BLUR_SHARE", 0.0)
    monkeypatch.setattr(aged_prints, "GRAIN_SHARE", 0.0)
    ramp = torch.cat((torch.linspace(0, 100, 64).view(1, 1, 64), torch.zeros(2, 1, 64)))
    for _ in range(30):
        assert bool((aged(ramp, rng)[0].diff() >= 0).all())


def test_blur_softens_an_edge_and_grain_roughens_a_plane(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge = torch.zeros(3, 16, 16)
    edge[0, :, :8], edge[0, :, 8:] = 30.0, 70.0
    monkeypatch.setattr(aged_prints, "BLUR_SHARE", 1.0)
    monkeypatch.setattr(aged_prints, "GRAIN_SHARE", 0.0)
    soft = aged(edge, rng)[0, 8]
    assert len(soft.unique()) > 2
    assert len(aged(edge * 0 + 50, rng)[0].round(decimals=2).unique()) == 1
    monkeypatch.setattr(aged_prints, "BLUR_SHARE", 0.0)
    monkeypatch.setattr(aged_prints, "GRAIN_SHARE", 1.0)
    assert float(aged(edge * 0 + 50, rng)[0].std()) > 0.2


def test_film_that_is_blind_to_red_darkens_red_and_lightens_blue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(aged_prints, "FILM_SHARE", 1.0)
    rgb = torch.tensor([[0.9, 0.2, 0.5], [0.2, 0.3, 0.5], [0.2, 0.9, 0.5]])[:, None]
    seen = rgb_to_lab(rgb)
    for seed in range(20):
        found = on_film(rgb, np.random.default_rng(seed))
        assert torch.equal(found[1:], seen[1:])
        red, blue, gray = (found[0] - seen[0])[0].tolist()
        assert red <= 0 <= blue and gray == pytest.approx(0, abs=0.05)
    # film that sees as eyes do
    monkeypatch.setattr(aged_prints, "FILM_SHARES", LUMINANCE_WEIGHTS)
    red_only = torch.tensor([1.0, 0.0, 0.0])[:, None, None]
    level = on_film(red_only, np.random.default_rng(0))[0]
    assert float(level) == pytest.approx(float(rgb_to_lab(red_only)[0]), abs=0.01)


def test_of_some_crops_the_luminance_is_what_eyes_see(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aged_prints, "FILM_SHARE", 0.0)
    rgb = torch.rand(3, 8, 8)
    assert torch.equal(on_film(rgb, np.random.default_rng(0)), rgb_to_lab(rgb))


def test_it_follows_from_the_seed() -> None:
    lab = torch.rand(3, 8, 8) * 100
    one, again, other = (aged(lab, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, again) and not torch.equal(one, other)
