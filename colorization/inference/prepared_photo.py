"""A photo that is ready to be colorized again and again."""

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float
from torch import Tensor

from colorization.inference.held_memory import held_bytes
from colorization.inference.matching import ReferenceMatch
from colorization.network.hints import Point
from colorization.options import ColorizeOptions
from retrieval.search.recommendation import Recommendation

# options that may change from edit to edit; a photo is prepared anew for others
EDITABLE = ("vividness", "faithfulness", "saturation", "keep_tint")


@dataclass(frozen=True, eq=False)
class PreparedPhoto:
    """A photo and its references, described and matched.

    Attributes:
        target: the picture that is rendered, (height, width, 3), uint8 or uint16. It may be
            replaced by the same photo at another size, to look at a small one and write a large
            one: colors do not depend on it.
        luminance: its L at the working size.
        options: those it was prepared with.
        match: of the photo and its references.
        references: those that were recommended, as they are used; empty if pictures were given.
        skipped: one line for each recommended reference that could not be read.
        note: one line where nothing in the index looks like the photo; else empty.
    """

    target: np.ndarray
    luminance: Float[Tensor, "1 1 height width"]
    options: ColorizeOptions
    match: ReferenceMatch
    references: list[Recommendation] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    note: str = ""

    def check_shown(self, place: Point) -> None:
        """Refuse a place on the border of a print.

        Raises:
            ValueError: it is one.
        """
        border = self.match.target.border
        if border is not None and border.has_on_it(place.x, place.y):
            raise ValueError(
                "This place is on the border of the print, which stays gray;"
                " any color that is put there colors the border."
            )

    @property
    def num_bytes(self) -> int:
        """Memory it holds by now; coloring it adds what edits have in common."""
        return held_bytes(self)


def options_of(given: ColorizeOptions | None) -> ColorizeOptions:
    """The options that a caller gave.

    Args:
        given: None takes the defaults.

    Raises:
        ValueError: something else was given.
    """
    if given is None:
        return ColorizeOptions()
    if not isinstance(given, ColorizeOptions):
        raise ValueError(f"options: expected ColorizeOptions(...), not {type(given).__name__}")
    return given


def options_of_edit(prepared: object, options: ColorizeOptions | None) -> ColorizeOptions:
    """The options of an edit; refused is what the photo would have to be prepared anew for.

    Args:
        prepared: what ``prepare`` gave.
        options: of the edit; None takes those that the photo was prepared with.

    Raises:
        ValueError: something else was given, or another option than those of EDITABLE differs.
    """
    if not isinstance(prepared, PreparedPhoto):
        raise ValueError(
            f"apply takes what prepare gave, not {type(prepared).__name__};"
            " colorize takes paths and pictures"
        )
    if options is None:
        return prepared.options
    kept = {name: getattr(prepared.options, name) for name in EDITABLE}
    wanted = vars(replace(options, **kept))
    for name, ours in vars(prepared.options).items():
        if ours != wanted[name]:
            raise ValueError(
                f"the photo was prepared with {name}={ours}, not {wanted[name]}: prepare it again"
            )
    return options
