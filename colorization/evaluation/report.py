"""An evaluation as a table, as JSON and as a contact sheet."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from colorization.evaluation.evaluate import GRAY, Report
from colorization.evaluation.photo import read_photo
from colorization.evaluation.rows import Setting, attempt
from colorization.photo_files.contact_sheet import Cell, thumbnail, write_sheet
from colorization.pipeline import ColorizationPipeline
from retrieval.photos.reader import read_small_rgb

COLUMNS = (  # key, heading, factor, digits
    ("psnr", "PSNR dB", 1, 2),
    ("ssim", "SSIM", 1, 3),
    ("delta_e", "Delta E", 1, 2),
    ("auc", "AuC %", 100, 2),
    ("rebalanced_auc", "reb. AuC %", 100, 2),
    ("colorfulness", "colorful", 1, 1),
    ("delta_colorfulness", "dCF mean", 1, 1),
    ("delta_colorfulness_each", "dCF each", 1, 1),
    ("his", "HIS", 1, 3),
    ("obeys_best", "obeys", 1, 2),
    ("obeys_rest", "elsewh.", 1, 2),
    ("top1", "top-1 %", 100, 1),
    ("recovered", "recov. %", 100, 1),
    ("regained", "regain. %", 100, 1),
    ("frechet", "Frechet", 1, 2),
    ("frechet_to_gray", "/ gray's", 1, 3),
    ("lpips", "LPIPS", 1, 4),
    ("fid", "FID", 1, 2),
)
SHEET_GROUP = 4  # photos of each group: worst, median, best
_POINTS = re.compile(r"(\d+) points?")


def as_dict(report: Report) -> dict[str, Any]:
    """The report for JSON; measures that are not finite become None."""
    rows = {
        name: {key: value if math.isfinite(value) else None for key, value in row.items()}
        for name, row in report.rows.items()
    }
    return {
        "photos": len(report.survey.paths),
        "gray_skipped": report.survey.gray,
        "unreadable": report.survey.unreadable,
        "own_reference": [str(path) for path in report.known],
        "seed": report.seed,
        "truth_colorfulness": report.truth_colorfulness,
        "rows": rows,
        "psnr_by_points": {n: rows[name]["psnr"] for n, name in points_rows(report).items()},
        "not_available": report.not_available,
    }


def points_rows(report: Report) -> dict[int, str]:
    """Names of the rows by number of points, in rising order; "automatic" is that of none."""
    found = {int(m[1]): name for name in report.rows if (m := _POINTS.fullmatch(name))}
    if found and "automatic" in report.rows:
        found[0] = "automatic"
    return dict(sorted(found.items()))


def table(report: Report) -> str:
    """The report for people."""
    shown = [c for c in COLUMNS if any(c[0] in row for row in report.rows.values())]
    width = max(len(name) for name in report.rows)
    gray = f", {report.survey.gray} gray ones skipped" if report.survey.gray else ""
    lines = [
        f"{len(report.survey.paths)} photos{gray};"
        f" colorfulness of the truth {report.truth_colorfulness:.1f}"
    ]
    lines.append("  ".join((" " * width, *(heading.rjust(8) for _, heading, _, _ in shown))))
    for name, row in report.rows.items():
        cells = (
            _cell(row.get(key, math.nan) * factor, digits).rjust(max(8, len(heading)))
            for key, heading, factor, digits in shown
        )
        lines.append("  ".join((name.ljust(width), *cells)))
    if points := points_rows(report):
        lines.append(
            "PSNR by points: "
            + ", ".join(f"{n}: {report.rows[name]['psnr']:.2f} dB" for n, name in points.items())
        )
    if report.known:
        lines.append(
            f"{len(report.known)} photos are in the index and were their own reference:"
            f" {report.known[0]} ..."
        )
    lines += [f"{name}: not available, {reason}" for name, reason in report.not_available.items()]
    return "\n".join(lines)


def sheet_order(delta_e: list[float]) -> list[int]:
    """Which photos a sheet shows: the worst, the median and the best by Delta E, in this order."""
    order = [int(i) for i in np.argsort([-value for value in delta_e], kind="stable")]
    if len(order) <= 3 * SHEET_GROUP:
        return order
    middle = (len(order) - SHEET_GROUP) // 2
    return [*order[:SHEET_GROUP], *order[middle : middle + SHEET_GROUP], *order[-SHEET_GROUP:]]


def write_report_sheet(
    path: Path,
    report: Report,
    pipeline: ColorizationPipeline,
    settings: Mapping[str, Setting],
    row: str,
) -> None:
    """Show the worst, median and best photos of a row on a contact sheet.

    They are colorized again and laid out beside gray, reference and truth.

    Args:
        path: the sheet.
        report: of the same pipeline and settings.
        pipeline: colorizes.
        settings: the columns.
        row: by whose Delta E photos are chosen.
    """
    lines = []
    for i in sheet_order([scores["delta_e"] for scores in report.pictures[row]]):
        photo = read_photo(report.survey.paths[i])
        results = {
            name: attempt(pipeline, photo, setting, report.seed)
            for name, setting in settings.items()
        }
        of_gray = report.pictures[GRAY][i]["delta_e"]
        cells = [Cell(thumbnail(photo.gray), f"{photo.path.name}, {of_gray:.1f}")]
        recommended = [
            result.reference_path
            for name, result in results.items()
            if settings[name].references == "recommended"
        ]
        if recommended and recommended[0] is not None:
            reference = thumbnail(read_small_rgb(recommended[0], 256))
            cells.append(Cell(reference, f"reference {recommended[0].name}"))
        for name, result in results.items():
            cells.append(
                Cell(thumbnail(result.rgb), f"{name}, {report.pictures[name][i]['delta_e']:.1f}")
            )
        lines.append([*cells, Cell(thumbnail(photo.truth), "truth")])
    write_sheet(path, lines)


def _cell(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"
