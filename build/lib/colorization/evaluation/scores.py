"""The measures of a row, picture by picture, and what they come to over the set."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from torch import Tensor

from colorization.evaluation.measures.auc import Rebalanced, auc, pixel_weights, rebalanced_auc
from colorization.evaluation.measures.colorfulness import colorfulness, delta_of_means, mean_delta
from colorization.evaluation.measures.delta_e import delta_e_2000
from colorization.evaluation.measures.frechet import frechet_distance
from colorization.evaluation.measures.his import histogram_intersection
from colorization.evaluation.measures.recovery import (
    accuracy,
    recovered_accuracy,
    regained_accuracy,
)
from colorization.evaluation.measures.signal import psnr, ssim
from colorization.evaluation.networks import Judges, NetworkOutputs, network_outputs
from colorization.evaluation.photo import Photo, lab_of
from colorization.evaluation.rows import Attempt


@dataclass(frozen=True)
class PreparedTruth:
    """A photo prepared for comparing results with it.

    Attributes:
        photo: the photo.
        ab: its colors, raw Lab units.
        weights: of its pixels in rebalanced AuC.
        colorfulness: of its true colors.
        outputs: what the networks see in it.
    """

    photo: Photo
    ab: Float[np.ndarray, "height width 2"]
    weights: Float[np.ndarray, "height width"]
    colorfulness: float
    outputs: NetworkOutputs

    @classmethod
    def of(
        cls, photo: Photo, bin_weights: Float[Tensor, " bins"], judges: Judges
    ) -> "PreparedTruth":
        """Prepare a photo.

        Args:
            photo: the photo.
            bin_weights: weight of each color bin in rebalanced AuC.
            judges: the networks that look at it.
        """
        ab = lab_of(photo.truth)[..., 1:]
        weights = pixel_weights(ab, bin_weights)
        outputs = network_outputs(photo.truth, judges)
        return cls(photo, ab, weights, colorfulness(photo.truth), outputs)


@dataclass
class RowScores:
    """The scores of one row so far.

    Attributes:
        pictures: the measures of each picture; NaN where one has none.
        rebalanced: rebalanced AuC of each picture.
        outputs: what the networks see in each picture.
    """

    pictures: list[dict[str, float]] = field(default_factory=list)
    rebalanced: list[Rebalanced] = field(default_factory=list)
    outputs: list[NetworkOutputs] = field(default_factory=list)

    def add(self, truth: PreparedTruth, result: Attempt, judges: Judges) -> None:
        """Measure one result.

        Args:
            truth: the photo.
            result: of the row, for this photo.
            judges: the networks that look at it.
        """
        target, rgb = truth.photo.truth, result.rgb
        ab = lab_of(rgb)[..., 1:]
        reference_ab = None if result.reference is None else lab_of(result.reference)[..., 1:]
        scores = {
            "psnr": psnr(target, rgb),
            "ssim": ssim(target, rgb),
            "delta_e": delta_e_2000(target, rgb),
            "auc": auc(truth.ab, ab),
            "colorfulness": colorfulness(rgb),
            "his": np.nan if reference_ab is None else histogram_intersection(reference_ab, ab),
        }
        if result.obedience is not None:
            scores["obeys_best"] = result.obedience.best
            scores["obeys_rest"] = result.obedience.rest
        if judges.lpips:
            scores["lpips"] = judges.lpips(target, rgb)
        self.pictures.append(scores)
        self.rebalanced.append(rebalanced_auc(truth.ab, ab, truth.weights))
        self.outputs.append(network_outputs(rgb, judges))

    def summary(self, truths: "TruthScores", gray: "RowScores") -> dict[str, float]:
        """Add up the row.

        Args:
            truths: of the true pictures.
            gray: the scores of the gray pictures.

        Returns:
            Means over the pictures that have a measure, and the measures of the whole set, by name;
            NaN for none.
        """
        row = {key: _mean([scores[key] for scores in self.pictures]) for key in self.pictures[0]}
        weight = sum(one.weight for one in self.rebalanced)
        row["rebalanced_auc"] = sum(one.score for one in self.rebalanced) / weight
        own = [scores["colorfulness"] for scores in self.pictures]
        row["delta_colorfulness"] = delta_of_means(own, truths.colorfulness)
        row["delta_colorfulness_each"] = mean_delta(own, truths.colorfulness)
        return row | self._distances(truths, gray) | self._accuracies(truths, gray)

    def _distances(self, truths: "TruthScores", gray: "RowScores") -> dict[str, float]:
        row = {}
        for key, kind in (("frechet", "embedding"), ("fid", "inception")):
            if (distance := _distance(self.outputs, truths.outputs, kind)) is not None:
                row[key] = distance
        if "frechet" in row:
            of_gray = _distance(gray.outputs, truths.outputs, "embedding")
            if of_gray:
                row["frechet_to_gray"] = row["frechet"] / of_gray
        return row

    def _accuracies(self, truths: "TruthScores", gray: "RowScores") -> dict[str, float]:
        if truths.outputs[0].top1 is None:
            return {}
        row, labels = {}, None
        own, of_gray, true = (_top1(one.outputs) for one in (self, gray, truths))
        if truths.labels is not None:
            known = [i for i, label in enumerate(truths.labels) if label is not None]
            labels = np.array([truths.labels[i] for i in known])
            own, of_gray, true = (top1[known] for top1 in (own, of_gray, true))
            row["top1"] = accuracy(own, labels)
        row["recovered"] = recovered_accuracy(own, of_gray, true, labels)
        row["regained"] = regained_accuracy(own, of_gray, true, labels)
        return row


@dataclass
class TruthScores:
    """What is known of the true pictures.

    Attributes:
        labels: the right class of each, None for the unknown; or None, and what the judge sees in
            the truth is right.
        colorfulness: of each.
        outputs: what the networks see in each.
    """

    labels: Sequence[int | None] | None = None
    colorfulness: list[float] = field(default_factory=list)
    outputs: list[NetworkOutputs] = field(default_factory=list)


def _top1(outputs: list[NetworkOutputs]) -> np.ndarray:
    return np.array([one.top1 for one in outputs])


def _mean(values: list[float]) -> float:
    """Mean over the pictures that have a measure.

    Of PSNR it is that over those that are not exact, which PSNR takes for infinitely good.
    """
    known = [value for value in values if not np.isnan(value)]
    finite = [value for value in known if np.isfinite(value)] or known
    return float(np.mean(finite)) if finite else float("nan")


def _distance(
    results: list[NetworkOutputs], truths: list[NetworkOutputs], kind: str
) -> float | None:
    """Frechet distance of two sets of pictures, if there are embeddings and enough of them."""
    sets = [[getattr(one, kind) for one in outputs] for outputs in (results, truths)]
    if len(sets[0]) < 2 or sets[0][0] is None:
        return None
    return frechet_distance(*(np.stack(embeddings) for embeddings in sets))
