"""What visitors send and are told, as far as it is words and numbers."""

import logging
import math
import re

from colorization.messages import NO_MEMORY, is_no_memory, one_line, reason

# an absolute path up to its last name; a name may have blanks, but a line goes on after ": ", "; "
# or ", "
FOLDERS = re.compile(
    r"(?<![^\s'\"(\[])(?:[A-Za-z]:)?[/\\](?=[^\s/\\])(?:(?:(?![:;,] )[^/\\\n])*[/\\])*(?=[^\s/\\])"
)
UNEXPECTED = "Something went wrong here; the terminal that Rechroma runs in says more."


class BusyError(Exception):
    """More requests wait than may."""


class GoneError(ValueError):
    """What was asked for is not kept any more."""


class FullError(ValueError):
    """There is no room for more results before those that are there are saved."""


def told(error: Exception) -> str:
    """An error as one line for a visitor, which names files without their folders.

    What no visitor can cause, a mistake of ours, is logged, and the line says only that.
    """
    if is_no_memory(error):
        return NO_MEMORY
    if isinstance(error, ValueError | OSError | BusyError):
        return as_line(reason(error))
    logging.getLogger(__name__).error("a request of the page failed", exc_info=error)
    return UNEXPECTED


def as_line(text: str) -> str:
    """The text as one line, where files are named without the folders that they are kept in."""
    return one_line(FOLDERS.sub("", text))


def as_number(value: object, name: str) -> float:
    """A number that was sent.

    Args:
        value: of any type; of a cleared field, it is None or empty.
        name: of the field.

    Raises:
        ValueError: it is no finite number.
    """
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            value = None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} must be a number")
    return float(value)
