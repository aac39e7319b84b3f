"""scripts/distill from photos to weights that the package loads, at a tiny size."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from click.testing import Result
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file
from typer.testing import CliRunner

from retrieval.building.builder import BuildOptions, build_index
from similarity.backbone.backbone import Backbone, load_backbone
from similarity.backbone.pretrained import WEIGHTS_DIR
from similarity.backbone.vgg19 import SLIM, VGG19
from similarity.backbone.weight_files import load_bundled

SCRIPT = Path(__file__).parent.parent / "scripts" / "distill"
TEACHER = """
import torch
from torch import nn


class Teacher(nn.Module):
    def forward(self, rgb):
        maps = {stride: nn.functional.avg_pool2d(rgb, stride) for stride in (8, 16, 32)}
        mean = rgb.mean((2, 3))
        return {**maps, "embedding": mean.repeat(1, 2), "logits": mean.repeat(1, 334)[:, :1000]}
"""
Command = Callable[..., Result]


@pytest.fixture
def script() -> ModuleType:
    module = ModuleType("distill")
    exec(compile(SCRIPT.read_text(), str(SCRIPT), "exec"), module.__dict__)
    return module


@pytest.fixture
def command(script: ModuleType) -> Command:
    """``command("train", ...)``: the result, whatever it is."""
    return lambda *words: CliRunner().invoke(script.app, [str(w) for w in words])


@pytest.fixture(scope="module")
def slim_index(tmp_path_factory: pytest.TempPathFactory, library_dir: Path) -> Path:
    """An index of ``library_dir`` that sees through vgg19-slim. Treat as read-only."""
    folder = tmp_path_factory.mktemp("slim") / "index"
    build_index([library_dir], folder, load_backbone("vgg19-slim"), BuildOptions(workers=0))
    return folder


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    (tmp_path / "teacher.py").write_text(TEACHER)
    return tmp_path / "teacher.py"


@pytest.fixture
def photos(tmp_path: Path, pictures: dict[str, np.ndarray]) -> Path:
    """Four photos and a file that is none."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        Image.fromarray(pictures[name]).save(folder / f"{name}.png")
    return folder


def step_of(run: Path) -> int:
    with safe_open(run / "student.safetensors", "pt") as file:
        return int(file.metadata()["step"])


