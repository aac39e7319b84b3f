import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image
from skimage.color import deltaE_ciede2000, rgb2lab

from colorization.batch.variants import ALIKE, Way, closer_side, most_different, ways_of
from colorization.options import ColorizeOptions

Cli = Callable[..., Result]
Pictures = dict[str, np.ndarray]


def test_ways() -> None:
    options = ColorizeOptions(saturation=3.5)
    careful = ColorizeOptions(saturation=3.5, vividness=0.0)
    bold = ColorizeOptions(saturation=4.0)  # the most there is
    assert ways_of(options, (2, 5), ["a.jpg", "b.jpg"], by_network=True) == [
        Way("as it is", options, (2, 5)),
        Way("careful", careful, (2, 5)),
        Way("bold", bold, (2, 5)),
        Way("without reference", options, ()),
        Way("only a.jpg", options, (2,)),
        Way("only b.jpg", options, (5,)),
    ]
    assert [way.caption for way in ways_of(options, (), [], True)] == [
        "as it is",
        "careful",
        "bold",
    ]
    closer = ways_of(options, (2,), ["a.jpg"], True, finer=512)
    assert closer[3] == Way("finer", ColorizeOptions(saturation=3.5, working_side=512), (2,))
    # without the network there are no colors without a reference
    ways = ways_of(options, (0,), ["a.jpg"], by_network=False)
    assert [way.caption for way in ways] == ["as it is", "careful", "bold"]


def test_of_results_that_look_alike_the_first_stays() -> None:
    gray = np.full((40, 60, 3), 128, np.uint8)
    close, red, blue = gray.copy(), gray.copy(), gray.copy()
    close[..., 0] += 2
    red[..., 0] += 60
    blue[..., 2] += 30
    looks = [gray, close, red, blue, red.copy()]
    assert most_different(looks, 9) == [0, 2, 3]
    assert most_different(looks, 2) == [0, 2]  # what differs most
    assert most_different(looks[:2], 2) == most_different(looks, 1) == [0]


@pytest.fixture
def variants(
    cli: Cli, index_dir: Path, tmp_path: Path, gray_pictures: Pictures
) -> Callable[..., tuple[Result, list[Path]]]:
    """Run ``colorize`` with variants of a photo: its result, and the files it wrote."""
    photo = tmp_path / "garage.png"
    Image.fromarray(gray_pictures["motorcycle_left"]).save(photo)

    def run(count: int, *more: object) -> tuple[Result, list[Path]]:
        output = tmp_path / "new" / "x.png"
        done = cli("colorize", photo, "--output", output, "--variants", count, *more)
        return done, sorted((tmp_path / "new").glob("x-*"))

    return run


def test_variants_of_recommended_references(
    variants: Callable[..., tuple[Result, list[Path]]], index_dir: Path
) -> None:
    done, paths = variants(9, "--index", index_dir, "--json", "--explain")
    assert done.exit_code == 0, done.output
    (told,) = json.loads(done.stdout)
    captions = told["variants"]
    assert captions[0] == "as it is" and {"bold", "without reference"} < set(captions)
    results = [Path(one) for one in told["output"]]
    assert len(results) == len(captions) < 9
    explained = [p.with_name(f"{p.stem}-explained{s}") for p in results for s in (".json", ".png")]
    sheet = results[0].with_name("x-variants.png")
    assert paths == sorted([*results, *explained, sheet])
    assert told["notes"] == [f"only {len(results)} of 9 results; any other looks like one of these"]
    labs = [rgb2lab(np.asarray(Image.open(path))) for path in results]
    for i, lab in enumerate(labs):
        distances = [deltaE_ciede2000(lab, other).mean() for other in labs[:i]]
        assert min(distances, default=9) > 0.9 * ALIKE
    without = results[captions.index("without reference")].name
    used = {one["result"] for one in told["references"]}
    assert used == {path.name for path in results} - {without}


def test_a_sheet_of_variants_has_no_empty_cell(
    variants: Callable[..., tuple[Result, list[Path]]], index_dir: Path
) -> None:
    _, paths = variants(2, "--index", index_dir)
    sheet = np.asarray(Image.open(paths[-1]))
    assert sheet[4:260, 4:260].max() > 100 and sheet[290:500, 4:260].max() > 100


def test_variants_without_an_index_and_from_a_reference_of_your_own(
    variants: Callable[..., tuple[Result, list[Path]]], library_dir: Path, tmp_path: Path
) -> None:
    done, paths = variants(2, "--saturation", 2)
    assert done.exit_code == 0 and len(paths) == 3
    line = done.stdout
    assert f"{paths[0]} (as it is), {paths[1]} (" in line and "reference" not in line
    own = ["--reference", library_dir / "sub" / "motorcycle_right.png", "--overwrite", "--json"]
    done, _ = variants(4, *own)
    (told,) = json.loads(done.stdout)
    assert "without reference" in told["variants"]
    named = {Path(one["path"]).name for one in told["references"]}
    assert named == {"motorcycle_right.png"}


SIDE = 64  # its double the photo has pixels for, eight times as much it has not


@pytest.mark.parametrize("with_reference", [True, False])
def test_large_photos_are_also_looked_at_more_closely(
    cli: Cli,
    variants: Callable[..., tuple[Result, list[Path]]],
    library_dir: Path,
    with_reference: bool,
) -> None:
    own = ["--reference", library_dir / "sub" / "motorcycle_right.png"] if with_reference else []
    done, _ = variants(9, "--working-side", SIDE, "--json", *own)
    (told,) = json.loads(done.stdout)
    closer = Path(told["output"][told["variants"].index("finer")])
    photo = closer.parents[1] / "garage.png"
    alone = photo.with_name("alone.png")
    assert (
        cli("colorize", photo, "--output", alone, "--working-side", 2 * SIDE, *own).exit_code == 0
    )
    assert np.array_equal(np.asarray(Image.open(alone)), np.asarray(Image.open(closer)))
    done, _ = variants(9, "--working-side", 4 * SIDE, "--json", "--overwrite", *own)
    assert "finer" not in json.loads(done.stdout)[0]["variants"]  # it has not that many pixels


def test_a_closer_look_needs_the_pixels_for_it() -> None:
    options = ColorizeOptions()
    assert closer_side(options, 2 * options.working_side) == 2 * options.working_side
    assert closer_side(options, 2 * options.working_side - 1) is None
