from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_pipeline import FakeIndex, FakePipeline
from PIL import Image
from skimage.color import rgb2lab

from colorization.evaluation.conditions import seen_from_elsewhere
from colorization.evaluation.photo import read_photo
from colorization.evaluation.rows import Setting, attempt, standard_settings


def test_standard_rows() -> None:
    rows = standard_settings()
    assert list(rows)[:5] == [
        "training-free",
        "network",
        "careful",
        "automatic",
        "automatic careful",
    ]
    assert list(rows)[5:7] == ["random reference", "distorted truth as reference"]
    assert list(rows)[7:] == [
        "faded",
        "faded automatic",
        "border",
        "border automatic",
        "1 point",
        "10 points",
        "100 points",
        "truth in 16 cells",
        "truth in 32 cells",
    ]
    assert rows["training-free"].options.method == "training-free"
    assert {
        s.options.method for name, s in rows.items() if name != "training-free" and not s.cells
    } == {"network"}
    careful = {name for name, s in rows.items() if s.options.vividness == 0}
    assert careful == {"careful", "automatic careful"}
    assert {s.references for n, s in rows.items() if n.startswith("automatic") or "point" in n} == {
        "none"
    }
    assert [rows[n].points for n in ("automatic", "1 point", "10 points", "100 points")] == [
        0,
        1,
        10,
        100,
    ]


def test_film_is_asked_for() -> None:
    film = {name: s for name, s in standard_settings(with_film=True).items() if s.shown == "film"}
    assert list(film) == ["film automatic", "film automatic careful"]
    assert {s.references for s in film.values()} == {"none"}


def test_rows_that_need_an_index_go_without_one() -> None:
    rows = standard_settings(with_index=False, with_points=False)
    assert list(rows)[:3] == ["automatic", "automatic careful", "distorted truth as reference"]
    assert list(rows)[3:] == [
        "faded automatic",
        "border automatic",
        "truth in 16 cells",
        "truth in 32 cells",
    ]


def test_the_curve_adds_settings_once() -> None:
    """Vividness 0 and 1 are "careful" and "network" already."""
    plain = standard_settings()
    curve = standard_settings(with_curve=True)
    added = [name for name in curve if name not in plain]
    assert added == [
        *(f"vividness {v}" for v in ("0.25", "0.5", "0.75")),
        *(f"saturation {s}" for s in ("0.6", "0.8", "1.2", "1.4")),
    ]
    assert curve["vividness 0.25"] == Setting(replace(plain["network"].options, vividness=0.25))
    assert curve["saturation 1.4"].options.saturation == 1.4
    assert len(set(map(repr, curve.values()))) == len(curve)
    assert (
        standard_settings(with_index=False, with_curve=True)["saturation 0.6"].references == "none"
    )


def test_coarse_truth_is_not_colorized(
    fake: FakePipeline, paths: list[Path], pictures: dict[str, np.ndarray]
) -> None:
    photo = read_photo(paths[0])
    truth, found = (
        rgb2lab(photo.truth),
        {n: rgb2lab(attempt(fake, photo, Setting(cells=n)).rgb) for n in (1, 16, 10**6)},
    )
    assert not fake.calls
    # colors that do not fit the luminance lose chroma, not luminance
    assert np.abs(found[1] - truth)[..., 0].max() < 1.0
    error = {n: float(np.abs(lab - truth)[..., 1:].mean()) for n, lab in found.items()}
    assert error[10**6] < 0.5 < error[16] < error[1]


