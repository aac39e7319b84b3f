"""How far a set of results looks from a set of photographs, to a network: Frechet distance."""

import numpy as np
from jaxtyping import Float


def frechet_distance(
    first: Float[np.ndarray, "count size"], second: Float[np.ndarray, "_count size"]
) -> float:
    """Frechet distance between Gaussians fitted to two sets of embeddings.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), with covariances over n - 1. With C = A' A, the
    trace of the root is the sum of the singular values of A1 A2', which is exact where there are
    fewer pictures than dimensions, too.

    It falls with the number of pictures, so compare only sets of one size; and it belongs to the
    network that embeds.

    Args:
        first: one embedding a row, at least two rows.
        second: those of the other set, at least two rows; the number of rows may differ.

    Returns:
        At least 0, in squared units of the embedding.

    Raises:
        ValueError: a set has fewer than two rows.

    Source: Dowson and Landau 1982; Heusel et al. 2017, equation 6.
    """
    if min(len(first), len(second)) < 2:
        raise ValueError(
            "the Frechet distance needs at least two pictures a set,"
            f" not {len(first)} and {len(second)}"
        )
    one, two = first.astype(np.float64), second.astype(np.float64)
    roots = [_covariance_root(x) for x in (one, two)]
    traces = sum(float(np.square(root).sum()) for root in roots)
    overlap = float(np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum())
    between = float(np.square(one.mean(0) - two.mean(0)).sum())
    return max(0.0, between + traces - 2 * overlap)


def _covariance_root(embeddings: np.ndarray) -> np.ndarray:
    """A with A' A = the covariance, and no more rows than columns."""
    root = (embeddings - embeddings.mean(0)) / np.sqrt(len(embeddings) - 1)
    return root if len(root) <= root.shape[1] else np.asarray(np.linalg.qr(root, mode="r"))
