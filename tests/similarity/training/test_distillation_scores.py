import numpy as np
import pytest
import torch
from torch import Tensor, nn

from similarity.training.corpus import Corpus
from similarity.training.distillation import SIDE, Student
from similarity.training.distillation_scores import agreement, nearest, shared


class Teacher(nn.Module):
    """Features are means of colors; the class is 1 where red is strongest, else 0."""

    def forward(self, rgb: Tensor) -> dict[object, Tensor]:
        maps = {stride: nn.functional.avg_pool2d(rgb, stride) for stride in (8, 16, 32)}
        mean = rgb.mean((2, 3))
        is_red = (mean[:, 0] > mean[:, 2] + 0.1).float()
        logits = torch.nn.functional.pad(torch.stack((1 - is_red, is_red), 1), (0, 998))
        return {**maps, "embedding": mean, "logits": logits}


class Knowing(Student):
    """Says of every photo what a teacher would say of one picture."""

    def __init__(self, seen: Tensor) -> None:
        super().__init__({8: 3, 16: 3, 32: 3}, 3)
        self.answers = {str(key): value for key, value in Teacher()(seen).items()}

    def forward(self, luminance_norm: Tensor) -> dict[str, Tensor]:
        count = len(luminance_norm)
        return {name: value.expand(count, *value.shape[1:]) for name, value in self.answers.items()}


def plain(*colors: tuple[int, int, int]) -> Corpus:
    """Photos of one color each."""
    return Corpus(
        [str(color) for color in colors],
        lambda number: np.full((50, 50, 3), colors[number], np.uint8),
    )


def test_agreement_by_hand() -> None:
    """A student that takes all for red: right of two of three; gray is never red."""
    red = torch.tensor([200.0, 100.0, 100.0]).view(1, 3, 1, 1).expand(1, 3, SIDE, SIDE) / 255
    student = Knowing(red).eval()
    corpus = plain((200, 100, 100), (200, 100, 100), (100, 100, 200))
    scores, embeddings = agreement(student, Teacher(), corpus)
    assert scores["top-1 as the teacher"] == 0.667
    assert scores["top-1, the teacher on gray"] == 0.333
    # (2, 1, 1) and (1, 1, 2): 5 / 6; the others are the same
    for stride in (8, 16, 32):
        assert scores[f"cosine at stride {stride}"] == pytest.approx((2 + 5 / 6) / 3, abs=2e-3)
    assert len(scores) == 5
    wanted = torch.tensor([[200.0, 100, 100], [200, 100, 100], [100, 100, 200]]) / 255
    torch.testing.assert_close(embeddings, wanted)


def test_the_nearest_by_hand() -> None:
    library = torch.tensor([[1.0, 0.0], [0.0, 5.0], [-1.0, 0.0], [3.0, 3.0]])
    # by angle, whatever the length: 0, 45, 90, 180 degrees away
    assert nearest(torch.tensor([[9.0, 0.1]]), library).tolist() == [[0, 3, 1, 2]]
    assert nearest(torch.zeros(2, 3), torch.rand(40, 3)).shape == (2, 10)


def test_shared_by_hand() -> None:
    """Half of the first query and all of the second, in any order."""
    wanted, found = torch.tensor([[1, 2], [3, 4]]), torch.tensor([[2, 9], [4, 3]])
    assert shared(wanted, found) == 0.75
    assert shared(wanted, wanted) == 1.0
