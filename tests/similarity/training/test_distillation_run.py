from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from similarity.backbone.pretrained import WEIGHTS_DIR
from similarity.training import distillation_run
from similarity.training.corpus import Corpus
from similarity.training.distillation import DistillOptions, Student
from similarity.training.distillation_run import (
    DistillRun,
    distil,
    first_student,
    settings_key,
    student_of,
    untrained,
)

OPTIONS = DistillOptions(batch=2, crops=(64,))
RUN = DistillRun(Path("student.safetensors"), "a hash", samples=2)


class Teacher(nn.Module):
    """Means of colors as features of 3 channels."""

    def forward(self, rgb: Tensor) -> dict[object, Tensor]:
        maps = {stride: nn.functional.avg_pool2d(rgb, stride) for stride in (8, 16, 32)}
        mean = rgb.mean((2, 3))
        return {**maps, "embedding": mean.repeat(1, 2), "logits": mean.repeat(1, 334)[:, :1000]}


@pytest.fixture
def corpus(pictures: dict[str, np.ndarray]) -> Corpus:
    names = ["astronaut", "chelsea", "coffee", "rocket"]
    return Corpus(names, lambda number: pictures[names[number]])


def trained(corpus: Corpus, folder: Path, samples: int) -> tuple[dict[str, Tensor], list[str]]:
    """The checkpoint after a run, and what it has told."""
    torch.manual_seed(0)
    run = replace(RUN, checkpoint_path=folder / "student.safetensors", samples=samples)
    told: list[str] = []
    known = run.checkpoint_path if run.checkpoint_path.exists() else None
    student = first_student(known, Teacher(), corpus, "cpu")
    distil(student, Teacher(), corpus, OPTIONS, run, told.append)
    return load_file(run.checkpoint_path), told


# Where a student comes from


def test_the_teacher_is_asked_where_it_is(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask(teacher: nn.Module, rgb: Tensor) -> dict[str, Tensor]:
        asked.append(rgb.device.type)
        return {
            **{name: torch.rand(len(rgb), 3, 7, 7) for name in ("8", "16", "32")},
            "embedding": torch.rand(len(rgb), 5),
        }

    monkeypatch.setattr(distillation_run, "ask", ask)
    untrained(torch.nn.Identity(), corpus, "meta")
    assert asked == ["meta"]


def test_a_new_student_knows_how_answers_spread(corpus: Corpus) -> None:
    """The mean of a channel of the coarsest map is that of all squares."""
    student = first_student(None, Teacher(), corpus, "cpu")
    wanted = torch.cat(list(corpus.squares(4))).mean((0, 2, 3))
    torch.testing.assert_close(student.get_buffer("mean_32"), wanted, atol=0.01, rtol=0)
    assert student.get_buffer("mean_embedding").shape == (6,)


def test_exported_weights_get_branches_and_new_heads(corpus: Corpus) -> None:
    student = first_student(WEIGHTS_DIR, Teacher(), corpus, "cpu")
    assert student.maps["8"].out_channels == 3
    assert not student.backbone.features[0].point_norm.weight.any()


def test_a_checkpoint_gives_the_student_back(corpus: Corpus, tmp_path: Path) -> None:
    kept, _ = trained(corpus, tmp_path, 2)
    student = student_of(tmp_path / "student.safetensors")
    assert isinstance(student, Student)
    for name, value in student.state_dict().items():
        assert torch.equal(value, kept[f"student.{name}"])


def test_a_missing_checkpoint_and_one_of_another_layout(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        student_of(tmp_path / "missing.safetensors")
    save_file({"student.mean_8": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"other\.safetensors: a student of another layout"):
        student_of(tmp_path / "other.safetensors")


# Training


def test_a_run_that_is_made_longer_goes_on(corpus: Corpus, tmp_path: Path) -> None:
    """Three steps, of which the first was done before."""
    first, _ = trained(corpus, tmp_path, 2)
    longer, _ = trained(corpus, tmp_path, 6)
    with safe_open(tmp_path / "student.safetensors", "pt") as file:
        assert file.metadata()["step"] == "3"
    assert torch.equal(first["student.mean_8"], longer["student.mean_8"])
    name = "student.maps.8.weight"
    assert not torch.equal(first[name], longer[name])


def test_the_same_run_gives_the_same_student(corpus: Corpus, tmp_path: Path) -> None:
    one, other = (trained(corpus, tmp_path / name, 2)[0] for name in ("one", "other"))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_belongs_to_its_photos_teacher_and_options(corpus: Corpus, tmp_path: Path) -> None:
    own = settings_key(corpus, OPTIONS, RUN)
    same = replace(RUN, samples=99, checkpoint_path=tmp_path)
    assert settings_key(corpus, OPTIONS, same) == own
    others = [
        settings_key(Corpus(corpus.names[1:], corpus.read), OPTIONS, RUN),
        settings_key(corpus, replace(OPTIONS, seed=1), RUN),
        settings_key(corpus, OPTIONS, replace(RUN, teacher_hash="another")),
        settings_key(corpus, OPTIONS, replace(RUN, learning_rate=0.1)),
        settings_key(corpus, OPTIONS, replace(RUN, weight_decay=0.1)),
    ]
    assert len({own, *others}) == 6
