import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from click.testing import Result
from study_page import Page, choices
from typer.testing import CliRunner

from colorization.cli.common import one_line_errors
from colorization.cli.measuring.user_study import user_study as user_study_command
from colorization.evaluation.study_results import wilson_interval


@pytest.fixture
def command() -> Callable[..., Result]:
    app = typer.Typer()
    app.command()(one_line_errors(user_study_command))
    return lambda *args: CliRunner().invoke(app, [str(a) for a in args], catch_exceptions=False)


def test_the_command_writes_a_page(
    command: Callable[..., Result], real_dir: Path, result_dir: Path, tmp_path: Path
) -> None:
    (result_dir / "rocket.png").unlink()
    result = command(real_dir, result_dir, "--output", tmp_path / "s.html")
    assert (result.exit_code, result.stderr) == (0, "")
    assert (
        result.stdout
        == f"{tmp_path / 's.html'}: 3 pairs, 1 names left out that not all folders have;"
        " open it in a browser\n"
    )
    again = command(
        real_dir,
        result_dir,
        result_dir,
        "--output",
        tmp_path / "s.html",
        "--overwrite",
        "--limit",
        2,
        "--json",
    )
    assert json.loads(again.stdout) == {
        "page": str(tmp_path / "s.html"),
        "pairs": 2,
        "unmatched": 1,
    }
    assert Page(tmp_path / "s.html").study["kind"] == "preference"


def test_the_command_adds_up_choices(command: Callable[..., Result], tmp_path: Path) -> None:
    one = choices(tmp_path / "one.json", ["first", "second"])
    two = choices(tmp_path / "two.json", ["second", "first"])
    result = command("--results", one, "--results", two)
    assert (result.exit_code, result.stdout) == (
        0,
        "fooled: 50.0 % (2 of 4; 95 % interval 15.0 % to 85.0 %)\n",
    )
    found = json.loads(command("--results", one, "--json").stdout)
    assert (found["successes"], found["n"], found["share"]) == (1, 2, 0.5)
    assert found["interval"] == pytest.approx(wilson_interval(1, 2))
    empty = json.loads(command("--results", choices(one, []), "--json").stdout)
    assert (empty["share"], empty["interval"]) == (None, [0.0, 1.0])


def test_what_the_command_refuses_is_one_line(
    command: Callable[..., Result], refused: Callable[..., str], real_dir: Path, tmp_path: Path
) -> None:
    refused(command(), "REAL_DIR", "--results")
    refused(command(real_dir), "RESULT_DIR")
    refused(command(real_dir, tmp_path / "gone"), tmp_path / "gone")
    refused(command("--results", tmp_path / "gone.json"), "gone.json: no such file")
    refused(command(real_dir, "--results", choices(tmp_path / "one.json", [])), "not both")
