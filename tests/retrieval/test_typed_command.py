import os
import shlex

import pytest

from retrieval.typed_command import typed


def test_a_shell_reads_the_words_again() -> None:
    words = ["rechroma", "colorize", "it's mine.jpg"]
    assert shlex.split(typed(*words)) == words


def test_of_windows_it_takes_double_quotes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "name", "nt")
    assert typed("rechroma", r"C:\my photos") == r'rechroma "C:\my photos"'
