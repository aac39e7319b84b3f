"""HEIC, which telephones write: Pillow reads it once pillow-heif is registered."""

from functools import cache
from pathlib import Path

from retrieval.photos.formats import HEAD, head_of, is_heic


def learn_heic(path: Path, data: bytes | None = None) -> bool:
    """Have Pillow read HEIC, which telephones write, where a file is of that kind.

    Args:
        path: of the file.
        data: its content, where it is known already.

    Returns:
        False if it is HEIC and pillow-heif is missing.
    """
    return not is_heic(head_of(path) if data is None else data[:HEAD]) or can_read_heic()


@cache
def can_read_heic() -> bool:
    """Whether pillow-heif is there; then Pillow reads HEIC."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener(thumbnails=False)
    return True
