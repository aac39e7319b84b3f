"""Texts that a person reads."""

AUTOMATIC = "The colors are automatic."  # after what says that no reference is used


def one_line(text: str) -> str:
    """A text on one line.

    Line breaks, and whatever else does not print, become escapes: file names may hold anything.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text.strip()
    )
