"""What all commands share: help, version, usage errors. Each command has a file of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

import colorization

Cli = Callable[..., Result]


Refused = Callable[..., str]


COMMANDS = {
    "build-index": [
        "PHOTOS",
        "--index",
        "--workers",
        "--overwrite",
        "--backbone",
        "--vgg-weights",
        "--device",
    ],
    "recommend": [
        "PHOTO",
        "--index",
        "--top-k",
        "--same-class",
        "--sheet",
        "--json",
        "--backbone",
        "--device",
    ],
    "colorize": [
        "INPUT",
        "--output",
        "--reference",
        "--index",
        "--top-k",
        "--faithfulness",
        "--overwrite",
        "--sheet",
        "--json",
        "--device",
    ],
    "demo": ["--output", "--device"],
}


def test_help_lists_the_commands(cli: Cli) -> None:
    result = cli("--help")
    assert (result.exit_code, result.stderr) == (0, "")
    for name in COMMANDS:
        assert name in result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(
    cli: Cli, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERMINAL_WIDTH", "160")
    result = cli(name, "--help")
    assert (result.exit_code, result.stderr) == (0, "")
    for option in COMMANDS[name]:
        assert option.lower() in result.stdout.lower()


@pytest.mark.parametrize("words", [(), ("colorize",), ("index",), ("index", "info")])
def test_the_short_option_helps_as_the_long_one_does(cli: Cli, words: tuple[str, ...]) -> None:
    assert cli(*words, "-h").stdout == cli(*words, "--help").stdout


def test_without_a_command_help_is_shown(cli: Cli) -> None:
    result = cli()
    assert "Usage" in result.output and "colorize" in result.output


def test_version(cli: Cli) -> None:
    result = cli("--version")
    assert (result.exit_code, result.stdout) == (0, f"rechroma {colorization.__version__}\n")


def test_unknown_commands_and_options_are_usage_errors(cli: Cli) -> None:
    for arguments in (
        ["paint"],
        ["colorize", "--colour"],
        ["recommend", "a.png"],
        ["demo", "extra"],
    ):
        result = cli(*arguments)
        assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.parametrize("name", ["banana", "cuda:99", "cuda:x"])
def test_a_wrong_device_is_one_line(
    cli: Cli,
    refused: Refused,
    gray_path: Path,
    reference_path: Path,
    index_dir: Path,
    tmp_path: Path,
    name: str,
) -> None:
    for arguments in (
        ["colorize", gray_path, "--reference", reference_path, "--output", tmp_path / "x.png"],
        ["recommend", gray_path, "--index", index_dir],
        ["build-index", reference_path, "--index", tmp_path / "index"],
        ["demo", "--output", tmp_path / "demo"],
    ):
        refused(cli(*arguments, "--device", name), name)
    assert not (tmp_path / "x.png").exists() and not (tmp_path / "index").exists()


def test_wrong_backbones_and_weights_are_one_line(
    cli: Cli,
    refused: Refused,
    gray_path: Path,
    reference_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    run = ["colorize", gray_path, "--reference", reference_path, "--output", tmp_path / "x.png"]
    refused(cli(*run, "--backbone", "vgg16"), "vgg16", "vgg19-slim")
    refused(cli(*run, "--vgg-weights", gray_path), "the backbone vgg19")
    refused(
        cli(*run, "--backbone", "vgg19", "--vgg-weights", tmp_path / "no.pth"), tmp_path / "no.pth"
    )
    refused(cli(*run, "--backbone", "vgg19", "--vgg-weights", gray_path), gray_path)
    # not cached, and tests are offline
    refused(cli(*run, "--backbone", "vgg19"), "--vgg-weights FILE")
    assert not (tmp_path / "x.png").exists()
