"""Films of short segments whose coloring is stopped on the way."""

from colorization.video.options import FilmOptions

SHORT = FilmOptions(quality=0, segment_frames=2, min_scene=2)


class StoppedError(Exception):
    """Raised where a test stops a run."""
