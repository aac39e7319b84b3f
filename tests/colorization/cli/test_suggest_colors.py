import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from PIL import Image

from colorization.pipeline import ColorizationPipeline
from retrieval.photos.reader import read_picture

Cli = Callable[..., Result]
Refused = Callable[..., str]


def test_suggestions_are_those_of_the_pipeline_at_the_pixel(
    cli: Cli, gray_path: Path, colorizer: ColorizationPipeline
) -> None:
    result = cli("suggest-colors", gray_path, 20, 100, "--count", 3, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    rgb = read_picture(gray_path).rgb
    height, width = rgb.shape[:2]
    expected = colorizer.suggest_colors(rgb, (20 + 0.5) / width, (100 + 0.5) / height, 3)
    assert [one["color"] for one in found] == [one.hex for one in expected]
    assert [one["share"] for one in found] == [round(one.share, 4) for one in expected]


def test_text_and_json_agree(cli: Cli, gray_path: Path) -> None:
    found = json.loads(cli("suggest-colors", gray_path, 5, 5, "--json").stdout)
    lines = cli("suggest-colors", gray_path, 5, 5).stdout.splitlines()
    assert lines == [f"{one['color']}  {one['share']:.0%}" for one in found]
    assert 1 <= len(found) <= 9


@pytest.mark.parametrize(("x", "y"), [(-1, 0), (10_000, 0), (0, 10_000)])
def test_a_pixel_outside_the_picture(
    cli: Cli, refused: Refused, gray_path: Path, x: int, y: int
) -> None:
    width, height = Image.open(gray_path).size
    refused(cli("suggest-colors", "--", gray_path, x, y), gray_path, f"{width}x{height}")
