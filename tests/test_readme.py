"""The README's commands and Python run as they stand, on pictures that come with scikit-image."""

import re
import shlex
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from skimage import data
from typer.testing import CliRunner

from colorization.cli.app import app

README = (Path(__file__).parent.parent / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)


def commands() -> list[str]:
    return [
        line for block in blocks("") for line in block.splitlines() if line.startswith("rechroma ")
    ]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a gray photo, a box of them, a reference and a small library."""
    pictures = tmp_path / "Pictures"
    pictures.mkdir()
    (tmp_path / "scans").mkdir()
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        picture = Image.fromarray(getattr(data, name)())
        picture.thumbnail((160, 160))
        picture.save(pictures / f"{name}.jpg")
        picture.convert("L").save(tmp_path / "scans" / f"{name}.png")
    (tmp_path / "grandmother.jpg").write_bytes((tmp_path / "scans" / "astronaut.png").read_bytes())
    (tmp_path / "portrait-1998.jpg").write_bytes((pictures / "astronaut.jpg").read_bytes())
    with av.open(str(tmp_path / "wedding-1962.mp4"), "w") as film:
        stream = film.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for shift in range(2):
            gray = np.ascontiguousarray(data.camera()[100:148, 100 + shift : 164 + shift])
            film.mux(
                stream.encode(
                    av.VideoFrame.from_ndarray(gray, format="gray").reformat(format="yuv420p")
                )
            )
        film.mux(stream.encode())
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_commands_and_python(home: Path) -> None:
    runner = CliRunner()
    ran = commands()
    expected = (
        ["colorize"] * 2
        + ["build-index", "recommend", "colorize", "suggest-colors"]
        + ["colorize"] * 5
        + ["video"]
    )
    assert [shlex.split(c)[1] for c in ran] == expected
    for command in ran:
        words = [word.replace("~", str(home)) for word in shlex.split(command.split(" > ")[0])[1:]]
        outcome = runner.invoke(app, words)
        assert outcome.exit_code == 0, (command, outcome.output)
        if words[:2] == ["colorize", "grandmother.jpg"] and "--variants" not in words:
            assert (
                Image.open(words[words.index("--output") + 1]).size
                == Image.open("grandmother.jpg").size
            )
    assert sorted(p.name for p in (home / "colored").glob("*.png")) == [
        "astronaut.png",
        "chelsea.png",
        "coffee.png",
        "rocket.png",
    ]
    assert len((home / "colored" / "manifest.jsonl").read_text().splitlines()) == 4
    names = [
        "grandmother-1.jpg",
        "grandmother-2.jpg",
        "grandmother-3.jpg",
        "grandmother-variants.png",
    ]
    assert sorted(p.name for p in (home / "choices").iterdir()) == names
    assert (
        Path("grandmother-why-explained.png").exists()
        and Path("grandmother-why-explained.json").exists()
    )
    assert Path("wedding-color.mp4").exists() and Path("wedding.json").exists()
    assert Path("candidates.png").exists()
    assert Path("overview.png").exists()

    rgb = np.asarray(Image.open(home / "Pictures" / "coffee.jpg"))
    gray = np.asarray(Image.open(home / "scans" / "coffee.png"))
    names: dict[str, object] = {"gray": gray, "rgb": rgb}
    (code,) = blocks("python")
    exec(compile(code, "README.md", "exec"), names)
    assert names["result"].rgb.shape == (*gray.shape, 3)  # type: ignore[attr-defined]


def test_the_two_commands_of_a_fresh_machine_are_there() -> None:
    assert "pip install -e . && rechroma demo" in README
    assert 'pip install -e ".[dev]" && scripts/test' in README
