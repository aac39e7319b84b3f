"""Measure colorization on photographs whose true colors are known."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from colorization.evaluation.measures.auc import bin_weights
from colorization.evaluation.measures.learned import (
    MeasureUnavailableError,
    load_inception,
    load_lpips,
)
from colorization.evaluation.measures.signal import SSIM_WINDOW
from colorization.evaluation.rows import Attempt, Colorizer, Photo, Setting, attempt, lab_of
from colorization.evaluation.scores import Judges, Tally, Truth, TruthTally
from colorization.inference.working_size import luminance_of
from colorization.network.color_bins import NUM_BINS
from colorization.network.hints import palette_of
from retrieval.photos.reader import PictureError, as_srgb, read_picture
from retrieval.storage.descriptors import MIN_CHROMA

GRAY = "gray"


@dataclass(frozen=True)
class Survey:
    """A first look at the photos of an evaluation.

    Attributes:
        paths: the color photos that can be read.
        gray: how many have no colors to compare with.
        unreadable: one line for each that cannot be used.
        prior: share of each color bin in them, all photos alike.
    """

    paths: list[Path]
    gray: int
    unreadable: list[str]
    prior: Float[Tensor, " bins"]


@dataclass(frozen=True)
class Report:
    """What an evaluation found.

    Attributes:
        survey: which photos were measured, and which were not.
        rows: for each row, gray first, its measures by name; NaN where a row has none.
        pictures: for each row, the measures of each photo, in the order of ``survey.paths``.
        truth_colorfulness: mean colorfulness of the true pictures.
        not_available: measures that could not be taken, each with the reason in one line.
        known: photos that were their own recommended reference, because the index holds them.
        seed: of everything random.
    """

    survey: Survey
    rows: dict[str, dict[str, float]]
    pictures: dict[str, list[dict[str, float]]]
    truth_colorfulness: float
    not_available: dict[str, str] = field(default_factory=dict)
    known: list[Path] = field(default_factory=list)
    seed: int = 0


def survey(paths: Sequence[Path]) -> Survey:
    """Read all photos once: which can be measured, and how frequent each color is in them.

    Raises:
        ValueError: there are no photos, or no color photo among them can be read.
    """
    usable, unreadable, gray = [], [], 0
    prior = torch.zeros(NUM_BINS, dtype=torch.float64)
    for path in paths:
        try:
            photo = read_photo(path)
        except PictureError as error:
            unreadable.append(str(error))
            continue
        ab = torch.from_numpy(lab_of(photo.truth)).float().permute(2, 0, 1)[1:]
        if float(ab.square().sum(0).sqrt().mean()) < MIN_CHROMA:
            gray += 1
            continue
        usable.append(path)
        prior += palette_of(ab)
    if not usable:
        more = f"; {unreadable[0]}" if unreadable else ""
        raise ValueError(
            f"no color photo to measure with: {gray} gray, {len(unreadable)} unreadable{more}"
        )
    return Survey(usable, gray, unreadable, (prior / len(usable)).float())


def labels_of(paths: Sequence[Path], classes: Sequence[str]) -> list[int | None]:
    """Which class each photo shows, by its name: a file, or the folder it is in, that begins with a class's name.

    Args:
        paths: photos, such as n02119022_red_fox.jpg.
        classes: their names in the order of the judge's logits, such as ImageNet's n02119022.

    Returns:
        Positions in ``classes``; the longest name that fits, None where none does.
    """
    longest = sorted(range(len(classes)), key=lambda i: -len(classes[i]))

    def label(path: Path) -> int | None:
        return next(
            (
                i
                for name in (path.name, path.parent.name)
                for i in longest
                if name.startswith(classes[i])
            ),
            None,
        )

    return [label(path) for path in paths]


def read_photo(path: Path) -> Photo:
    """Read a photo and make its gray version, which has exactly its luminance up to the rounding to 8 bits.

    Raises:
        PictureError: it cannot be read, or it is too small to be measured.
    """
    truth = as_srgb(read_picture(path))
    if min(truth.shape[:2]) < SSIM_WINDOW:
        raise PictureError(
            f"{path}: {truth.shape[1]} x {truth.shape[0]} is too small, it takes {SSIM_WINDOW} pixels a side"
        )
    return Photo(path, truth, luminance_of(truth))


def evaluate(
    pipeline: Colorizer,
    photos: Survey,
    settings: Mapping[str, Setting],
    judge: nn.Module | None = None,
    prior: Float[Tensor, " bins"] | None = None,
    labels: Sequence[int | None] | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Colorize the luminance of every photo in every way, and compare with the photo.

    Args:
        pipeline: see ColorizationPipeline.
        photos: see survey.
        settings: the rows, see standard_settings; gray is added to them.
        judge: for Frechet distance and recovered accuracy, see load_judge; None leaves them out.
        prior: share of each color bin, for rebalanced AuC; None takes that of the photos
            themselves.
        labels: the judge's right class of each photo, see labels_of; only photos that have one
            count for accuracy. None takes what the judge sees in the true colors.
        seed: of points, random references and distortions.
        progress: receives photos done and photos to do.

    Raises:
        ValueError: a row is called gray, the labels do not fit, or colorizing fails.
    """
    if GRAY in settings:
        raise ValueError(f"a row must not be called {GRAY}: that is the input itself")
    if labels is not None and len(labels) != len(photos.paths):
        raise ValueError(
            f"expected a label for each of the {len(photos.paths)} photos, got {len(labels)}"
        )
    judges, missing = _judges(judge)
    weights = bin_weights(photos.prior if prior is None else prior)
    if labels is not None and all(label is None for label in labels):
        raise ValueError("none of the photos is named after a class")
    truths = TruthTally(labels)
    tallies = {name: Tally() for name in (GRAY, *settings)}
    known: dict[Path, None] = {}
    for done, path in enumerate(photos.paths, 1):
        truth = Truth.of(read_photo(path), weights, judges)
        truths.colorfulness.append(truth.colorfulness)
        truths.looks.append(truth.look)
        tallies[GRAY].add(truth, Attempt(truth.photo.gray), judges)
        for name, setting in settings.items():
            result = attempt(pipeline, truth.photo, setting, seed)
            if (
                result.reference_path is not None
                and result.reference_path.resolve() == path.resolve()
            ):
                known[path] = None
            tallies[name].add(truth, result, judges)
        progress(done, len(photos.paths))
    if judge is not None:
        missing |= _unanswered(truths)
    rows = {name: tally.summary(truths, tallies[GRAY]) for name, tally in tallies.items()}
    pictures = {name: tally.pictures for name, tally in tallies.items()}
    colorful = math.fsum(truths.colorfulness) / len(truths.colorfulness)
    return Report(photos, rows, pictures, colorful, missing, list(known), seed)


def _judges(judge: nn.Module | None) -> tuple[Judges, dict[str, str]]:
    """The networks that are there, and why the others are not."""
    missing = {}
    lpips = inception = None
    try:
        lpips = load_lpips()
    except MeasureUnavailableError as error:
        missing["LPIPS"] = str(error)
    try:
        inception = load_inception()
    except MeasureUnavailableError as error:
        missing["FID"] = str(error)
    if judge is None:
        missing |= dict.fromkeys(("Frechet distance", "recovered accuracy"), "no judge was given")
    return Judges(judge, lpips, inception), missing


def _unanswered(truths: TruthTally) -> dict[str, str]:
    missing = {}
    if truths.looks[0].embedding is None:
        missing["Frechet distance"] = "the judge gives no embedding"
    elif len(truths.looks) < 2:
        missing["Frechet distance"] = "it takes at least two photos"
    if truths.looks[0].top1 is None:
        missing["recovered accuracy"] = "the judge gives no logits"
    if len(truths.looks) < 2 and truths.looks[0].inception is not None:
        missing["FID"] = "it takes at least two photos"
    return missing
