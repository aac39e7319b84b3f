import errno
import io
import sys

import pytest

from colorization.cli.progress_bar import photo_progress, progress_bars


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


def test_a_bar_for_each_step(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with progress_bars("frames") as progress:
        progress("looking", 5, 5)
        first = capsys.readouterr().err
        progress("coloring", 1, 4)
        progress("coloring", 4, 4)
    out, err = capsys.readouterr()
    assert out == ""
    assert "coloring" not in first
    *_, looking, coloring = (line for line in err.splitlines() if "/" in line)  # as they stay
    assert "looking" in looking and "5/5" in looking
    assert "coloring" in coloring and "4/4" in coloring


def test_a_rate_has_the_unit(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with progress_bars("frames") as progress:
        for done in (1, 2, 3):
            progress("coloring", done, 3)
    assert "frames/s" in capsys.readouterr().err


def test_steps_draw_nothing_where_no_terminal_is(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bars() as progress:
        progress("looking", 1, 2)
    assert capsys.readouterr() == ("", "")


def test_no_line_is_drawn_before_the_first_step(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that comes before it stands alone."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    with pytest.raises(ValueError, match="the cause"), progress_bars():
        raise ValueError("the cause")
    assert "\n" not in capsys.readouterr().err
