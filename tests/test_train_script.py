"""scripts/train from folders of photos to weights that the package loads, at a tiny size."""

import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import Result
from tiny_network import TINY
from typer.testing import CliRunner

from colorization.network.pretrained import load_network
from colorization.training.two_branch_step import LossOptions
from similarity.backbone.backbone import Backbone

SCRIPT = Path(__file__).parent.parent / "scripts" / "train"
Command = Callable[..., Result]


@pytest.fixture
def script() -> ModuleType:
    """The script as a module, whose runs are tiny; no compiled file is left beside it."""
    module = ModuleType("train")
    exec(compile(SCRIPT.read_text(), str(SCRIPT), "exec"), module.__dict__)
    module.DEFAULT = replace(module.DEFAULT, network=TINY, batch=4)
    module.STORED = replace(module.STORED, side=64)
    return module


@pytest.fixture
def command(script: ModuleType) -> Command:
    """``command("run", ...)``: the result, whatever it is."""
    return lambda *words: CliRunner().invoke(script.app, [str(w) for w in words])


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, script: ModuleType) -> Callable[[str], list[object]]:
    """``told(name)`` puts a stand-in in place of a step and gives what it will be asked."""

    def stand_in(name: str) -> list[object]:
        asked: list[object] = []

        def step(*given: object) -> str:
            asked.extend(given)
            return f"{name} is done"

        monkeypatch.setattr(script, name, step)
        return asked

    return stand_in


def test_photos_become_weights(
    command: Command, photo_dir: Path, tmp_path: Path, backbone: Backbone
) -> None:
    run, out = tmp_path / "run", tmp_path / "weights"
    words = ("photos", photo_dir, "--output", run, "--steps", 1, "--crops", 1, "--device", "cpu")
    result = command(*words)
    assert result.exit_code == 0, result.exception
    assert result.output.splitlines()[-1].startswith("unseen photos: loss ")
    assert json.loads((run / "settings.json").read_text())["photos"] == 4
    result = command("export", "--run", run, "--out", out)
    assert (result.exit_code, result.output) == (0, f"exported 1 shards to {out}\n")
    assert load_network(backbone, out).config == TINY
    assert command(*words).exit_code == 0  # the store is there, and the run is at its end


def test_the_steps_one_by_one(command: Command, photo_dir: Path, tmp_path: Path) -> None:
    maps, run = tmp_path / "maps", tmp_path / "run"
    assert command("store", photo_dir, "--out", maps, "--crops", 1, "--side", 64).exit_code == 0
    result = command(
        *("run", maps, "--output", run, "--steps", 1, "--batch", 2, "--device", "cpu"),
        *("--judged-from", 0, "--vivid", 0.5, "--seed", 7, "--learning-rate", 0.001),
    )
    assert result.exit_code == 0, result.exception
    settings = json.loads((run / "settings.json").read_text())
    assert (settings["batch"], settings["seed"], settings["learning_rate"]) == (2, 7, 0.001)
    assert (settings["judged_from"], settings["sampling"]["vivid"]) == (0.0, 0.5)
    assert settings["judge"]
    start = run / "network.safetensors"
    result = command(
        *("run", maps, "--output", tmp_path / "on", "--steps", 1, "--batch", 2),
        *("--judged-from", 1, "--device", "cpu", "--weights-from", start),
    )
    assert result.exit_code == 0, result.exception
    settings = json.loads((tmp_path / "on" / "settings.json").read_text())
    assert settings["start"] and settings["judge"] is None


def test_statistics_and_projections_are_made_of_photos(
    command: Command, told: Callable[[str], list[object]], photo_dir: Path
) -> None:
    for name, step in (
        ("statistics", "measure_statistics"),
        ("projections", "fit_index_projections"),
    ):
        asked = told(step)
        result = command(name, photo_dir, "--backbone", "vgg19-slim")
        assert (result.exit_code, result.output) == (0, f"{step} is done\n")
        assert asked == [[photo_dir], "vgg19-slim"]


def test_every_command_explains_itself(command: Command) -> None:
    assert "scripts/train run .runs/maps" in command("--help").output
    for name in ("photos", "statistics", "projections", "store", "run", "export"):
        result = command(name, "--help")
        assert result.exit_code == 0 and result.output.strip()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("photos", "nowhere"), "nowhere"),
        (("store", "empty"), "empty"),
        (("run", "nowhere"), "no finished store; write it with scripts/train store"),
        (("export", "--run", "nowhere"), "nowhere"),
        (("store", "empty", "--side", "100"), "side must be a multiple of 32"),
    ],
    ids=str,
)
def test_what_is_missing_or_wrong_is_told_in_one_line(
    tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    (tmp_path / "empty").mkdir()
    result = subprocess.run(
        [sys.executable, SCRIPT, *words], cwd=tmp_path, capture_output=True, text=True
    )
    lines = result.stderr.splitlines()
    assert result.returncode == 1 and len(lines) == 1
    assert lines[0].startswith("error: ") and told in lines[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty"]


def test_a_loss_that_is_not_a_number_ends_with_its_step(
    script: ModuleType, command: Command, photo_dir: Path, tmp_path: Path
) -> None:
    script.DEFAULT = replace(script.DEFAULT, losses=LossOptions(classification=math.inf))
    words = ("photos", photo_dir, "--output", tmp_path / "run", "--steps", 2, "--crops", 1)
    result = command(*words, "--device", "cpu")
    assert isinstance(result.exception, FloatingPointError)
    assert str(result.exception).startswith("loss is inf at step 0; no checkpoint yet")
