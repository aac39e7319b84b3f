"""A picture is described once, and lends what it lends anew each time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_network import tiny_network

from colorization.batch.jobs import Job
from colorization.batch.outcome import Outcome
from colorization.batch.request import Request, RunSettings
from colorization.batch.runner import run_jobs
from colorization.inference.picture_features import PictureDescriber
from colorization.inference.pictures.working_size import working_lab
from colorization.network.colorization_network import ENCODER_MAPS
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from similarity.backbone.backbone import Backbone, load_backbone

Pictures = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def colorizer(backbone: Backbone) -> ColorizationPipeline:
    """With a network that was never trained."""
    return ColorizationPipeline(backbone, network=tiny_network())


@pytest.fixture(scope="module")
def slim() -> Backbone:
    return load_backbone("vgg19-slim")


@pytest.fixture
def lab(pictures: Pictures) -> torch.Tensor:
    return working_lab(pictures["coffee"], 96)


def bordered(rgb: np.ndarray) -> np.ndarray:
    return np.pad(rgb, ((40, 40), (40, 40), (0, 0)), constant_values=245)


@contextmanager
def looks(backbone: Backbone) -> Iterator[list[object]]:
    """What the backbone has been asked meanwhile."""
    asked: list[object] = []
    hook = backbone.register_forward_hook(lambda *_: asked.append(None))
    yield asked
    hook.remove()


# The networks that look


def test_shapes_of_what_is_seen(backbone: Backbone, lab: torch.Tensor) -> None:
    found = PictureDescriber(backbone, backbone)(lab, 96)
    height, width = lab.shape[2:]
    assert torch.equal(found.luminance, lab[:, :1])
    assert torch.equal(found.ab, lab[0, 1:])
    assert {level.shape[2:] for level in found.maps.levels} == {(height // 8, width // 8)}
    assert [plane.shape[2:] for plane in found.maps.detail] == [
        (height // 4, width // 4),
        (height // 2, width // 2),
    ]
    for name, channels in ENCODER_MAPS.items():
        stride = int(name.removeprefix("stride"))
        assert found.encoder_maps[name].shape == (1, channels, height // stride, width // stride)
    assert found.working_side == 96


def test_one_network_that_matches_and_encodes_looks_once(
    backbone: Backbone, lab: torch.Tensor
) -> None:
    with looks(backbone) as asked:
        found = PictureDescriber(backbone, backbone)(lab, 96)
    assert len(asked) == 1
    wanted = backbone.standardised_maps(lab[:, :1], tuple(ENCODER_MAPS))
    for name, maps in found.encoder_maps.items():
        torch.testing.assert_close(maps, wanted[name])


def test_the_network_looks_through_its_own_encoder_whatever_matches(
    backbone: Backbone, slim: Backbone, lab: torch.Tensor
) -> None:
    with looks(backbone) as encoded, looks(slim) as matched:
        found = PictureDescriber(slim, backbone)(lab, 96)
    assert (len(encoded), len(matched)) == (1, 1)
    alike = PictureDescriber(backbone, backbone)(lab, 96)
    for name, maps in found.encoder_maps.items():
        torch.testing.assert_close(maps, alike.encoder_maps[name])
    assert [level.shape[1] for level in found.maps.levels] == [256, 192, 96, 48]
    assert found.maps.levels[0].shape[2:] == alike.maps.levels[0].shape[2:]


def test_without_a_network_nothing_is_encoded(backbone: Backbone, lab: torch.Tensor) -> None:
    assert PictureDescriber(backbone, None)(lab, 96).encoder_maps == {}


def test_colors_are_not_seen(backbone: Backbone, lab: torch.Tensor) -> None:
    """A gray photo and a color photo of the same luminance look the same."""
    gray = torch.cat((lab[:, :1], torch.zeros_like(lab[:, 1:])), 1)
    seen, in_gray = (PictureDescriber(backbone, backbone)(one, 96) for one in (lab, gray))
    assert torch.equal(seen.maps.joined, in_gray.maps.joined)
    assert not in_gray.ab.any()


# In a pipeline


@pytest.mark.parametrize("method", ["network", "training-free"])
def test_described_references_are_those_references(
    colorizer: ColorizationPipeline,
    pictures: Pictures,
    gray_pictures: Pictures,
    fast: ColorizeOptions,
    method: str,
) -> None:
    options = replace(fast, method=method)
    given = [pictures["coffee"], pictures["chelsea"]]
    described = [colorizer.describe(picture, options) for picture in given]
    for name in ("rocket", "motorcycle_left"):
        expected = colorizer.colorize(gray_pictures[name], given, options)
        for references in (described, [given[0], described[1]]):
            found = colorizer.colorize(gray_pictures[name], references, options)
            np.testing.assert_array_equal(found.rgb, expected.rgb)
            np.testing.assert_array_equal(found.warped_ab, expected.warped_ab)
            assert found.influence == expected.influence


def test_described_for_training_free_colors_a_pipeline_without_the_network(
    pipeline: ColorizationPipeline,
    pictures: Pictures,
    gray_pictures: Pictures,
    fast: ColorizeOptions,
) -> None:
    described = pipeline.describe(pictures["coffee"], fast)
    found = pipeline.colorize(gray_pictures["rocket"], [described], fast)
    np.testing.assert_array_equal(
        found.rgb, pipeline.colorize(gray_pictures["rocket"], [pictures["coffee"]], fast).rgb
    )


def test_described_goes_whole_to_another_device(
    colorizer: ColorizationPipeline, pictures: Pictures, fast: ColorizeOptions
) -> None:
    described = colorizer.describe(pictures["coffee"], fast)
    moved = described.on(torch.device("meta"))
    for one, other in zip(
        (moved.luminance, moved.ab, *moved.maps.levels, *moved.maps.detail),
        (
            described.luminance,
            described.ab,
            *described.maps.levels,
            *described.maps.detail,
        ),
        strict=True,
    ):
        assert one.is_meta and one.shape == other.shape
    assert {name: maps.shape for name, maps in moved.encoder_maps.items() if maps.is_meta} == {
        name: maps.shape for name, maps in described.encoder_maps.items()
    }


def test_the_backbone_sees_it_once(
    colorizer: ColorizationPipeline,
    pictures: Pictures,
    gray_pictures: Pictures,
    fast: ColorizeOptions,
) -> None:
    described = colorizer.describe(pictures["coffee"], fast)
    with looks(colorizer.backbone) as asked:
        colorizer.prepare(gray_pictures["rocket"], [described], fast)
    assert len(asked) == 1


def test_a_box_describes_its_references_once(
    colorizer: ColorizationPipeline,
    pictures: Pictures,
    gray_pictures: Pictures,
    fast: ColorizeOptions,
    tmp_path: Path,
) -> None:
    reference = tmp_path / "reference.png"
    Image.fromarray(pictures["coffee"]).save(reference)
    jobs = [Job(tmp_path / f"{i}.png", tmp_path / f"out {i}.png") for i in range(3)]
    for job in jobs:
        Image.fromarray(gray_pictures["rocket"]).save(job.input_path)
    outcomes: list[Outcome] = []
    with looks(colorizer.backbone) as asked:
        run_jobs(jobs, RunSettings(colorizer, Request([reference] * 2), fast), outcomes.append)
    assert [outcome.error for outcome in outcomes] == ["", "", ""]
    assert len(asked) == 2 + len(jobs)


def test_another_working_size_is_refused(
    colorizer: ColorizationPipeline,
    pictures: Pictures,
    gray_pictures: Pictures,
    fast: ColorizeOptions,
) -> None:
    described = colorizer.describe(pictures["coffee"], replace(fast, working_side=128))
    with pytest.raises(
        ValueError, match=r"reference 2 was described for working_side=128: describe it again"
    ):
        colorizer.prepare(gray_pictures["rocket"], [pictures["coffee"], described], fast)


def test_a_gray_one_is_refused(
    colorizer: ColorizationPipeline, gray_pictures: Pictures, fast: ColorizeOptions
) -> None:
    with pytest.raises(ValueError, match="reference is gray: it has no colors to lend"):
        colorizer.describe(gray_pictures["coffee"], fast)
    with pytest.raises(ValueError, match=r"reference: expected"):
        colorizer.describe(np.zeros((3, 4, 5), np.uint8), fast)


def test_the_border_of_a_print_is_not_seen(
    colorizer: ColorizationPipeline, pictures: Pictures
) -> None:
    scan = bordered(pictures["chelsea"])
    assert working_lab(scan, 96)[0, 0, 0].min() > 90
    seen = colorizer.describer.features_of(scan, 96)
    plain = colorizer.describer.features_of(pictures["chelsea"], 96)
    assert seen.border is not None and plain.border is None
    assert seen.luminance[0, 0, 0].max() < plain.luminance.max() < 90
    chroma = torch.linalg.vector_norm(seen.ab, dim=0)  # as references lend it
    assert chroma[0].mean() > 5
