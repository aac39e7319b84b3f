from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from painted_pictures import apart, painted
from torch import Tensor

from colorization.inference import matching as module
from colorization.inference.color_belief import NetworkBelief
from colorization.inference.matching import ReferenceMatch, match_references
from colorization.inference.picture_features import PictureDescriber, PictureFeatures
from colorization.inference.pictures.working_size import working_lab
from colorization.network.color_bins import NUM_BINS, ab_bins
from colorization.network.colorization_network import Prediction
from similarity.backbone.backbone import Backbone
from similarity.resize import resized

ROWS, COLUMNS = 8, 12  # of the grid at stride 8
SIZE = (4 * ROWS, 4 * COLUMNS)


def halves(left: int, right: int) -> Tensor:
    """Kinds of a picture that shows one thing at the left and one at the right."""
    kinds = torch.full((ROWS, COLUMNS), left)
    kinds[:, COLUMNS // 2 :] = right
    return kinds


def picture(left: int, right: int, color: float = 20.0) -> PictureFeatures:
    return painted(halves(left, right), apart(4), torch.full((4, 2), color))


@pytest.fixture(scope="module")
def seen(backbone: Backbone, pictures: dict[str, np.ndarray]) -> dict[str, PictureFeatures]:
    """Photos as the default backbone sees them."""
    describe = PictureDescriber(backbone, None)
    names = ("motorcycle_left", "motorcycle_right", "chelsea", "retina")
    with torch.inference_mode():
        return {name: describe(working_lab(pictures[name], 96), 96) for name in names}


def shares(match: ReferenceMatch) -> list[float]:
    """How the colors that references lend are shared among them."""
    return match.shares(1.0, by_network=False)


# Without references


def test_without_references_nothing_is_lent() -> None:
    match = match_references(picture(0, 1), [])
    assert (match.planes, match.exact, match.shares(1.0)) == (None, None, [])
    assert match.size == SIZE
    assert match.confidence.shape == (1, *SIZE) and not match.confidence.any()
    assert match.warped_ab.shape == (2, *SIZE) and not match.warped_ab.any()


def test_level_is_luminance_at_half_the_working_size() -> None:
    target = picture(0, 1)
    target.luminance[..., 0, :2] = 90.0  # of a cell of 2 x 2 pixels of 50: mean 70
    match = match_references(target, [])
    assert match.level.shape == (1, *SIZE)
    assert match.level[0, 0, :2].tolist() == [70.0, 50.0]


# With references


def test_planes_are_brought_to_half_the_working_size() -> None:
    match = match_references(picture(0, 1), [picture(1, 0)])
    assert match.planes is not None
    assert torch.equal(match.confidence, resized(match.planes.correlation.best[0], SIZE))
    assert torch.equal(match.warped_ab, resized(match.planes.warped_ab[0], SIZE))


def test_a_picture_that_is_its_own_reference_is_sure_and_gets_its_colors() -> None:
    kinds = torch.arange(ROWS * COLUMNS).view(ROWS, COLUMNS)
    own = painted(kinds, torch.randn(kinds.numel(), 256), torch.rand(kinds.numel(), 2) * 30)
    match = match_references(own, [own])
    assert float(match.confidence.min()) > 0.99
    wanted = resized(F.avg_pool2d(own.ab, 4), SIZE)
    torch.testing.assert_close(match.warped_ab, wanted, atol=0.05, rtol=0)
    assert match.exact is not None and float(match.exact.share.min()) > 0.99


def test_colors_of_the_target_are_not_read() -> None:
    target, reference = picture(0, 1), picture(1, 2, 33.0)
    plain = match_references(target, [reference])
    target.ab.fill_(float("nan"))
    again = match_references(target, [reference])
    assert torch.equal(plain.warped_ab, again.warped_ab)
    assert bool(again.confidence.isfinite().all())


def test_confidence_is_low_where_nothing_is_alike() -> None:
    match = match_references(picture(0, 1), [picture(0, 2)])
    columns = match.confidence[0, 0]
    assert float(columns[: SIZE[1] // 2 - 4].min()) > 0.99
    assert float(columns[SIZE[1] // 2 + 4 :].max()) < 0.01  # a simplex: cosines are negative


def test_a_flat_target_is_no_problem(backbone: Backbone, seen: dict[str, PictureFeatures]) -> None:
    describe = PictureDescriber(backbone, None)
    for level in (0.0, 50.0, 100.0):
        with torch.inference_mode():
            flat = describe(torch.full((1, 3, 96, 96), level), 96)
            match = match_references(flat, [seen["retina"]])
        assert bool(match.warped_ab.isfinite().all()) and bool(match.confidence.isfinite().all())


def test_pictures_of_one_cell_match() -> None:
    """As one pixel is seen: 32 by 32 working pixels."""
    kinds = torch.zeros(4, 4, dtype=torch.long)
    one = painted(kinds, apart(2), torch.full((2, 2), 7.0))
    match = match_references(one, [one, one])
    torch.testing.assert_close(match.warped_ab, torch.full((2, 16, 16), 7.0))
    assert shares(match) == pytest.approx([0.5, 0.5])


# Shares


def test_shares_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """One reference fits the left half, the other the right; half as faithful, half of each."""
    monkeypatch.setattr(module, "FOLLOWED_FROM_TO", (0.3, 0.6))
    match = match_references(picture(0, 1), [picture(0, 0), picture(1, 1)])
    assert match.shares(1.0) == pytest.approx([0.5, 0.5], abs=1e-3)
    assert match.shares(0.5) == pytest.approx([0.25, 0.25], abs=1e-3)
    assert match.shares(0.0) == [0.0, 0.0]
    # recommended ones are followed three quarters of the way
    said = Prediction(torch.zeros(1, 2, 2, 2), torch.zeros(1, NUM_BINS, 1, 1))
    recommended = replace(match, belief=NetworkBelief(said, torch.ones(NUM_BINS)))
    assert recommended.shares(1.0) == pytest.approx([0.375, 0.375], abs=1e-3)
    # what no reference shows is the network's own, or a reference's where there is no network
    strange = match_references(picture(0, 1), [picture(0, 2)])
    assert strange.shares(1.0)[0] == pytest.approx(0.5, abs=0.03)
    assert shares(strange) == pytest.approx([1.0], abs=1e-4)


def test_what_is_not_followed_counts_for_no_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second reference resembles the right half best, but not enough to be followed."""
    monkeypatch.setattr(module, "FOLLOWED_FROM_TO", (0.6, 0.7))
    monkeypatch.setattr(module, "LOWER", 0.0)
    looks = torch.eye(4)
    looks[2, 1] = 0.47
    colors = torch.full((4, 2), 20.0)
    target, first, second = (
        painted(halves(*kinds), looks, colors) for kinds in ((0, 1), (0, 0), (2, 2))
    )
    match = match_references(target, [first, second])
    assert match.shares(1.0) == pytest.approx([0.5, 0.0], abs=0.02)


def test_given_references_are_followed_in_full_from_a_small_part_that_matches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An eighth of the photo matches."""
    monkeypatch.setattr(module, "FOLLOWED_FROM_TO", (0.3, 0.6))
    kinds = torch.zeros(ROWS, COLUMNS, dtype=torch.long)
    kinds[:2, : COLUMNS // 2] = 1
    target = painted(kinds, apart(4), torch.full((4, 2), 20.0))
    match = match_references(target, [picture(1, 1)])
    for least, wanted in ((0.05, 1.0), (0.25, 0.5)):
        monkeypatch.setattr(module, "LEAST_HEARD", least)
        assert match.followed(1.0) == pytest.approx(wanted, abs=0.1)  # edges are blurred
        assert match.followed(0.5) == match.followed(1.0) / 2
    assert match_references(target, [picture(2, 3)]).followed(1.0) < 1e-3


def test_where_much_matches_a_given_reference_has_the_rest_too() -> None:
    looks = torch.eye(4)
    looks[2, 1] = 0.47  # kind 2 resembles kind 1 a little: their cosine is 0.43
    colors = torch.full((4, 2), 20.0)
    target, reference = (painted(halves(0, right), looks, colors) for right in (1, 2))
    match = match_references(target, [reference])
    rest = float(match.confidence[0, 0, -1])
    assert rest == pytest.approx(0.43, abs=0.02)
    low, high = module.FOLLOWED_FROM_TO
    assert low < rest < high < rest + module.LOWER
    assert match.shares(1.0) == pytest.approx([1.0], abs=0.01)
    said = Prediction(torch.zeros(1, 2, 2, 2), torch.zeros(1, NUM_BINS, 1, 1))
    recommended = replace(match, belief=NetworkBelief(said, torch.ones(NUM_BINS)))
    assert recommended.shares(1.0)[0] < 0.75 * 0.7


def test_shares_add_up(seen: dict[str, PictureFeatures]) -> None:
    lenders = [seen[name] for name in ("chelsea", "retina", "motorcycle_right")]
    match = match_references(seen["motorcycle_left"], lenders)
    assert sum(shares(match)) == pytest.approx(1, abs=1e-4)
    assert min(shares(match)) >= 0
    assert 0 < sum(match.shares(1.0)) <= 1 + 1e-6
    assert sum(match.shares(0.5)) == pytest.approx(sum(match.shares(1.0)) / 2)


def test_the_reference_that_fits_has_the_influence(seen: dict[str, PictureFeatures]) -> None:
    lenders = [seen[name] for name in ("retina", "motorcycle_right", "chelsea")]
    assert shares(match_references(seen["motorcycle_left"], lenders))[1] > 0.5


def test_the_order_of_references_does_not_matter(seen: dict[str, PictureFeatures]) -> None:
    lenders = [seen[name] for name in ("chelsea", "motorcycle_right", "retina")]
    first, turned = (
        match_references(seen["motorcycle_left"], given) for given in (lenders, lenders[::-1])
    )
    torch.testing.assert_close(turned.warped_ab, first.warped_ab, atol=0.05, rtol=1e-3)
    assert shares(turned)[::-1] == pytest.approx(shares(first), abs=1e-4)


def test_a_reference_given_twice_counts_as_once(seen: dict[str, PictureFeatures]) -> None:
    target, lender = seen["motorcycle_left"], seen["chelsea"]
    once, twice = (match_references(target, [lender] * n) for n in (1, 2))
    # of cells that weigh alike, others may be among the best
    torch.testing.assert_close(twice.warped_ab, once.warped_ab, atol=0.5, rtol=1e-3)
    assert shares(twice) == pytest.approx([0.5, 0.5], abs=1e-4)


# Belief


def test_of_what_is_alike_a_recommended_reference_lends_what_the_network_believes() -> None:
    """The photo shows one thing; the reference shows it in two colors, one of them likely."""
    likely, unlikely = ab_bins()[250], ab_bins()[20]
    logits = torch.full((1, NUM_BINS, ROWS, COLUMNS), -50.0)
    logits[:, 250] = 50.0
    said = Prediction(torch.zeros(1, 2, 2 * ROWS, 2 * COLUMNS), logits)
    belief = NetworkBelief(said, torch.ones(NUM_BINS))
    looks = apart(3)[[0, 1, 1]]
    target = painted(torch.ones(ROWS, COLUMNS, dtype=torch.long), looks, torch.zeros(3, 2))
    both = torch.tensor([[1, 1, 2, 2]]).expand(4, -1)  # few cells, of which none is left out
    reference = painted(both, looks, torch.stack((likely, likely, unlikely)))
    given, recommended = (match_references(target, [reference], b) for b in (None, belief))
    between = ((likely + unlikely) / 2)[:, None, None]
    torch.testing.assert_close(given.warped_ab, between.expand(2, *SIZE), atol=0.1, rtol=0)
    wanted = likely[:, None, None].expand(2, *SIZE)
    torch.testing.assert_close(recommended.warped_ab, wanted, atol=0.1, rtol=0)
    assert recommended.followed(1.0) < given.followed(1.0) == 1.0


# What is remembered


def test_the_last_answer_with_references_and_without_is_remembered() -> None:
    match, made = match_references(picture(0, 1), []), list[str]()

    def ask(key: str, seen: bool = False) -> Prediction:
        def run() -> Prediction:
            made.append(key)
            return Prediction(torch.zeros(1, 2, 2, 2), torch.zeros(1, NUM_BINS, 1, 1))

        return match.remembered(seen, key, run)

    first = ask("a")
    assert ask("a") is first
    assert ask("a", seen=True) is not first
    assert ask("a") is first
    assert ask("b") is not first
    assert ask("a") is not first
    assert made == ["a", "a", "b", "a"]