def test_train_goes_on_where_it_was_and_follows_a_new_length(
    command: Command, photos: Path, teacher: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    (photos / "text.jpg").write_text("no photo")
    train = ("train", photos, "--teacher", teacher, "--run", run, "--batch", 2, "--samples")
    first = command(*train, 2)
    assert first.exit_code == 0, first.exception
    assert "skipped" in first.output and "text.jpg" in first.output
    assert step_of(run) == 1
    kept = load_file(run / "student.safetensors")["student.mean_8"]
    second = command(*train, 6)
    assert second.exit_code == 0, second.exception
    assert step_of(run) == 3
    torch.testing.assert_close(
        load_file(run / "student.safetensors")["student.mean_8"], kept, rtol=0, atol=0
    )
    other = command(*train, 6, "--learning-rate", 0.1)
    assert other.exit_code == 2 and "belongs to settings" in other.output


def test_a_run_belongs_to_its_teacher(
    command: Command, photos: Path, teacher: Path, tmp_path: Path
) -> None:
    train = (
        "train",
        photos,
        "--teacher",
        teacher,
        "--run",
        tmp_path / "run",
        "--batch",
        2,
        "--samples",
    )
    assert command(*train, 2).exit_code == 0
    teacher.write_text(TEACHER.replace("avg_pool2d", "max_pool2d"))
    other = command(*train, 4)
    assert other.exit_code == 2 and "belongs to settings" in other.output


def test_a_new_run_may_start_from_the_weights_of_another(
    command: Command, photos: Path, teacher: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert (
        command(
            "train", photos, "--teacher", teacher, "--run", first, "--batch", 4, "--samples", 4
        ).exit_code
        == 0
    )
    start = ("--weights-from", first / "student.safetensors", "--learning-rate", 0)
    result = command(
        "train", photos, "--teacher", teacher, "--run", second, "--batch", 4, "--samples", 4, *start
    )
    assert result.exit_code == 0, result.exception
    before, after = (load_file(run / "student.safetensors") for run in (first, second))
    for name in ("student.maps.8.weight", "student.std_32"):
        torch.testing.assert_close(after[name], before[name], rtol=0, atol=0)
    again = command(
        "train", photos, "--teacher", teacher, "--run", second, "--batch", 4, "--samples", 8, *start
    )
    assert (
        again.exit_code == 0
        and "this run goes on; --weights-from counts only at its beginning" in again.stderr
    )


def test_a_new_run_may_start_from_exported_weights(
    script: ModuleType, command: Command, photos: Path, teacher: Path, tmp_path: Path
) -> None:
    run, start = tmp_path / "run", ("--weights-from", WEIGHTS_DIR, "--learning-rate", 0)
    result = command(
        "train", photos, "--teacher", teacher, "--run", run, "--batch", 4, "--samples", 4, *start
    )
    assert result.exit_code == 0, result.exception
    student, luminance = (
        script.student_of(run / "student.safetensors").eval(),
        torch.randn(1, 1, 64, 64),
    )
    network, layers = VGG19(SLIM).eval(), ("relu4_4", "relu5_4", "logits")
    network.load_state_dict(load_bundled("vgg19-slim"))
    before, after = network(luminance, layers), student.backbone(luminance, layers)
    shipped, kept = load_bundled("vgg19-slim"), load_file(run / "student.safetensors")
    convs = [i for i, module in enumerate(network.features) if isinstance(module, torch.nn.Conv2d)]
    learned = {
        f"features.{i}.{key}": f"features.{i}.conv.{key}"
        for i in convs
        for key in ("weight", "bias")
    }
    learned |= {name: name for name in shipped if name.startswith("classifier.")}
    assert len(learned) == 36
    assert all(
        torch.equal(kept[f"student.backbone.{there}"], shipped[here].float())
        for here, there in learned.items()
    )
    assert all(
        F.cosine_similarity(before[k].flatten(), after[k].flatten(), dim=0) > 0.95 for k in layers
    )


def test_a_batch_may_be_larger_than_the_corpus(
    command: Command, photos: Path, teacher: Path, tmp_path: Path
) -> None:
    result = command(
        "train",
        photos,
        "--teacher",
        teacher,
        "--run",
        tmp_path / "run",
        "--batch",
        64,
        "--samples",
        64,
    )
    assert result.exit_code == 0, result.exception
    assert step_of(tmp_path / "run") == 1


def test_a_folder_without_photos_is_said(command: Command, teacher: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "text.jpg").write_text("no photo")
    result = command("train", tmp_path / "empty", "--teacher", teacher, "--run", tmp_path / "run")
    assert result.exit_code == 2 and "no photos" in result.output
    assert not (tmp_path / "run").exists()


def test_exported_weights_load_and_are_scored(
    command: Command,
    photos: Path,
    teacher: Path,
    tmp_path: Path,
    slim_index: Path,
    backbone: Backbone,
    library_dir: Path,
) -> None:
    run, out = tmp_path / "run", tmp_path / "weights"
    assert (
        command(
            "train", library_dir, "--teacher", teacher, "--run", run, "--batch", 2, "--samples", 2
        ).exit_code
        == 0
    )
    exported = command(
        "export", library_dir, "--run", run, "--out", out, "--projections-out", tmp_path / "pca"
    )
    assert exported.exit_code == 0, exported.exception
    loaded = load_backbone("vgg19-slim", weights_dir=out)
    assert loaded.weights_hash in exported.output
    assert loaded.weights_hash != backbone.weights_hash
    with safe_open(tmp_path / "pca" / "vgg19-slim-pca.safetensors", "np") as file:
        assert file.metadata()["weights_hash"] == loaded.weights_hash
    photos_again = library_dir / ".." / library_dir.name
    scored = command(
        "score", photos_again, photos, "--teacher", teacher, "--run", run, "--index", slim_index
    )
    assert scored.exit_code == 0, scored.exception
    scores = json.loads(scored.output.splitlines()[-1])
    assert scores["photos"] == 4
    assert set(scores) == {
        "cosine at stride 8", "cosine at stride 16", "cosine at stride 32", "top-1 as the teacher",
        "top-1, the teacher on gray", "10 nearest shared", "photos"
    }  # fmt: skip
    assert all(-1 <= value <= 1 for name, value in scores.items() if name != "photos")
    without = command("score", photos_again, photos, "--teacher", teacher, "--run", run)
    assert json.loads(without.output.splitlines()[-1]) == {
        k: v for k, v in scores.items() if k != "10 nearest shared"
    }


def test_bad_files_and_photos_that_are_not_indexed_are_left_out(
    command: Command,
    photos: Path,
    teacher: Path,
    tmp_path: Path,
    slim_index: Path,
) -> None:
    run, out, index = tmp_path / "run", tmp_path / "weights", tmp_path / "index"
    train = ("train", photos, "--teacher", teacher, "--run", run, "--batch", 2)
    assert command(*train, "--samples", 2).exit_code == 0
    unseen = shutil.copytree(photos, tmp_path / "unseen")
    build_index([photos], index, load_backbone("vgg19-slim"), BuildOptions(workers=0))
    shutil.copy(photos / "coffee.png", photos / "new.png")
    for i in range(32):  # a whole batch
        (photos / f"a{i:02}.jpg").write_bytes(b"no photo")
    (unseen / "text.jpg").write_bytes(b"no photo")
    exported = command(
        "export", photos, "--run", run, "--out", out, "--projections-out", tmp_path / "pca"
    )
    assert exported.exit_code == 0, exported.exception
    score = ("score", photos, unseen, "--teacher", teacher, "--run", run, "--index")
    scored = command(*score, index)
    assert scored.exit_code == 0, scored.exception
    assert "text.jpg" in scored.output
    assert json.loads(scored.stdout)["photos"] == 4
    other = command(*score, slim_index)
    assert other.exit_code == 2 and f"{slim_index}: holds no photo of {photos}" in " ".join(
        other.output.split()
    )
