"""Pictures for a user study, what people choose in it, and what its page holds."""

import base64
import io
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_pipeline import NAMES
from PIL import Image

from colorization.demo import luminance_of


def sepia(rgb: np.ndarray) -> np.ndarray:
    return np.clip(luminance_of(rgb) + np.array([25, 0, -25]), 0, 255).astype(np.uint8)


def write(folder: Path, pictures: dict[str, np.ndarray], suffix: str = ".png") -> Path:
    for name, rgb in pictures.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rgb).save(folder / f"{name}{suffix}")
    return folder


@pytest.fixture
def real_dir(tmp_path: Path, pictures: dict[str, np.ndarray]) -> Path:
    return write(tmp_path / "real", {name: pictures[name] for name in NAMES})


@pytest.fixture
def result_dir(tmp_path: Path, pictures: dict[str, np.ndarray]) -> Path:
    """Sepia versions."""
    return write(tmp_path / "sepia", {name: sepia(pictures[name]) for name in NAMES})


def choices(path: Path, picked: list[str], kind: str = "real", **more: object) -> Path:
    """Write what a person chose in a study, as its page keeps it."""
    made = [
        {"photo": str(i), "side": "a", "picked": one, "seconds": 1.5}
        for i, one in enumerate(picked)
    ]
    path.write_text(
        json.dumps({"study": "s", "kind": kind, "names": ["sepia", "real"], "choices": made} | more)
    )
    return path


class Page(HTMLParser):
    """Elements of a page, and the text of its scripts and styles."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text = path.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": []}
        self._open = ""
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open = tag

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open in self.inside:
            self.inside[self._open].append(data)

    @property
    def study(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.inside["script"][0])
        return found

    @property
    def code(self) -> str:
        return self.inside["script"][1]


def picture(uri: str) -> np.ndarray:
    head, data = uri.split(",")
    assert head == "data:image/jpeg;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))


def near(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and float(np.abs(a.astype(int) - b.astype(int)).mean()) < 4
