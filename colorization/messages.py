"""Texts that a person reads."""

NO_MEMORY = "There is not enough memory for this. Close other programs, or take a smaller photo."
# after what says that nothing in a library looks like a photo
AUTOMATIC = "The colors are automatic, unless you choose a reference yourself."
USED_ALL_THE_SAME = "The best matches lend their colors all the same."


def one_line(text: str) -> str:
    """A text on one line.

    Line breaks, and whatever else does not print, become escapes: file names may hold anything.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text.strip()
    )


def without_alike(method: str) -> str:
    """What colors a photo that nothing in a library looks like.

    Args:
        method: as in ColorizeOptions; the training-free one must have references.
    """
    return USED_ALL_THE_SAME if method == "training-free" else AUTOMATIC


def is_no_memory(error: BaseException) -> bool:
    """Whether memory was not enough; torch says so in words only."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and "memory" in str(error)
    )


def reason(error: BaseException) -> str:
    """What an error says, without the number and the quotes that Python adds to the system's."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or (NO_MEMORY if isinstance(error, MemoryError) else type(error).__name__)
