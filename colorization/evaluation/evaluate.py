"""Measure colorization on photographs whose true colors are known."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from colorization.evaluation.measures.auc import bin_weights
from colorization.evaluation.measures.learned import (
    MeasureUnavailableError,
    load_inception,
    load_lpips,
)
from colorization.evaluation.networks import Judges
from colorization.evaluation.photo import read_photo
from colorization.evaluation.rows import Attempt, Setting, attempt
from colorization.evaluation.scores import PreparedTruth, RowScores, TruthScores
from colorization.evaluation.survey import Survey
from colorization.pipeline import ColorizationPipeline

GRAY = "gray"


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


def evaluate(
    pipeline: ColorizationPipeline,
    photos: Survey,
    settings: Mapping[str, Setting],
    judge: nn.Module | None = None,
    labels: Sequence[int | None] | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Colorize the luminance of every photo in every way, and compare with the photo.

    Args:
        pipeline: colorizes.
        photos: that can be measured, as survey finds them.
        settings: the rows by name, such as standard_settings; gray is added to them.
        judge: for Frechet distance and recovered accuracy, as load_judge makes one; None leaves
            them out.
        labels: the judge's right class of each photo, such as labels_of tells; only photos that
            have one count for accuracy. None takes what the judge sees in the true colors.
        seed: of points, random references and distortions.
        progress: receives photos done and photos to do.

    Returns:
        The measures of each row and each photo.

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
    weights = bin_weights(photos.prior)
    if labels is not None and all(label is None for label in labels):
        raise ValueError("none of the photos is named after a class")
    truths = TruthScores(labels)
    scores = {name: RowScores() for name in (GRAY, *settings)}
    known: dict[Path, None] = {}
    for done, path in enumerate(photos.paths, 1):
        truth = PreparedTruth.of(read_photo(path), weights, judges)
        truths.colorfulness.append(truth.colorfulness)
        truths.outputs.append(truth.outputs)
        scores[GRAY].add(truth, Attempt(truth.photo.gray), judges)
        for name, setting in settings.items():
            result = attempt(pipeline, truth.photo, setting, seed)
            if (
                result.reference_path is not None
                and result.reference_path.resolve() == path.resolve()
            ):
                known[path] = None
            scores[name].add(truth, result, judges)
        progress(done, len(photos.paths))
    if judge is not None:
        missing |= _unanswered(truths)
    rows = {name: one.summary(truths, scores[GRAY]) for name, one in scores.items()}
    pictures = {name: one.pictures for name, one in scores.items()}
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


def _unanswered(truths: TruthScores) -> dict[str, str]:
    missing = {}
    if truths.outputs[0].embedding is None:
        missing["Frechet distance"] = "the judge gives no embedding"
    elif len(truths.outputs) < 2:
        missing["Frechet distance"] = "it takes at least two photos"
    if truths.outputs[0].top1 is None:
        missing["recovered accuracy"] = "the judge gives no logits"
    if len(truths.outputs) < 2 and truths.outputs[0].inception is not None:
        missing["FID"] = "it takes at least two photos"
    return missing
