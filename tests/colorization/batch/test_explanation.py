import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from colorization.batch.explanation import (
    FRAMES,
    Attribution,
    as_dict,
    attribution,
    write_explanation,
)
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from retrieval.photos.reader import PictureError
from similarity.backbone.backbone import Backbone

Pictures = dict[str, np.ndarray]
Cli = Callable[..., Result]
README = Path(__file__).parents[3] / "colorization" / "cli" / "README.md"


@pytest.fixture
def halves(pictures: Pictures, gray_pictures: Pictures) -> tuple[np.ndarray, list[np.ndarray]]:
    """A gray picture, cat on the left and cup on the right, and the two color pictures."""
    joined = np.hstack((gray_pictures["chelsea"][:, :128], gray_pictures["coffee"][:, :128]))
    return joined, [pictures["chelsea"][:, :128], pictures["coffee"][:, :128]]


@pytest.mark.parametrize("method", ["training-free", "network"])
def test_each_half_is_traced_to_its_own_reference(
    backbone: Backbone,
    halves: tuple[np.ndarray, list[np.ndarray]],
    fast: ColorizeOptions,
    method: str,
) -> None:
    gray, references = halves
    pipeline = ColorizationPipeline.load()
    options = replace(fast, working_side=128, method=method)
    found = attribution(pipeline.prepare(gray, references, options).match, 0.75)
    assert found is not None
    assert found.reference_share == 0.75
    np.testing.assert_allclose(found.shares.sum(0), 1, atol=1e-4)
    width = found.regions.shape[1] // 2
    assert (found.regions[:, : width - 1] == 0).mean() > 0.9 and (
        found.regions[:, width + 1 :] == 1
    ).mean() > 0.9
    assert (
        found.confidence.min() >= 0
        and found.confidence.max() <= 1
        and found.confidence.mean() > 0.5
    )
    # the left edge of the joined picture is the left edge of the cat, its middle is the left edge
    # of the cup
    columns = (np.arange(found.regions.shape[1]) + 0.5) / found.regions.shape[1] * 2
    cat, cup = (
        np.median(found.xy[0, ..., 0], 0)[: width - 1],
        np.median(found.xy[1, ..., 0], 0)[width + 1 :],
    )
    assert (
        np.abs(cat - columns[: width - 1]).mean() < 0.1
        and np.abs(cup - columns[width + 1 :] + 1).mean() < 0.1
    )


def test_the_border_of_a_print_has_no_colors_to_trace(
    colorizer: ColorizationPipeline, pictures: Pictures, fast: ColorizeOptions, tmp_path: Path
) -> None:
    scan = np.pad(pictures["coffee"], ((40, 40), (40, 40), (0, 0)), constant_values=240)
    match = colorizer.prepare(scan, [pictures["motorcycle_left"]], fast).match
    found = attribution(match, 0.5)
    assert found is not None and match.target.border is not None
    outside = ~match.target.border.inside(found.regions.shape).numpy()
    assert outside.any() and (found.regions[outside] == -1).all()
    assert (found.regions[~outside] == 0).all() and (found.confidence[outside] == 0).all()
    (told,) = as_dict(found, [{}], scan.shape[:2])["references"]  # type: ignore[misc]
    assert told["area"] == pytest.approx((~outside).mean(), abs=1e-3)
    assert min(told["region"]) > 0
    pictures_shown = [(pictures["motorcycle_left"], {"path": "motorcycle_left.png"})]
    write_explanation(tmp_path / "x.png", tmp_path / "x.json", (scan, scan), pictures_shown, found)


def test_without_references_there_is_nothing_to_trace(
    pictures: Pictures, fast: ColorizeOptions, tmp_path: Path
) -> None:
    pipeline = ColorizationPipeline.load()
    rgb = pictures["chelsea"]
    assert attribution(pipeline.prepare(rgb, [], fast).match, 0.0) is None
    write_explanation(tmp_path / "x.png", tmp_path / "x.json", (rgb, rgb), [], None)
    assert json.loads((tmp_path / "x.json").read_text()) == {
        "reference_share": 0.0,
        "confidence": None,
        "references": [],
        "grid": None,
    }


