from pathlib import Path

import pytest

from colorization.web.match_words import (
    FAIR_SCORE,
    GOOD_SCORE,
    first_picks,
    honest_note,
    match_word,
)
from retrieval.search.recommendation import Recommendation


def found(*scores: float) -> list[Recommendation]:
    return [Recommendation(Path("a.jpg"), score, 0.0, 0.0, 0.0) for score in scores]


@pytest.mark.parametrize(
    ("score", "word"),
    [
        (GOOD_SCORE, "good"),
        (GOOD_SCORE - 0.01, "fair"),
        (FAIR_SCORE, "fair"),
        (FAIR_SCORE - 0.01, "weak"),
    ],
)
def test_words(score: float, word: str) -> None:
    assert match_word(found(score)[0]) == word


def test_weak_matches_are_not_picked() -> None:
    assert first_picks(found(1.0, 0.8, 0.78, 0.3), 2) == (0, 1)
    assert first_picks(found(1.0, 0.3, 0.2), 3) == (0,)
    assert first_picks(found(0.3, 0.2), 3) == first_picks([], 3) == ()


def test_where_nothing_is_alike_a_line_says_so() -> None:
    line = "Nothing in your library looks like this photo; best match weak (0.51)."
    assert honest_note(found(0.51, 0.4)) == f"{line} The colors are automatic."
    assert honest_note(found(1.0, 0.2)) == honest_note([]) == ""
