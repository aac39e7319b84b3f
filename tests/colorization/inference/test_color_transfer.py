from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import colorization.inference.color_transfer
from colorization.inference.color_transfer import MATCH_LAYERS, Transfer, transfer
from colorization.inference.picture_features import describe
from colorization.inference.working_size import working_lab
from colorization.options import ColorizeOptions
from similarity.backbone.backbone import Backbone
from similarity.matching.refinement import refine

Run = Callable[..., Transfer]


@pytest.fixture
def labs(pictures: dict[str, np.ndarray]) -> dict[str, Tensor]:
    return {
        name: working_lab(pictures[name], 96)
        for name in ("motorcycle_left", "motorcycle_right", "chelsea", "retina")
    }


@pytest.fixture
def run(backbone: Backbone, fast: ColorizeOptions) -> Run:
    """``run(target, references, ab=their own, scores=None, **options)`` on Lab pictures."""

    def call(
        target: Tensor,
        references: list[Tensor],
        ab: list[Tensor] | None = None,
        scores: list[float] | None = None,
        **options: object,
    ) -> Transfer:
        with torch.inference_mode():
            seen, *lenders = (
                describe(backbone, lab, MATCH_LAYERS, 96) for lab in (target, *references)
            )
            if ab:
                lenders = [replace(lender, ab=own) for lender, own in zip(lenders, ab, strict=True)]
            return transfer(seen, lenders, scores, replace(fast, **options))  # type: ignore[arg-type]

    return call


