"""How well recommended references suit a photo, in words."""

from collections.abc import Sequence

from retrieval.search.recommendation import Recommendation

# Scores from which about half of the pairs show the same kind of thing, and from which most show
# the same kind of scene; lower ones let a pool color a zoo, higher ones refuse one dog for another.
# Seen on contact sheets of the best matches of many photos; two photos drawn by chance hardly ever
# reach the lower one.
_FAIR_AND_GOOD = {"efficientnet-lite0": (0.65, 0.8)}
_OF_OTHER_BACKBONES = (0.75, 0.9)
NOTHING_ALIKE = "Nothing in your library looks like this photo; best match weak"


def match_word(score: float, backbone: str) -> str:
    """``good``, ``fair`` or ``weak``.

    Args:
        score: of a recommendation.
        backbone: what the index sees through; scores of one mean nothing to another.
    """
    fair, good = _FAIR_AND_GOOD.get(backbone, _OF_OTHER_BACKBONES)
    return "good" if score >= good else "fair" if score >= fair else "weak"


def honest_note(recommended: Sequence[Recommendation], then: str = "") -> str:
    """One line where nothing in the library resembles the photo; else empty.

    Args:
        recommended: the best first.
        then: a sentence that tells what follows from it.
    """
    # the first need not be the most alike: likely colors count too
    best = max(recommended, key=lambda one: one.score, default=None)
    if best is None or best.match != "weak":
        return ""
    return f"{NOTHING_ALIKE} ({best.score:.2f}). {then}".strip()
