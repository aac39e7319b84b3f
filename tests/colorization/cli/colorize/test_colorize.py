import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image
from skimage.color import rgb2lab

from colorization.evaluation.measures.signal import psnr
from colorization.photo_files.staged_files import MACHINE, PREFIX

Cli = Callable[..., Result]


def is_colored(rgb: np.ndarray) -> bool:
    return float(np.ptp(rgb.astype(float), axis=2).mean()) > 0.01 * np.iinfo(rgb.dtype).max


def same_luminance(rgb: np.ndarray, gray: np.ndarray, tolerance: float) -> bool:
    change = rgb2lab(rgb / np.iinfo(rgb.dtype).max) - rgb2lab(
        np.dstack([gray] * 3) / np.iinfo(gray.dtype).max
    )
    return float(np.abs(change[..., 0]).max()) < tolerance


def test_one_file_from_a_reference(
    cli: Cli, gray_path: Path, reference_path: Path, tmp_path: Path
) -> None:
    output = tmp_path / "new" / "x.png"
    result = cli("colorize", gray_path, "--reference", reference_path, "--output", output)
    assert (result.exit_code, result.stderr) == (0, "")
    (line,) = result.stdout.splitlines()
    assert line.startswith(f"{output} in ") and line.endswith("from reference.png 100%")
    rgb = np.asarray(Image.open(output))
    assert is_colored(rgb) and same_luminance(rgb, np.asarray(Image.open(gray_path)), 0.5)
    assert [p.name for p in output.parent.iterdir()] == ["x.png"]


def test_what_is_written_beside_a_result_is_named(
    cli: Cli, gray_path: Path, tmp_path: Path
) -> None:
    output = tmp_path / "x.png"
    lines = cli("colorize", gray_path, "--output", output, "--explain").stdout.splitlines()
    assert lines[1:] == ["beside it: x-explained.png, x-explained.json"]
    lines = cli("colorize", gray_path, "--output", output, "--variants", 2).stdout.splitlines()
    assert lines[1:] == ["beside it: x-variants.png"]


def test_the_colors_are_those_of_the_scene(
    from_reference: Cli, gray_path: Path, tmp_path: Path, pictures: dict[str, np.ndarray]
) -> None:
    from_reference()
    truth, gray = pictures["motorcycle_left"], np.dstack([np.asarray(Image.open(gray_path))] * 3)
    assert psnr(truth, np.asarray(Image.open(tmp_path / "x.png"))) > psnr(truth, gray) + 3


def test_several_references_are_fused(
    cli: Cli, gray_path: Path, reference_path: Path, library_dir: Path, tmp_path: Path
) -> None:
    references = [reference_path, library_dir / "retina.png", library_dir / "chelsea.png"]
    repeated = [word for path in references for word in ("--reference", path)]
    result = cli("colorize", gray_path, *repeated, "--output", tmp_path / "x.png", "--json")
    (found,) = json.loads(result.stdout)
    assert [r["path"] for r in found["references"]] == [str(p) for p in references]
    shares = [r["influence"] for r in found["references"]]
    assert sum(shares) == pytest.approx(1, abs=0.002) and shares[0] > 0.5


def test_json_is_all_there_is_on_stdout(
    from_reference: Cli, gray_path: Path, reference_path: Path, tmp_path: Path
) -> None:
    result = from_reference("--json")
    (found,) = json.loads(result.stdout)
    assert set(found) == {"input", "output", "references", "seconds", "error", "notes", "passed"}
    assert (found["input"], found["output"], found["error"]) == (
        str(gray_path),
        str(tmp_path / "x.png"),
        None,
    )
    assert (
        found["references"] == [{"path": str(reference_path), "influence": 1.0}]
        and found["seconds"] > 0
    )


