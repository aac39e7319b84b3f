"""Commands as a person types them, in the shell of the system that they have."""

import os
import shlex
import subprocess
from pathlib import Path


def typed(*words: str | Path) -> str:
    """One line that the system's shell reads as these words.

    Args:
        words: a command and what it is given; those with spaces are quoted as the system does.
    """
    plain = [str(word) for word in words]
    return subprocess.list2cmdline(plain) if os.name == "nt" else shlex.join(plain)
