"""A reference that is described once lends what it lends anew each time, and the backbone sees it once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from colorization.batch.jobs import Job
from colorization.batch.request import Wishes
from colorization.batch.runner import Outcome, run_jobs
from colorization.network.pretrained import load_network
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from similarity.backbone.backbone import Backbone

Pictures = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def colorizer(backbone: Backbone) -> ColorizationPipeline:
    return ColorizationPipeline(backbone, network=load_network(backbone))


@contextmanager
def looks(backbone: Backbone) -> Iterator[list[object]]:
    """What the backbone has been asked meanwhile."""
    asked: list[object] = []
    hook = backbone.register_forward_hook(lambda *_: asked.append(None))
    yield asked
    hook.remove()


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
    pipeline: ColorizationPipeline, pictures: Pictures, fast: ColorizeOptions
) -> None:
    described = pipeline.describe(pictures["coffee"], fast)
    moved = described.on(torch.device("meta"))
    planes = {"luminance": moved.luminance, "ab": moved.ab, **moved.features}
    assert {name: plane.shape for name, plane in planes.items() if plane.device.type == "meta"} == {
        "luminance": described.luminance.shape,
        "ab": described.ab.shape,
        **{layer: plane.shape for layer, plane in described.features.items()},
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
        run_jobs(jobs, colorizer, Wishes([reference, reference]), fast, outcomes.append)
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


def test_a_gray_one_is_refused_where_it_is_to_lend(
    colorizer: ColorizationPipeline, gray_pictures: Pictures, fast: ColorizeOptions
) -> None:
    described = colorizer.describe(gray_pictures["coffee"], fast)
    with pytest.raises(ValueError, match=r"reference 1 of 1 is gray"):
        colorizer.prepare(gray_pictures["rocket"], [described], fast)
    with pytest.raises(ValueError, match=r"reference: expected"):
        colorizer.describe(np.zeros((3, 4, 5), np.uint8), fast)
