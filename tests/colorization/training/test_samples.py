from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from colorization.training.packed_corpus import Pack
from PIL import Image
from torch import Tensor

from colorization.network.color_bins import NUM_BINS
from colorization.network.colorization_network import GLOBAL_SIZE
from colorization.network.hints import palette_of
from colorization.training.samples import (
    CHROMINANCE,
    KINDS,
    PERCEPTUAL,
    Sample,
    SamplingOptions,
    aged,
    distorted,
    draw,
)
from similarity.color.lab import rgb_to_lab

SMALL = SamplingOptions(side=32)
STRIDE = 2
COLORS = (
    (200, 60, 50),
    (60, 180, 70),
    (50, 80, 200),
    (190, 180, 60),
    (170, 60, 180),
    (60, 170, 180),
)
MakePack = Callable[..., Pack]


@pytest.fixture
def make_pack(tmp_path: Path) -> MakePack:
    """``make_pack(pictures, references=nobody's)``: a packed corpus as ``pack`` writes it, without an index."""

    def make(
        pictures: Sequence[np.ndarray], references: Sequence[Sequence[int]] | None = None
    ) -> Pack:
        blobs = []
        for rgb in pictures:
            Image.fromarray(rgb).save(buffer := BytesIO(), "JPEG", quality=95)
            blobs.append(buffer.getvalue())
        path = tmp_path / "photos.h5"
        with h5py.File(path, "w") as file:
            file["bytes"] = np.frombuffer(b"".join(blobs), np.uint8)
            file["offsets"] = np.cumsum([0, *map(len, blobs)])
            file["references"] = np.array(
                [[-1] * 8] * len(blobs) if references is None else references, np.int32
            )
            file["prior"] = np.full(NUM_BINS, 1 / NUM_BINS, np.float32)
            file.attrs["side"] = 64
        return Pack(path)

    return make


@pytest.fixture
def photos(make_pack: MakePack, pictures: dict[str, np.ndarray]) -> Pack:
    """Three photographs that are each other's references."""
    return make_pack(
        [pictures[name] for name in ("chelsea", "coffee", "retina")],
        [[1, 2, *[-1] * 6], [2, 0, *[-1] * 6], [0, *[-1] * 7]],
    )


@pytest.fixture
def painted(make_pack: MakePack) -> Pack:
    """Six photos of one color each; the references of the first are 3, 1, 4, 2, 5."""
    references = [[3, 1, 4, 2, 5, -1, -1, -1]] + [[-1] * 8] * 5
    return make_pack([np.full((48, 64, 3), color, np.uint8) for color in COLORS], references)


def only(kind: str, **changes: object) -> SamplingOptions:
    """Samples of one kind."""
    return replace(SMALL, kinds=tuple(float(k == kind) for k in KINDS), **changes)  # type: ignore[arg-type]


def samples(
    pack: Pack, count: int, options: SamplingOptions, row: int = 0, branch: str = PERCEPTUAL
) -> list[Sample]:
    return [
        draw(pack, row, np.random.default_rng((7, i)), branch, options, STRIDE)
        for i in range(count)
    ]


def color_of(lab: Tensor) -> int:
    """Which of COLORS a picture of one color shows."""
    known = rgb_to_lab(torch.tensor(COLORS).T[:, :, None] / 255)[1:, :, 0].T
    distance = (known - lab[1:].mean((1, 2))).norm(dim=1)
    assert float(distance.min()) < 5
    return int(distance.argmin())


# Samples


@pytest.mark.parametrize("branch", [CHROMINANCE, PERCEPTUAL])
def test_shapes_and_ranges(photos: Pack, branch: str) -> None:
    kinds = set()
    for row in range(3):
        for sample in samples(photos, 25, SMALL, row, branch):
            assert sample.branch == branch
            assert sample.lab.shape == (3, 32, 32)
            assert sample.points.shape == (3, 16, 16)
            assert sample.hints.shape == (GLOBAL_SIZE,)
            assert all(reference.shape == (3, 32, 32) for reference in sample.references)
            for lab in (sample.lab, *sample.references):
                assert bool(lab.isfinite().all())
                assert float(lab[0].min()) >= -1e-3 and float(lab[0].max()) <= 100 + 1e-3
            kinds.add(sample.kind)
    assert kinds == set(KINDS)


def test_a_sample_depends_on_its_seed_only(photos: Pack) -> None:
    def flat(sample: Sample) -> list[object]:
        values = [getattr(sample, f.name) for f in fields(sample)]
        return [
            v.tolist()
            if isinstance(v, Tensor)
            else [r.tolist() for r in v]
            if isinstance(v, list)
            else v
            for v in values
        ]

    for seed in range(12):
        first = draw(photos, 0, np.random.default_rng(seed), PERCEPTUAL, SMALL, STRIDE)
        np.random.random(), torch.rand(1)  # other sources of randomness
        again, other = (
            draw(photos, 0, np.random.default_rng(s), PERCEPTUAL, SMALL, STRIDE)
            for s in (seed, seed + 50)
        )
        assert flat(first) == flat(again)
        assert not torch.equal(first.lab, other.lab)


