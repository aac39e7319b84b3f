"""Several photos at a time come to the same as one after the other."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorization.batch.jobs import Extras, Job
from colorization.batch.manifest import RunManifest
from colorization.batch.manifest_lines import MANIFEST
from colorization.batch.outcome import Outcome
from colorization.batch.request import Request, RunSettings
from colorization.batch.runner import run_jobs
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline


@pytest.fixture
def settings(
    pipeline: ColorizationPipeline, reference_path: Path, fast: ColorizeOptions
) -> RunSettings:
    return RunSettings(pipeline, Request([reference_path]), fast)


def test_several_photos_at_a_time_come_to_the_same(
    tmp_path: Path, gray_path: Path, settings: RunSettings
) -> None:
    good = [Job(gray_path, tmp_path / "out" / f"{n}.png") for n in range(5)]
    missing = [Job(tmp_path / f"{n}.png", tmp_path / "out" / f"no {n}.png") for n in range(2)]
    tasks = [missing[0], *good[:2], missing[1], *good[2:]]
    found = list[list[tuple[str, bool, int]]]()
    pictures = list[bytes]()
    for workers in (1, 3):
        outcomes: list[Outcome] = []
        run_jobs(
            tasks,
            replace(settings, num_cells=3, workers=workers),
            outcomes.append,
        )
        assert [one.job for one in outcomes] == tasks
        found.append([(o.job.output_path.name, bool(o.error), len(o.cells)) for o in outcomes])
        pictures.append(good[-1].output_path.read_bytes())
    assert found[0] == found[1]
    assert [cells > 0 for _, _, cells in found[1]] == [False, True, True, False, True, False, False]
    first, second = (np.asarray(Image.open(io.BytesIO(one)), np.int16) for one in pictures)
    assert np.abs(first - second).max() <= 1  # threads add in another order


def test_several_photos_at_a_time_have_a_line_each(
    tmp_path: Path, gray_path: Path, settings: RunSettings
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    tasks = [Job(gray_path, out / f"{n}.png") for n in range(12)]
    at_once = replace(settings, workers=4)
    run_jobs(tasks, at_once, lambda outcome: None, RunManifest(out, "settings"))
    lines = (out / MANIFEST).read_text().splitlines()
    assert sorted(json.loads(line)["output"] for line in lines) == sorted(
        task.output_path.name for task in tasks
    )
    assert len(RunManifest(out, "settings").sort_out(tasks, Extras(), False).finished) == 12