# --- what is written


@pytest.fixture
def quarter() -> Attribution:
    """Four columns, two rows; the second reference lends the last, from its upper left quarter."""
    shares = np.zeros((2, 2, 4), np.float32)
    shares[0, :, :3], shares[1, :, 3] = 1, 1
    xy = np.full((2, 2, 4, 2), 0.5, np.float32)
    xy[1, :, 3] = [[0.1, 0.2], [0.3, 0.4]]
    return Attribution(shares, xy, np.array([[0.2, 0.4, 0.6, 0.8]] * 2, np.float32), 0.6)


def test_regions_by_hand(quarter: Attribution) -> None:
    told = as_dict(quarter, [{"path": "a.jpg", "score": 0.9}, {"path": "b.jpg"}], (100, 200))
    first, second = told["references"]  # type: ignore[misc]
    assert (told["reference_share"], told["confidence"]) == (0.6, 0.5)
    assert first == {
        "path": "a.jpg", "score": 0.9, "frame": FRAMES[0], "area": 0.75, "confidence": 0.4,
        "region": [0, 0, 150, 100],
        "matched": [0.5, 0.5, 0.5, 0.5],
    }  # fmt: skip
    assert (second["frame"], second["area"], second["confidence"]) == (FRAMES[1], 0.25, 0.8)
    assert (second["region"], second["matched"]) == ([150, 0, 200, 100], [0.1, 0.2, 0.3, 0.4])
    assert told["grid"]["reference"] == [[0, 0, 0, 1]] * 2  # type: ignore[index]


def test_a_reference_that_gave_nothing(quarter: Attribution) -> None:
    idle = Attribution(
        np.concatenate((quarter.shares, quarter.shares[:1] * 0)),
        np.concatenate((quarter.xy, quarter.xy[:1])),
        quarter.confidence,
        1.0,
    )
    told = as_dict(idle, [{"path": name} for name in "abc"], (10, 20))["references"][2]  # type: ignore[index]
    assert (told["area"], told["region"], told["matched"], told["confidence"]) == (
        0.0,
        None,
        None,
        None,
    )


def test_regions_and_frames_have_the_same_colors(
    quarter: Attribution, pictures: Pictures, tmp_path: Path
) -> None:
    gray = np.full((128, 256, 3), 128, np.uint8)
    references = [
        (np.full((64, 64, 3), 90, np.uint8), {"path": name}) for name in ("a.jpg", "b.jpg")
    ]
    write_explanation(tmp_path / "x.png", tmp_path / "x.json", (gray, gray), references, quarter)
    sheet = np.asarray(Image.open(tmp_path / "x.png")).reshape(-1, 3).astype(int)
    for color in FRAMES[:2]:
        rgb = np.array(list(bytes.fromhex(color[1:])))
        assert (sheet == rgb).all(1).sum() > 4 * 240 * 8 * 0.9  # a frame
        assert (np.abs(sheet - (rgb + 128) / 2).max(1) <= 1).sum() > 1000  # a region
    assert not (sheet == np.array(list(bytes.fromhex(FRAMES[2][1:])))).all(1).any()


# --- the command


