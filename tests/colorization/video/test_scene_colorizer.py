"""Colors stay: from frame to frame, from beginning to end, and where something new appears."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from colorization.video.options import FilmOptions
from colorization.video.scene_colorizer import SceneColorizer

Pan = Callable[..., list[np.ndarray]]
Pictures = dict[str, np.ndarray]


@pytest.fixture
def start(colorizer: ColorizationPipeline) -> Callable[..., SceneColorizer]:
    def make(*references: np.ndarray, side: int = 64, **film_options: object) -> SceneColorizer:
        options = ColorizeOptions(working_side=side)
        return SceneColorizer(colorizer, references, False, options, FilmOptions(**film_options))  # type: ignore[arg-type]

    return make


def test_a_frame_that_comes_again_has_the_same_colors(
    start: Callable[..., SceneColorizer], pan: Pan, rng: np.random.Generator
) -> None:
    """Grain of 2 gray levels: colored one by one, colors flicker with it; as a film hardly."""
    gray = pan("coffee", 1, 96, 96)[0]
    film = [np.clip(gray + rng.normal(0, 2, gray.shape), 0, 255).astype(np.uint8) for _ in range(6)]
    single = []
    for frame in film:
        colorizer = start(side=96)
        single.append(colorizer.color(frame)[1])
    colorizer = start(side=96)
    colorizer.begin(film[3])
    together = [colorizer.color(frame)[1] for frame in film]

    def flicker(frames: list[torch.Tensor]) -> float:
        return float((torch.stack(frames[1:]) - torch.stack(frames[:-1])).abs().mean())

    assert flicker(together) < 0.6 * flicker(single)
    assert float(torch.stack(together).abs().mean()) == pytest.approx(
        float(torch.stack(single).abs().mean()), rel=0.25
    )


def test_a_scene_is_seen_with_the_tones_of_its_key_frame(
    start: Callable[..., SceneColorizer], pan: Pan
) -> None:
    """With tones of each frame, a wall would be seen brighter or darker as something passes by."""
    gray = (pan("chelsea", 1, 96, 96)[0] // 2 + 60).astype(np.uint8)
    passing = gray.copy()
    passing[20:70, 20:70] = 255
    colorizer = start()
    colorizer.begin(gray)
    assert colorizer.key is not None
    seen = colorizer.key.luminance
    shown, _ = colorizer.color(passing)
    assert colorizer.previous is not None
    np.testing.assert_allclose(
        colorizer.previous.luminance[..., 56:, :], seen[..., 56:, :], atol=0.01
    )
    # they are spread for the networks, not for the film
    assert float(seen.std()) > 1.5 * float(shown[..., 56:, :].std())
    alone = start()
    alone.color(passing)
    assert alone.previous is not None
    assert float((alone.previous.luminance - seen)[..., 56:, :].abs().mean()) > 3


def test_colors_do_not_drift(start: Callable[..., SceneColorizer], pan: Pan) -> None:
    """After 30 frames of a film that stands still the colors are those of the key frame."""
    gray = pan("chelsea", 1, 96, 96)[0]
    colorizer = start()
    colorizer.begin(gray)
    assert colorizer.key is not None
    key = colorizer.key.ab
    for _ in range(30):
        colorizer.color(gray)
    assert colorizer.previous is not None
    assert float((colorizer.previous.ab - key).abs().mean()) < 0.1 * float(key.abs().mean())


def test_what_the_scene_has_not_shown_is_colored_like_a_photo(
    start: Callable[..., SceneColorizer], gray_pictures: Pictures, pictures: Pictures
) -> None:
    """A scene of a coffee cup that suddenly shows the astronaut: the cup's colors are not hers."""
    for references in ((), (pictures["astronaut"],)):
        colorizer = start(*references, side=96)
        colorizer.begin(gray_pictures["coffee"])
        colorizer.color(gray_pictures["coffee"])
        found = colorizer.color(gray_pictures["astronaut"])[1]
        alone = start(*references, side=96).color(gray_pictures["astronaut"])[1]
        assert float((found - alone).abs().mean()) < 0.2 * float(alone.abs().mean())


