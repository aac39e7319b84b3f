"""Pillow as it is used here: silent, and with limits of our own."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from PIL import Image

_entering = threading.Lock()
_before = ExitStack()  # brings back what the program around us had set
_inside = 0


@contextmanager
def own_limits() -> Iterator[None]:
    """No warnings, and no limit on pixels but the one that is checked here, until the last of several threads leaves.

    ``warnings.catch_warnings`` by itself would leave warnings off for good where threads overlap.
    """
    global _inside
    with _entering:
        if not _inside:
            _before.callback(setattr, Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
            _before.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
            Image.MAX_IMAGE_PIXELS = None
        _inside += 1
    try:
        yield
    finally:
        with _entering:
            _inside -= 1
            if not _inside:
                _before.close()
