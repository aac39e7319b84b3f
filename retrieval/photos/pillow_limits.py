"""Pillow as it is used here: silent, and with limits of our own."""

import ctypes
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path

import PIL
from PIL import Image, PngImagePlugin

MAX_TEXT = 1 << 26  # bytes of texts and profiles in a PNG, which may be compressed
_LIMITS = (
    (Image, "MAX_IMAGE_PIXELS", None),
    (PngImagePlugin, "MAX_TEXT_CHUNK", MAX_TEXT),
    (PngImagePlugin, "MAX_TEXT_MEMORY", MAX_TEXT),
)
_entering = threading.Lock()
_before = ExitStack()  # brings back what the program around us had set
_inside = 0


@contextmanager
def own_limits() -> Iterator[None]:
    """No warnings, and no limit on pixels but our own, until the last of several threads leaves.

    ``warnings.catch_warnings`` by itself would leave warnings off for good where threads overlap.
    """
    global _inside
    with _entering:
        if not _inside:
            _silence_libtiff()
            for module, name, value in _LIMITS:
                _before.callback(setattr, module, name, getattr(module, name))
                setattr(module, name, value)
            _before.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
        _inside += 1
    try:
        yield
    finally:
        with _entering:
            _inside -= 1
            if not _inside:
                _before.close()


@cache
def _silence_libtiff() -> None:
    """Keep libtiff from writing to the terminal; what it refuses, Pillow raises all the same.

    Pillow has no switch for it. Its wheels bring libtiff as a file of its own, which answers here;
    where it is built in, its lines stay.
    """
    place = Path(PIL.__file__).parent
    for folder in (place.with_name("pillow.libs"), place / ".dylibs"):
        for path in sorted(folder.glob("libtiff*")):
            with suppress(OSError, AttributeError):
                library = ctypes.CDLL(str(path))
                for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
                    handler = getattr(library, name)
                    handler.argtypes, handler.restype = [ctypes.c_void_p], ctypes.c_void_p
                    handler(None)
