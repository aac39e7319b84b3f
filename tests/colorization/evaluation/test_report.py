import json
from pathlib import Path

import numpy as np
from fake_evaluation import Judge, run
from fake_pipeline import FakePipeline
from PIL import Image

from colorization.evaluation.report import as_dict, sheet_order, table, write_report_sheet
from colorization.evaluation.rows import standard_settings


def test_the_table_has_a_line_a_row_and_the_curve_of_points(
    fake: FakePipeline, paths: list[Path]
) -> None:
    report = run(fake, paths, standard_settings(), judge=Judge())
    lines = table(report).splitlines()
    assert lines[0] == f"4 photos; colorfulness of the truth {report.truth_colorfulness:.1f}"
    assert [line.split("  ")[0].strip() for line in lines[2 : 2 + len(report.rows)]] == list(
        report.rows
    )
    starts = {len(line) for line in lines[1 : 2 + len(report.rows)]}
    assert len(starts) == 1  # columns stand in line
    gray = lines[2].split()
    assert (
        gray[1] == f"{report.rows['gray']['psnr']:.2f}"
        and gray[4] == f"{100 * report.rows['gray']['auc']:.2f}"
    )
    curve = as_dict(report)["psnr_by_points"]
    assert list(curve) == [0, 1, 10, 100]
    assert (
        curve[0] == report.rows["automatic"]["psnr"]
        and curve[100] == report.rows["100 points"]["psnr"]
    )
    assert any(line.startswith(f"PSNR by points: 0: {curve[0]:.2f} dB, 1: ") for line in lines)
    json.loads(json.dumps(as_dict(report), allow_nan=False))


def test_a_sheet_shows_worst_median_and_best() -> None:
    """Thirteen photos of Delta E 0 to 12.

    The four worst, 12 to 9, the middle 8 - 5, the four best.
    """
    assert sheet_order([float(i) for i in range(13)]) == [12, 11, 10, 9, 8, 7, 6, 5, 3, 2, 1, 0]
    assert sheet_order([float(i) for i in range(21)]) == [20, 19, 18, 17, 12, 11, 10, 9, 3, 2, 1, 0]
    assert sheet_order([1.0, 3.0, 2.0]) == [1, 2, 0]


def test_the_sheet_repeats_the_results(
    fake: FakePipeline, paths: list[Path], tmp_path: Path
) -> None:
    settings = {
        name: setting
        for name, setting in standard_settings().items()
        if name in ("network", "10 points")
    }
    report = run(fake, paths, settings, seed=5)
    measured = [call.points for call in fake.calls]
    fake.calls.clear()
    write_report_sheet(tmp_path / "sheet.png", report, fake, settings, "network")
    worst_first = np.argsort([-scores["delta_e"] for scores in report.pictures["network"]])
    assert [call.points for call in fake.calls] == [
        measured[2 * i + k] for i in worst_first for k in (0, 1)
    ]
    width, height = Image.open(tmp_path / "sheet.png").size
    assert width // 256 == 5 and height // 256 == 4  # gray, reference, two results, truth
