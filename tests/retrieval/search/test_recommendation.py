"""A recommendation tells where its photo is, and how its score comes about."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest

from retrieval.extraction.extractor import glance
from retrieval.search.match_words import match_word
from retrieval.search.photo_index import PhotoIndex
from retrieval.search.recommendation import Recommendation
from similarity.backbone.backbone import Backbone


def test_colors_count_nothing_where_nobody_knows_them() -> None:
    assert Recommendation(Path("a.jpg"), 1.0, "good", 0.9, 0.8, 0.7).color_score == 0.0


def test_equal_ones_are_one() -> None:
    """What is kept for a session can be told apart and found again."""
    first, second = (Recommendation(Path("a.jpg"), 1.0, "good", 0.9, 0.8, 0.7) for _ in range(2))
    other = Recommendation(Path("b.jpg"), 1.0, "good", 0.9, 0.8, 0.7)
    assert len({first, second, other}) == 2
    with pytest.raises(FrozenInstanceError):
        first.score = 2.0  # type: ignore[misc]


def test_a_score_is_the_sum_of_its_parts(
    index: PhotoIndex, backbone: Backbone, pictures: dict[str, np.ndarray]
) -> None:
    """Cosines and correlations, which are at most 1; a photo finds itself with nearly that."""
    found = index.rank(index.extractor(backbone).describe([glance(pictures["coffee"])]), 3)
    assert len(found) == 3 and all(one.path.is_file() for one in found)
    for one in found:
        assert one.score == pytest.approx(one.feature_score + 0.25 * one.luminance_score, abs=1e-3)
        assert one.match == match_word(one.score, backbone.name)
        for part in (one.global_score, one.feature_score, one.luminance_score):
            assert -1.001 <= part <= 1.001
    assert found[0].path.name == "coffee.png"
    assert min(found[0].global_score, found[0].feature_score) > 0.98
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_likely_colors_are_told_apart_from_the_score(
    index: PhotoIndex, backbone: Backbone, pictures: dict[str, np.ndarray]
) -> None:
    """A belief that likes all the same changes nothing but what is told of colors."""
    query, extractor = glance(pictures["coffee"]), index.extractor(backbone)
    plain = index.rank(extractor.describe([query]), 3)
    liked = index.rank(
        extractor.describe([query]), 3, belief=lambda lent: np.full(len(lent), -0.5, np.float32)
    )
    assert [one.path for one in liked] == [one.path for one in plain]
    assert [one.score for one in liked] == [one.score for one in plain]
    assert {one.color_score for one in liked} == {-0.5}
