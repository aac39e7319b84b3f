import json
import re
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from retrieval.search.match_words import NOTHING_ALIKE
from retrieval.search.ranking import COLOR_WEIGHT

Cli = Callable[..., Result]


Refused = Callable[..., str]


Listing = Callable[[Path], dict[str, bytes]]


def test_recommendations_are_printed_best_first(
    cli: Cli, gray_path: Path, index_dir: Path, library_dir: Path
) -> None:
    result = cli("recommend", gray_path, "--index", index_dir, "--top-k", 3)
    assert (result.exit_code, result.stderr) == (0, "")
    head, *lines = result.stdout.splitlines()
    assert head.split() == [
        "score",
        "match",
        "colors",
        "global",
        "feature",
        "luminance",
        "photo",
    ]
    assert len(lines) == 3
    assert lines[0].endswith(str(library_dir / "motorcycle_left.png"))
    assert lines[1].endswith(str(library_dir / "sub" / "motorcycle_right.png"))
    assert [line.split()[1] for line in lines] == ["good", "good", "weak"]
    scores = [
        [float(x) for x in line.replace(line.split()[1], "", 1).split()[:5]] for line in lines
    ]
    order = [score + COLOR_WEIGHT * colors for score, colors, *_ in scores]
    assert all(better > other - 0.005 for better, other in pairwise(order))  # two decimals
    assert all(re.match(r"\d\.\d{3}  \w{4} +-?\d+\.\d\d  ", line) for line in lines)
    assert [s[0] for s in scores] == sorted((s[0] for s in scores), reverse=True)
    for total, _, _, feature, luminance in scores:
        assert total == pytest.approx(feature + 0.25 * luminance, abs=0.002)  # three decimals each


def test_json_and_text_agree(cli: Cli, gray_path: Path, index_dir: Path) -> None:
    text = cli("recommend", gray_path, "--index", index_dir).stdout.splitlines()[1:]
    found = json.loads(cli("recommend", gray_path, "--index", index_dir, "--json").stdout)
    assert len(found) == len(text) == 5
    for one, line in zip(found, text, strict=True):
        assert set(one) == {
            "path",
            "score",
            "match",
            "global_score",
            "feature_score",
            "luminance_score",
            "color_score",
        }
        assert line.split()[1] == one["match"]
        assert line.endswith(one["path"]) and float(line.split()[0]) == pytest.approx(
            one["score"], abs=6e-4
        )


def test_a_sheet_shows_them(cli: Cli, gray_path: Path, index_dir: Path, tmp_path: Path) -> None:
    result = cli(
        "recommend",
        gray_path,
        "--index",
        index_dir,
        "--top-k",
        2,
        "--sheet",
        tmp_path / "new" / "sheet.png",
    )
    assert (result.exit_code, result.stderr) == (0, "")
    width, height = Image.open(tmp_path / "new" / "sheet.png").size
    assert width > 2.5 * height  # three cells in a row
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["sheet.png"]


def test_the_same_class_only(cli: Cli, gray_path: Path, index_dir: Path) -> None:
    everything, same = (
        json.loads(
            cli("recommend", gray_path, "--index", index_dir, "--json", "--top-k", 50, *more).stdout
        )
        for more in ([], ["--same-class"])
    )
    paths = [one["path"] for one in everything]
    assert 1 <= len(same) <= len(everything)
    assert {one["path"] for one in same} <= set(paths)


@pytest.mark.usefixtures("quick")
def test_references_are_ranked_as_colorize_ranks_them(
    cli: Cli,
    index_dir: Path,
    tmp_path: Path,
    pictures: dict[str, np.ndarray],
    wide_profile: Callable[[float], bytes],
) -> None:
    """Of a photo larger than the descriptors need, in colors of a telephone."""
    photo, rng = tmp_path / "large.jpg", np.random.default_rng(0)
    large = Image.fromarray(pictures["coffee"]).resize((1500, 1000), Image.Resampling.BICUBIC)
    noisy = np.asarray(large) + rng.normal(0, 40, (1000, 1500, 3))
    rgb = Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
    rgb.save(photo, quality=80, icc_profile=wide_profile(1.0))
    found = json.loads(cli("recommend", photo, "--index", index_dir, "--json").stdout)
    out = tmp_path / "out.jpg"
    result = cli("colorize", photo, "--output", out, "--index", index_dir, "--top-k", 5, "--json")
    (done,) = json.loads(result.stdout)
    names = ("path", "score", "global_score", "feature_score", "luminance_score")
    used = [{name: one[name] for name in names} for one in done["references"]]
    # weak matches are listed, and not used
    alike = [{name: one[name] for name in names} for one in found if one["score"] >= 0.65]
    assert used and used == alike


def test_a_color_photo_may_be_the_query(cli: Cli, index_dir: Path, library_dir: Path) -> None:
    found = json.loads(
        cli("recommend", library_dir / "chelsea.png", "--index", index_dir, "--json").stdout
    )
    assert found[0]["path"] == str(library_dir / "chelsea.png")


@pytest.mark.parametrize(
    "name", ["empty.jpg", "truncated.jpg", "text.png", "truncated.png", "missing.png"]
)
def test_photos_that_cannot_be_read_are_one_line(
    cli: Cli,
    refused: Refused,
    odd_files: tuple[dict[str, Path], ...],
    index_dir: Path,
    tmp_path: Path,
    name: str,
) -> None:
    path = odd_files[0].get(name, tmp_path / name)
    refused(cli("recommend", path, "--index", index_dir, "--sheet", tmp_path / "sheet.png"), path)
    assert list(tmp_path.iterdir()) == []


