"""Colorize gray photographs from references: ``ColorizationPipeline`` and ``ColorizeOptions``."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from colorization.network.hints import Point
    from colorization.options import ColorizeOptions
    from colorization.pipeline import ColorizationPipeline
    from colorization.result import Colorized

__version__ = "0.1.0"
__all__ = ["ColorizationPipeline", "ColorizeOptions", "Colorized", "Point", "__version__"]
_MODULES = {
    "ColorizationPipeline": "pipeline",
    "ColorizeOptions": "options",
    "Colorized": "result",
    "Point": "network.hints",
}


def __getattr__(name: str) -> object:
    """Import torch only when the pipeline is asked for: ``rechroma --help`` must answer at once."""
    if name in _MODULES:
        return getattr(import_module(f"colorization.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'colorization' has no attribute {name!r}")
