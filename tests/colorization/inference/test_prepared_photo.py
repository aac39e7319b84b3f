"""Preparing a photo once and editing it many times gives what colorizing it anew would give."""

import gc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_network import tiny_network
from torch import Tensor, nn

from colorization.inference.prepared_photo import EDITABLE, PreparedPhoto, options_of_edit
from colorization.network.color_bins import NUM_BINS
from colorization.network.hints import Point
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from retrieval.photos.reader import PictureError
from retrieval.search.photo_index import PhotoIndex
from similarity.backbone.backbone import Backbone

Pictures = dict[str, np.ndarray]
POINT = Point(0.4, 0.6, (40.0, -20.0))


@pytest.fixture(scope="module")
def colorizer(backbone: Backbone, index_dir: Path) -> ColorizationPipeline:
    """With a network that was never trained, and an index."""
    return ColorizationPipeline(backbone, PhotoIndex.open(index_dir), tiny_network())


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
        if palette is not None:  # references that it overrules are not matched anew
            assert (anew.references, sum(result.influence)) == ([], 0)
            continue
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
        assert runs(replace(fast, vividness=0.2), []) == 0
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
    recommended = colorizer.colorize(gray, None, fast)
    best = recommended.references
    picked = colorizer.colorize(gray, best, fast)
    np.testing.assert_array_equal(picked.rgb, recommended.rgb)
    assert picked.references == best
    assert picked.influence == recommended.influence
    # one's own beside them: both are given
    mixed = colorizer.prepare(gray, [best[0], pictures["coffee"]], fast)
    assert (mixed.references, mixed.match.belief) == ([], None)
    assert len(mixed.match.references) == 2
    gone = replace(best[0], path=best[0].path.with_name("gone.png"))
    with pytest.raises(PictureError, match=r"gone\.png: no such file"):
        colorizer.prepare(gray, [gone], fast)


def reachable_bytes(photo: PreparedPhoto) -> int:
    """Memory of all tensors and arrays that the garbage collector finds behind a photo."""
    found, waiting = dict[int, object](), [photo]
    while waiting:
        one = waiting.pop()
        if id(one) not in found and not isinstance(one, type | nn.Module):
            found[id(one)] = one
            waiting += gc.get_referents(one)
    tensors = [one for one in found.values() if isinstance(one, Tensor)]
    wholes = {one.untyped_storage().data_ptr(): one.untyped_storage() for one in tensors}
    arrays = [one for one in found.values() if isinstance(one, np.ndarray)]
    return sum(whole.nbytes() for whole in wholes.values()) + sum(one.nbytes for one in arrays)


@pytest.mark.parametrize("kind", ["alone", "given", "recommended"])
def test_memory_is_counted(
    colorizer: ColorizationPipeline,
    pictures: Pictures,
    gray_pictures: Pictures,
    fast: ColorizeOptions,
    kind: str,
) -> None:
    """As it is prepared, and with what is added by each edit."""
    references = {"alone": [], "given": [pictures["coffee"]], "recommended": None}[kind]
    gray = np.dstack([gray_pictures["rocket"]] * 3)
    prepared = colorizer.prepare(gray, references, fast)
    assert bool(prepared.match.references) == (kind != "alone")
    sizes = [prepared.num_bytes]
    assert sizes[0] == pytest.approx(reachable_bytes(prepared), rel=0.001)
    edits = [
        (fast, [], None),
        (replace(fast, faithfulness=0.5), [POINT], None),
        (fast, [], pictures["chelsea"]),
    ]
    for options, points, palette in edits:
        colorizer.apply(prepared, options, points, palette)
        sizes.append(prepared.num_bytes)
        assert sizes[-1] == pytest.approx(reachable_bytes(prepared), rel=0.001)
    assert sizes[1] > sizes[0]
    assert sizes == sorted(sizes)


def test_memory_of_a_photo_alone(
    colorizer: ColorizationPipeline,
    gray_pictures: Pictures,
    fast: ColorizeOptions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Float32, and 96 pixels a side: 9216 pixels, 144 cells of stride 8."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    gray = np.dstack([gray_pictures["rocket"][:90, :90]] * 3)
    prepared = colorizer.prepare(gray, [], fast)
    pixels, cells = 96 * 96, 12 * 12
    planes = 3 + 3  # Lab, and Lab with its tones spread
    levels = 320 + 112 + 40 + 24 + 4 * (24 + 1) + 16 * 16
    encoded = 4 * 24 + 40 + 112 / 4 + 320 / 16  # the last is what the first level comes from
    wanted = gray.nbytes + 4 * (planes * pixels + (levels + encoded) * cells)
    assert prepared.num_bytes == wanted
    colorizer.apply(prepared)
    answer = 4 * 2 + NUM_BINS  # ab at stride 4, odds at stride 8
    halves = 4 * 4 * (1 + 1 + 2)  # L, confidence and warped ab at stride 2
    assert prepared.num_bytes == wanted + 4 * (answer + halves) * cells


@pytest.mark.parametrize(
    ("name", "value"),
    [("working_side", 128), ("top_k", 1), ("same_class", True), ("method", "training-free")],
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


@pytest.mark.parametrize("given", ["photo.png", None, np.zeros((8, 8), np.uint8)], ids=type)
def test_what_was_not_prepared_is_refused(given: object) -> None:
    with pytest.raises(
        ValueError, match=r"^apply takes what prepare gave, not \w+; colorize takes paths and "
    ):
        options_of_edit(given, None)


def test_all_other_options_may_change(
    colorizer: ColorizationPipeline, gray_pictures: Pictures, fast: ColorizeOptions
) -> None:
    fixed = {"working_side", "top_k", "same_class", "method"}
    assert set(EDITABLE) == set(vars(fast)) - fixed
    prepared = colorizer.prepare(gray_pictures["rocket"], [], fast)
    changed = replace(fast, vividness=0.1, faithfulness=0.2, saturation=0.3, keep_tint=True)
    assert colorizer.apply(prepared, changed).rgb.shape == (*gray_pictures["rocket"].shape, 3)


def test_the_training_free_method_takes_references_only(
    pipeline: ColorizationPipeline,
    pictures: Pictures,
    gray_pictures: Pictures,
    fast: ColorizeOptions,
) -> None:
    alone = pipeline.prepare(gray_pictures["rocket"], [], fast)
    with pytest.raises(ValueError, match="at least one reference"):
        pipeline.apply(alone)
    prepared = pipeline.prepare(gray_pictures["rocket"], [pictures["coffee"]], fast)
    for points, palette in (([POINT], None), ([], pictures["coffee"])):
        with pytest.raises(ValueError, match="takes no points or palette"):
            pipeline.apply(prepared, points=points, palette=palette)
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
    """It was not seen through the network's encoder."""
    prepared = pipeline.prepare(gray_pictures["rocket"], [pictures["coffee"]], fast)
    message = "prepared by a pipeline without the colorization network: prepare it again"
    with pytest.raises(ValueError, match=message):
        colorizer.apply(prepared)
    with pytest.raises(ValueError, match=message):
        colorizer.suggest_colors(prepared, 0.5, 0.5, 3, fast)


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
