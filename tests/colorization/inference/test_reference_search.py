from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from colorization.inference.reference_search import (
    LEFT_UNLIKE,
    MOST_UNREADABLE,
    Query,
    ReferenceSearch,
)
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from retrieval.search.match_words import match_word
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


def test_the_border_of_a_print_says_nothing_of_its_photo(
    indexed: ColorizationPipeline, pictures: Pictures
) -> None:
    plain = pictures["coffee"]
    margins = [(round(0.08 * side),) * 2 for side in plain.shape[:2]]
    scan = np.pad(plain, [*margins, (0, 0)], constant_values=240)
    best, found = (indexed.recommend(one, 1)[0] for one in (plain, scan))
    assert found.path == best.path
    assert found.score == pytest.approx(best.score, abs=0.05)


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
    found = search.readable(search.candidates(query, 2), 2)
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
    found = search.readable(search.candidates(query, 3), 3)
    assert not found.recommended and f"{MOST_UNREADABLE - 1} others are gone" in found.skipped[0]
    assert max(asked) < 4 * MOST_UNREADABLE


def test_an_index_that_did_not_change_stays_open(indexed: ColorizationPipeline) -> None:
    assert indexed.search.refreshed() is indexed.search


def scored(
    search: ReferenceSearch,
    query: Query,
    monkeypatch: pytest.MonkeyPatch,
    scores: list[float],
    gone: tuple[int, ...] = (),
) -> list[Recommendation]:
    """Let the index rank as many photos with these scores; some of them are gone."""
    found = [
        replace(
            one,
            score=score,
            match=match_word(score, search.index.manifest.backbone),
            path=Path("/gone.png") if number in gone else one.path,
        )
        for number, (one, score) in enumerate(
            zip(search.rank(query, len(scores), same_class=False), scores, strict=True)
        )
    ]
    monkeypatch.setattr(search, "rank", lambda query, top_k, same_class: found[:top_k])
    return found


@pytest.fixture
def with_network(indexed: ColorizationPipeline, colorizer: ColorizationPipeline) -> ReferenceSearch:
    assert indexed.index is not None
    return ReferenceSearch(indexed.index, colorizer.describer, colorizer.network)


def test_the_next_match_takes_the_place_of_a_weak_one(
    with_network: ReferenceSearch, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Likely colors are ranked too: a photo that is alike may come after one that is not."""
    query = with_network.query(pictures["coffee"])
    ranked = scored(with_network, query, monkeypatch, [0.3, 0.9, 0.2, 0.1, 0.8, 0.7])
    used = with_network.chosen(query, ColorizeOptions(top_k=2))
    assert [one.path for one in used.recommended] == [ranked[1].path, ranked[4].path]
    assert (used.note, used.belief) == ("", query.belief)
    assert with_network.note(query) == ""


def test_where_all_are_weak_none_is_used_and_a_note_says_so(
    with_network: ReferenceSearch, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = with_network.query(pictures["coffee"])
    scored(with_network, query, monkeypatch, [0.3, 0.41])
    used = with_network.chosen(query, ColorizeOptions())
    assert not used.recommended and not used.pictures
    assert used.note.startswith("Nothing in your library looks like this photo; best match weak")
    assert "(0.41)" in used.note
    plainly = with_network.chosen(query, ColorizeOptions(method="training-free"))
    assert len(plainly.recommended) == 2
    assert plainly.note.endswith("(0.41). The best matches lend their colors all the same.")


def test_where_what_is_alike_is_gone_a_note_says_so(
    with_network: ReferenceSearch, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = with_network.query(pictures["coffee"])
    scored(with_network, query, monkeypatch, [0.9, 0.2], gone=(0,))
    used = with_network.chosen(query, ColorizeOptions())
    assert (used.recommended, used.note) == ([], LEFT_UNLIKE)
    assert "gone.png: no such file" in used.skipped[0]


def test_a_library_that_is_gone_ends_in_an_error(
    with_network: ReferenceSearch, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = with_network.query(pictures["coffee"])
    scored(with_network, query, monkeypatch, [0.9, 0.2], gone=(0, 1))
    with pytest.raises(ValueError, match="none of the recommended photos can be read"):
        with_network.chosen(query, ColorizeOptions())


def test_a_library_on_a_disk_that_is_not_there_is_named(
    with_network: ReferenceSearch, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = with_network.query(pictures["coffee"])
    scored(with_network, query, monkeypatch, [0.9, 0.2], gone=(0, 1))
    manifest = replace(with_network.index.manifest, roots=["/media/stick/photos"])
    monkeypatch.setattr(with_network.index, "manifest", manifest)
    told = "/media/stick/photos, of which it holds photos, is not there; connect its drive, or if"
    with pytest.raises(ValueError, match=told):
        with_network.chosen(query, ColorizeOptions())


def test_who_asks_for_nothing_else_is_told_that_all_are_gray(
    indexed: ColorizationPipeline, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = indexed.search
    query = search.query(pictures["coffee"])
    assert search.recommend(query, 2, False) == search.rank(query, 2, False)
    monkeypatch.setattr(search, "rank", lambda *args: [])
    with pytest.raises(ValueError, match="holds no color photo"):
        search.recommend(query, 2, False)