def test_references_that_are_not_to_be_followed_change_nothing(
    colorizer: ColorizationPipeline, pan: Pan
) -> None:
    """The film's own first frame in other colors is the reference."""
    film = pan("coffee", 3, 96, 96)
    other = np.stack((film[0], film[0] // 2, 255 - film[0]), -1)
    found = []
    for given in ((), (other,)):
        options = ColorizeOptions(working_side=96, faithfulness=0.0)
        scene = SceneColorizer(colorizer, given, False, options, FilmOptions())
        scene.begin(film[1])
        found.append(torch.stack([scene.color(frame)[1] for frame in film]))
    assert float((found[1] - found[0]).abs().max()) < 1e-3


@pytest.mark.parametrize("lender", ["key", "previous"])
def test_colored_frames_lend_their_colors(
    start: Callable[..., SceneColorizer], pan: Pan, lender: str
) -> None:
    """The key frame, or the one before, is made red by hand: the frame becomes red."""
    gray = pan("coffee", 1, 96, 96)[0]
    colorizer = start(smoothing=0.0)
    colorizer.begin(gray)
    colorizer.color(gray)
    for name in ("key", "previous"):
        seen = getattr(colorizer, name)
        red = torch.tensor([60.0, 30.0])[:, None, None].expand_as(seen.ab)
        setattr(colorizer, name, replace(seen, ab=red) if name == lender else None)
    assert float(colorizer.color(gray)[1][0].mean()) > 50


def test_smoothing_keeps_colors_only_where_nothing_moves(
    start: Callable[..., SceneColorizer], pan: Pan
) -> None:
    """The left half stands still, the right becomes another picture."""
    gray = pan("coffee", 1, 96, 96)[0]
    then = gray.copy()
    then[:, 48:] = pan("rocket", 1, 96, 96)[0][:, 48:]
    change = {}
    for smoothing in (0.0, 1.0):
        colorizer = start(smoothing=smoothing)
        first = colorizer.color(gray)[1]
        change[smoothing] = (colorizer.color(then)[1] - first).abs().mean((0, 1))
    columns = len(change[0.0]) // 2
    assert float(change[1.0][: columns - 4].max()) < 0.05
    assert float(change[0.0][: columns - 4].max()) > 0.05
    assert float(change[1.0][columns + 4 :].mean()) > 0.7 * float(change[0.0][columns + 4 :].mean())


def test_saving_and_loading_goes_on_exactly(
    start: Callable[..., SceneColorizer], pan: Pan, tmp_path: Path
) -> None:
    film = pan("coffee", 4)
    whole = start()
    whole.begin(film[2])
    wanted = [whole.color(gray)[1] for gray in film]
    first, second = start(), start()
    with pytest.raises(ValueError, match="no frame has been colored"):
        first.save(tmp_path / "carry.npz")
    first.begin(film[2])
    for gray in film[:2]:
        first.color(gray)
    first.save(tmp_path / "carry.npz")
    second.begin(film[2])
    second.load(tmp_path / "carry.npz")
    for gray, ab in zip(film[2:], wanted[2:], strict=True):
        assert torch.equal(second.color(gray)[1], ab)


def test_the_training_free_method(
    colorizer: ColorizationPipeline, tiny: ColorizeOptions, pan: Pan, pictures: Pictures
) -> None:
    options = replace(tiny, method="training-free")
    with pytest.raises(ValueError, match="at least one reference"):
        SceneColorizer(colorizer, [], False, options, FilmOptions())
    scene = SceneColorizer(colorizer, [pictures["coffee"]], False, options, FilmOptions())
    film = pan("coffee", 2)
    scene.begin(film[0])
    assert all(float(scene.color(gray)[1].abs().mean()) > 1 for gray in film)
