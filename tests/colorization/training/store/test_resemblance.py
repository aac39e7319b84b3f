import torch
import torch.nn.functional as F

from colorization.training.store.resemblance import resembling


def test_resembling_equals_loops() -> None:
    rows = torch.randn(30, 7)
    normal = (rows - rows.mean(0)) / rows.std(0, correction=0)
    found = resembling(rows, 4)
    for i, one in enumerate(normal):
        cosines = [float(F.cosine_similarity(one, other, dim=0)) for other in normal]
        order = sorted((j for j in range(30) if j != i), key=lambda j: -cosines[j])
        assert found[i].tolist() == order[:4]


def test_few_photos_have_few_others() -> None:
    assert resembling(torch.randn(1, 5)).shape == (1, 0)
    assert resembling(torch.randn(3, 5)).shape == (3, 2)
    assert resembling(torch.ones(2, 5)).tolist() == [[1], [0]]  # nothing tells them apart
