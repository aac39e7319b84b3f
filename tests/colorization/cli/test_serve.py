import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Cli = Callable[..., Result]


def test_options_reach_the_server(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(
        "colorization.web.server.serve",
        lambda *args: (asked.extend(args[:4]), args[4]("http://127.0.0.1:1/")),
    )
    result = cli("serve", "--index", tmp_path, "--port", 1)
    assert (result.exit_code, result.output) == (
        0,
        "Rechroma is at http://127.0.0.1:1/ (stop with Ctrl+C)\n",
    )
    assert asked == [tmp_path, "127.0.0.1", 1, "cpu"]


def test_that_the_network_is_let_in_is_told(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("colorization.web.server.serve", lambda *args: args[4]("http://box:1/"))
    assert cli("serve", "--host", "0.0.0.0").stderr.startswith("note: whoever reaches this address")


@pytest.mark.parametrize("gone", ["starlette", "uvicorn", "python_multipart", "cachetools"])
def test_without_the_extra_one_line_names_it(
    cli: Cli, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == gone else find(name, *more)
    )
    refused(cli("serve"), 'pip install -e ".[web]"')


def test_an_index_that_is_not_there_is_told(
    cli: Cli, refused: Callable[..., str], tmp_path: Path
) -> None:
    refused(
        cli("serve", "--index", tmp_path / "nowhere", "--port", 0),
        tmp_path / "nowhere",
        "no index here",
    )


def test_a_stop_does_not_say_that_anything_was_kept(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("colorization.web.server.serve", stopped)
    result = cli("serve")
    assert (result.exit_code, result.stderr) == (130, "the page has ended\n")
