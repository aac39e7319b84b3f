"""How alike student and teacher see photos that the student has not seen."""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from similarity.backbone.precision import autocast
from similarity.color.lab import lab_to_rgb, rgb_to_lab
from similarity.color.tones import spread_tones
from similarity.training.corpus import Corpus
from similarity.training.distillation import TAPS, Student, normalise


@torch.inference_mode()
def agreement(
    student: Student, teacher: nn.Module, corpus: Corpus
) -> tuple[dict[str, float], Float[Tensor, "photos channels"]]:
    """Compare the answers of student and teacher, the teacher's in color.

    Args:
        student: in evaluation mode.
        teacher: maps RGB in 0..1 to its answers.
        corpus: photos that the student was not trained on.

    Returns:
        By name, the mean cosine of each map, and the share of photos of the same top-1 class: of
        the student, and of the teacher itself on gray. And the teacher's embeddings.
    """
    cosines: dict[str, list[Tensor]] = {str(s): [] for s in TAPS}
    same, same_gray, embeddings = 0, 0, []
    for rgb in corpus.squares(25):
        answers = {str(k): v for k, v in teacher(rgb).items()}
        luminance = rgb_to_lab(rgb)[:, :1]
        gray = lab_to_rgb(torch.cat((luminance, torch.zeros_like(rgb[:, 1:])), 1))
        with autocast(rgb.device):
            found = student(normalise(spread_tones(luminance) / 100))
        wanted_maps = student.standardised(answers)
        for s, values in cosines.items():
            alike = torch.cosine_similarity(wanted_maps[s], found[s].float(), dim=1)
            values.append(alike.mean((1, 2)))
        best = answers["logits"].argmax(1)
        same += int((best == found["logits"].argmax(1)).sum())
        same_gray += int((best == teacher(gray)["logits"].argmax(1)).sum())
        embeddings.append(answers["embedding"])
    scores = {
        f"cosine at stride {s}": round(float(torch.cat(v).mean()), 3) for s, v in cosines.items()
    }
    scores["top-1 as the teacher"] = round(same / len(corpus), 3)
    scores["top-1, the teacher on gray"] = round(same_gray / len(corpus), 3)
    return scores, torch.cat(embeddings)


def nearest(
    queries: Float[Tensor, "queries channels"], library: Float[Tensor, "photos channels"]
) -> Int[Tensor, "queries best"]:
    """Rows of the ten nearest by cosine, or of all if there are fewer; a row a query.

    Args:
        queries: vectors.
        library: vectors to be found.
    """
    alike = F.normalize(queries, dim=1) @ F.normalize(library, dim=1).T
    return alike.topk(min(10, len(library))).indices


def shared(wanted: Int[Tensor, "queries best"], found: Int[Tensor, "queries best"]) -> float:
    """Of what is wanted, the share that is found: the mean of all queries.

    Args:
        wanted: numbers of photos of a library, a row a query.
        found: such numbers for the same queries.
    """
    pairs = zip(wanted.tolist(), found.tolist(), strict=True)
    return float(np.mean([len(set(a) & set(b)) / len(a) for a, b in pairs]))
