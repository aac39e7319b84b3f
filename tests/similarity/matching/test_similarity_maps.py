import numpy as np
import pytest
import torch
import torch.nn.functional as F

from similarity.matching.correlation import Correlation, correlate
from similarity.matching.similarity_maps import NUM_MAPS, similarity_maps
from similarity.matching.unit_maps import UnitMaps


def maps(batch: int, height: int, width: int) -> UnitMaps:
    """Random unit maps; each level has channels of its own."""
    channels = (7, 6, 5, 4)
    return UnitMaps(
        tuple(F.normalize(torch.randn(batch, c, height, width), dim=1) for c in channels)
    )


def random_correlation(batch: int, target: tuple[int, int], *sizes: tuple[int, int]) -> Correlation:
    """Matches at random: they need not be those of the maps."""
    columns = sum(height * width for height, width in sizes)
    return Correlation(torch.rand(batch, target[0] * target[1], columns) * 2 - 1, target, sizes)


def test_number_of_maps() -> None:
    target = maps(2, 3, 4)
    found = similarity_maps(target, [target], correlate(target, [target]))
    assert found.shape == (2, NUM_MAPS, 3, 4) == (2, 8, 3, 4)


@pytest.mark.parametrize("size", [(4, 6), (1, 1)], ids=str)
def test_a_picture_resembles_itself_everywhere(size: tuple[int, int]) -> None:
    picture = maps(2, *size)
    found = similarity_maps(picture, [picture], correlate(picture, [picture]))
    torch.testing.assert_close(found, torch.ones(2, 8, *size))


def test_equals_the_definition_in_loops() -> None:
    target, references = maps(2, 3, 4), [maps(2, 2, 5), maps(2, 4, 1)]
    correlation = random_correlation(2, (3, 4), (2, 5), (4, 1))
    found = similarity_maps(target, references, correlation)
    for member, values in enumerate(correlation.values.numpy()):
        for p in range(12):
            there = int(values[p].argmax())  # phi_TR(p)
            home = int(values[:, there].argmax())  # phi_RT(phi_TR(p))
            picture, cell = (0, there) if there < 10 else (1, there - 10)
            width = (5, 1)[picture]
            for level, ours in enumerate(target.levels):
                theirs = references[picture].levels[level][member]
                partner = theirs[:, cell // width, cell % width]
                forward = float(ours[member, :, p // 4, p % 4] @ partner)
                backward = float(ours[member, :, home // 4, home % 4] @ partner)
                row, column = p // 4, p % 4
                assert float(found[member, 2 * level, row, column]) == pytest.approx(
                    forward, abs=1e-5
                )
                assert float(found[member, 2 * level + 1, row, column]) == pytest.approx(
                    backward, abs=1e-5
                )


def test_only_the_level_that_differs_says_so() -> None:
    same = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 2, 2)
    other = same.flip(1)  # orthogonal
    correlation = random_correlation(1, (2, 2), (2, 2))
    for level in range(4):
        target, reference = [same] * 4, [same] * 4
        reference[level] = other
        found = similarity_maps(UnitMaps(tuple(target)), [UnitMaps(tuple(reference))], correlation)
        expected = torch.ones(1, 8, 2, 2)
        expected[:, [2 * level, 2 * level + 1]] = 0.0
        torch.testing.assert_close(found, expected)


def test_backward_maps_follow_the_round_trip() -> None:
    """The target's left place is (1, 0), its right one (0, 1).

    The reference is (1, 0) and maps back to the right.
    """
    target = UnitMaps((torch.eye(2).view(1, 2, 1, 2),) * 4)
    reference = UnitMaps((torch.tensor([1.0, 0.0]).view(1, 2, 1, 1),) * 4)
    # the only column is best for the second row
    correlation = Correlation(torch.tensor([[[0.2], [0.7]]]), (1, 2), ((1, 1),))
    found = similarity_maps(target, [reference], correlation)
    torch.testing.assert_close(found[:, 0::2], torch.tensor([[[1.0, 0.0]]]).expand(1, 4, 1, 2))
    torch.testing.assert_close(found[:, 1::2], torch.zeros(1, 4, 1, 2))


def test_the_opposite_is_minus_one() -> None:
    target = maps(1, 2, 2)
    opposite = UnitMaps(tuple(-level for level in target.levels))
    # each place is matched with its own opposite
    correlation = Correlation(torch.eye(4)[None], (2, 2), ((2, 2),))
    found = similarity_maps(target, [opposite], correlation)
    torch.testing.assert_close(found, -torch.ones(1, 8, 2, 2))


def test_a_batch_is_its_pictures() -> None:
    target, references = maps(3, 3, 4), [maps(3, 2, 5), maps(3, 4, 1)]
    correlation = random_correlation(3, (3, 4), (2, 5), (4, 1))
    together = similarity_maps(target, references, correlation)
    for i in range(3):
        row = torch.tensor([i])
        own = Correlation(correlation.values[i : i + 1], (3, 4), correlation.reference_sizes)
        alone = similarity_maps(target.take(row), [one.take(row) for one in references], own)
        torch.testing.assert_close(alone[0], together[i])


def test_maps_are_cosines() -> None:
    target, reference = maps(1, 6, 8), maps(1, 5, 7)
    found = similarity_maps(target, [reference], correlate(target, [reference])).numpy()
    assert np.abs(found).max() <= 1 + 1e-6
    assert found.std() > 0.01


def test_gradients_are_finite_even_where_nothing_is_active() -> None:
    levels = [torch.randn(1, 5, 3, 4) for _ in range(4)]
    for level in levels:
        level[..., :2] = 0.0
        level.requires_grad_()
    target = UnitMaps(tuple(F.normalize(level, dim=1) for level in levels))
    correlation = random_correlation(1, (3, 4), (3, 4))
    similarity_maps(target, [target], correlation).sum().backward()
    for level in levels:
        assert level.grad is not None and bool(level.grad.isfinite().all())
