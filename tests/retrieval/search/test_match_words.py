from pathlib import Path

import pytest

from retrieval.search.match_words import first_picks, honest_note, match_word
from retrieval.search.recommendation import Recommendation

LITE, SLIM = "efficientnet-lite0", "vgg19-slim"


def found(*scores: float) -> list[Recommendation]:
    return [Recommendation(Path("a.jpg"), score, 0.0, 0.0, 0.0) for score in scores]


@pytest.mark.parametrize(
    ("score", "backbone", "word"),
    [
        (0.8, LITE, "good"),
        (0.79, LITE, "fair"),
        (0.65, LITE, "fair"),
        (0.64, LITE, "weak"),
        (0.9, SLIM, "good"),
        (0.8, SLIM, "fair"),
        (0.7, SLIM, "weak"),
    ],
)
def test_words(score: float, backbone: str, word: str) -> None:
    assert match_word(score, backbone) == word


def test_weak_matches_are_not_picked() -> None:
    assert first_picks(found(1.0, 0.8, 0.78, 0.3), 2, LITE) == (0, 1)
    assert first_picks(found(1.0, 0.3, 0.2), 3, LITE) == (0,)
    assert first_picks(found(0.6, 0.8, 0.9, 0.7), 2, LITE) == (1, 2)
    assert first_picks(found(0.3, 0.2), 3, LITE) == first_picks([], 3, LITE) == ()


def test_where_nothing_is_alike_a_line_says_so() -> None:
    line = "Nothing in your library looks like this photo; best match weak (0.51)."
    assert honest_note(found(0.4, 0.51), LITE) == line
    assert honest_note(found(0.51), LITE, "Choose others.") == f"{line} Choose others."
    assert honest_note(found(1.0, 0.2), LITE) == honest_note([], LITE) == ""
