import os

import pytest
import typer

from colorization.cli.common import fail, one_line, one_line_errors


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a  b.png", "a  b.png"),  # a name keeps its spaces
        (" ends \n", "ends"),
        ("two\nlines\r\tof\x1b[31m it", "two\\nlines\\r\\tof\\x1b[31m it"),
        ("caf\u00e9 \u732b.jpg", "caf\u00e9 \u732b.jpg"),
        (os.fsdecode(b"caf\xe9.jpg"), "caf\\udce9.jpg"),
        ("line\u2028separator", "line\\u2028separator"),
    ],
)
def test_one_line(text: str, line: str) -> None:
    assert one_line(text) == line


def test_fail(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught:
        fail("new\nline.png: broken")
    assert caught.value.exit_code == 2
    assert capsys.readouterr().err == "error: new\\nline.png: broken\n"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("a.png: broken"), "error: a.png: broken\n"),
        (FileNotFoundError("a.png: no such photo"), "error: a.png: no such photo\n"),
        (
            OSError(28, "No space left on device; free some", "/x/y"),
            "error: /x/y: No space left on device; free some\n",
        ),
        (OSError(28, "No space left on device"), "error: [Errno 28] No space left on device\n"),
    ],
)
def test_errors_a_user_can_cause_are_one_line(
    capsys: pytest.CaptureFixture[str], error: Exception, line: str
) -> None:
    @one_line_errors
    def command(number: int) -> None:
        """What it does."""
        raise error

    assert (command.__name__, command.__doc__) == ("command", "What it does.")
    with pytest.raises(typer.Exit) as caught:
        command(number=1)
    assert caught.value.exit_code == 2
    assert capsys.readouterr().err == line


def test_other_errors_are_not_hidden_and_a_stop_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    @one_line_errors
    def command(error: BaseException) -> None:
        raise error

    with pytest.raises(KeyError):
        command(KeyError("a bug"))
    with pytest.raises(typer.Exit) as caught:
        command(KeyboardInterrupt())
    assert caught.value.exit_code == 130
    assert capsys.readouterr().err == "stopped; what was finished is kept\n"
