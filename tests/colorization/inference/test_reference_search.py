from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from colorization.inference.reference_search import MOST_UNREADABLE, ReferenceSearch
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from retrieval.search.recommendation import Recommendation

Pictures = dict[str, np.ndarray]


def test_without_the_network_likeness_alone_ranks(
    indexed: ColorizationPipeline, pictures: Pictures
) -> None:
    assert indexed.index is not None
    alone = ReferenceSearch(indexed.index, indexed.describer, None)
    query = alone.query(pictures["coffee"])
    assert query.belief is None
    found = alone.rank(query, 5, same_class=False)
    assert {one.color_score for one in found} == {0.0}
    scores = [one.score for one in found]
    assert scores == sorted(scores, reverse=True)


def test_the_network_says_which_colors_are_likely(
    indexed: ColorizationPipeline, colorizer: ColorizationPipeline, pictures: Pictures
) -> None:
    assert indexed.index is not None
    search = ReferenceSearch(indexed.index, colorizer.describer, colorizer.network)
    query = search.query(pictures["coffee"])
    found = search.rank(query, 5, same_class=False)
    assert query.belief is not None
    assert all(one.color_score < 0 for one in found)
    # known features serve as well as new ones
    features = colorizer.describer.features_of(pictures["coffee"], ColorizeOptions().working_side)
    again = search.query(pictures["coffee"], features)
    assert search.rank(again, 5, same_class=False) == found


def test_the_next_best_takes_the_place_of_a_photo_that_is_gone(
    indexed: ColorizationPipeline, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = indexed.search
    query = search.query(pictures["coffee"])
    best, second, third = search.rank(query, 3, same_class=False)
    known = type(search.index).path

    def path(index: object, row: int) -> Path:
        found = known(index, row)
        return found.with_name("gone.png") if found == best.path else found

    monkeypatch.setattr(type(search.index), "path", path)
    found = search.readable(query, 2)
    assert [one.path for one in found.recommended] == [second.path, third.path]
    assert len(found.pictures) == 2 and len(found.skipped) == 1
    assert "gone.png: no such file" in found.skipped[0]


def test_a_library_that_is_unplugged_is_not_tried_to_its_end(
    indexed: ColorizationPipeline, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = indexed.search
    query = search.query(pictures["coffee"])
    known = search.rank(query, 1, same_class=False)[0]
    gone = [replace(known, path=Path(f"/unplugged/{number}.png")) for number in range(500)]
    asked: list[int] = []

    def rank(query: object, top_k: int, same_class: bool) -> list[Recommendation]:
        asked.append(top_k)
        return gone[:top_k]

    monkeypatch.setattr(search, "rank", rank)
    found = search.readable(query, 3)
    assert not found.recommended and found.num_gone == MOST_UNREADABLE
    assert max(asked) < 4 * MOST_UNREADABLE


def test_an_index_that_did_not_change_stays_open(indexed: ColorizationPipeline) -> None:
    assert indexed.search.refreshed() is indexed.search
