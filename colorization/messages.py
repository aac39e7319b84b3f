"""Texts that a person reads."""

NO_MEMORY = "There is not enough memory for this. Close other programs, or take a smaller photo."
AUTOMATIC = "The colors are automatic."  # after what says that no reference is used


def one_line(text: str) -> str:
    """A text on one line.

    Line breaks, and whatever else does not print, become escapes: file names may hold anything.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text.strip()
    )


def is_no_memory(error: BaseException) -> bool:
    """Whether memory was not enough; torch says so in words only."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and "memory" in str(error)
    )


def reason(error: BaseException) -> str:
    """What an error says, without the number and the quotes that Python adds to the system's."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)
