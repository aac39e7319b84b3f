import errno
import math

import pytest

from colorization.web.messages import (
    NO_MEMORY,
    UNEXPECTED,
    BusyError,
    as_line,
    as_number,
    told,
)


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("/home/me/My Pictures/private/mum.jpg: cannot be read", "mum.jpg: cannot be read"),
        (
            "skipped: /a/b c/d.jpg: gone; /x/y.png, (/tmp/z/q.jpg)",
            "skipped: d.jpg: gone; y.png, (q.jpg)",
        ),
        ("/libraries/family: the index is gone", "family: the index is gone"),
        ("C:\\Users\\me\\x.jpg: cannot be read", "x.jpg: cannot be read"),
        (
            "red and/or blue / 3/4 of http://example.com/a",
            "red and/or blue / 3/4 of http://example.com/a",
        ),
        ("", ""),
    ],
)
def test_files_are_named_without_their_folders(line: str, kept: str) -> None:
    assert as_line(line) == kept


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("/a/b.jpg: is\nbroken"), "b.jpg: is\\nbroken"),
        (OSError(errno.ENOSPC, "No space left", "/tmp/x/c.png"), "c.png: No space left"),
        (OSError(errno.ENOSPC, "No space left"), "No space left"),
        (OSError("the page has ended"), "the page has ended"),
        (MemoryError(), NO_MEMORY),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), NO_MEMORY),
        (BusyError("busy"), "busy"),
    ],
)  # fmt: skip
def test_errors_are_one_line(error: Exception, line: str) -> None:
    assert told(error) == line


def test_a_mistake_of_ours_is_logged_and_its_text_is_not_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for error in (TypeError("x"), RuntimeError("shapes differ")):
        assert told(error) == UNEXPECTED
        assert str(error) in caplog.text


def test_numbers() -> None:
    assert as_number(3, "x") == as_number(3.0, "x") == as_number("3", "x") == 3.0
    for value in (None, "", "three", "nan", True, math.nan, math.inf, [1]):
        with pytest.raises(ValueError, match=r"^x must be a number$"):
            as_number(value, "x")
