from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
import skimage.color
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from similarity import distillation
from similarity.distillation import (
    SIDE,
    TAPS,
    DistillOptions,
    Student,
    Targets,
    crop_side,
    losses,
    normalise,
    store_targets,
)

PHOTOS = 7


class Teacher(nn.Module):
    """Answers with what can be checked: maps are means of red and green over each cell, the embedding knows the photo."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def forward(self, rgb: Tensor) -> dict[int | str, Tensor]:
        self.batches.append(len(rgb))
        maps = {stride: F.avg_pool2d(rgb[:, :2], stride) for stride in (8, 16, 32)}
        mean = rgb.mean((2, 3))
        return {**maps, "embedding": mean.repeat(1, 2) * torch.arange(1, 7), "logits": mean.repeat(1, 400)[:, :1000]}


def photos() -> list[np.ndarray]:
    """Smooth photos, each with its own brightness."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / (SIDE - 1)
    return [
        (255 * np.stack((0.2 + 0.7 * x * i / PHOTOS, 0.3 + 0.5 * y, 0.1 + 0.1 * i * np.ones_like(x)), 2)).astype(np.uint8)
        for i in range(PHOTOS)
    ]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store_targets(iter(photos()), PHOTOS, Teacher(), tmp_path_factory.mktemp("targets") / "targets.h5", batch=3)


@pytest.fixture
def targets(stored: Path) -> Iterator[Targets]:
    opened = Targets(stored)
    yield opened
    opened.file.close()


# Storing


def test_every_photo_is_asked_once_in_order(tmp_path: Path) -> None:
    teacher, out = Teacher(), tmp_path / "targets.h5"
    assert store_targets(iter(photos()), PHOTOS, teacher, out, batch=3) == out
    assert teacher.batches == [3, 3, 1]
    assert [p.name for p in tmp_path.iterdir()] == ["targets.h5"]
    with h5py.File(out) as file:
        means = np.stack([photo.mean((0, 1)) / 255 for photo in photos()])
        np.testing.assert_allclose(file["embedding"][:, :3], means * [1, 2, 3], rtol=2e-3)
        cells = np.stack([p[..., :2].reshape(7, 32, 7, 32, 2).mean((1, 3)).transpose(2, 0, 1) / 255 for p in photos()])
        np.testing.assert_allclose(file["32"][:], cells, atol=1e-3)
        assert [file[key].shape for key in ("8", "16", "32")] == [(7, 2, 28, 28), (7, 2, 14, 14), (7, 2, 7, 7)]


def test_luminance_is_labs_l_in_a_byte(stored: Path) -> None:
    with h5py.File(stored) as file:
        for row, photo in enumerate(photos()):
            expected = skimage.color.rgb2lab(photo)[..., 0] * 2.55
            assert np.abs(file["luminance"][row, 0] - expected).max() <= 0.51  # rounding, and 0.01 of skimage's white


def test_statistics_are_those_of_the_corpus(stored: Path) -> None:
    with h5py.File(stored) as file:
        for key, axes in (("8", (0, 2, 3)), ("16", (0, 2, 3)), ("32", (0, 2, 3)), ("embedding", (0,))):
            values = file[key][:].astype(np.float64)
            np.testing.assert_allclose(file[key].attrs["mean"], values.mean(axes), rtol=1e-4)
            np.testing.assert_allclose(file[key].attrs["std"], values.std(axes) + 1e-3, rtol=1e-4)


def test_a_failing_teacher_leaves_no_file(tmp_path: Path) -> None:
    class Failing(Teacher):
        def forward(self, rgb: Tensor) -> dict[int | str, Tensor]:
            if len(self.batches) == 1:
                raise RuntimeError("out of memory")
            return super().forward(rgb)

    with pytest.raises(RuntimeError, match="out of memory"):
        store_targets(iter(photos()), PHOTOS, Failing(), tmp_path / "targets.h5", batch=3)
    assert not (tmp_path / "targets.h5").exists()


# Reading


def test_sizes(targets: Targets) -> None:
    assert targets.count == PHOTOS
    assert targets.channels == {8: 2, 16: 2, 32: 2}
    assert targets.embedding == 6


def test_standardised_corpus_has_mean_0_and_deviation_1(targets: Targets) -> None:
    rows = np.arange(PHOTOS)
    for key, axes in (("8", (0, 2, 3)), ("embedding", (0,))):
        data = targets.standardised(key, targets.rows(key, rows))
        torch.testing.assert_close(data.mean(axes), torch.zeros(data.shape[1]), atol=2e-3, rtol=0)
        std, added = data.std(axes, correction=0), 1e-3 / torch.from_numpy(targets.file[key].attrs["std"])
        torch.testing.assert_close(std, 1 - added, atol=2e-3, rtol=0)


def test_batch_shapes_and_ranges(targets: Targets) -> None:
    luminance, answers = targets.batch(0, DistillOptions(batch=4), 96)
    assert luminance.shape == (4, 1, 96, 96)
    assert luminance.min() >= -2  # normalise(0) = -0.5 / 0.25
    assert luminance.max() <= 2
    assert {key: tuple(value.shape) for key, value in answers.items()} == {
        "8": (4, 2, 12, 12), "16": (4, 2, 6, 6), "32": (4, 2, 3, 3), "embedding": (4, 6), "logits": (4, 1000),
    }  # fmt: skip


def test_a_batch_depends_on_seed_and_step_only(targets: Targets) -> None:
    first = targets.batch(3, DistillOptions(batch=3), 64)
    targets.batch(4, DistillOptions(batch=3), 64)
    torch.testing.assert_close(targets.batch(3, DistillOptions(batch=3), 64), first, rtol=0, atol=0)
    for other in (targets.batch(4, DistillOptions(batch=3), 64), targets.batch(3, DistillOptions(batch=3, seed=1), 64)):
        assert not torch.equal(other[0], first[0])


