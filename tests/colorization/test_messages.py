import os

import pytest

from colorization.messages import (
    AUTOMATIC,
    USED_ALL_THE_SAME,
    is_no_memory,
    one_line,
    reason,
    without_alike,
)


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


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("a.png: bad"), "a.png: bad"),
        (OSError("the file is empty"), "the file is empty"),
        (OSError(27, "File too large"), "File too large"),
        (FileExistsError(17, "File exists", "out/a"), "out/a: File exists"),
    ],
    ids=repr,
)
def test_reasons_have_no_numbers(error: Exception, told: str) -> None:
    assert reason(error) == told


def test_what_torch_says_of_memory_is_no_memory() -> None:
    words = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes"
    assert is_no_memory(MemoryError()) and is_no_memory(RuntimeError(words))
    assert not is_no_memory(RuntimeError("shapes differ")) and not is_no_memory(ValueError(words))


def test_only_the_training_free_method_takes_what_is_unlike() -> None:
    assert without_alike("network") == AUTOMATIC
    assert without_alike("training-free") == USED_ALL_THE_SAME
