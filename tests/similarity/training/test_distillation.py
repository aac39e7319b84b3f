import numpy as np
import pytest
import skimage.color
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from similarity.training import distillation
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


def painted(*levels: int) -> list[np.ndarray]:
    """Photos of one gray each."""
    return [np.full((40, 60, 3), level, np.uint8) for level in levels]


def teacher_answers(count: int = 50) -> dict[str, Tensor]:
    """Answers whose channels differ in mean and deviation."""
    generator = torch.Generator().manual_seed(0)

    def spread(channels: int, *size: int) -> Tensor:
        scale = torch.arange(1, channels + 1).view(-1, *(1 for _ in size))
        return torch.randn(count, channels, *size, generator=generator) * scale + 3 * scale

    return {
        "8": spread(2, 4, 4),
        "16": spread(3, 2, 2),
        "32": spread(4, 1, 1),
        "embedding": spread(5),
        "logits": spread(6),
    }


# Photos


def test_an_epoch_shows_each_photo_at_most_once_in_another_order() -> None:
    # 7 photos in batches of 2: three steps an epoch, one photo left out
    options = DistillOptions(batch=2)
    epochs = [
        [n for step in range(start, start + 3) for n in photo_numbers(step, 7, options)]
        for start in (0, 3, 6)
    ]
    assert all(len(set(epoch)) == 6 and set(epoch) <= set(range(7)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    assert photo_numbers(4, 7, options) == epochs[1][2:4]
    assert [photo_numbers(step, 7, DistillOptions(batch=2, seed=1)) for step in range(3)] != [
        epochs[0][i : i + 2] for i in (0, 2, 4)
    ]


def test_a_batch_may_be_larger_than_the_corpus() -> None:
    assert sorted(photo_numbers(5, 3, DistillOptions(batch=64))) == [0, 1, 2]


# Crops


def test_crops_of_photos_of_any_size(rng: np.random.Generator) -> None:
    found = draw_crops(
        [np.zeros((h, w, 3), np.uint8) for h, w in ((50, 90), (200, 120), (1, 1))],
        rng,
        64,
        DistillOptions(),
    )
    assert found.shape == (3, 3, 64, 64)


def test_crops_stay_in_the_order_of_the_photos(rng: np.random.Generator) -> None:
    found = draw_crops(painted(0, 51, 255), rng, 32, DistillOptions())
    torch.testing.assert_close(found.mean((1, 2, 3)), torch.tensor([0.0, 0.2, 1.0]))


def test_the_student_sees_labs_luminance_of_what_the_teacher_sees(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distillation, "_tone", lambda luminance, rng: luminance)
    monkeypatch.setattr(distillation, "spread_tones", lambda luminance: luminance)
    rgb = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    expected = (
        np.stack(
            [skimage.color.rgb2lab(picture)[..., 0] for picture in rgb.permute(0, 2, 3, 1).numpy()]
        )
        / 100
    )
    np.testing.assert_allclose(seen_by_student(rgb, rng)[:, 0] * 0.25 + 0.5, expected, atol=1e-3)


def test_tones_differ_from_crop_to_crop_and_stay_in_range(rng: np.random.Generator) -> None:
    seen = seen_by_student(torch.rand(1, 3, 8, 8).expand(16, -1, -1, -1), rng)
    assert seen.min() >= -2 and seen.max() <= 2  # normalise(0) = -0.5 / 0.25
    assert len({round(float(one.mean()), 4) for one in seen}) == 16


def test_tones_are_drawn_where_the_crops_are(rng: np.random.Generator) -> None:
    assert seen_by_student(torch.empty(2, 3, 8, 8, device="meta"), rng).device.type == "meta"


def test_the_student_sees_faded_prints_with_their_tones_spread(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distillation, "_tone", lambda luminance, rng: 0.4 + 0.2 * luminance)
    seen = seen_by_student(torch.linspace(0, 1, 256).view(1, 1, 16, 16).expand(1, 3, -1, -1), rng)
    # 0.2 of L, three times as wide, at a deviation of 0.25
    assert 2.2 < float(seen.max() - seen.min()) < 2.5


def test_normalise_by_hand() -> None:
    torch.testing.assert_close(
        normalise(torch.tensor([0.0, 0.5, 1.0])), torch.tensor([-2.0, 0.0, 2.0])
    )


@pytest.mark.parametrize(
    ("step", "side"),
    [(0, 112), (9, 112), (10, 128), (39, 128), (40, 144), (50, 160), (59, 160), (60, 160)],
)
def test_crop_sides_have_equal_shares(step: int, side: int) -> None:
    assert crop_side(step, 60, DistillOptions(crops=(112, 128, 128, 128, 144, 160))) == side


# Teacher


def test_answers_are_fp32_by_name_and_need_no_gradient() -> None:
    class Teacher(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convolution = nn.Conv2d(3, 2, 1)

        def forward(self, rgb: Tensor) -> dict[int | str, Tensor]:
            return {8: F.avg_pool2d(self.convolution(rgb), 8), "logits": rgb.mean((2, 3))}

    found = ask(Teacher(), torch.rand(2, 3, 16, 16))
    assert {
        key: (tuple(value.shape), value.dtype, value.requires_grad) for key, value in found.items()
    } == {
        "8": ((2, 2, 2, 2), torch.float32, False),
        "logits": ((2, 3), torch.float32, False),
    }


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
    assert {key: float(value) for key, value in found.items()} == {
        "loss": 0.0,
        "maps": 0.0,
        "embedding": 0.0,
        "kl": 0.0,
    }


def test_losses_by_hand() -> None:
    answers, targets = answers_like(2.0), answers_like(0.0)
    answers["logits"] = torch.tensor([[0.0, 0.0]] * 2)
    targets["logits"] = torch.tensor([[2 * float(np.log(3)), 0.0]] * 2)
    found = losses(
        answers,
        targets,
        DistillOptions(weight_maps=1.0, weight_embedding=0.5, weight_logits=0.25, temperature=2.0),
    )
    # smooth L1 of 2 is 1.5. At temperature 2 the teacher says 3/4, 1/4 and the student 1/2, 1/2:
    # KL = 3/4 ln(3/2) + 1/4 ln(1/2) = 0.130812, times 2^2
    kl = 4 * (0.75 * np.log(1.5) + 0.25 * np.log(0.5))
    assert float(found["maps"]) == pytest.approx(1.5)
    assert float(found["embedding"]) == pytest.approx(1.5)
    assert float(found["kl"]) == pytest.approx(kl, rel=1e-5)
    assert float(found["loss"]) == pytest.approx(3 * 1.5 + 0.5 * 1.5 + 0.25 * kl, rel=1e-5)


# Student


def test_student_answers_like_the_teacher_and_learns() -> None:
    student = Student({8: 3, 16: 5, 32: 7}, 11)
    answers = student(torch.randn(2, 1, 64, 96))
    assert {key: tuple(value.shape) for key, value in answers.items()} == {
        "8": (2, 3, 8, 12),
        "16": (2, 5, 4, 6),
        "32": (2, 7, 2, 3),
        "embedding": (2, 11),
        "logits": (2, 1000),
    }
    targets = {key: torch.randn_like(value) for key, value in answers.items()}
    losses(answers, targets, DistillOptions())["loss"].backward()
    for name, parameter in student.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
    assert student.backbone.features[0].conv.weight.grad.abs().sum() > 0


def test_measured_answers_have_mean_0_and_deviation_1_in_every_channel() -> None:
    student, answers = Student({8: 2, 16: 3, 32: 4}, 5), teacher_answers()
    student.measure(answers)
    found = student.standardised(answers)
    for key in ("8", "16", "32", "embedding"):
        axes = (0, 2, 3) if answers[key].ndim == 4 else (0,)
        torch.testing.assert_close(
            found[key].mean(axes), torch.zeros(found[key].shape[1]), atol=1e-4, rtol=0
        )
        torch.testing.assert_close(
            found[key].std(axes), torch.ones(found[key].shape[1]), atol=2e-3, rtol=0
        )
    torch.testing.assert_close(found["logits"], answers["logits"], rtol=0, atol=0)


def test_the_measure_is_kept_with_the_weights() -> None:
    student, again = (Student({8: 2, 16: 3, 32: 4}, 5) for _ in range(2))
    answers = teacher_answers()
    student.measure(answers)
    again.load_state_dict(student.state_dict())
    torch.testing.assert_close(
        again.standardised(answers), student.standardised(answers), rtol=0, atol=0
    )


def test_a_channel_that_never_changes_is_no_division_by_zero() -> None:
    student, answers = Student({8: 2, 16: 3, 32: 4}, 5), teacher_answers()
    answers["8"][:, 0] = 7.0
    student.measure(answers)
    assert student.standardised(answers)["8"][:, 0].abs().max() == 0
