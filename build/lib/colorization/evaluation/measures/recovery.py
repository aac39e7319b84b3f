"""How much of what gray takes from a classifier the colors give back."""

import math

import numpy as np
from jaxtyping import Int


def accuracy(predicted: Int[np.ndarray, " count"], labels: Int[np.ndarray, " count"]) -> float:
    """Share of pictures whose top-1 class is the label.

    Args:
        predicted: top-1 classes.
        labels: the right classes, in the same order.

    Raises:
        ValueError: there are no pictures.
    """
    if not len(predicted):
        raise ValueError("accuracy needs at least one picture")
    return float((predicted == labels).mean())


def recovered_accuracy(
    result: Int[np.ndarray, " count"],
    gray: Int[np.ndarray, " count"],
    truth: Int[np.ndarray, " count"],
    labels: Int[np.ndarray, " count"] | None = None,
) -> float:
    """(acc(result) - acc(gray)) / (acc(truth) - acc(gray)).

    Args:
        result: top-1 classes of the colorized pictures.
        gray: of the same pictures in gray.
        truth: of the same pictures in their true colors.
        labels: the right classes; None takes those of ``truth``, so that acc(truth) is 1.

    Returns:
        1 is as recognisable as the true colors, 0 as gray, below 0 worse than gray; NaN where gray
        loses nothing.

    Source: after Zhang et al. 2016, section 3.1 "semantic interpretability".
    """
    right = truth if labels is None else labels
    low, high = accuracy(gray, right), accuracy(truth, right)
    return (accuracy(result, right) - low) / (high - low) if high != low else math.nan


def regained_accuracy(
    result: Int[np.ndarray, " count"],
    gray: Int[np.ndarray, " count"],
    truth: Int[np.ndarray, " count"],
    labels: Int[np.ndarray, " count"] | None = None,
) -> float:
    """Share of the pictures that lose their class in gray and have it again in the result.

    They are those that are recognized in their true colors and not in gray. Unlike in
    recovered_accuracy, pictures that are recognized in gray and not in the result do not count.

    Args:
        result: top-1 classes of the colorized pictures.
        gray: of the same pictures in gray.
        truth: of the same pictures in their true colors.
        labels: the right classes; None takes those of ``truth``.

    Returns:
        0..1; NaN where gray loses nothing.
    """
    right = truth if labels is None else labels
    lost = (truth == right) & (gray != right)
    return accuracy(result[lost], right[lost]) if lost.any() else math.nan