def test_faded_rows_color_the_faded_print_and_are_compared_on_the_true_luminance(
    fake: FakePipeline, paths: list[Path]
) -> None:
    photo = read_photo(paths[0])
    found = attempt(fake, photo, Setting(references="none", shown="faded")).rgb
    lightness = rgb2lab(photo.truth)[..., 0]
    seen = rgb2lab(fake.calls[0].gray)
    np.testing.assert_allclose(seen[..., 0], 35 + lightness / 2, atol=0.6)
    assert np.abs(seen[..., 1:]).max() < 0.5
    np.testing.assert_allclose(rgb2lab(found)[..., 0], lightness, atol=0.8)
    tinted = rgb2lab(np.clip(fake.calls[0].gray + np.array([30, 0, -30]), 0, 255).astype(np.uint8))
    middle = (lightness > 30) & (lightness < 80)  # where the gamut has room for the colors
    np.testing.assert_allclose(rgb2lab(found)[middle][:, 1:], tinted[middle][:, 1:], atol=1.5)


def test_film_rows_color_what_film_saw_and_are_compared_on_the_true_luminance(
    fake: FakePipeline, paths: list[Path]
) -> None:
    photo = read_photo(paths[0])
    found = attempt(fake, photo, Setting(references="none", shown="film")).rgb
    lightness, seen = rgb2lab(photo.truth)[..., 0], rgb2lab(fake.calls[0].gray)
    assert np.abs(seen[..., 1:]).max() < 0.5
    red = photo.truth[..., 0].astype(int) - photo.truth[..., 1:].max(2)
    assert (seen[..., 0] - lightness)[red > 60].mean() < -3
    np.testing.assert_allclose(rgb2lab(found)[..., 0], lightness, atol=0.8)


def test_border_rows_color_a_print_and_are_compared_within_its_border(
    fake: FakePipeline, paths: list[Path]
) -> None:
    photo = read_photo(paths[0])
    found = attempt(fake, photo, Setting(references="none", shown="border")).rgb
    asked = fake.calls[0].gray
    assert found.shape == photo.truth.shape
    assert (asked[:5] == 238).all() and (asked[:, -5:] == 238).all()
    margin = (asked.shape[0] - found.shape[0]) // 2
    inner = asked[margin:-margin, margin:-margin]
    np.testing.assert_array_equal(inner, photo.gray)
    tinted = np.clip(inner.astype(int) + np.array([30, 0, -30]), 0, 255)
    np.testing.assert_array_equal(found, tinted)


def test_what_each_row_gives_the_pipeline(
    fake: FakePipeline, paths: list[Path], pictures: dict[str, np.ndarray]
) -> None:
    photo = read_photo(paths[0])
    for kind in ("recommended", "none", "random", "distorted"):
        attempt(fake, photo, Setting(references=kind))  # type: ignore[arg-type]
    recommended, none, random, warped = (call.references for call in fake.calls)
    assert recommended is None and none == []
    assert random is not None and warped is not None and len(random) == len(warped) == 1
    assert any(
        np.array_equal(random[0], pictures[n]) for n in ("retina", "hubble", "motorcycle_right")
    )
    assert np.array_equal(warped[0], seen_from_elsewhere(photo.truth, photo.rng(0, "distorted")))


def test_random_references_are_seeded_and_never_the_photo_or_a_gray_one(
    paths: list[Path], tmp_path: Path, gray_pictures: dict[str, np.ndarray]
) -> None:
    Image.fromarray(gray_pictures["retina"]).save(tmp_path / "gray.png")
    fake = FakePipeline(FakeIndex([*paths, tmp_path / "gray.png", tmp_path / "gone.png"]))
    photo = read_photo(paths[0])
    drawn = [
        attempt(fake, photo, Setting(references="random"), seed).reference_path
        for seed in range(12)
    ]
    assert set(drawn) == set(paths[1:])
    again = [
        attempt(fake, photo, Setting(references="random"), seed).reference_path
        for seed in range(12)
    ]
    assert drawn == again
    alone = FakePipeline(FakeIndex([paths[0], tmp_path / "gray.png"]))
    with pytest.raises(ValueError, match="no photo of the index"):
        attempt(alone, photo, Setting(references="random"))
    with pytest.raises(ValueError, match="needs an index"):
        attempt(FakePipeline(), photo, Setting(references="random"))
