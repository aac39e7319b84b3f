import torch

from colorization.network.relatedness import MATCHED_FROM_TO, matched, relatedness


def test_places_match_within_limits() -> None:
    low, high = MATCHED_FROM_TO
    cosine = torch.tensor([-1.0, low, (low + high) / 2, high, 1.0]).view(1, 1, 1, 5)
    torch.testing.assert_close(matched(cosine).flatten(), torch.tensor([0, 0, 0.5, 1, 1]))


def test_single_matches_make_no_relation_and_many_do() -> None:
    """Of a hundred places 2, 40 and all match."""
    cosine = torch.zeros(3, 1, 10, 10)
    for photo, count in enumerate((2, 40, 100)):
        cosine[photo].view(-1)[:count] = 1
    assert relatedness(cosine).shape == (3, 1, 1, 1)
    assert relatedness(cosine).flatten().tolist() == [0, 1, 1]
