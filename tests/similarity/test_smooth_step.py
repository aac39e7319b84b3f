import torch

from similarity.smooth_step import smooth_step


def test_by_hand() -> None:
    values = torch.tensor([-1.0, 0.0, 0.25, 0.5, 0.75, 1.0, 2.0])
    expected = torch.tensor([0.0, 0.0, 0.15625, 0.5, 0.84375, 1.0, 1.0])
    torch.testing.assert_close(smooth_step(values, (0.0, 1.0)), expected)
    torch.testing.assert_close(smooth_step(2 * values + 3, (3.0, 5.0)), expected)
