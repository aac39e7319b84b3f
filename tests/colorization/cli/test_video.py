"""``rechroma video`` from the command line."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from colorization.evaluation.measures.cdc import color_distribution_consistency
from colorization.video.film_reader import Film

MakeFilm = Callable[..., Path]
Pan = Callable[..., list[np.ndarray]]
Cli = Callable[..., Result]

pytestmark = pytest.mark.usefixtures("quick")


def test_a_film_and_its_report(
    cli: Cli, make_film: MakeFilm, pan: Pan, tmp_path: Path, pictures: dict[str, np.ndarray]
) -> None:
    source = make_film(tmp_path / "in.mkv", pan("coffee", 5))
    Image.fromarray(pictures["coffee"]).save(tmp_path / "reference.png")
    output, report = tmp_path / "new" / "out.mp4", tmp_path / "report.json"
    run = [
        "video",
        source,
        "--output",
        output,
        "--reference",
        tmp_path / "reference.png",
        "--report",
        report,
        "--quality",
        0,
    ]
    result = cli(*run)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"{output}: 5 frames of 1 scene in ")
    assert result.stdout.endswith(" frames/s, from reference.png\n")
    found = json.loads(report.read_text())
    assert found["frames"] == found["frames_colored"] == 5 and found["frames_per_second"] > 0
    (scene,) = found["scenes"]
    assert (scene["start"], scene["stop"], found["notes"]) == (0, 5, [])
    assert [Path(path).name for path, _ in scene["references"]] == ["reference.png"]
    film = Film(output)
    assert found["cdc"] == pytest.approx(color_distribution_consistency(film.rgb_frames()))
    grays = [np.repeat(frame.gray[..., None], 3, 2) for frame in film.frames()]
    assert found["cdc_of_luminance"] == pytest.approx(color_distribution_consistency(grays))
    assert 0 < found["cdc_of_luminance"] < math.log(2)
    assert cli(*run).exit_code == 2  # it exists now
    assert cli(*run, "--overwrite").exit_code == 0


def test_what_has_no_say_is_told(
    cli: Cli,
    make_film: MakeFilm,
    pan: Pan,
    tmp_path: Path,
    index_dir: Path,
    pictures: dict[str, np.ndarray],
) -> None:
    source = make_film(tmp_path / "in.mkv", pan("coffee", 2))
    Image.fromarray(pictures["coffee"]).save(tmp_path / "reference.png")
    run = [
        "video",
        source,
        "--output",
        tmp_path / "out.mkv",
        "--reference",
        tmp_path / "reference.png",
    ]
    result = cli(
        *run,
        "--index",
        index_dir,
        "--top-k",
        2,
        "--frame-rate",
        12,
        "--method",
        "training-free",
        "--vividness",
        1,
    )
    assert result.exit_code == 0
    assert [line.split()[1] for line in result.stderr.splitlines()] == [
        "--index",
        "--top-k",
        "--vividness",
        "--frame-rate",
    ]


def test_recommended_references_are_named(
    cli: Cli, pan: Pan, tmp_path: Path, index_dir: Path
) -> None:
    (tmp_path / "frames").mkdir()
    Image.fromarray(pan("coffee", 1)[0]).save(tmp_path / "frames" / "1.png")
    place = ["--index", index_dir, "--top-k", 1]
    result = cli("video", tmp_path / "frames", "--output", tmp_path / "out", *place)
    assert result.exit_code == 0
    assert result.stdout.endswith(".png, as recommended\n")


def test_what_has_no_say_in_a_folder_is_told(cli: Cli, pan: Pan, tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    Image.fromarray(pan("coffee", 1)[0]).save(tmp_path / "frames" / "1.png")
    options = ["--quality", 3, "--frame-rate", 12, "--faithfulness", 0.2]
    result = cli("video", tmp_path / "frames", "--output", tmp_path / "out", *options)
    assert result.exit_code == 0
    assert result.stdout.endswith(", without a reference\n")
    assert [line.split()[1] for line in result.stderr.splitlines()] == [
        "--faithfulness",
        "--frame-rate",
        "--quality",
    ]


def test_references_from_an_index(
    cli: Cli, make_film: MakeFilm, pan: Pan, tmp_path: Path, index_dir: Path
) -> None:
    source = make_film(tmp_path / "in.mkv", pan("coffee", 2, 100, 120))
    run = [
        "video",
        source,
        "--output",
        tmp_path / "out.mkv",
        "--index",
        index_dir,
        "--report",
        tmp_path / "r.json",
        "--top-k",
        1,
    ]
    assert cli(*run).exit_code == 0
    ((path, score),) = json.loads((tmp_path / "r.json").read_text())["scenes"][0]["references"]
    assert Path(path).name == "coffee.png" and score > 0
