import errno
import io
import sys

import pytest

from colorization.cli.progress_bar import photo_progress


def test_nothing_is_drawn_where_no_terminal_is(capsys: pytest.CaptureFixture[str]) -> None:
    with photo_progress("indexing") as progress:
        progress(1, 3)
        progress(3, 3)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_counts_on_stderr(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes the stream for a terminal
    monkeypatch.setenv("COLUMNS", "120")
    with photo_progress("indexing") as progress:
        progress(1, 3)
        progress(3, 3)
    out, err = capsys.readouterr()
    assert out == ""  # results alone go to stdout
    assert "indexing" in err and "3/3" in err


def test_quiet_draws_nothing_even_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with photo_progress("colorizing", quiet=True) as progress:
        progress(1, 1)
    assert "colorizing" not in capsys.readouterr().err


def test_a_terminal_that_is_closed_does_not_end_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.StringIO):
        def isatty(self) -> bool:
            return True

        def write(self, text: str) -> int:
            raise OSError(errno.EIO, "Input/output error")

        def flush(self) -> None:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(sys, "stderr", Closed())
    monkeypatch.setenv("TERM", "xterm")
    with photo_progress("indexing") as progress:
        progress(1, 1)


def test_errors_pass_through() -> None:
    with pytest.raises(ValueError, match="the cause"), photo_progress("indexing") as progress:
        progress(0, 1)
        raise ValueError("the cause")
