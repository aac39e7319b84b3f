"""Say which reference colored which part of a result, and how surely."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from PIL import Image

from colorization.inference.matching import ReferenceMatch
from colorization.photo_files.contact_sheet import CELL, Cell, thumbnail, write_sheet
from similarity.backbone.precision import inference
from similarity.matching.correlation import Correlation, map_target_to_reference

# Okabe and Ito 2008
FRAMES = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
# unsure to sure, after Google's turbo
HEAT = ("#30123b", "#4675ed", "#1bcfd4", "#a4fc3c", "#fb8022", "#7a0403")
BORDER = 128  # gray value of the border of a print
TINT, FRAME = 0.5, 8  # share of a region's color over the photo; pixels


@dataclass(frozen=True)
class Attribution:
    """Where the colors of a result come from, at stride 8 of the working size.

    Attributes:
        shares: of each reference in each place, 0..1; they sum to 1 over the references, and to 0
            on the border of a print.
        xy: of each reference the place in it that matches best, 0..1 from its left and upper edge.
        confidence: cosine of the best match of each place, 0..1.
        reference_share: share of the colors that come from the references, 0..1; the rest is what
            the network holds natural.
    """

    shares: Float[np.ndarray, "references height width"]
    xy: Float[np.ndarray, "references height width 2"]
    confidence: Float[np.ndarray, "height width"]
    reference_share: float

    @property
    def regions(self) -> Int[np.ndarray, "height width"]:
        """The reference that gives most, in each place; -1 on a border."""
        return np.where(self.shares.any(0), self.shares.argmax(0), -1)


def attribution(match: ReferenceMatch, reference_share: float) -> Attribution | None:
    """Ask a match where its colors come from; None without references.

    Args:
        match: of a photo and its references.
        reference_share: of the result, which is the sum of its influence.
    """
    if (planes := match.planes) is None:
        return None
    with inference():
        plain, size = planes.correlation, planes.correlation.target_size
        parts = zip(torch.split(plain.values, plain.counts, 2), plain.reference_sizes, strict=True)
        maps = [map_target_to_reference(Correlation(part, size, (own,))).xy for part, own in parts]
        shares = torch.stack(
            [part.sum(1).view(size) for part in torch.split(planes.weights[0], plain.counts, 1)]
        )
        confidence = plain.best[0, 0]
        if match.target.border is not None:
            inside = match.target.border.inside(size).to(shares.device)
            shares, confidence = shares * inside, confidence * inside
    xy = (torch.stack(maps) + 1) / 2
    return Attribution(
        shares.float().cpu().numpy(),
        xy.cpu().numpy(),
        confidence.float().cpu().numpy(),
        reference_share,
    )


def as_dict(
    found: Attribution | None, references: Sequence[dict[str, object]], size: tuple[int, int]
) -> dict[str, object]:
    """An explanation for JSON.

    Args:
        found: from attribution.
        references: what is known of each, see Outcome.
        size: (height, width) of the result in pixels; regions are told in its pixels: left, top,
            right, bottom.
    """
    if found is None:
        return {"reference_share": 0.0, "confidence": None, "references": [], "grid": None}
    told = []
    for i, reference in enumerate(references):
        region = found.regions == i
        place: dict[str, object] = {"confidence": None, "region": None, "matched": None}
        if region.any():
            there = found.xy[i][region]
            place = {
                "confidence": round(float(found.confidence[region].mean()), 4),
                "region": _box(region, size),
                "matched": [round(float(v), 4) for v in (*there.min(0), *there.max(0))],
            }
        area = round(float(region.mean()), 4)
        told.append({**reference, "frame": FRAMES[i % len(FRAMES)], "area": area, **place})
    grid = {
        "reference": found.regions.tolist(),
        "confidence": np.round(found.confidence, 3).astype(float).tolist(),
    }
    mean = round(float(found.confidence.mean()), 4)
    return {
        "reference_share": round(found.reference_share, 4),
        "confidence": mean,
        "references": told,
        "grid": grid,
    }


def write_explanation(
    picture_path: Path,
    json_path: Path,
    pictures: tuple[np.ndarray, np.ndarray],
    references: Sequence[tuple[np.ndarray, dict[str, object]]],
    found: Attribution | None,
) -> None:
    """Write a picture and a JSON file that explain a result.

    The picture shows regions by reference, confidence, and references in frames of their colors.

    Args:
        picture_path: PNG.
        json_path: see as_dict.
        pictures: target and result, RGB.
        references: RGB uint8 and what is known of each.
        found: from attribution.
    """
    target, result = pictures
    told = as_dict(found, [known for _, known in references], (result.shape[0], result.shape[1]))
    json_path.write_text(json.dumps(told) + "\n")
    small = thumbnail(target)
    rows = [[Cell(small, "target"), Cell(thumbnail(result), "result")]]
    if found is not None:
        size = small.shape[1], small.shape[0]
        rows[0].append(Cell(_blend(small, _colored(found.regions, size)), "regions, by frame"))
        rows[0].append(
            Cell(
                _blend(small, _heat(found.confidence, size)),
                f"confidence {found.confidence.mean():.2f} (blue 0, red 1)",
            )
        )
        framed = []
        for i, (rgb, known) in enumerate(references):
            area = float((found.regions == i).mean())
            framed.append(
                Cell(
                    _framed(rgb, i, found),
                    f"{area:.0%} of the area: {Path(str(known['path'])).name}",
                )
            )
        rows += [framed[start : start + 4] for start in range(0, len(framed), 4)]
    write_sheet(picture_path, rows)


def _box(region: np.ndarray, size: tuple[int, int]) -> list[int]:
    """Left, top, right and bottom of a region, in pixels."""
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    high, wide = size[0] / region.shape[0], size[1] / region.shape[1]
    return [
        round(columns[0] * wide),
        round(rows[0] * high),
        round((columns[-1] + 1) * wide),
        round((rows[-1] + 1) * high),
    ]


def _rgb(colors: Sequence[str]) -> np.ndarray:
    return np.array([list(bytes.fromhex(color[1:])) for color in colors], np.uint8)


def _colored(regions: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    flat = np.where(regions[..., None] < 0, BORDER, _rgb(FRAMES)[regions % len(FRAMES)])
    return np.asarray(Image.fromarray(flat).resize(size, Image.Resampling.NEAREST))


def _heat(confidence: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Colors of HEAT, evenly from 0 to 1."""
    anchors = _rgb(HEAT)
    planes = [
        np.interp(confidence, np.linspace(0, 1, len(HEAT)), anchors[:, channel])
        for channel in range(3)
    ]
    return np.asarray(
        Image.fromarray(np.dstack(planes).round().astype(np.uint8)).resize(
            size, Image.Resampling.BILINEAR
        )
    )