def test_kinds_have_their_shares(painted: Pack) -> None:
    found = [sample.kind for sample in samples(painted, 400, replace(SMALL, side=16))]
    for kind, share in zip(KINDS, SMALL.kinds, strict=True):
        assert found.count(kind) / 400 == pytest.approx(share, abs=0.06)
    assert sum(SMALL.kinds) == pytest.approx(1)


# References


def test_no_references(painted: Pack) -> None:
    for sample in samples(painted, 10, only("none")):
        assert (sample.kind, sample.references) == ("none", [])


def test_recommended_references_are_the_best_ones_each_once(painted: Pack) -> None:
    counts, seen = [], set()
    for sample in samples(
        painted, 120, only("recommended", top=3, max_references=3, extra_reference=0.5)
    ):
        assert sample.kind == "recommended"
        rows = [color_of(reference) for reference in sample.references]
        assert len(set(rows)) == len(rows)
        counts.append(len(rows))
        seen |= set(rows)
    assert seen == {3, 1, 4}  # the first three of 3, 1, 4, 2, 5
    # one more with probability 1/2, and then another: 1/2, 1/4, 1/4
    assert [counts.count(n) / 120 for n in (1, 2, 3)] == pytest.approx([0.5, 0.25, 0.25], abs=0.12)


def test_there_are_never_more_references_than_known(photos: Pack) -> None:
    found = {
        len(s.references)
        for s in samples(photos, 20, only("recommended", extra_reference=1.0), row=2)
    }
    assert found == {1}
    found = {
        len(s.references)
        for s in samples(
            photos, 20, only("recommended", extra_reference=1.0, max_references=2), row=0
        )
    }
    assert found == {2}


def test_a_photo_without_recommendations_gets_a_random_one(painted: Pack) -> None:
    found = samples(painted, 60, only("recommended"), row=4)
    assert {sample.kind for sample in found} == {"random"}
    assert {len(sample.references) for sample in found} == {1}
    assert {color_of(sample.references[0]) for sample in found} >= {0, 1, 2, 3, 5}


def test_skipped_photos_among_the_references_are_passed_over(make_pack: MakePack) -> None:
    pack = make_pack(
        [np.full((48, 64, 3), color, np.uint8) for color in COLORS[:3]],
        [[-1, 2, -1, 1, *[-1] * 4], [-1] * 8, [-1] * 8],
    )
    rows = {color_of(r) for s in samples(pack, 40, only("recommended")) for r in s.references}
    assert rows == {1, 2}


def test_a_distorted_reference_has_the_colors_of_the_target(painted: Pack) -> None:
    for sample in samples(painted, 10, only("distorted")):
        assert sample.kind == "distorted"
        (reference,) = sample.references
        assert color_of(reference) == 0
        assert not torch.equal(reference, sample.lab)


@pytest.mark.parametrize("count", [1, 3])
def test_a_corpus_of_few_photos(
    make_pack: MakePack, pictures: dict[str, np.ndarray], count: int
) -> None:
    pack = make_pack([pictures[name] for name in ("chelsea", "coffee", "retina")[:count]])
    for row in range(count):
        for sample in samples(pack, 12, SMALL, row):
            assert sample.kind != "recommended"
            assert len(sample.references) == (sample.kind != "none")


def test_gray_photos(make_pack: MakePack, gray_pictures: dict[str, np.ndarray]) -> None:
    pack = make_pack([gray_pictures["chelsea"], gray_pictures["coffee"]])
    for sample in samples(pack, 30, replace(SMALL, points=1.0, palette=1.0, saturation=1.0)):
        assert float(sample.lab[1:].abs().max()) < 0.01
        assert float(sample.points[:2].abs().max()) < 0.01
        assert float(sample.hints[NUM_BINS + 1]) < 1e-3
        assert bool(sample.hints.isfinite().all())


@pytest.mark.parametrize("size", [(1, 1), (2, 90), (300, 5)])
def test_photos_of_odd_shapes(make_pack: MakePack, size: tuple[int, int]) -> None:
    pack = make_pack([np.full((*size, 3), 90, np.uint8)])
    for sample in samples(pack, 8, SMALL):
        assert sample.lab.shape == (3, 32, 32) and bool(sample.lab.isfinite().all())


# What the network is told


def test_points_tell_the_truth(painted: Pack) -> None:
    found = samples(painted, 40, replace(SMALL, points=1.0, palette=0.0, saturation=0.0), row=2)
    assert sum(bool(sample.points.any()) for sample in found) > 30  # 1/8 draw no point
    for sample in found:
        mask = sample.points[2] > 0
        truth = F.avg_pool2d(sample.lab[None, 1:], STRIDE)[0]
        torch.testing.assert_close(sample.points[:2, mask], truth[:, mask], atol=0.05, rtol=0)


