"""What is drawn for a sample to train on: its crop, its references, and what they are worth.

Five kinds of samples teach five things. Without a reference the network learns what things look
like. With recommended ones, how far to believe them. With the target's own colors sent to a
reference and back (the chrominance branch of He et al. 2018), which matches to trust. With another
crop of the same photo, that an exact match is exact. With a random photo, to leave it alone.

Target and reference are often recolored together: their chroma is turned by one angle. What the
target should look like then cannot be guessed, only taken from the reference.

Half of the recommended and random references count as given by hand: they lead.
"""

import math
from dataclasses import dataclass

import numpy as np

from colorization.network.hints import FAITHFUL, LED, ORDINARY
from colorization.training.store.stored_maps import MapStore

KINDS = ("none", "recommended", "round trip", "same photo", "random")


@dataclass(frozen=True)
class SamplingOptions:
    """What training samples look like.

    Attributes:
        kinds: shares of KINDS.
        more_references: probability of a second, and then of a third recommended reference.
        top: references are drawn from this many most similar photos.
        recolored: share of each kind whose target and reference are recolored together; of random
            references, only the reference is.
        recolored_gain: standard deviation of the logarithm of the factor on recolored chroma.
        led: share of recommended and random references that lead.
        led_recolored: share of those that are recolored, without the target.
        faithful: share of the others, not recolored, that count as right wherever they match; of
            all else that has references, every one does.
        points: share of samples with color points.
        palette: share of samples that are told their own palette.
        saturation: share of samples that are told their own saturation.
        vivid: share of the perceptual branch, which are the samples with recommended references or
            none, that asks for vivid colors; with 0 nothing judges how answers look.
    """

    kinds: tuple[float, float, float, float, float] = (0.24, 0.34, 0.18, 0.12, 0.12)
    more_references: float = 0.35
    top: int = 6
    recolored: tuple[float, float, float, float, float] = (0.0, 0.3, 0.7, 0.6, 0.5)
    recolored_gain: float = 0.25
    led: float = 0.5
    led_recolored: float = 0.4
    faithful: float = 0.15
    points: float = 0.3
    palette: float = 0.2
    saturation: float = 0.05
    vivid: float = 0.0


@dataclass(frozen=True)
class SamplePlan:
    """What was drawn for one sample.

    Attributes:
        crop: number of the target's crop in the store.
        kind: one of KINDS.
        references: numbers of the references' crops in the store, none to three.
        angle: by which chroma is turned, in radians.
        gain: factor on chroma.
        turns_target: whether that happens to the target too, and not only to references.
        faithfulness: what the network is told that references are worth, see global_hints.
        is_led: whether the colors to find are what references lend.
        is_vivid: whether vivid colors are asked for.
    """

    crop: int
    kind: str
    references: list[int]
    angle: float
    gain: float
    turns_target: bool
    faithfulness: float
    is_led: bool
    is_vivid: bool


def draw_plan(
    store: MapStore, photo: int, rng: np.random.Generator, options: SamplingOptions
) -> SamplePlan:
    """Draw what a sample of a photo is.

    Args:
        store: the corpus.
        photo: number of the target.
        rng: the only source of randomness.
        options: what samples look like.
    """
    number = int(rng.choice(len(KINDS), p=options.kinds))
    kind, own = KINDS[number], int(rng.integers(store.options.crops))
    references = _references(store, photo, own, kind, rng, options)
    is_led = kind in ("recommended", "random") and bool(rng.random() < options.led)
    recolored = options.led_recolored if is_led else options.recolored[number]
    is_recolored = bool(rng.random() < recolored)
    faithfulness = LED if is_led else _faithfulness(kind, is_recolored, rng, options)
    return SamplePlan(
        crop=photo * store.options.crops + own,
        kind=kind,
        references=references,
        angle=rng.uniform(-math.pi, math.pi) if is_recolored else 0.0,
        gain=math.exp(rng.normal(0, options.recolored_gain)) if is_recolored else 1.0,
        turns_target=is_recolored and kind != "random" and not is_led,
        faithfulness=faithfulness,
        is_led=is_led,
        is_vivid=kind in ("none", "recommended")
        and not (is_recolored or is_led)
        and bool(rng.random() < options.vivid),
    )


def _references(
    store: MapStore,
    photo: int,
    own: int,
    kind: str,
    rng: np.random.Generator,
    options: SamplingOptions,
) -> list[int]:
    """Numbers of the crops that are references of one of a photo's own."""
    crops = store.options.crops
    photos = _lending_photos(store, photo, kind, rng, options)
    references = [other * crops + int(rng.integers(crops)) for other in photos]
    if kind == "same photo" and crops > 1:
        references = [photo * crops + (own + 1 + int(rng.integers(crops - 1))) % crops]
    return references


def _lending_photos(
    store: MapStore, photo: int, kind: str, rng: np.random.Generator, options: SamplingOptions
) -> list[int]:
    """Numbers of the photos that are references; a random one where none resembles the photo."""
    like = store.like[photo][: options.top]
    if kind == "none":
        return []
    if kind == "same photo":
        return [photo]
    if kind == "random" or not len(like):
        return [int(rng.integers(len(store)))]
    count = 1
    while count < min(3, len(like)) and rng.random() < options.more_references:
        count += 1
    return [int(other) for other in rng.choice(like, count, replace=False)]


def _faithfulness(
    kind: str, is_recolored: bool, rng: np.random.Generator, options: SamplingOptions
) -> float:
    """What the network is told of references that do not lead, see global_hints."""
    if kind == "none":
        return ORDINARY
    if kind in ("recommended", "random") and not is_recolored:
        return FAITHFUL if rng.random() < options.faithful else ORDINARY
    if kind in ("round trip", "same photo") and rng.random() < options.led:
        return LED
    return FAITHFUL