def test_an_epoch_shows_each_photo_at_most_once(targets: Targets) -> None:
    def shown(step: int) -> list[float]:
        return targets.batch(step, DistillOptions(batch=2), 32)[1]["embedding"][:, 0].tolist()

    # 7 photos in batches of 2: three steps an epoch, one photo left out
    epochs = [[value for step in range(start, start + 3) for value in shown(step)] for start in (0, 3, 6)]
    assert all(len(set(epoch)) == 6 for epoch in epochs)
    assert epochs[0] != epochs[1]


def test_luminance_and_maps_are_cropped_alike(targets: Targets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distillation, "_tone", lambda luminance, rng: luminance)
    luminance, answers = targets.batch(2, DistillOptions(batch=6), 128)
    unit = luminance * 0.25 + 0.5
    statistics = targets.file["8"].attrs
    red, green = (answers["8"][:, i] * float(statistics["std"][i]) + float(statistics["mean"][i]) for i in (0, 1))
    means = answers["embedding"] * torch.from_numpy(targets.file["embedding"].attrs["std"])
    blue = (means[:, 2] + float(targets.file["embedding"].attrs["mean"][2])) / 3
    rgb = torch.stack((red, green, blue.view(-1, 1, 1).expand_as(red)), 3).numpy()
    expected = np.stack([skimage.color.rgb2lab(picture)[..., 0] for picture in rgb.clip(0, 1)]) / 100
    found = F.avg_pool2d(unit, 8)[:, 0].numpy()
    inside = np.s_[:, 1:-1, 1:-1]
    assert np.abs(found - expected)[inside].max() < 0.02
    assert np.abs(found - expected[::-1])[inside].max() > 0.1  # another photo's crop would show
    assert np.abs(found - found[..., ::-1]).max() > 0.05  # and so would a mirrored one


@pytest.mark.parametrize("side", [128, 192, SIDE])
def test_crops_lie_on_the_coarsest_grid_and_reach_everywhere(side: int) -> None:
    corners = distillation._random_corners(np.random.default_rng(0), 400, side)
    assert corners.shape == (400, 2)
    assert {int(c) for c in corners.flatten()} == set(range(0, SIDE - side + 1, 32))


def test_a_crop_is_cut_out_as_it_is() -> None:
    planes, corners = torch.rand(3, 2, SIDE, SIDE), np.array([[0, 0], [32, 64], [96, 96]])
    found = distillation._crop(planes, corners, 128)
    torch.testing.assert_close(found[1], planes[1, :, 32:160, 64:192], rtol=0, atol=0)
    torch.testing.assert_close(found[2], planes[2, :, 96:, 96:], rtol=0, atol=0)


def test_normalise_by_hand() -> None:
    torch.testing.assert_close(normalise(torch.tensor([0.0, 0.5, 1.0])), torch.tensor([-2.0, 0.0, 2.0]))


# Losses


def answers_like(value: float) -> dict[str, Tensor]:
    return {
        **{str(stride): torch.full((2, 3, 32 // stride, 32 // stride), value) for stride in TAPS},
        "embedding": torch.full((2, 5), value),
        "logits": torch.zeros(2, 4),
    }


def test_equal_answers_cost_nothing() -> None:
    answers = answers_like(0.7)
    found = losses(answers, answers, DistillOptions())
    assert {key: float(value) for key, value in found.items()} == {"loss": 0.0, "maps": 0.0, "embedding": 0.0, "kl": 0.0}


def test_losses_by_hand() -> None:
    answers, targets = answers_like(2.0), answers_like(0.0)
    answers["logits"] = torch.tensor([[0.0, 0.0]] * 2)
    targets["logits"] = torch.tensor([[2 * float(np.log(3)), 0.0]] * 2)
    found = losses(answers, targets, DistillOptions(weight_maps=1.0, weight_embedding=0.5, weight_logits=0.25, temperature=2.0))
    # smooth L1 of 2 is 1.5. At temperature 2 the teacher says 3/4, 1/4 and the student 1/2, 1/2:
    # KL = 3/4 ln(3/2) + 1/4 ln(1/2) = 0.130812, times 2^2
    kl = 4 * (0.75 * np.log(1.5) + 0.25 * np.log(0.5))
    assert float(found["maps"]) == pytest.approx(1.5)
    assert float(found["embedding"]) == pytest.approx(1.5)
    assert float(found["kl"]) == pytest.approx(kl, rel=1e-5)
    assert float(found["loss"]) == pytest.approx(3 * 1.5 + 0.5 * 1.5 + 0.25 * kl, rel=1e-5)


@pytest.mark.parametrize(("step", "side"), [(0, 112), (9, 112), (10, 128), (39, 128), (40, 144), (50, 160), (59, 160), (60, 160)])
def test_crop_sides_have_equal_shares(step: int, side: int) -> None:
    assert crop_side(step, 60, DistillOptions(crops=(112, 128, 128, 128, 144, 160))) == side


# Student


def test_student_answers_like_the_teacher_and_learns() -> None:
    student = Student({8: 3, 16: 5, 32: 7}, 11)
    answers = student(torch.randn(2, 1, 64, 96))
    assert {key: tuple(value.shape) for key, value in answers.items()} == {
        "8": (2, 3, 8, 12), "16": (2, 5, 4, 6), "32": (2, 7, 2, 3), "embedding": (2, 11), "logits": (2, 1000),
    }  # fmt: skip
    targets = {key: torch.randn_like(value) for key, value in answers.items()}
    losses(answers, targets, DistillOptions())["loss"].backward()
    for name, parameter in student.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
    assert student.backbone.features[0].weight.grad.abs().sum() > 0
