"""Preparing a photo once and editing it many times gives what colorizing it anew would give."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from colorization.inference.matching import EDIT_LAYERS, match
from colorization.inference.network_colors import PREDICT_LAYERS
from colorization.network.hints import Point
from colorization.network.pretrained import load_network
from colorization.options import GIVEN_FAITHFULNESS, RECOMMENDED_FAITHFULNESS, ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from retrieval.photos.reader import PictureError
from retrieval.search.photo_index import PhotoIndex
from similarity.backbone.backbone import Backbone

Pictures = dict[str, np.ndarray]
POINT = Point(0.4, 0.6, (40.0, -20.0))


@pytest.fixture(scope="module")
def colorizer(backbone: Backbone, index: PhotoIndex) -> ColorizationPipeline:
    return ColorizationPipeline(backbone, index, load_network(backbone))


@pytest.fixture(scope="module")
def index(index_dir: Path) -> PhotoIndex:
    return PhotoIndex.open(index_dir)


def test_edits_of_one_preparation_are_what_colorize_gives(
    colorizer: ColorizationPipeline,
    pictures: Pictures,
    gray_pictures: Pictures,
    fast: ColorizeOptions,
) -> None:
    gray, references = gray_pictures["coffee"], [pictures["coffee"], pictures["retina"]]
    prepared = colorizer.prepare(gray, references, fast)
    vivid = replace(fast, saturation=1.5, vividness=0.3, faithfulness=0.4)
    edits = [
        (fast, [], None),
        (fast, [POINT], None),
        (vivid, [], pictures["chelsea"]),
        (fast, [], None),
    ]
    found = [
        colorizer.apply(prepared, options, points, palette) for options, points, palette in edits
    ]
    for (options, points, palette), result in zip(edits, found, strict=True):
        anew = colorizer.colorize(gray, references, options, points, palette)
        np.testing.assert_array_equal(result.rgb, anew.rgb)
        np.testing.assert_array_equal(result.warped_ab, anew.warped_ab)
        np.testing.assert_array_equal(result.confidence, anew.confidence)
        assert result.influence == anew.influence
    assert (found[1].rgb != found[0].rgb).any() and (found[2].rgb != found[0].rgb).any()


def test_edits_ask_the_network_only_about_what_changed(
    colorizer: ColorizationPipeline,
    gray_pictures: Pictures,
    pictures: Pictures,
    fast: ColorizeOptions,
) -> None:
    asked: list[object] = []
    assert colorizer.network is not None
    hook = colorizer.network.register_forward_hook(lambda *_: asked.append(None))

    def runs(
        options: ColorizeOptions, points: list[Point], palette: np.ndarray | None = None
    ) -> int:
        asked.clear()
        colorizer.apply(prepared, options, points, palette)
        return len(asked)

    try:
        prepared = colorizer.prepare(gray_pictures["coffee"], [], fast)
        assert runs(fast, []) == 1
        assert runs(fast, [POINT]) == 1  # what it says without the point is known
        assert runs(fast, [POINT, replace(POINT, x=0.8)]) == 1
        assert runs(replace(fast, saturation=1.4), []) == 0
        assert runs(replace(fast, vividness=0.2), []) == 1
        assert runs(fast, [], pictures["chelsea"]) == 1
        assert runs(fast, [], pictures["coffee"]) == 1
        assert runs(fast, [], pictures["coffee"]) == 0
    finally:
        hook.remove()


def test_nothing_is_described_or_matched_again(
    colorizer: ColorizationPipeline,
    pictures: Pictures,
    gray_pictures: Pictures,
    fast: ColorizeOptions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prepared = colorizer.prepare(gray_pictures["rocket"], [pictures["astronaut"]], fast)
    wanted = colorizer.suggest_colors(gray_pictures["rocket"], 0.3, 0.7, 4, fast)

    def never(*args: object) -> None:
        raise AssertionError("described or matched again")

    monkeypatch.setattr(Backbone, "__call__", never)
    monkeypatch.setattr("colorization.inference.matching.reference_planes", never)
    assert colorizer.apply(prepared, points=[POINT]).rgb.shape == (
        *gray_pictures["rocket"].shape,
        3,
    )
    assert colorizer.suggest_colors(prepared, 0.3, 0.7, 4, fast) == wanted


def test_another_size_of_the_photo_is_rendered_in_the_same_colors(
    colorizer: ColorizationPipeline,
    pictures: Pictures,
    gray_pictures: Pictures,
    fast: ColorizeOptions,
) -> None:
    gray = gray_pictures["chelsea"]
    prepared = colorizer.prepare(gray, [pictures["coffee"]], fast)
    whole = colorizer.apply(prepared).rgb
    half = colorizer.apply(replace(prepared, target=np.dstack([gray[::2, ::2]] * 3))).rgb
    assert np.abs(half.astype(int) - whole[::2, ::2]).mean() < 1.0
    back = colorizer.apply(replace(prepared, target=np.dstack([gray] * 3)))
    np.testing.assert_array_equal(back.rgb, whole)


def test_picked_recommendations_count_as_recommended(
    colorizer: ColorizationPipeline,
    pictures: Pictures,
    gray_pictures: Pictures,
    fast: ColorizeOptions,
) -> None:
    gray = gray_pictures["astronaut"]
    best = colorizer.recommend(gray, fast.top_k)
    picked, recommended = colorizer.colorize(gray, best, fast), colorizer.colorize(gray, None, fast)
    np.testing.assert_array_equal(picked.rgb, recommended.rgb)
    assert picked.references == best
    assert picked.influence == recommended.influence
    # one's own beside them: both are given
    mixed = colorizer.prepare(gray, [best[0], pictures["coffee"]], fast)
    assert (mixed.references, mixed.matched.scores, len(mixed.matched.references)) == ([], None, 2)
    gone = replace(best[0], path=best[0].path.with_name("gone.png"))
    with pytest.raises(PictureError, match=r"gone\.png: no such file"):
        colorizer.prepare(gray, [gone], fast)


def test_only_what_edits_read_is_kept(
    colorizer: ColorizationPipeline,
    pictures: Pictures,
    gray_pictures: Pictures,
    fast: ColorizeOptions,
) -> None:
    alone = colorizer.prepare(gray_pictures["rocket"], [], fast)
    prepared = colorizer.prepare(gray_pictures["rocket"], [pictures["coffee"]], fast)
    target, lender = prepared.matched.target.features, prepared.matched.references[0].features
    assert set(target) == set(lender) == set(EDIT_LAYERS) < set(PREDICT_LAYERS)
    reference = sum(planes.nbytes for planes in lender.values())
    assert alone.num_bytes >= alone.target.nbytes + sum(
        planes.nbytes for planes in alone.matched.target.features.values()
    )
    assert prepared.num_bytes >= alone.num_bytes + reference


@pytest.mark.parametrize(
    ("name", "value"),
    [("working_side", 128), ("method", "network"), ("rank_weight", 0.0), ("caution", 0.9)],
)
def test_options_that_need_preparing_anew_are_refused(
    colorizer: ColorizationPipeline,
    gray_pictures: Pictures,
    fast: ColorizeOptions,
    name: str,
    value: object,
) -> None:
    prepared = colorizer.prepare(gray_pictures["rocket"], [], fast)
    with pytest.raises(ValueError, match=f"prepared with {name}=.*, not {value}"):
        colorizer.apply(prepared, replace(fast, **{name: value}))  # type: ignore[arg-type]


def test_the_training_free_method_takes_references_only(
    pipeline: ColorizationPipeline,
    pictures: Pictures,
    gray_pictures: Pictures,
    fast: ColorizeOptions,
) -> None:
    with pytest.raises(ValueError, match="at least one reference"):
        pipeline.prepare(gray_pictures["rocket"], [], fast)
    prepared = pipeline.prepare(gray_pictures["rocket"], [pictures["coffee"]], fast)
    with pytest.raises(ValueError, match="takes no points or palette"):
        pipeline.apply(prepared, points=[POINT])
    np.testing.assert_array_equal(
        pipeline.apply(prepared).rgb,
        pipeline.colorize(gray_pictures["rocket"], [pictures["coffee"]], fast).rgb,
    )


def test_a_photo_prepared_without_the_network_is_not_colored_with_it(
    pipeline: ColorizationPipeline,
    colorizer: ColorizationPipeline,
    pictures: Pictures,
    gray_pictures: Pictures,
    fast: ColorizeOptions,
) -> None:
    """Its references would be lost without a word."""
    prepared = pipeline.prepare(gray_pictures["rocket"], [pictures["coffee"]], fast)
    with pytest.raises(
        ValueError,
        match="prepared by a pipeline without the colorization network: prepare it again",
    ):
        colorizer.apply(prepared)


def test_what_is_done_to_a_result_does_not_reach_the_next(
    colorizer: ColorizationPipeline,
    pictures: Pictures,
    gray_pictures: Pictures,
    fast: ColorizeOptions,
) -> None:
    prepared = colorizer.prepare(gray_pictures["rocket"], [pictures["coffee"]], fast)
    first = colorizer.apply(prepared)
    expected = first.rgb.copy()
    for array in (first.rgb, first.warped_ab, first.confidence):
        array[:] = 99
    again = colorizer.apply(prepared)
    assert again.confidence.max() <= 1
    np.testing.assert_array_equal(again.rgb, expected)


def test_colors_taken_directly_count_fully_from_the_default_faithfulness_on(
    colorizer: ColorizationPipeline, pictures: Pictures, fast: ColorizeOptions
) -> None:
    gray = pictures["coffee"][..., 1]
    given = colorizer.prepare(gray, [pictures["coffee"]], fast).matched
    recommended = colorizer.prepare(gray, None, fast).matched
    for matched, default in ((given, GIVEN_FAITHFULNESS), (recommended, RECOMMENDED_FAITHFULNESS)):
        assert matched.direct is not None and matched.direct.same > 0.9
        for asked, share in ((None, 1.0), (default, 1.0), (default / 2, 0.5), (0.0, 0.0)):
            found = matched.direct_as(replace(fast, faithfulness=asked))
            assert found is not None and found.same == pytest.approx(share * matched.direct.same)
    assert given.smoothed_warped_ab is not None and recommended.smoothed_warped_ab is None


def test_of_alike_references_the_better_recommended_one_lends_more(
    colorizer: ColorizationPipeline,
    pictures: Pictures,
    gray_pictures: Pictures,
    fast: ColorizeOptions,
) -> None:
    """On the way to the network too."""
    seen = colorizer.describe(pictures["chelsea"], fast)
    lenders = [colorizer.describe(pictures[name], fast) for name in ("coffee", "rocket")]
    shares = []
    for scores in ([1.4, 0.4], None, [0.4, 1.4]):
        warped = match(seen, lenders, scores, fast, for_network=True).warped
        assert warped is not None
        shares.append(warped.shares[0])
    assert shares[0] > shares[1] + 0.02 > shares[2] + 0.04


def test_single_colors_of_a_given_reference_that_their_surface_contradicts_are_outvoted(
    colorizer: ColorizationPipeline, fast: ColorizeOptions
) -> None:
    gray = np.full((96, 96), 128, np.uint8)
    reference = np.full((96, 96, 3), (150, 120, 90), np.uint8)
    matched = colorizer.prepare(gray, [reference], fast).matched
    assert matched.warped is not None
    wrong = matched.warped.warped_ab.clone()
    wrong[:, 20:22, 20:22] = torch.tensor([40.0, -60.0])[:, None, None]
    mended = replace(matched)
    # as if it had been matched so
    mended.__dict__["warped"] = replace(matched.warped, warped_ab=wrong)
    assert mended.smoothed_warped_ab is not None and matched.smoothed_warped_ab is not None
    assert float((mended.smoothed_warped_ab - matched.smoothed_warped_ab).abs().max()) < 1.0
