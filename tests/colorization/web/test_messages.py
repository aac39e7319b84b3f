import math

import pytest

from colorization.web.messages import as_number, without_folders


@pytest.mark.parametrize(
    ("line", "told"),
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
def test_files_are_named_without_their_folders(line: str, told: str) -> None:
    assert without_folders(line) == told


def test_numbers() -> None:
    assert as_number(3, "x") == as_number(3.0, "x") == 3.0
    for value in (None, "3", True, math.nan, math.inf, [1]):
        with pytest.raises(ValueError, match=r"^x must be a number$"):
            as_number(value, "x")
