import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from click.testing import Result
from fake_pipeline import FakePipeline
from PIL import Image
from typer.testing import CliRunner

from colorization.cli.common import one_line_errors
from colorization.cli.measuring.evaluate import evaluate as evaluate_command
from retrieval.photos.reader import NO_PICTURE


@pytest.fixture
def command(fake: FakePipeline, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """``rechroma evaluate`` on the fake pipeline."""

    def load(index_dir: Path | None = None) -> FakePipeline:
        fake.library = fake.library if index_dir else None
        return fake

    monkeypatch.setattr("colorization.pipeline.ColorizationPipeline.load", load)
    app = typer.Typer()
    app.command()(one_line_errors(evaluate_command))
    return lambda *args: CliRunner().invoke(app, [str(a) for a in args], catch_exceptions=False)


def test_the_command_prints_a_table(
    command: Callable[..., Result], truth_dir: Path, tmp_path: Path
) -> None:
    result = command(
        truth_dir, "--index", tmp_path, "--curve", "--sheet", tmp_path / "new" / "sheet.png"
    )
    assert (result.exit_code, result.stderr) == (0, "")
    for name in (
        "gray",
        "training-free",
        "network",
        "automatic",
        "100 points",
        "vividness 0.25",
        "saturation 1.4",
    ):
        assert f"\n{name} " in result.stdout
    assert "recovered accuracy: not available, no judge was given" in result.stdout
    assert Image.open(tmp_path / "new" / "sheet.png").size[0] > 256 * 10


def test_the_command_prints_json_for_a_few_photos(
    command: Callable[..., Result], truth_dir: Path, fake: FakePipeline, tmp_path: Path
) -> None:
    (tmp_path / "judge.py").write_text(
        "import torch\n\n\nclass Judge(torch.nn.Module):\n    def forward(self, rgb):\n"
        '        return {"embedding": rgb.mean((2, 3)), "logits": rgb.mean((2, 3))}\n'
    )
    result = command(
        truth_dir, "--limit", 2, "--no-points", "--judge", tmp_path / "judge.py", "--json"
    )
    found = json.loads(result.stdout)
    assert (result.exit_code, found["photos"], found["gray_skipped"], found["unreadable"]) == (
        0,
        2,
        0,
        [],
    )
    rows = [
        "gray",
        "automatic",
        "automatic careful",
        "distorted truth as reference",
        "faded automatic",
        "border automatic",
        "truth in 16 cells",
        "truth in 32 cells",
    ]
    assert list(found["rows"]) == rows
    assert {"frechet", "frechet_to_gray", "recovered", "rebalanced_auc"} <= set(
        found["rows"]["automatic"]
    )
    assert not found["psnr_by_points"] or list(found["psnr_by_points"]) == ["0"]
    assert {len(call.points) for call in fake.calls} == {0}


def test_gray_photos_are_counted_and_unreadable_ones_end_with_status_1(
    command: Callable[..., Result], truth_dir: Path
) -> None:
    Image.open(truth_dir / "coffee.png").convert("L").save(truth_dir / "old.png")
    result = command(truth_dir, "--no-points")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("4 photos, 1 gray ones skipped;")
    (truth_dir / "text.png").write_text("not a picture\n")
    result = command(truth_dir, "--no-points")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [f"skipped {truth_dir / 'text.png'}: {NO_PICTURE}"]
    assert "automatic" in result.stdout


def test_what_we_made_is_no_truth(command: Callable[..., Result], truth_dir: Path) -> None:
    """A sheet beside the photos is replaced, and not measured, by the next run."""
    asked = (truth_dir, "--no-points", "--sheet", truth_dir / "sheet.png")
    first, second = command(*asked), command(*asked)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.stdout == second.stdout and first.stderr == ""
    assert second.stderr.startswith("passed over 1 picture that Rechroma has made")
    assert second.stderr.endswith(": sheet.png\n")


def test_what_the_command_refuses_is_one_line(
    command: Callable[..., Result], refused: Callable[..., str], truth_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    refused(command(tmp_path / "empty"), tmp_path / "empty", "no pictures")
    refused(command(tmp_path / "gone"), tmp_path / "gone", "no such folder")
    refused(
        command(truth_dir, "--judge", tmp_path / "judge.py"), tmp_path / "judge.py", "no such file"
    )
    (tmp_path / "judge.py").write_text("def broken(:\n")
    refused(
        command(truth_dir, "--judge", tmp_path / "judge.py"), tmp_path / "judge.py", "SyntaxError"
    )
    (tmp_path / "judge.py").write_text("x = 1\n")
    refused(
        command(truth_dir, "--judge", tmp_path / "judge.py"),
        tmp_path / "judge.py",
        "one torch module",
    )
    module = "import torch\nclass Judge(torch.nn.Module):\n    def forward(self, rgb):\n        "
    for body, said in (
        ("return rgb", "must give a dictionary"),
        ("raise KeyError('x')", "the judge fails (KeyError: 'x')"),
    ):
        (tmp_path / "judge.py").write_text(module + body + "\n")
        refused(command(truth_dir, "--row", "automatic", "--judge", tmp_path / "judge.py"), said)
    (tmp_path / "names.txt").write_bytes(b"\xff\xfe\x00")
    refused(
        command(truth_dir, "--classes", tmp_path / "names.txt"),
        tmp_path / "names.txt",
        "not a text file",
    )
    (tmp_path / "names.txt").write_text("cup\n")
    refused(command(truth_dir, "--classes", tmp_path / "names.txt"), "give --judge too")
    refused(command(truth_dir, "--sheet", truth_dir / "coffee.png"), "would replace a picture")
    (tmp_path / "grays").mkdir()
    Image.open(truth_dir / "coffee.png").convert("L").save(tmp_path / "grays" / "old.png")
    refused(command(tmp_path / "grays"), "no color photo to measure with: 1 gray")
