"""The network behind the pipeline: references, none, points, palette, saturation, suggestions."""

from dataclasses import replace

import numpy as np
import pytest
import skimage.color
import torch
from PIL import Image

from colorization.inference.color_suggestions import suggestions
from colorization.inference.network_colors import Guidance, predict
from colorization.network.color_bins import NUM_BINS
from colorization.network.colorization_network import Prediction
from colorization.network.hints import Point
from colorization.network.pretrained import load_network
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from similarity.backbone.backbone import Backbone

Pictures = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def colorizer(backbone: Backbone) -> ColorizationPipeline:
    """With the bundled network, without an index."""
    return ColorizationPipeline(backbone, None, load_network(backbone))


def ab_of(rgb: np.ndarray) -> np.ndarray:
    return skimage.color.rgb2lab(rgb)[..., 1:]


def test_luminance_is_kept(
    colorizer: ColorizationPipeline, gray_pictures: Pictures, fast: ColorizeOptions
) -> None:
    for name, gray in gray_pictures.items():
        result = colorizer.colorize(gray, [], fast)
        assert result.rgb.shape == (*gray.shape[:2], 3), name
        before = skimage.color.rgb2lab(np.dstack([gray] * 3) if gray.ndim == 2 else gray)[..., 0]
        assert np.abs(skimage.color.rgb2lab(result.rgb)[..., 0] - before).mean() < 0.3, name


def test_automatic_colors_are_colors_and_no_reference_is_named(
    colorizer: ColorizationPipeline, gray_pictures: Pictures, fast: ColorizeOptions
) -> None:
    result = colorizer.colorize(gray_pictures["coffee"], [], fast)
    assert np.abs(ab_of(result.rgb)).mean() > 2.0
    assert (result.references, result.influence) == ([], [])
    assert not result.warped_ab.any() and not result.confidence.any()
    np.testing.assert_array_equal(
        result.rgb, colorizer.colorize(gray_pictures["coffee"], None, fast).rgb
    )


def test_the_same_picture_as_reference_gives_its_colors_back(
    colorizer: ColorizationPipeline, pictures: Pictures, gray_pictures: Pictures
) -> None:
    options = ColorizeOptions(working_side=192)
    truth = pictures["coffee"]
    with_itself = np.abs(
        ab_of(colorizer.colorize(gray_pictures["coffee"], [truth], options).rgb) - ab_of(truth)
    ).mean()
    alone = np.abs(
        ab_of(colorizer.colorize(gray_pictures["coffee"], [], options).rgb) - ab_of(truth)
    ).mean()
    assert with_itself < 0.5 * alone


@pytest.mark.parametrize("reference", ["coffee", "motorcycle_right"])
def test_faithfulness_holds_for_the_same_thing_too(
    colorizer: ColorizationPipeline,
    pictures: Pictures,
    gray_pictures: Pictures,
    fast: ColorizeOptions,
    reference: str,
) -> None:
    gray = gray_pictures["coffee" if reference == "coffee" else "motorcycle_left"]
    alone = ab_of(colorizer.colorize(gray, [], fast).rgb)
    away = [
        np.abs(
            ab_of(
                colorizer.colorize(
                    gray, [pictures[reference]], replace(fast, faithfulness=asked)
                ).rgb
            )
            - alone
        ).mean()
        for asked in (0.0, 0.3, 0.6, 1.0)
    ]
    assert away[0] == 0.0
    assert away == sorted(away) and away[1] < 0.6 * away[3]


def test_a_point_colors_its_place(
    colorizer: ColorizationPipeline, gray_pictures: Pictures, fast: ColorizeOptions
) -> None:
    gray = gray_pictures["coffee"]
    height, width = gray.shape[:2]
    near = np.s_[int(0.4 * height) : int(0.6 * height), int(0.4 * width) : int(0.6 * width)]
    plain = ab_of(colorizer.colorize(gray, [], fast).rgb)
    for wanted in ((50.0, 30.0), (-30.0, 30.0), (10.0, -50.0)):
        pointed = ab_of(colorizer.colorize(gray, [], fast, [Point(0.5, 0.5, wanted)]).rgb)
        moved = (pointed - plain)[near].mean((0, 1))
        assert moved @ (np.array(wanted) - plain[near].mean((0, 1))) > 0


