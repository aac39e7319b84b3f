"""What visitors send and are told, as far as it is words and numbers."""

import math
import re

# an absolute path up to its last name; a name may have blanks, but a line goes on after ": ", "; "
# or ", "
FOLDERS = re.compile(
    r"(?<![^\s'\"(\[])(?:[A-Za-z]:)?[/\\](?=[^\s/\\])(?:(?:(?![:;,] )[^/\\\n])*[/\\])*(?=[^\s/\\])"
)


def without_folders(text: str) -> str:
    """The same text, where files are named without the folders that the owner keeps them in."""
    return FOLDERS.sub("", text)


def as_number(value: object, name: str) -> float:
    """A number that was sent.

    Args:
        value: of a cleared field, it is None.
        name: of the field.

    Raises:
        ValueError: it is no finite number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} must be a number")
    return float(value)
