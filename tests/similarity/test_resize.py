import torch

from similarity.resize import resized


def test_by_hand() -> None:
    """Two cells, 0 and 4, in four: outer ones lie beyond centres, inner ones a quarter between."""
    found = resized(torch.tensor([[[0.0, 4.0]]]), (1, 4))
    torch.testing.assert_close(found, torch.tensor([[[0.0, 1.0, 3.0, 4.0]]]))


def test_a_batch_is_its_pictures() -> None:
    planes = torch.rand(3, 2, 5, 7)
    found = resized(planes, (9, 4))
    assert found.shape == (3, 2, 9, 4)
    for picture, expected in zip(planes, found, strict=True):
        torch.testing.assert_close(resized(picture, (9, 4)), expected)


def test_the_same_grid_is_the_same() -> None:
    planes = torch.rand(2, 6, 5)
    assert torch.equal(resized(planes, planes.shape[-2:]), planes)