def _blend(below: np.ndarray, above: np.ndarray) -> np.ndarray:
    return np.rint(below * (1 - TINT) + above * TINT).astype(np.uint8)


def _framed(rgb: np.ndarray, number: int, found: Attribution) -> np.ndarray:
    """A reference in its frame; the places that it lent from are tinted in the frame's color."""
    color = _rgb(FRAMES)[number % len(FRAMES)]
    small = thumbnail(rgb, CELL - 2 * FRAME).copy()
    height, width = small.shape[:2]
    grid = np.zeros((max(1, height // 8), max(1, width // 8)), bool)
    lent = found.xy[number][found.regions == number]
    grid[(lent[:, 1] * grid.shape[0]).astype(int).clip(0, grid.shape[0] - 1),
         (lent[:, 0] * grid.shape[1]).astype(int).clip(0, grid.shape[1] - 1)] = True  # fmt: skip
    mask = np.asarray(Image.fromarray(grid).resize((width, height), Image.Resampling.NEAREST))
    small[mask] = _blend(small[mask], np.broadcast_to(color, small[mask].shape))
    framed = np.empty((height + 2 * FRAME, width + 2 * FRAME, 3), np.uint8)
    framed[:] = color
    framed[FRAME:-FRAME, FRAME:-FRAME] = small
    return framed