def test_references_from_an_index(
    cli: Cli, gray_path: Path, index_dir: Path, library_dir: Path, tmp_path: Path
) -> None:
    result = cli(
        "colorize",
        gray_path,
        "--index",
        index_dir,
        "--top-k",
        2,
        "--output",
        tmp_path / "x.png",
        "--json",
    )
    assert (result.exit_code, result.stderr) == (0, "")
    (found,) = json.loads(result.stdout)
    wanted = [library_dir / "motorcycle_left.png", library_dir / "sub" / "motorcycle_right.png"]
    assert [r["path"] for r in found["references"]] == [str(p) for p in wanted]
    assert set(found["references"][0]) == {
        "path",
        "influence",
        "score",
        "match",
        "global_score",
        "feature_score",
        "luminance_score",
        "color_score",
    }
    again = json.loads(
        cli("recommend", gray_path, "--index", index_dir, "--top-k", 2, "--json").stdout
    )
    assert [r["path"] for r in again] == [r["path"] for r in found["references"]]


def test_references_go_before_an_index(from_reference: Cli, index_dir: Path) -> None:
    result = from_reference("--index", index_dir)
    assert result.exit_code == 0 and "from reference.png 100%" in result.stdout
    assert result.stderr == "note: --index is ignored: references are given\n"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--top-k", 2, "--same-class"], ["--top-k", "--same-class"]),
        (["--method", "training-free", "--vividness", 1], ["--vividness"]),
        (["--faithfulness", 0.5], []),
        (["--method", "training-free", "--faithfulness", 0.5], ["--faithfulness"]),
    ],
)
def test_what_has_no_say_is_told(
    from_reference: Cli, options: list[object], told: list[str]
) -> None:
    done = from_reference(*options)
    assert done.exit_code == 0
    assert [line.split()[1] for line in done.stderr.splitlines()] == told
    assert all(
        line.startswith("note: --") and " does nothing here: it concerns only " in line
        for line in done.stderr.splitlines()
    )


def test_what_concerns_references_is_told_without_them(
    cli: Cli, gray_path: Path, tmp_path: Path
) -> None:
    done = cli("colorize", gray_path, "--output", tmp_path / "x.png", "--faithfulness", 0.3)
    assert done.exit_code == 0
    assert done.stderr == "note: --faithfulness does nothing here: it concerns only references\n"


@pytest.mark.parametrize(
    ("suffix", "told"), [(".png", True), (".TIF", True), (".jpg", False), (".webp", False)]
)
def test_a_quality_is_told_where_the_format_has_none(
    cli: Cli, gray_path: Path, tmp_path: Path, suffix: str, told: bool
) -> None:
    done = cli("colorize", gray_path, "--output", tmp_path / f"x{suffix}", "--quality", 80)
    line = "note: --quality does nothing here: it concerns only JPEG and WebP results\n"
    assert (done.exit_code, done.stderr) == (0, line if told else "")


def test_what_a_killed_run_left_beside_a_single_result_is_removed(
    cli: Cli, gray_path: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    left = tmp_path / "out" / f"{PREFIX}{MACHINE}-999999999-0123456789ab.tif"
    left.touch()
    assert cli("colorize", gray_path, "--output", tmp_path / "out" / "x.png").exit_code == 0
    assert not left.exists()


def test_the_same_call_gives_the_same_file(
    cli: Cli, gray_path: Path, reference_path: Path, tmp_path: Path
) -> None:
    for name in ("a.png", "b.png"):
        cli("colorize", gray_path, "--reference", reference_path, "--output", tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_faithfulness_that_is_no_number_is_refused(
    from_reference: Cli, tmp_path: Path, value: str
) -> None:
    result = from_reference("--faithfulness", value)
    assert result.exit_code == 2 and "faithfulness" in result.stderr
    assert not (tmp_path / "x.png").exists()


def test_a_sheet_of_one(cli: Cli, gray_path: Path, reference_path: Path, tmp_path: Path) -> None:
    run = ["colorize", gray_path, "--reference", reference_path, "--output", tmp_path / "x.png"]
    assert cli(*run, "--sheet", tmp_path / "new" / "sheet.png").exit_code == 0
    width, height = Image.open(tmp_path / "new" / "sheet.png").size
    assert width > 2.5 * height  # target, reference, result