def test_a_point_leaves_what_is_unlike_it_alone(
    colorizer: ColorizationPipeline, fast: ColorizeOptions
) -> None:
    y, x = np.mgrid[0:160, 0:240]
    stripes = 110 + 50 * np.sin(x / 2.0)
    smooth = 110 + 20 * np.sin(y / 60.0)
    gray = np.where(x < 120, stripes, smooth).astype(np.uint8)
    before = ab_of(colorizer.colorize(gray, [], fast).rgb)
    after = ab_of(colorizer.colorize(gray, [], fast, [Point(0.25, 0.5, (55.0, 35.0))]).rgb)
    change = np.abs(after - before).mean(2)
    assert change[60:100, 40:80].mean() > 15  # at the point
    assert change[:, 160:].mean() < 0.3 * change[60:100, 40:80].mean()


def test_a_point_on_a_thing_leaves_the_plain_background_near_it_alone(
    colorizer: ColorizationPipeline, fast: ColorizeOptions
) -> None:
    y, x = np.mgrid[0:192, 0:192]
    is_thing = (abs(x - 96) < 40) & (abs(y - 96) < 40)
    gray = np.where(is_thing, 130 + 60 * np.sign(np.sin(x / 3.0) * np.sin(y / 3.0)), 130).astype(
        np.uint8
    )
    plain, pointed = (
        ab_of(colorizer.colorize(gray, [], fast, points).rgb)
        for points in ([], [Point(0.5, 0.5, (60.0, 50.0))])
    )
    moved = np.linalg.norm(pointed - plain, axis=2)
    background = (abs(x - 96) > 56) & (abs(y - 96) < 40)
    assert moved[background].mean() < 0.3 * moved[is_thing].mean()


