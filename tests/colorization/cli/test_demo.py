from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Cli = Callable[..., Result]


Refused = Callable[..., str]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("two\n  lines"), r"error: two\n  lines"),
        (
            PermissionError(13, "Permission denied", "/a/b.png"),
            "error: /a/b.png: Permission denied",
        ),
        (OSError("disk gone"), "error: disk gone"),
        (FileNotFoundError("x: no such file"), "error: x: no such file"),
    ],
    ids=repr,
)
def test_errors_a_user_can_cause_become_one_line(
    cli: Cli,
    refused: Refused,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    line: str,
) -> None:
    def fails(*args: object) -> None:
        raise error

    monkeypatch.setattr("colorization.demo.run_demo", fails)
    assert refused(cli("demo", "--output", tmp_path)) == line


def test_errors_of_ours_are_not_hidden(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("colorization.demo.run_demo", lambda *args: {}["a bug"])
    with pytest.raises(KeyError):
        cli("demo", "--output", tmp_path)


def test_stopping_is_one_line(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("colorization.demo.run_demo", stopped)
    result = cli("demo", "--output", tmp_path)
    assert (result.exit_code, result.stderr) == (130, "stopped; what was finished is kept\n")


def test_options_reach_the_demo(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def run(output: Path, device: str, log: Callable[[str], None]) -> None:
        asked.extend((output, device))
        log("done")

    monkeypatch.setattr("colorization.demo.run_demo", run)
    assert cli("demo", "--output", tmp_path, "--device", "mps").stdout == "done\n"
    assert asked == [tmp_path, "mps"]