def test_odd_photos_can_be_queries(
    cli: Cli, odd_files: tuple[dict[str, Path], ...], index_dir: Path, tmp_path: Path
) -> None:
    for path in odd_files[1].values():
        result = cli(
            "recommend",
            path,
            "--index",
            index_dir,
            "--json",
            "--sheet",
            tmp_path / f"{path.name}.png",
        )
        assert result.exit_code == 0, path
        told = ("", f"note: {NOTHING_ALIKE} ")
        assert len(result.stderr.splitlines()) < 2 and result.stderr.startswith(told), path
        assert len(json.loads(result.stdout)) == 5


def test_photos_that_have_moved_are_listed_but_not_on_the_sheet(
    cli: Cli, own_index: Path, photo_dir: Path, gray_path: Path, tmp_path: Path
) -> None:
    (photo_dir / "rocket.png").rename(tmp_path / "elsewhere.png")
    result = cli("recommend", gray_path, "--index", own_index, "--sheet", tmp_path / "sheet.png")
    assert result.exit_code == 0
    assert str(photo_dir / "rocket.png") in result.stdout
    moved, gone, honest = result.stderr.splitlines()
    cure = f"rechroma index relink {own_index} --root FOLDER"
    assert gone == f"note: 1 of these is gone; find what was moved: {cure}"
    assert moved == f"not on the sheet: {photo_dir / 'rocket.png'}: no such file"
    assert honest.startswith(f"note: {NOTHING_ALIKE} (0.") and honest.endswith(").")
    assert (tmp_path / "sheet.png").is_file()


def test_a_sheet_never_replaces_the_photo(
    cli: Cli, refused: Refused, gray_path: Path, index_dir: Path
) -> None:
    before = gray_path.read_bytes()
    refused(cli("recommend", gray_path, "--index", index_dir, "--sheet", gray_path), gray_path)
    assert gray_path.read_bytes() == before


def _missing(index: Path) -> None:
    shutil.rmtree(index)


def _no_index(index: Path) -> None:
    _missing(index)
    index.mkdir()


def _half_built(index: Path) -> None:
    (index / "index.json").unlink()


def _damaged_json(index: Path) -> None:
    (index / "index.json").write_text('{"schema": 1, "back')


def _list_json(index: Path) -> None:
    (index / "index.json").write_text("[1, 2]")


def _newer(index: Path) -> None:
    manifest = json.loads((index / "index.json").read_text())
    (index / "index.json").write_text(json.dumps(manifest | {"schema": 99}))


def _without_shard(index: Path) -> None:
    next((index / "features").iterdir()).unlink()


def _truncated_shard(index: Path) -> None:
    shard = next((index / "features").iterdir())
    shard.write_bytes(shard.read_bytes()[:1000])


def _other_backbone(index: Path) -> None:
    manifest = json.loads((index / "index.json").read_text())
    (index / "index.json").write_text(json.dumps(manifest | {"backbone": "vgg19"}))


def _other_weights(index: Path) -> None:
    manifest = json.loads((index / "index.json").read_text())
    (index / "index.json").write_text(json.dumps(manifest | {"weights_hash": "0123456789abcdef"}))


def _without_projections(index: Path) -> None:
    for path in index.glob("pca-*"):
        path.unlink()


@pytest.mark.parametrize(
    ("breaks", "word"),
    [
        (_missing, "no index here"),
        (_no_index, "build-index"),
        (_half_built, "never finished"),
        (_damaged_json, "damaged"),
        (_list_json, "damaged"),
        (_newer, "newer"),
        (_without_shard, "missing"),
        (_truncated_shard, "damaged"),
        (_other_backbone, "--backbone vgg19"),
        (_other_weights, "0123456789abcdef"),
        (_without_projections, "pca-"),
    ],
)
def test_an_index_that_cannot_be_used_is_one_line(
    cli: Cli,
    refused: Refused,
    own_index: Path,
    gray_path: Path,
    tmp_path: Path,
    listing: Listing,
    breaks: Callable[[Path], None],
    word: str,
) -> None:
    breaks(own_index)
    before = listing(tmp_path)
    refused(cli("recommend", gray_path, "--index", own_index), own_index, word)
    refused(
        cli("colorize", gray_path, "--index", own_index, "--output", tmp_path / "x.png"),
        own_index,
        word,
    )
    assert listing(tmp_path) == before


def test_an_index_of_gray_photos_has_none_to_recommend(
    cli: Cli, refused: Refused, gray_dir: Path, gray_path: Path, tmp_path: Path
) -> None:
    index = tmp_path / "index"
    assert cli("build-index", gray_dir, "--index", index).exit_code == 0
    refused(cli("recommend", gray_path, "--index", index), index, "no color photo")


def test_a_file_is_no_index(cli: Cli, refused: Refused, gray_path: Path) -> None:
    refused(cli("recommend", gray_path, "--index", gray_path), gray_path)


def test_a_lost_search_file_is_made_anew(cli: Cli, own_index: Path, gray_path: Path) -> None:
    """index.faiss is derived from the shards."""
    before = cli("recommend", gray_path, "--index", own_index).stdout
    (own_index / "index.faiss").write_bytes(b"damaged")
    assert cli("recommend", gray_path, "--index", own_index).stdout == before