def test_a_point_leaves_the_reference_where_it_does_not_reach(
    colorizer: ColorizationPipeline, pictures: Pictures, gray_pictures: Pictures
) -> None:
    gray, truth, options = (
        gray_pictures["coffee"],
        pictures["coffee"],
        ColorizeOptions(working_side=192),
    )
    x, y, wanted = 0.1, 0.12, (-12.0, 10.0)
    plain, pointed, alone = (
        ab_of(colorizer.colorize(gray, references, options, points).rgb)
        for references, points in (([truth], []), ([truth], [Point(x, y, wanted)]), ([], []))
    )
    height, width = gray.shape[:2]
    row, column = int(y * height), int(x * width)
    assert np.abs(pointed - np.array(wanted))[row - 2 : row + 3, column - 2 : column + 3].mean() < 6
    far = np.s_[height // 2 :, width // 2 :]
    kept, lost = np.abs(pointed - plain)[far].mean(), np.abs(alone - plain)[far].mean()
    assert kept < 0.3 * lost


def test_a_palette_moves_the_colors_towards_it(
    colorizer: ColorizationPipeline, gray_pictures: Pictures, fast: ColorizeOptions
) -> None:
    gray = gray_pictures["coffee"]
    means = []
    for color in ((200, 60, 40), (40, 80, 200)):
        palette = np.tile(np.array(color, np.uint8), (64, 64, 1))
        means.append(ab_of(colorizer.colorize(gray, [], fast, palette=palette).rgb).mean((0, 1)))
    # b: the warm palette gives warmer pictures than the blue one
    assert means[0][1] > means[1][1] + 2.0


def test_a_palette_overrules_a_reference(
    colorizer: ColorizationPipeline, pictures: Pictures, fast: ColorizeOptions
) -> None:
    """Even the very same picture, whose colors would be taken as they are."""
    truth, palette = pictures["coffee"], pictures["rocket"]
    gray = truth[..., 1]
    both, alone = (
        ab_of(colorizer.colorize(gray, lent, fast, palette=palette).rgb) for lent in ([truth], [])
    )
    reference = ab_of(colorizer.colorize(gray, [truth], fast).rgb)
    assert np.abs(both - alone).mean() < 0.5 * np.abs(both - reference).mean()


def test_a_palette_counts_in_a_careful_answer_too(
    colorizer: ColorizationPipeline, gray_pictures: Pictures, fast: ColorizeOptions
) -> None:
    palette = np.tile(np.array((200, 60, 40), np.uint8), (64, 64, 1))
    gray, careful = gray_pictures["coffee"], replace(fast, vividness=0.0)
    vivid, shy, without = (
        ab_of(colorizer.colorize(gray, [], options, palette=given).rgb).mean((0, 1))
        for options, given in ((fast, palette), (careful, palette), (careful, None))
    )
    assert np.abs(shy - without).mean() > 0.9 * np.abs(vivid - without).mean()


def test_saturation_scales_chroma(
    colorizer: ColorizationPipeline, gray_pictures: Pictures, fast: ColorizeOptions
) -> None:
    results = [
        colorizer.colorize(gray_pictures["rocket"], [], replace(fast, saturation=s)).rgb
        for s in (0.0, 0.5, 1.0)
    ]
    chroma = [np.abs(ab_of(rgb)).mean() for rgb in results]
    assert chroma[0] < 0.5
    assert chroma[1] == pytest.approx(chroma[2] / 2, rel=0.15)


def test_vividness_adds_color(
    colorizer: ColorizationPipeline, gray_pictures: Pictures, fast: ColorizeOptions
) -> None:
    careful, vivid = (
        [
            np.abs(ab_of(colorizer.colorize(gray, [], replace(fast, vividness=v)).rgb)).mean()
            for gray in gray_pictures.values()
        ]
        for v in (0.0, 1.0)
    )
    assert np.mean(vivid) > np.mean(careful)


def test_the_gain_is_for_vivid_answers_without_a_palette(
    colorizer: ColorizationPipeline,
    gray_pictures: Pictures,
    pictures: Pictures,
    fast: ColorizeOptions,
) -> None:
    gray = gray_pictures["coffee"]

    def mean_chroma(gain: float, vividness: float, palette: np.ndarray | None = None) -> float:
        options = replace(fast, vivid_gain=gain, vividness=vividness)
        return float(
            np.linalg.norm(
                ab_of(colorizer.colorize(gray, [], options, palette=palette).rgb), axis=2
            ).mean()
        )

    # a little leaves the gamut
    assert mean_chroma(1.3, 1.0) == pytest.approx(1.3 * mean_chroma(1.0, 1.0), rel=0.04)
    assert mean_chroma(1.3, 0.5) == pytest.approx(1.15 * mean_chroma(1.0, 0.5), rel=0.04)
    assert mean_chroma(1.3, 0.0) == mean_chroma(1.0, 0.0)
    assert mean_chroma(1.3, 1.0, pictures["rocket"]) == mean_chroma(1.0, 1.0, pictures["rocket"])


def test_what_only_the_network_can_do_is_refused_without_it(
    pipeline: ColorizationPipeline,
    pictures: Pictures,
    gray_pictures: Pictures,
    fast: ColorizeOptions,
) -> None:
    gray = gray_pictures["rocket"]
    with pytest.raises(ValueError, match="trained on vgg19-slim"):
        pipeline.colorize(gray, [pictures["coffee"]], replace(fast, method="network"))
    with pytest.raises(ValueError, match="no points or palette"):
        pipeline.colorize(gray, [pictures["coffee"]], fast, [Point(0.5, 0.5, (1.0, 1.0))])
    with pytest.raises(ValueError, match="needs the colorization network"):
        pipeline.suggest_colors(gray, 0.5, 0.5)


def test_a_gray_palette_and_a_point_outside_are_refused(
    colorizer: ColorizationPipeline, gray_pictures: Pictures, fast: ColorizeOptions
) -> None:
    with pytest.raises(ValueError, match="palette picture is gray"):
        colorizer.colorize(gray_pictures["rocket"], [], fast, palette=gray_pictures["coffee"])
    for x, y in ((1.2, 0.5), (0.5, -0.1), (float("nan"), 0.5)):
        with pytest.raises(ValueError, match="within the picture"):
            Point(x, y, (0.0, 0.0))


# --- suggested colors


def certain(*bins: tuple[int, float]) -> Prediction:
    logits = torch.full((1, NUM_BINS, 8, 8), -30.0)
    for number, share in bins:
        logits[:, number] = float(np.log(share))
    return Prediction(torch.zeros(1, 2, 16, 16), logits)


def test_suggestions_are_the_likely_colors_in_order_of_their_share() -> None:
    from colorization.network.color_bins import ab_bins

    bins = ab_bins()
    warm = int((bins - torch.tensor([30.0, 30.0])).norm(dim=1).argmin())
    cold = int((bins - torch.tensor([-10.0, -30.0])).norm(dim=1).argmin())
    found = suggestions(
        certain((warm, 0.7), (cold, 0.3)),
        torch.full((1, 32, 32), 60.0),
        Point(0.5, 0.5, (0.0, 0.0)),
        2,
    )
    assert [one.share for one in found] == pytest.approx([0.7, 0.3], abs=0.03)
    for one, number in zip(found, (warm, cold), strict=True):
        assert np.linalg.norm(np.array(one.ab) - bins[number].numpy()) < 2.0
        level, a, b = skimage.color.rgb2lab(np.array(one.rgb, np.uint8)[None, None])[0, 0]
        assert (level, a, b) == pytest.approx((60.0, *one.ab), abs=1.0)


def test_suggestions_fit_the_gamut_of_their_luminance() -> None:
    vivid = NUM_BINS - 1
    (one,) = suggestions(
        certain((vivid, 1.0)), torch.full((1, 32, 32), 97.0), Point(0.1, 0.9, (0.0, 0.0)), 1
    )
    assert skimage.color.rgb2lab(np.array(one.rgb, np.uint8)[None, None])[0, 0, 0] == pytest.approx(
        97.0, abs=0.6
    )
    assert np.linalg.norm(one.ab) < 40


def test_suggestions_for_a_photo(
    colorizer: ColorizationPipeline, gray_pictures: Pictures, fast: ColorizeOptions
) -> None:
    found = colorizer.suggest_colors(gray_pictures["coffee"], 0.3, 0.6, 5, fast)
    assert 1 <= len(found) <= 5
    assert found == sorted(found, key=lambda one: -one.share)
    assert sum(one.share for one in found) <= 1 + 1e-6
    assert found == colorizer.suggest_colors(gray_pictures["coffee"], 0.3, 0.6, 5, fast)
    with pytest.raises(ValueError, match="positive count"):
        colorizer.suggest_colors(gray_pictures["coffee"], 0.3, 0.6, 0, fast)


# --- how far references are followed


def test_a_picture_of_noise_is_not_followed(
    colorizer: ColorizationPipeline,
    gray_pictures: Pictures,
    fast: ColorizeOptions,
    rng: np.random.Generator,
) -> None:
    noise = rng.integers(0, 255, (96, 128, 3), dtype=np.uint8)
    noise[..., 0] |= 0xC0  # reddish
    alone = colorizer.colorize(gray_pictures["coffee"], [], fast).rgb.astype(int)
    followed = colorizer.colorize(
        gray_pictures["coffee"], [noise], replace(fast, relevance_range=(-1.0, -0.9))
    ).rgb.astype(int)
    shipped = colorizer.colorize(gray_pictures["coffee"], [noise], fast).rgb.astype(int)
    assert np.abs(shipped - alone).mean() < 0.5 * np.abs(followed - alone).mean()


@pytest.mark.parametrize(("found", "same"), [(0.3, 0.0), (0.39, 0.5), (0.5, 1.0)])
def test_the_same_picture_matches_neighbours_with_neighbours(
    colorizer: ColorizationPipeline,
    pictures: Pictures,
    monkeypatch: pytest.MonkeyPatch,
    found: float,
    same: float,
) -> None:
    """Skies resemble each other all over: similar positions alone make no picture the same."""
    options = ColorizeOptions(working_side=192, coherence_range=(0.36, 0.42))

    def prepared() -> float:
        followed = colorizer.prepare(
            pictures["coffee"], [pictures["coffee"]], options
        ).matched.direct
        assert followed is not None
        return followed.same

    assert prepared() == 1.0
    monkeypatch.setattr(
        "colorization.inference.matching.coherence", lambda mapping, sizes: torch.tensor([[found]])
    )
    assert prepared() == pytest.approx(same, abs=1e-6)


def test_faithfulness_goes_from_no_reference_to_the_reference(
    colorizer: ColorizationPipeline,
    pictures: Pictures,
    gray_pictures: Pictures,
    fast: ColorizeOptions,
) -> None:
    open_ = replace(
        fast,
        relevance_range=(-1.0, -0.9),
        sure_range=(2.0, 3.0),
        same_picture_range=(2.0, 3.0),
        saturation=0.5,
    )
    gray, reference = gray_pictures["rocket"], pictures["chelsea"]
    none = colorizer.colorize(gray, [], open_).rgb.astype(float)
    results = [
        colorizer.colorize(gray, [reference], replace(open_, faithfulness=share)).rgb.astype(float)
        for share in (0.0, 0.5, 1.0)
    ]
    assert np.abs(results[0] - none).max() <= 1
    assert np.abs(results[2] - none).mean() > 1
    assert np.abs(results[1] - (results[0] + results[2]) / 2).mean() < 0.5


def test_recommended_references_are_followed_less_if_nobody_says(
    indexed: ColorizationPipeline, backbone: Backbone
) -> None:
    pipeline = ColorizationPipeline(backbone, indexed.index, load_network(backbone))
    gray = np.full((64, 96), 128, np.uint8)
    gray[:, 48:] = 60
    options = ColorizeOptions(working_side=96, relevance_range=(-1.0, -0.9))
    untold, same, other = (
        pipeline.colorize(gray, options=o).rgb
        for o in (options, *(replace(options, faithfulness=f) for f in (0.6, 0.0)))
    )
    assert np.array_equal(untold, same)
    assert not np.array_equal(untold, other)


def test_a_reference_that_shows_a_part_of_the_picture_is_followed_there(
    colorizer: ColorizationPipeline, pictures: Pictures, gray_pictures: Pictures
) -> None:
    rng = np.random.default_rng(0)
    gray, truth = (p["chelsea"][:128, 32:160] for p in (gray_pictures, pictures))
    noise = rng.integers(0, 256, (128, 384), dtype=np.uint8)
    target = np.hstack((gray, noise if gray.ndim == 2 else np.repeat(noise[..., None], 3, 2)))
    local = ColorizeOptions(
        working_side=192, relevance_range=(1.5, 2.0), same_picture_range=(1.5, 2.0)
    )
    deaf = replace(local, local_range=(1.5, 2.0))
    here = np.s_[16:112, 16:112]
    errors = [
        np.abs(ab_of(colorizer.colorize(target, [truth], o).rgb[:, :128]) - ab_of(truth))[
            here
        ].mean()
        for o in (local, deaf)
    ]
    assert errors[0] < 0.6 * errors[1]


def test_colors_of_given_references_are_carried_over_as_they_are(
    colorizer: ColorizationPipeline, pictures: Pictures, gray_pictures: Pictures
) -> None:
    carrying = ColorizeOptions(
        working_side=192,
        relevance_range=(-1.0, -0.9),
        same_picture_range=(1.5, 2.0),
        sure_range=(1.5, 2.0),
        warped_share=1.0,
    )
    gray, reference = gray_pictures["motorcycle_left"], pictures["motorcycle_right"]
    far = []
    for options in (carrying, replace(carrying, warped_share=0.0)):
        result = colorizer.colorize(gray, [reference], options)
        size = result.warped_ab.shape[:0:-1]
        found = ab_of(np.asarray(Image.fromarray(result.rgb).resize(size, Image.Resampling.BOX)))
        far.append(np.abs(found - result.warped_ab.transpose(1, 2, 0)).mean())
    assert far[0] < 0.8 * far[1]


def test_answers_with_and_without_references_come_from_one_run(
    colorizer: ColorizationPipeline,
    pictures: Pictures,
    fast: ColorizeOptions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # rounding depends on the batch
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    matched, network = (
        colorizer.prepare(pictures["coffee"], [pictures["chelsea"]], fast).matched,
        colorizer.network,
    )
    assert network is not None
    guidance = Guidance([Point(0.4, 0.6, (40.0, -20.0))], torch.ones(NUM_BINS) / NUM_BINS)
    with torch.inference_mode():
        both = predict(network, matched.target, [matched.reference_planes, None], guidance, fast)
        assert both.logits is not None
        for i, said in enumerate((matched.reference_planes, None)):
            alone = predict(network, matched.target, [said], guidance, fast)
            assert alone.logits is not None
            torch.testing.assert_close(both.ab[i : i + 1], alone.ab, atol=1e-2, rtol=0)
            torch.testing.assert_close(both.logits[i : i + 1], alone.logits, atol=1e-3, rtol=1e-3)
    assert float((both.ab[0] - both.ab[1]).abs().max()) > 1.0
