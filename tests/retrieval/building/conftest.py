"""What the tests of building share."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from similarity.backbone.backbone import SLIM_NORMALISATION, VGG_LAYERS, Backbone
from similarity.backbone.vgg19 import VGG19, VGG19Config

Order = Callable[..., int]
SERVER = Path(__file__).parents[2] / "helpers" / "killed_writers.py"


@pytest.fixture(scope="module")
def tiny() -> Backbone:
    """A backbone that brings no projections, so they are fitted to the photos."""
    torch.manual_seed(0)
    config = VGG19Config(widths=(4, 6, 8, 10, 12), in_channels=1, pool_size=1, hidden=(20,))
    return Backbone("vgg19", VGG19(config), SLIM_NORMALISATION, VGG_LAYERS, "f" * 16)


@pytest.fixture(scope="module")
def order() -> Iterator[Order]:
    """``order(what, *arguments, **how_it_dies)`` in a process of its own.

    Returns its exit status.
    """
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER.read_text()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin and server.stdout

    def run(what: str, *arguments: object, **how: object) -> int:
        server.stdin.write(
            json.dumps({"what": what, "arguments": [str(a) for a in arguments], **how}) + "\n"
        )
        server.stdin.flush()
        return int(server.stdout.readline())

    yield run
    server.stdin.close()
    assert server.wait(30) == 0
