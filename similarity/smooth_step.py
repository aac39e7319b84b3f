"""A threshold without seams."""

from torch import Tensor


def smooth_step(values: Tensor, limits: tuple[float, float]) -> Tensor:
    """0 up to the lower limit, 1 from the upper, and a smooth rise between.

    Args:
        values: any.
        limits: lower and upper.
    """
    low, high = limits
    step = ((values - low) / (high - low)).clamp(0.0, 1.0)
    return step * step * (3 - 2 * step)
