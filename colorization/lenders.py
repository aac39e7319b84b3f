"""What lends colors: references as they were given, checked before anything is computed."""

from collections.abc import Iterable, Sequence

import numpy as np

from colorization.described import Described
from colorization.options import ColorizeOptions
from colorization.working import mean_chroma
from retrieval.descriptors import MIN_CHROMA
from retrieval.index import Recommendation

Reference = np.ndarray | Recommendation | Described


def as_references(given: Iterable[Reference] | None) -> list[Reference] | None:
    """References as a list.

    Raises:
        ValueError: one picture was given instead of several.
    """
    if isinstance(given, np.ndarray | Recommendation | Described):
        raise ValueError("references: expected a list of them; put the one into brackets")
    return None if given is None else list(given)


def check_lenders(lenders: Sequence[Described], layers: Sequence[str], options: ColorizeOptions, may_be_gray: bool) -> None:
    """Refuse references that cannot lend their colors.

    Args:
        lenders: all of them.
        layers: of the backbone that they must have been described by.
        options: working_side.
        may_be_gray: whether nobody chose them.

    Raises:
        ValueError: one is gray, or was described at another size or by a pipeline without the network.
    """
    for i, lender in enumerate(lenders, 1):
        if lender.working_side != options.working_side:
            raise ValueError(f"reference {i} was described for working_side={lender.working_side}: describe it again")
        if not lender.features.keys() >= set(layers):
            raise ValueError(f"reference {i} was described by a pipeline without the colorization network: describe it again")
        if mean_chroma(lender.ab) < MIN_CHROMA and not may_be_gray:
            raise ValueError(f"reference {i} of {len(lenders)} is gray: it has no colors to lend")