def test_palette_and_saturation_tell_the_truth(photos: Pack) -> None:
    for sample in samples(photos, 10, replace(SMALL, points=0.0, palette=1.0, saturation=1.0)):
        assert not sample.points.any()
        torch.testing.assert_close(sample.hints[:NUM_BINS].square(), palette_of(sample.lab[1:]))
        assert float(sample.hints[NUM_BINS]) == float(sample.hints[NUM_BINS + 2]) == 1
        assert 0.1 < float(sample.hints[NUM_BINS + 1]) < 0.9


def test_saturation_is_that_of_the_photo_before_it_aged(painted: Pack) -> None:
    for sample in samples(painted, 6, replace(SMALL, points=0.0, palette=0.0, saturation=1.0)):
        # (200, 60, 50)
        assert float(sample.hints[NUM_BINS + 1]) == pytest.approx(150 / 200, abs=0.02)


def test_a_sample_that_is_told_nothing_says_so(photos: Pack) -> None:
    for sample in samples(photos, 20, replace(SMALL, points=0.0, palette=0.0, saturation=0.0)):
        assert not sample.points.any()
        assert not sample.hints[: NUM_BINS + 3].any()


def test_hints_have_their_shares(painted: Pack) -> None:
    found = samples(painted, 400, replace(SMALL, side=16, points=0.5, palette=0.3, saturation=0.1))
    assert np.mean([bool(s.points[2].any()) for s in found]) == pytest.approx(0.5 * 7 / 8, abs=0.06)
    assert np.mean([float(s.hints[NUM_BINS]) for s in found]) == pytest.approx(0.3, abs=0.06)
    assert np.mean([float(s.hints[NUM_BINS + 2]) for s in found]) == pytest.approx(0.1, abs=0.04)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("branch", "vivid"),
    [(PERCEPTUAL, 0.0), (PERCEPTUAL, 0.65), (PERCEPTUAL, 1.0), (CHROMINANCE, 1.0)],
)
def test_vivid_colors_are_asked_for(painted: Pack, kind: str, branch: str, vivid: float) -> None:
    found = samples(painted, 60, only(kind, side=16, vivid=vivid), branch=branch)
    assert all(float(s.hints[NUM_BINS + 3]) == s.is_vivid for s in found)
    # only a round trip brings the true colors
    assert all(
        float(s.hints[NUM_BINS + 4]) == (branch == CHROMINANCE and kind != "none") for s in found
    )
    # the chrominance branch never asks for vivid guesses: half where a reference tells, never where
    # none does
    expected = vivid if branch == PERCEPTUAL else 0.5 * (kind in ("recommended", "distorted"))
    assert np.mean([s.is_vivid for s in found]) == pytest.approx(
        expected, abs=0.2 * (0 < expected < 1)
    )


# Prints and films


def test_aging_changes_luminance_only_and_within_its_range(rng: np.random.Generator) -> None:
    lab = torch.cat((torch.full((1, 8, 8), 50.0), torch.randn(2, 8, 8) * 30))
    levels, grainy = [], 0
    for _ in range(400):
        found = aged(lab, rng)
        assert torch.equal(found[1:], lab[1:])
        levels.append(float(found[0].mean()))
        grainy += float(found[0].std()) > 1e-3
    # 0.5^1.25 = 0.420 and 0.5^0.8 = 0.574, from 1/2 by up to 1.05, moved by up to 0.1: 31.6 to 67.8
    assert 31.0 < min(levels) < 36 and 63 < max(levels) < 68.4
    assert 0.13 < grainy / 400 < 0.27


def test_aging_keeps_the_order_of_luminance_and_stays_in_range() -> None:
    lab = torch.cat((torch.linspace(0, 100, 64).view(1, 1, 64), torch.zeros(2, 1, 64)))
    smooth = 0
    for seed in range(60):
        luminance = aged(lab, np.random.default_rng(seed))[0, 0]
        assert float(luminance.min()) >= 0 and float(luminance.max()) <= 100
        smooth += all(a <= b for a, b in pairwise(luminance.tolist()))
        assert float(luminance[-8:].mean() - luminance[:8].mean()) > 50
    assert smooth > 40  # all but those with grain


def test_distorting_keeps_the_colors_but_moves_them(
    pictures: dict[str, np.ndarray], rng: np.random.Generator
) -> None:
    lab = rgb_to_lab(torch.from_numpy(pictures["coffee"][:96, :96].copy()).permute(2, 0, 1) / 255)
    palette, mirrored = palette_of(lab[1:]), 0
    for _ in range(20):
        found = distorted(lab, rng)
        assert found.shape == lab.shape and bool(found.isfinite().all())
        assert float((found[1:] - lab[1:]).abs().mean()) > 1
        assert float((palette_of(found[1:]) - palette).abs().sum()) < 0.8  # of at most 2
        assert (
            float(found[1:].min()) >= float(lab[1:].min()) - 1e-3
            and float(found[1:].max()) <= float(lab[1:].max()) + 1e-3
        )
    turned = torch.cat(
        (torch.full((1, 32, 32), 50.0), torch.linspace(-60, 60, 32).expand(2, 32, 32))
    )
    for _ in range(100):
        a = distorted(turned, rng)[1]
        mirrored += bool(a[:, 20:].mean() < a[:, :12].mean())
    assert 35 < mirrored < 65
