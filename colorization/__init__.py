"""Colorize gray photographs from references: ``ColorizationPipeline`` and ``ColorizeOptions``."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from colorization.colorized import Colorized
    from colorization.options import ColorizeOptions
    from colorization.pipeline import ColorizationPipeline

__version__ = "0.1.0"
__all__ = ["ColorizationPipeline", "ColorizeOptions", "Colorized", "__version__"]


def __getattr__(name: str) -> object:
    """Import torch only when the pipeline is asked for: ``rechroma --help`` must answer at once."""
    if name == "ColorizeOptions":
        from colorization.options import ColorizeOptions

        return ColorizeOptions
    if name in ("ColorizationPipeline", "Colorized"):
        from colorization import pipeline

        return getattr(pipeline, name)
    raise AttributeError(f"module 'colorization' has no attribute {name!r}")
