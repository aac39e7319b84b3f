"""Colorize gray photographs from references: ``ColorizationPipeline`` and ``ColorizeOptions``.

One word, one thing:
    target: the gray photograph; reference: a color photograph that lends it colors.
    luminance: L of CIE Lab, 0..100; chroma: its ab, raw Lab units.
    features: maps of the backbone; descriptors: what an index keeps of a photo.
    match: where each place of the target is in the references, and how surely.
    warp: the chroma of references carried along the match.
    hint: what a person asks for, a color point or a palette.
    working size: that of the network and the match; full size: that of the photo.
    index: descriptors of a library; shard: a file of a few thousand photos of it.
    folder run: many photos in one call; variant: one of several results of a photo.
    judge: a network that looks at results, in an evaluation or in training.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from colorization.network.hints import Point
    from colorization.options import ColorizeOptions
    from colorization.photo_files.results import save
    from colorization.pipeline import ColorizationPipeline
    from colorization.result import Colorized

# Threads that wait for others spin for milliseconds: beside one other busy program photos take
# many times as long. A little slower than the default on idle cores; torch's OpenMP reads it once.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")

__version__ = "0.1.0"
__all__ = ["ColorizationPipeline", "ColorizeOptions", "Colorized", "Point", "__version__", "save"]
_MODULES = {
    "ColorizationPipeline": "pipeline",
    "ColorizeOptions": "options",
    "Colorized": "result",
    "Point": "network.hints",
    "save": "photo_files.results",
}


def __getattr__(name: str) -> object:
    """Import torch only when the pipeline is asked for: ``rechroma --help`` must answer at once."""
    if name in _MODULES:
        return getattr(import_module(f"colorization.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'colorization' has no attribute {name!r}")


def __dir__() -> list[str]:
    """What completion finds."""
    return sorted({*globals(), *__all__})
