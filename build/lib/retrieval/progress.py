"""How long work tells how far it is."""

from collections.abc import Callable

Progress = Callable[[int, int], None]  # called with (photos done, photos to do)
