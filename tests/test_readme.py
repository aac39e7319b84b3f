"""The READMEs' commands and Python run as they stand, on what the demo leaves behind."""

import contextlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from colorization.cli.commands import app

ROOT = Path(__file__).parent.parent
READMES = [
    "README.md",
    "colorization/README.md",
    "colorization/cli/README.md",
    "colorization/video/README.md",
    "colorization/web/README.md",
]
# what needs a network or another machine; a fresh environment in CI runs it
INSTALLING = ("git clone", "python3 -m venv", "pip install")
MAX_WORDS = 700


def text(readme: str) -> str:
    return (ROOT / readme).read_text()


def blocks(readme: str, language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text(readme), re.M | re.S)
    return [block for kind, block in found if kind == language]


def commands(readme: str) -> list[str]:
    """The lines of blocks without a language, but for what installs."""
    lines = [line for block in blocks(readme, "") for line in block.splitlines()]
    return [line for line in lines if not line.startswith(INSTALLING)]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in which the demo has run."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    run("rechroma demo")
    return tmp_path


@contextlib.contextmanager
def serving(command: str) -> Iterator[str]:
    """``rechroma serve`` in a process of its own, on a free port; the address that it prints."""
    script = "import sys; from colorization.cli.app import main; sys.argv[0] = 'rechroma'; main()"
    words = [*shlex.split(command)[1:], "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", script, *words],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as server:
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            found = re.match(r"Rechroma is at (http://127\.0\.0\.1:\d+)/ ", line)
            assert found, line
            yield found[1]
        finally:
            server.terminate()


def run(line: str) -> None:
    """Run one command of ours in this process."""
    outcome = CliRunner().invoke(app, shlex.split(line.split(" > ")[0])[1:])
    assert outcome.exit_code == 0, (line, outcome.output)
    for output in re.findall(r"(?:--output|--sheet) (\S+)", line):
        if "--variants" not in line:
            assert Path(output).exists(), line


def is_ours(line: str) -> bool:
    return line.startswith("rechroma ")


@pytest.mark.parametrize("readme", READMES)
def test_all_of_it_runs_in_order(home: Path, readme: str) -> None:
    needs_page = [line for line in commands(readme) if line.startswith("rechroma serve")]
    for line in commands(readme):
        if is_ours(line) and line not in needs_page:
            run(line)
    if needs_page:
        if not (home / "indexes" / "family").exists():  # made in another README
            run("rechroma build-index rechroma-demo/photos --index indexes/family")
        others = [line for line in commands(readme) if not is_ours(line)]
        with serving(needs_page[0]) as page:
            script = "\n".join(others).replace("http://127.0.0.1:7860", page)
            ran = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script],
                capture_output=True,
                text=True,
                timeout=100,
                check=False,
            )
            assert ran.returncode == 0, (script, ran.stderr)
    for code in blocks(readme, "python"):
        exec(compile(code, readme, "exec"), {})
    if readme == "README.md":
        _check_results()


def _check_results() -> None:
    portrait = np.asarray(Image.open("rechroma-demo/scans/portrait.png"))
    for name in ("portrait", "family", "points", "from-python"):
        rgb = np.asarray(Image.open(f"{name}.png"))
        assert rgb.shape == (*portrait.shape, 3) and np.ptp(rgb.astype(int), axis=2).mean() > 5
    scans = {path.name for path in Path("rechroma-demo/scans").iterdir()}
    assert {path.name for path in Path("colored").glob("*.png")} == scans
    assert Path("film.mp4").stat().st_size > 1000


def test_only_known_commands_are_not_run() -> None:
    for readme in READMES:
        for line in commands(readme):
            assert is_ours(line) or line.startswith(("page=", "curl ")), line


def test_the_door_is_short_and_complete() -> None:
    door = text("README.md")
    assert len(door.split()) <= MAX_WORDS
    assert "pip install -e . && rechroma demo" in door
    assert 'pip install -e ".[dev]" && scripts/test' in door
    first_screen = door[:1600]
    for words in ("results.jpg", "Python 3.11", "GB of disk", "git clone", "python3 -m venv"):
        assert words in first_screen
    installing = [line for line in door.splitlines() if line.startswith("pip install")]
    assert "download.pytorch.org/whl/cpu" in installing[0]  # before anything else
    wanted = re.search(r'"(torch>=[^"]+)"', (ROOT / "pyproject.toml").read_text())
    assert wanted and f'"{wanted[1]}"' in installing[0]
    for words in ("Windows", "macOS", "GPU", "Uninstalling", "Privacy", "Results are yours"):
        assert words in door


@pytest.mark.parametrize("readme", [*READMES, "scripts/README.md"])
def test_links_lead_somewhere(readme: str) -> None:
    for place in re.findall(r"\]\(([^)]+)\)", text(readme)):
        if not place.startswith("https://"):
            assert (ROOT / readme).parent.joinpath(place).exists(), place


def test_git_passes_over_what_its_commands_leave() -> None:
    lines = "\n".join(blocks("README.md", "") + blocks("README.md", "python"))
    left = re.findall(r"(?:--output |--sheet |--index |save\(result, \")([^\s\"]+)", lines)
    assert {"colored", "film.mp4", "indexes/family", "from-python.png"} <= set(left)
    files = [f"{name}/x" if not Path(name).suffix else name for name in (*left, "rechroma-demo")]
    command = ["git", "check-ignore", "--no-index", *files]
    if not (ROOT / ".git").exists():
        pytest.skip("the project is not in git here")
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert set(found.stdout.splitlines()) == set(files)
