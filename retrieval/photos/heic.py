"""HEIC, which telephones write: Pillow reads it once pillow-heif is registered."""

from functools import cache
from pathlib import Path

from retrieval.photos.formats import HEAD, is_heic


def learn_heic(path: Path, data: bytes | None = None) -> bool:
    """Have Pillow read HEIC, which telephones write, where a file is of that kind.

    Args:
        path: of the file.
        data: its content, where it is known already.

    Returns:
        False if it is HEIC and pillow-heif is missing.
    """
    return not is_heic(head_of(path) if data is None else data[:HEAD]) or _register_heic()


def can_read_heic() -> bool:
    """Whether pillow-heif is there."""
    return _register_heic()


def head_of(path: Path) -> bytes:
    """The bytes of a file that tell its format."""
    with path.open("rb") as file:
        return file.read(HEAD)


@cache
def _register_heic() -> bool:
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener(thumbnails=False)
    return True
