"""How well recommended references suit a photo, in words."""

from collections.abc import Sequence

from retrieval.search.recommendation import Recommendation

# scores from which most pairs show the same kind of thing, and nearly all the same kind of scene;
# seen in the best matches of 63 photos in a library of 2,500 others
FAIR_SCORE, GOOD_SCORE = 0.75, 0.9
NOTHING_ALIKE = "Nothing in your library looks like this photo; best match weak"


def match_word(recommendation: Recommendation) -> str:
    """``good``, ``fair`` or ``weak``."""
    if recommendation.score >= GOOD_SCORE:
        return "good"
    return "fair" if recommendation.score >= FAIR_SCORE else "weak"


def first_picks(recommended: Sequence[Recommendation], count: int) -> tuple[int, ...]:
    """The places of the references to begin with: the best ``count``, but no weak match."""
    return tuple(i for i, one in enumerate(recommended[:count]) if match_word(one) != "weak")


def honest_note(recommended: Sequence[Recommendation]) -> str:
    """One line where nothing in the library resembles the photo; else empty."""
    if not recommended or any(match_word(one) != "weak" for one in recommended):
        return ""
    return f"{NOTHING_ALIKE} ({recommended[0].score:.2f}). The colors are automatic."
