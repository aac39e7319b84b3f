import os

import pytest

from colorization.messages import one_line


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
