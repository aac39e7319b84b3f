"""All defaults of films, in one place."""

from dataclasses import dataclass

MAX_QUALITY = 51  # the worst of x264's scale
SOUNDS = ("copy", "aac", "opus")


@dataclass(frozen=True)
class FilmOptions:
    """How to color a film.

    Attributes:
        quality: of the encoder, its constant rate factor: 0 loses nothing, about 18 is hard to tell
            from it, 51 is worst.
        frame_rate: frames a second of a film made of pictures.
        smoothing: 0..1, how far a place whose luminance stands still keeps the color of the frame
            before.
        min_scene: frames; a flash does not make scenes that are shorter.
        segment_frames: most frames that are lost if the run is stopped.
        allow_damaged: color what can be read of a damaged file.
        sound: ``copy`` keeps it as it is; ``aac`` or ``opus`` converts it.

    Raises:
        ValueError: a value is out of range.
    """

    quality: int = 16
    frame_rate: float = 25.0
    smoothing: float = 0.5
    min_scene: int = 8
    segment_frames: int = 100
    allow_damaged: bool = False
    sound: str = "copy"

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 0 <= self.quality <= MAX_QUALITY:
            raise ValueError(f"quality must be within 0..{MAX_QUALITY}, not {self.quality}")
        if not 0.01 <= self.frame_rate <= 1000:
            raise ValueError(
                f"frame_rate must be within 0.01..1000 frames a second, not {self.frame_rate}"
            )
        if not 0 <= self.smoothing <= 1:
            raise ValueError(f"smoothing must be within 0..1, not {self.smoothing}")
        if self.sound not in SOUNDS:
            raise ValueError(f"sound must be one of {', '.join(SOUNDS)}, not {self.sound}")
        if self.min_scene < 1 or self.segment_frames < 1:
            raise ValueError("min_scene and segment_frames must be at least 1")
