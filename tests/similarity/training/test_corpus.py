import numpy as np
import pytest
import torch
from PIL import Image

from similarity.training.corpus import Corpus, square
from similarity.training.distillation import SIDE


def grays(count: int) -> Corpus:
    """Photos of one gray each, which is their number."""
    return Corpus(
        [f"{i}.png" for i in range(count)], lambda number: np.full((40, 60, 3), number, np.uint8)
    )


@pytest.mark.parametrize(
    ("count", "batch", "at_most", "wanted"),
    [
        (5, 2, None, [[0, 1], [2, 3], [4]]),
        (4, 2, None, [[0, 1], [2, 3]]),
        (3, 8, 8, [[0, 1, 2]]),
        (7, 2, 3, [[0, 3], [6]]),  # every third: 7 / 3 is more than 2
        (8, 9, 2, [[0, 4]]),
        (8, 9, 1, [[0]]),
    ],
)
def test_photos_come_in_batches_evenly_spread(
    count: int, batch: int, at_most: int | None, wanted: list[list[int]]
) -> None:
    corpus = grays(count)
    assert len(corpus) == count
    found = list(corpus.squares(batch, at_most))
    assert all(part.shape[1:] == (3, SIDE, SIDE) for part in found)
    assert [[round(float(rgb.mean()) * 255) for rgb in part] for part in found] == wanted


def test_a_square_is_the_whole_photo_from_0_to_1(pictures: dict[str, np.ndarray]) -> None:
    """Squeezed, not cut: corners stay corners."""
    rgb = pictures["coffee"]
    found = square(rgb)
    wanted = Image.fromarray(rgb).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    torch.testing.assert_close(found, torch.from_numpy(np.array(wanted)).permute(2, 0, 1) / 255)
    assert 0 <= float(found.min()) < float(found.max()) <= 1


def test_a_photo_of_that_size_stays_as_it_is(rng: np.random.Generator) -> None:
    rgb = rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    assert torch.equal(square(rgb), torch.from_numpy(rgb).permute(2, 0, 1) / 255)
