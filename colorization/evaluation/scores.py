"""The measures of one row of an evaluation, picture by picture, and what they come to over the set."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn

from colorization.evaluation.measures import Rgb
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
from colorization.evaluation.rows import Attempt, Photo, lab_of
from similarity.color.lab import as_tensor

JUDGE_SIDE = 224


@dataclass(frozen=True)
class Judges:
    """The networks that look at results, each of them optional.

    Attributes:
        judge: see load_judge; its "embedding" and "logits" are used where it has them.
        lpips: see load_lpips.
        inception: see load_inception.
    """

    judge: nn.Module | None = None
    lpips: Callable[[np.ndarray, np.ndarray], float] | None = None
    inception: Callable[[np.ndarray], np.ndarray] | None = None


@dataclass(frozen=True)
class Look:
    """What the networks see in one picture; None where they do not say."""

    embedding: np.ndarray | None = None
    top1: int | None = None
    inception: np.ndarray | None = None


@dataclass(frozen=True)
class Truth:
    """A photo prepared for comparing."""

    photo: Photo
    ab: Float[np.ndarray, "height width 2"]
    weights: Float[np.ndarray, "height width"]
    colorfulness: float
    look: Look

    @classmethod
    def of(cls, photo: Photo, bin_weights: torch.Tensor, judges: Judges) -> "Truth":
        """Prepare a photo.

        Args:
            photo: the photo.
            bin_weights: for rebalanced AuC, see bin_weights.
            judges: see Judges.
        """
        ab = lab_of(photo.truth)[..., 1:]
        return cls(
            photo,
            ab,
            pixel_weights(ab, bin_weights),
            colorfulness(photo.truth),
            look_at(photo.truth, judges),
        )


@dataclass
class Tally:
    """The scores of one row so far.

    Attributes:
        pictures: the measures of each picture; NaN where one has none.
        rebalanced: rebalanced AuC of each picture.
        looks: what the networks saw.
    """

    pictures: list[dict[str, float]] = field(default_factory=list)
    rebalanced: list[Rebalanced] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)

    def add(self, truth: Truth, result: Attempt, judges: Judges) -> None:
        """Measure one result."""
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
        if judges.lpips:
            scores["lpips"] = judges.lpips(target, rgb)
        self.pictures.append(scores)
        self.rebalanced.append(rebalanced_auc(truth.ab, ab, truth.weights))
        self.looks.append(look_at(rgb, judges))

    def summary(self, truths: "TruthTally", gray: "Tally") -> dict[str, float]:
        """The row: means over the pictures that have a measure, and the measures of the whole set; NaN for none."""
        row = {key: _mean([scores[key] for scores in self.pictures]) for key in self.pictures[0]}
        row["rebalanced_auc"] = sum(r.score for r in self.rebalanced) / sum(
            r.weight for r in self.rebalanced
        )
        own = [scores["colorfulness"] for scores in self.pictures]
        row["delta_colorfulness"] = delta_of_means(own, truths.colorfulness)
        row["delta_colorfulness_each"] = mean_delta(own, truths.colorfulness)
        for key, kind in (("frechet", "embedding"), ("fid", "inception")):
            if (distance := _distance(self.looks, truths.looks, kind)) is not None:
                row[key] = distance
        if "frechet" in row and (of_gray := _distance(gray.looks, truths.looks, "embedding")):
            row["frechet_to_gray"] = row["frechet"] / of_gray
        if truths.looks[0].top1 is not None:
            own_top1, of_gray_top1, true_top1 = (
                _top1(looks) for looks in (self.looks, gray.looks, truths.looks)
            )
            labels = None
            if truths.labels is not None:
                known = [i for i, label in enumerate(truths.labels) if label is not None]
                labels = np.array([truths.labels[i] for i in known])
                own_top1, of_gray_top1, true_top1 = (
                    top1[known] for top1 in (own_top1, of_gray_top1, true_top1)
                )
                row["top1"] = accuracy(own_top1, labels)
            row["recovered"] = recovered_accuracy(own_top1, of_gray_top1, true_top1, labels)
            row["regained"] = regained_accuracy(own_top1, of_gray_top1, true_top1, labels)
        return row


@dataclass
class TruthTally:
    """What is known of the true pictures.

    Attributes:
        labels: the right class of each, None for the unknown; or None, and what the judge sees in
            the truth is right.
        colorfulness: of each.
        looks: what the networks saw.
    """

    labels: Sequence[int | None] | None = None
    colorfulness: list[float] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)


def look_at(rgb: Rgb, judges: Judges) -> Look:
    """Show a picture to the networks. The judge gets its middle square at JUDGE_SIDE."""
    embedding = top1 = None
    if judges.judge is not None:
        side = min(rgb.shape[:2])
        top, left = ((n - side) // 2 for n in rgb.shape[:2])
        square = Image.fromarray(rgb[top : top + side, left : left + side])
        small = np.array(square.resize((JUDGE_SIDE, JUDGE_SIDE), Image.Resampling.BICUBIC))
        seen = _judged(judges.judge, as_tensor(small)[None])
        embedding = seen["embedding"][0].float().numpy() if "embedding" in seen else None
        top1 = int(seen["logits"][0].argmax()) if "logits" in seen else None
    return Look(embedding, top1, judges.inception(rgb) if judges.inception else None)


def _judged(judge: nn.Module, rgb: Float[Tensor, "1 3 side side"]) -> Mapping[str, Tensor]:
    """What a judge says of a picture.

    Raises:
        ValueError: a Python file of the user's fails, or does not answer with names.
    """
    try:
        with torch.inference_mode():
            seen = judge(rgb)
    except Exception as error:
        raise ValueError(f"the judge fails ({type(error).__name__}: {error})") from error
    if not isinstance(seen, Mapping):
        raise ValueError(
            f'the judge must give a dictionary with "embedding" and "logits", not a {type(seen).__name__}'
        )
    return seen


def _top1(looks: list[Look]) -> np.ndarray:
    return np.array([look.top1 for look in looks])


def _mean(values: list[float]) -> float:
    """Mean over the pictures that have a measure; of PSNR over those that are not exact, which it takes for infinitely good."""
    known = [value for value in values if not np.isnan(value)]
    finite = [value for value in known if np.isfinite(value)] or known
    return float(np.mean(finite)) if finite else float("nan")


def _distance(results: list[Look], truths: list[Look], kind: str) -> float | None:
    """Frechet distance of two sets of pictures, where the network gives embeddings and there are enough."""
    sets = [[getattr(look, kind) for look in looks] for looks in (results, truths)]
    if len(sets[0]) < 2 or sets[0][0] is None:
        return None
    return frechet_distance(*(np.stack(embeddings) for embeddings in sets))
