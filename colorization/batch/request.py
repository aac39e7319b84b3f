"""What a person asks of all the files of a run."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch

from colorization import __version__
from colorization.batch.jobs import Extras
from colorization.inference.reference_checks import read_reference
from colorization.network.hints import Point, chroma_of
from colorization.options import ColorizeOptions
from colorization.photo_files.provenance import Sources
from colorization.pipeline import ColorizationPipeline
from retrieval.safe_files import file_sha256
from similarity.backbone.weight_files import hash_tensors


@dataclass(frozen=True)
class PixelPoint:
    """A color wanted at a pixel: column and row from the upper left corner, raw Lab chroma."""

    x: int
    y: int
    ab: tuple[float, float]

    def on(self, picture: np.ndarray, path: Path) -> Point:
        """The point on a picture: the middle of the pixel.

        Args:
            picture: (height, width, channels), upright.
            path: of the picture, to be named if the point is outside it.

        Raises:
            ValueError: the pixel is outside the picture.
        """
        height, width = picture.shape[:2]
        if not (0 <= self.x < width and 0 <= self.y < height):
            raise ValueError(
                f"{path}: the point {self.x},{self.y} is outside"
                f" the picture of {width}x{height} pixels"
            )
        return Point((self.x + 0.5) / width, (self.y + 0.5) / height, self.ab)


def parse_point(text: str) -> PixelPoint:
    """Read ``X,Y,#RRGGBB``.

    Raises:
        ValueError: it is written otherwise, or the color is no color.
    """
    found = re.fullmatch(r"\s*(-?\d+)\s*,\s*(-?\d+)\s*,\s*#?([0-9a-fA-F]{6})\s*", text)
    if not found:
        raise ValueError(f"point {text!r}: expected X,Y,#RRGGBB, as in 120,80,#c03020")
    rgb = torch.tensor(list(bytes.fromhex(found[3]))).view(3, 1, 1) / 255
    return PixelPoint(int(found[1]), int(found[2]), chroma_of(rgb))


@dataclass(frozen=True)
class Request:
    """What is asked for all inputs.

    Attributes:
        references: files.
        points: colors at pixels.
        palette: a file.
        extras: variants and explanations.
        recolor: also colorize those photos that have colors already.
        allow_damaged: colorize what can be read of damaged files.
        quality: of JPEG and WebP results, 1..100; None takes what the original has, or finer.

    Raises:
        ValueError: the quality is out of range.
    """

    references: Sequence[Path] = ()
    points: Sequence[PixelPoint] = ()
    palette: Path | None = None
    extras: Extras = field(default_factory=Extras)
    recolor: bool = False
    allow_damaged: bool = False
    quality: int | None = None

    def __post_init__(self) -> None:
        """Check the range."""
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise ValueError(f"quality must be within 1..100, not {self.quality}")

    def sources(self, shares: Sequence[tuple[str, float]] = ()) -> Sources:
        """Where the colors of a result come from.

        Args:
            shares: file name and share of each reference.
        """
        return Sources(shares, self.palette.name if self.palette else "", len(self.points))


@dataclass(frozen=True)
class RunSettings:
    """What all photos of a run have in common.

    Attributes:
        pipeline: with an index if references are to be recommended.
        request: see Request.
        options: of the pipeline.
        overwrite: whether results may be replaced that somebody else has written or changed.
        num_cells: how many outcomes carry thumbnails for a contact sheet, the first ones.
        workers: how many photos are worked on at a time, each on its share of the cores.
        room: how many pixels they may have together; a larger photo is alone.
    """

    pipeline: ColorizationPipeline
    request: Request
    options: ColorizeOptions
    overwrite: bool = False
    num_cells: int = 0
    workers: int = 1
    room: int = 50_000_000


def check_references(request: Request) -> None:
    """Refuse references and a palette that cannot be used, before anything is written.

    Raises:
        PictureError: one of them.
    """
    for path in request.references:
        read_reference(path)
    if request.palette:
        read_reference(request.palette, "palette picture")


def settings_hash(
    pipeline: ColorizationPipeline, request: Request, options: ColorizeOptions
) -> str:
    """Hash of everything but the input that decides a result.

    Args:
        pipeline: counts by weights, and by the photos of its index if it has one.
        request: references and palette count by name and content; recolor and allow_damaged do not
            count, as they decide what is done rather than how.
        options: all of them count.

    Returns:
        16 hexadecimal digits.

    Raises:
        OSError: a reference or the palette cannot be read.
    """
    network, index = pipeline.network, pipeline.index
    parts = {
        "version": __version__,
        "backbone": (pipeline.backbone.name, pipeline.backbone.weights_hash),
        "network": hash_tensors(network.state_dict()) if network else None,
        "index": [index.manifest.key, *(entry.sha256 for entry in index.manifest.shards)]
        if index
        else None,
        # by name and content: from another folder the same file is named otherwise
        "references": [(path.name, file_sha256(path)) for path in request.references],
        "palette": request.palette and (request.palette.name, file_sha256(request.palette)),
        "points": [asdict(point) for point in request.points],
        "extras": asdict(request.extras),
        "options": asdict(options),
        "quality": request.quality,
    }
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
