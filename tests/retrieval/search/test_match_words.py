from pathlib import Path

import pytest

from retrieval.search.match_words import honest_note, match_word
from retrieval.search.recommendation import Recommendation

LITE, SLIM = "efficientnet-lite0", "vgg19-slim"


def found(*scores: float) -> list[Recommendation]:
    return [
        Recommendation(Path("a.jpg"), score, match_word(score, LITE), 0.0, 0.0, 0.0)
        for score in scores
    ]


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


def test_where_nothing_is_alike_a_line_says_so() -> None:
    line = "Nothing in your library looks like this photo; best match weak (0.51)."
    assert honest_note(found(0.4, 0.51)) == line
    assert honest_note(found(0.51), "Choose others.") == f"{line} Choose others."
    assert honest_note(found(1.0, 0.2)) == honest_note([]) == ""