def test_shapes_and_ranges(run: Run, labs: dict[str, Tensor]) -> None:
    target = labs["motorcycle_left"]
    found = run(target, [labs["chelsea"], labs["retina"], labs["motorcycle_right"]])
    half = (target.shape[2] // 2, target.shape[3] // 2)
    assert found.warped_ab.shape == (2, *half)
    assert found.confidence.shape == (1, *half)
    assert bool(found.warped_ab.isfinite().all())
    assert 0 <= float(found.confidence.min()) <= float(found.confidence.max()) <= 1 + 1e-6
    assert len(found.influence) == 3
    assert min(found.influence) >= 0
    assert sum(found.influence) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("name", ["motorcycle_left", "chelsea", "retina"])
def test_a_target_that_is_its_own_reference_gets_its_own_colors(
    run: Run, labs: dict[str, Tensor], name: str
) -> None:
    lab = labs[name]
    found = run(lab, [lab])
    own = F.avg_pool2d(lab[:, 1:], 2)[0]
    error = (found.warped_ab - own).square().sum(0).sqrt()
    spread = (own - own.mean((1, 2), keepdim=True)).square().sum(0).sqrt()
    assert float(error.mean()) < 0.35 * float(spread.mean())
    assert float(found.confidence.mean()) > 0.9


def test_one_color_is_carried_over_as_it_is(run: Run, labs: dict[str, Tensor]) -> None:
    """Every average of equal colors is that color, and references that agree leave no doubt but weak matches."""
    references = [labs["chelsea"], labs["retina"]]
    ab = [
        torch.tensor([25.0, -40.0]).view(2, 1, 1).expand(2, *lab.shape[2:]).contiguous()
        for lab in references
    ]
    found = run(labs["motorcycle_left"], references, ab, mismatch=0.0)
    torch.testing.assert_close(
        found.warped_ab, ab[0][:, :1, :1].expand_as(found.warped_ab), atol=0.1, rtol=0
    )
    torch.testing.assert_close(
        found.confidence, torch.ones_like(found.confidence), atol=1e-2, rtol=0
    )


def test_references_without_color_carry_none(run: Run, labs: dict[str, Tensor]) -> None:
    reference = labs["chelsea"]
    found = run(labs["retina"], [reference], [torch.zeros_like(reference[0, 1:])])
    assert float(found.warped_ab.abs().max()) < 1e-3


def test_without_caution_nothing_is_held_back(run: Run, labs: dict[str, Tensor]) -> None:
    found = run(labs["motorcycle_left"], [labs["chelsea"], labs["retina"]], caution=0.0)
    torch.testing.assert_close(
        found.confidence, torch.ones_like(found.confidence), atol=1e-3, rtol=0
    )


def test_more_caution_holds_more_back(run: Run, labs: dict[str, Tensor]) -> None:
    confidences = [
        float(
            run(
                labs["motorcycle_left"], [labs["chelsea"], labs["retina"]], caution=c
            ).confidence.mean()
        )
        for c in (0.0, 0.5, 2.0, 8.0)
    ]
    assert confidences == sorted(confidences, reverse=True)
    assert confidences[-1] < confidences[0] - 0.1


def test_a_reference_of_the_same_scene_is_trusted_more(run: Run, labs: dict[str, Tensor]) -> None:
    same, other = (
        run(labs["motorcycle_left"], [labs[n]]).confidence.mean()
        for n in ("motorcycle_right", "retina")
    )
    assert float(same) > float(other)


def test_the_reference_that_fits_has_the_influence(run: Run, labs: dict[str, Tensor]) -> None:
    found = run(
        labs["motorcycle_left"], [labs["retina"], labs["motorcycle_right"], labs["chelsea"]]
    )
    assert found.influence[1] > 0.5


def test_the_order_of_references_does_not_matter(run: Run, labs: dict[str, Tensor]) -> None:
    names = ["chelsea", "motorcycle_right", "retina"]
    first = run(labs["motorcycle_left"], [labs[n] for n in names])
    turned = run(labs["motorcycle_left"], [labs[n] for n in reversed(names)])
    torch.testing.assert_close(turned.warped_ab, first.warped_ab, atol=0.05, rtol=1e-3)
    assert turned.influence[::-1] == pytest.approx(first.influence, abs=1e-4)


def test_a_reference_given_twice_counts_as_once(run: Run, labs: dict[str, Tensor]) -> None:
    once = run(labs["motorcycle_left"], [labs["chelsea"]])
    twice = run(labs["motorcycle_left"], [labs["chelsea"]] * 2)
    # the features are centred over all pictures given, here with another share of the target, so
    # not to the last bit
    assert float((twice.warped_ab - once.warped_ab).abs().mean()) < 1.5
    assert twice.influence == pytest.approx([0.5, 0.5], abs=1e-4)


def test_equal_scores_are_no_scores(run: Run, labs: dict[str, Tensor]) -> None:
    references = [labs["chelsea"], labs["retina"]]
    given, recommended = (
        run(labs["motorcycle_left"], references, scores=s) for s in (None, [0.8, 0.8])
    )
    torch.testing.assert_close(recommended.warped_ab, given.warped_ab)
    assert recommended.influence == pytest.approx(given.influence)


def test_a_lower_score_takes_influence_away(run: Run, labs: dict[str, Tensor]) -> None:
    references = [labs["chelsea"], labs["retina"]]
    shares = [
        run(labs["motorcycle_left"], references, scores=[0.8, 0.8 - d]).influence[1]
        for d in (0.0, 0.05, 0.2, 2.0)
    ]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.05
    assert shares[-1] < 1e-6


def test_only_differences_of_scores_count(run: Run, labs: dict[str, Tensor]) -> None:
    references = [labs["chelsea"], labs["retina"]]
    low, high = (run(labs["motorcycle_left"], references, scores=[s, s - 0.1]) for s in (0.5, 1.1))
    assert low.influence == pytest.approx(high.influence, abs=1e-4)


def test_a_flat_target_is_no_problem(run: Run, labs: dict[str, Tensor]) -> None:
    for level in (0.0, 50.0, 100.0):
        flat = torch.full_like(labs["chelsea"], level)
        found = run(flat, [labs["retina"]])
        assert bool(found.warped_ab.isfinite().all()) and bool(found.confidence.isfinite().all())


def test_the_same_input_gives_the_same_bits(run: Run, labs: dict[str, Tensor]) -> None:
    first, second = (
        run(labs["chelsea"], [labs["retina"], labs["motorcycle_left"]]) for _ in range(2)
    )
    assert torch.equal(first.warped_ab, second.warped_ab) and torch.equal(
        first.confidence, second.confidence
    )


def test_details_are_looked_for_only_where_the_same_thing_is_shown(
    run: Run, labs: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def refine_and_tell(*arguments: object) -> object:
        asked.append(None)
        return refine(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(colorization.inference.color_transfer, "refine", refine_and_tell)
    run(labs["motorcycle_left"], [labs["retina"]])
    assert not asked
    run(labs["motorcycle_left"], [labs["retina"], labs["motorcycle_right"]])
    assert asked
