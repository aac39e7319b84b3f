import numpy as np
import pytest
import torch

from similarity.matching.correlation import PointMap
from similarity.matching.similarity_maps import SIMILARITY_LAYERS, similarity_maps

STRIDES = {"relu5_1": 16, "relu4_1": 8, "relu3_1": 4, "relu2_1": 2, "relu1_1": 1}


def features(height: int, width: int) -> dict[str, torch.Tensor]:
    return {layer: torch.rand(1, 5, height // s, width // s) for layer, s in STRIDES.items()}


def identity(height: int, width: int) -> PointMap:
    x, y = (torch.arange(n).add(0.5) * 2 / n - 1 for n in (width, height))
    return PointMap(
        torch.zeros(height, width, dtype=torch.long),
        torch.stack(torch.meshgrid(x, y, indexing="xy"), -1),
    )


def random_map(height: int, width: int, pictures: int) -> PointMap:
    return PointMap(
        torch.randint(0, pictures, (height, width)), torch.rand(height, width, 2) * 2 - 1
    )


def bilinear(plane: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """One position, -1..1 from edge to edge, borders repeated."""
    _, height, width = plane.shape
    x = np.clip((xy[0] + 1) / 2 * width - 0.5, 0, width - 1)
    y = np.clip((xy[1] + 1) / 2 * height - 0.5, 0, height - 1)
    left, top = (
        min(int(x), width - 2) if width > 1 else 0,
        min(int(y), height - 2) if height > 1 else 0,
    )
    right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
    u, v = x - left, y - top
    upper = (1 - u) * plane[:, top, left] + u * plane[:, top, right]
    lower = (1 - u) * plane[:, bottom, left] + u * plane[:, bottom, right]
    return (1 - v) * upper + v * lower


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_order_is_coarse_to_fine() -> None:
    assert SIMILARITY_LAYERS == ("relu5_1", "relu4_1", "relu3_1", "relu2_1", "relu1_1")


@pytest.mark.parametrize("size", [(4, 6), (8, 12), (32, 48)], ids=str)
def test_a_picture_resembles_itself_everywhere(size: tuple[int, int]) -> None:
    picture = features(32, 48)
    maps = similarity_maps(picture, [picture], identity(*size), [identity(*size)])
    torch.testing.assert_close(maps, torch.ones(10, *size))


def test_equals_the_definition_in_loops() -> None:
    target, references = features(32, 48), [features(48, 32), features(16, 64)]
    there = random_map(4, 6, 2)
    back = [random_map(6, 4, 1), random_map(2, 8, 1)]
    maps = similarity_maps(target, references, there, back)
    for i in range(4):
        for j in range(6):
            picture, landing = int(there.picture[i, j]), there.xy[i, j].numpy()
            onward = back[picture].xy
            row = int((landing[1] + 1) / 2 * onward.shape[0])
            column = int((landing[0] + 1) / 2 * onward.shape[1])
            home = onward[row, column].numpy()  # phi_RT(phi_TR(p))
            here = np.array([(2 * j + 1) / 6 - 1, (2 * i + 1) / 4 - 1])
            for level, layer in enumerate(SIMILARITY_LAYERS):
                ours, theirs = target[layer][0].numpy(), references[picture][layer][0].numpy()
                partner = bilinear(theirs, landing)
                assert float(maps[level, i, j]) == pytest.approx(
                    cosine(bilinear(ours, here), partner), abs=1e-4
                )
                assert float(maps[5 + level, i, j]) == pytest.approx(
                    cosine(bilinear(ours, home), partner), abs=1e-4
                )


def test_only_the_level_that_differs_says_so() -> None:
    target = {layer: torch.rand(1, 5, 32 // s, 32 // s) for layer, s in STRIDES.items()}
    for level, layer in enumerate(SIMILARITY_LAYERS):
        reference = dict(target)
        target[layer], reference[layer] = torch.zeros(1, 4, 2, 2), torch.zeros(1, 4, 2, 2)
        target[layer][:, :2], reference[layer][:, 2:] = 1.0, 1.0  # orthogonal
        maps = similarity_maps(target, [reference], identity(2, 2), [identity(2, 2)])
        expected = torch.ones(10, 2, 2)
        expected[[level, 5 + level]] = 0.0
        torch.testing.assert_close(maps, expected)
        target[layer] = reference[layer] = torch.rand(
            1, 5, 32 // STRIDES[layer], 32 // STRIDES[layer]
        )


def test_backward_maps_follow_the_round_trip() -> None:
    # the target's left column is (1, 0), its right one (0, 1); the reference is (1, 0) all over and
    # maps back to the right
    target = {layer: torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]]) for layer in STRIDES}
    reference = {layer: torch.tensor([[[[1.0, 1.0]], [[0.0, 0.0]]]]) for layer in STRIDES}
    to_right = PointMap(
        torch.zeros(1, 2, dtype=torch.long), torch.tensor([[[0.5, 0.0], [0.5, 0.0]]])
    )
    maps = similarity_maps(target, [reference], identity(1, 2), [to_right])
    torch.testing.assert_close(maps[:5], torch.tensor([[[1.0, 0.0]]]).expand(5, 1, 2))
    torch.testing.assert_close(maps[5:], torch.zeros(5, 1, 2))


def test_features_after_relu_give_shares() -> None:
    maps = similarity_maps(
        features(32, 32), [features(32, 32)], random_map(8, 8, 1), [random_map(8, 8, 1)]
    )
    assert maps.min() >= 0
    assert maps.max() <= 1 + 1e-6
    assert maps.std() > 0.01


def test_gradients_are_finite_even_where_nothing_is_active() -> None:
    target, reference = features(16, 16), features(16, 16)
    for layer in STRIDES:
        target[layer][..., : STRIDES["relu5_1"] // STRIDES[layer] // 2 or 1] = 0.0
        target[layer].requires_grad_()
    similarity_maps(target, [reference], identity(4, 4), [identity(4, 4)]).sum().backward()
    for layer in STRIDES:
        assert torch.isfinite(target[layer].grad).all()
