"""A run of a distillation: where its student comes from, and how it is trained."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from similarity.backbone.precision import autocast
from similarity.backbone.vgg19 import SLIM, VGG19
from similarity.backbone.weight_files import load_bundled
from similarity.color.lab import rgb_to_lab
from similarity.color.tones import spread_tones
from similarity.training.corpus import Corpus
from similarity.training.distillation import (
    TAPS,
    DistillOptions,
    Student,
    ask,
    crop_side,
    draw_crops,
    losses,
    normalise,
    photo_numbers,
    seen_by_student,
)
from similarity.training.loop import Ahead, LoopOptions, read_module
from similarity.training.loop import train as run_loop
from similarity.training.repvgg import branch, take_statistics

SURVEYED = 2000  # photos whose answers give mean and deviation
SEEN_FIRST = 64  # photos that exported weights see before they are trained further


@dataclass(frozen=True)
class DistillRun:
    """How long and how fast a student is trained.

    Attributes:
        checkpoint_path: where the run is kept; an existing file is continued.
        teacher_hash: of the teacher's file; the run belongs to it.
        samples: crops to train on; a run may be made longer or shorter while it lasts.
        learning_rate: peak of the schedule.
        weight_decay: of AdamW.
    """

    checkpoint_path: Path
    teacher_hash: str
    samples: int = 240_000
    learning_rate: float = 2e-3
    weight_decay: float = 0.05


def student_of(checkpoint_path: Path) -> Student:
    """The student of a checkpoint.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it has another layout.
    """
    state = read_module(checkpoint_path, "student")
    try:
        student = Student({s: len(state[f"mean_{s}"]) for s in TAPS}, len(state["mean_embedding"]))
        student.load_state_dict(state, strict=True)
    except (KeyError, RuntimeError) as error:
        raise ValueError(
            f"{checkpoint_path}: a student of another layout ({' '.join(str(error).split())[:200]})"
        ) from error
    return student


def untrained(teacher: nn.Module, corpus: Corpus, device: str) -> Student:
    """A new student that knows how the teacher's answers for some photos spread.

    Args:
        teacher: on the device.
        corpus: of which some photos are shown to it.
        device: of the photos.
    """
    rows = [ask(teacher, rgb.to(device)) for rgb in corpus.squares(32, SURVEYED)]
    answers = {name: torch.cat([row[name] for row in rows]) for name in rows[0]}
    student = Student({s: answers[str(s)].shape[1] for s in TAPS}, answers["embedding"].shape[1])
    student.measure(answers)
    return student


def exported_backbone(folder: Path, corpus: Corpus) -> VGG19:
    """Exported weights as they can be trained further, with branches that add nothing yet.

    Args:
        folder: of the weights.
        corpus: whose luminance its batch norms are measured on.
    """
    backbone = VGG19(SLIM)
    backbone.load_state_dict(load_bundled("vgg19-slim", folder))
    luminance = rgb_to_lab(torch.cat(list(corpus.squares(SEEN_FIRST, SEEN_FIRST))))[:, :1]
    take_statistics(backbone, normalise(spread_tones(luminance) / 100))
    return branch(backbone, scale=0.0)


def first_student(start: Path | None, teacher: nn.Module, corpus: Corpus, device: str) -> Student:
    """The student that a run begins or goes on with.

    Args:
        start: a checkpoint, or a folder of exported weights, whose heads are new; None is none.
        teacher: on the device.
        corpus: to be trained on.
        device: to be trained on.

    Raises:
        ValueError: the checkpoint has another layout.
    """
    if start is not None and not start.is_dir():
        return student_of(start)
    student = untrained(teacher, corpus, device)
    if start is not None:
        student.backbone = exported_backbone(start, corpus)
    return student


def distil(
    student: Student,
    teacher: nn.Module,
    corpus: Corpus,
    options: DistillOptions,
    run: DistillRun,
    log: Callable[[str], None],
) -> None:
    """Train a student, or go on training it.

    Args:
        student: on the device it is trained on.
        teacher: on the same device.
        corpus: to be trained on.
        options: what a step shows, and how answers are compared.
        run: see DistillRun.
        log: receives a line now and then.

    Raises:
        FloatingPointError: the loss is not finite.
        ValueError: the checkpoint belongs to other settings.
    """
    device = next(student.parameters()).device
    optimizer = torch.optim.AdamW(
        student.parameters(), lr=run.learning_rate, weight_decay=run.weight_decay
    )
    steps = run.samples // options.batch

    def prepared(number: int) -> tuple[Tensor, dict[str, Tensor]]:
        rng = np.random.default_rng((options.seed, number))
        photos = [corpus.read(i) for i in photo_numbers(number, len(corpus), options)]
        rgb = draw_crops(photos, rng, crop_side(number, steps, options), options).to(device)
        seen = seen_by_student(rgb, rng).contiguous(memory_format=torch.channels_last)
        return seen, student.standardised(ask(teacher, rgb))

    ahead = Ahead(prepared, steps)

    def step(number: int) -> dict[str, Tensor]:
        seen, answers = ahead(number)
        with autocast(seen.device):
            found = student(seen)
        return losses(found, answers, options)

    key = settings_key(corpus, options, run)
    loop = LoopOptions(steps, run.checkpoint_path, key, run.learning_rate)
    run_loop(step, {"student": student}, optimizer, loop, log=log)


def settings_key(corpus: Corpus, options: DistillOptions, run: DistillRun) -> str:
    """Hash of what must stay the same while a run lasts; its length may change.

    Args:
        corpus: its names.
        options: all of them.
        run: all but length and place.
    """
    names = "\n".join(corpus.names)
    fixed = (
        f"{asdict(options)} {asdict(SLIM)} {names} {run.learning_rate} {run.weight_decay}"
        f" {run.teacher_hash}"
    )
    return hashlib.sha256(fixed.encode()).hexdigest()[:16]