@pytest.mark.usefixtures("quick")
def test_explain(
    cli: Cli, gray_path: Path, reference_path: Path, library_dir: Path, tmp_path: Path
) -> None:
    run = ["--reference", reference_path, "--reference", library_dir / "retina.png"]
    result = cli("colorize", gray_path, *run, "--output", tmp_path / "new" / "x.png", "--explain")
    assert (result.exit_code, result.stderr) == (0, "")
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == [
        "x-explained.json",
        "x-explained.png",
        "x.png",
    ]
    told = json.loads((tmp_path / "new" / "x-explained.json").read_text())
    assert [Path(r["path"]).name for r in told["references"]] == ["reference.png", "retina.png"]
    assert told["references"][0]["area"] > 0.7 and told["reference_share"] > 0.5
    shares = sum(one["influence"] for one in told["references"])
    assert told["reference_share"] == pytest.approx(shares, abs=2e-3)  # one rule for both
    assert Image.open(tmp_path / "new" / "x-explained.png").width > 1000


@pytest.mark.usefixtures("quick")
def test_variants_of_photos_that_have_moved_are_refused_in_one_line(
    cli: Cli, gray_path: Path, index_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def moved(path: Path, what: str = "reference") -> np.ndarray:
        raise PictureError("moved.jpg: no such file")

    monkeypatch.setattr("colorization.inference.reference_search.read_reference", moved)
    result = cli(
        "colorize", gray_path, "--index", index_dir, "--output", tmp_path / "x.png", "--variants", 2
    )
    assert result.exit_code == 2
    why = "none of the recommended photos can be read; the first: moved.jpg: no such file"
    assert result.stderr == f"error: {gray_path}: {index_dir}: {why}\n"


@pytest.mark.usefixtures("quick")
def test_a_box_in_variants_is_resumed(
    cli: Cli, gray_dir: Path, index_dir: Path, tmp_path: Path
) -> None:
    run = [
        "colorize",
        gray_dir,
        "--index",
        index_dir,
        "--output",
        tmp_path / "out",
        "--variants",
        2,
    ]
    assert "2 colorized" in cli(*run).stdout
    assert len(list((tmp_path / "out").rglob("c*-[12].jpg"))) == 4
    assert "0 colorized, 0 failed, 2 existed" in cli(*run).stdout
    (tmp_path / "out" / "cat-variants.png").unlink()
    assert "1 colorized, 0 failed, 1 existed" in cli(*run).stdout


@pytest.mark.usefixtures("quick")
def test_a_run_without_variants_leaves_those_of_an_earlier_one(
    cli: Cli, gray_dir: Path, index_dir: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run = ["colorize", gray_dir, "--index", index_dir, "--output", out]
    assert "2 colorized" in cli(*run, "--variants", 2, "--explain").stdout
    before = {path: path.read_bytes() for path in out.rglob("*.*") if path.suffix != ".jsonl"}
    assert "2 colorized" in cli(*run, "--explain").stdout
    assert before.items() <= {path: path.read_bytes() for path in before}.items()
    assert (out / "cat-explained.json").is_file()
    # an explanation of a result that was replaced is true no more
    assert "2 colorized" in cli(*run, "--saturation", 1.1).stdout
    assert not (out / "cat-explained.json").exists()
    for count in (2, 1):
        assert "2 colorized" in cli(*run, "--variants", count).stdout
    assert not (out / "cat-2.jpg").exists() and (out / "cat.jpg").is_file()


def keys_of(told: object) -> set[str]:
    """Keys of dictionaries at any depth."""
    if isinstance(told, list):
        return set().union(*map(keys_of, told))
    if isinstance(told, dict):
        return set(told).union(*map(keys_of, told.values()))
    return set()


@pytest.mark.usefixtures("quick")
def test_the_readme_names_exactly_the_keys(
    cli: Cli, gray_path: Path, index_dir: Path, tmp_path: Path
) -> None:
    run = ["colorize", gray_path, "--index", index_dir, "--output", tmp_path / "x.png"]
    assert cli(*run, "--explain", "--variants", 1).exit_code == 0
    told = json.loads((tmp_path / "x-1-explained.json").read_text())
    text = README.read_text("utf-8")
    table = text[text.index("| key | holds |") :].partition("\n\n")[0]
    named = set(re.findall("`([a-z_]+)`", table))
    assert named == keys_of(told)
