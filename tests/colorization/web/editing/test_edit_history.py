from dataclasses import replace
from pathlib import Path

import pytest

from colorization.network.hints import Point
from colorization.options import ColorizeOptions
from colorization.web.editing.edit_history import (
    MAX_HISTORY,
    MAX_POINTS,
    Candidate,
    Edit,
    EditedPhoto,
)
from retrieval.search.recommendation import Recommendation

HARBOUR = Candidate(
    Path("harbour.jpg"), Recommendation(Path("harbour.jpg"), 0.87, "good", 0.0, 0.0, 0.0)
)
OWN = Path("own.jpg")


@pytest.fixture
def work() -> EditedPhoto:
    return EditedPhoto(Path("photo.jpg"), (HARBOUR,), (Edit((0,)),))


def test_each_change_is_a_step_and_undo_takes_it_back(work: EditedPhoto) -> None:
    pointed = work.change("", points=(Point(0.5, 0.5, (1.0, 2.0)),))
    paler = pointed.change("saturation", saturation=0.5)
    assert (len(paler.edits), paler.edit.saturation, len(paler.edit.points)) == (3, 0.5, 1)
    assert paler.undo().edit == pointed.edit
    back = paler.undo().undo()
    assert replace(back, undone=()) == work == work.undo()


def test_redo_is_a_step_forth_until_something_else_is_changed(work: EditedPhoto) -> None:
    paler = work.change("", points=(Point(0.5, 0.5, (1.0, 2.0)),)).change(
        "saturation", saturation=0.5
    )
    back = paler.undo().undo()
    assert back.redo().redo() == paler == paler.redo()
    assert back.redo().edit == paler.undo().edit
    # which is no change
    assert back.change("saturation", saturation=1.0).redo().edit == paler.undo().edit
    changed = back.change("vividness", vividness=0.0)
    assert changed.redo() is changed


def test_moves_of_one_slider_are_one_step(work: EditedPhoto) -> None:
    moved = work.change("saturation", saturation=0.5).change("saturation", saturation=0.7)
    assert (len(moved.edits), moved.edit.saturation) == (2, 0.7)
    other = moved.change("vividness", vividness=0.2).change("saturation", saturation=0.9)
    assert [edit.saturation for edit in other.edits] == [1.0, 0.7, 0.7, 0.9]


def test_no_change_is_no_step(work: EditedPhoto) -> None:
    assert work.change("saturation", saturation=1.0) is work
    assert work.change("", picks=(0,)) is work


def test_starting_over_can_be_undone(work: EditedPhoto) -> None:
    changed = work.change("", picks=()).change("vividness", vividness=0.0)
    over = changed.restart()
    assert (over.edit.picks, over.edit.vividness) == ((0,), 1.0)
    assert over.undo().edit == changed.edit


def test_own_references_replace_the_recommended_ones_and_can_be_mixed(work: EditedPhoto) -> None:
    other = Path("other.jpg")
    brought = work.bring([OWN])
    assert [one.path.name for one in brought.candidates] == ["harbour.jpg", "own.jpg"]
    assert brought.picked == (Candidate(OWN),)
    assert brought.bring([other]).picked == (Candidate(OWN), Candidate(other))
    mixed = brought.change("", picks=(0, 1))
    assert mixed.picked == (HARBOUR, Candidate(OWN))
    assert mixed.bring([other]).picked == (Candidate(OWN), Candidate(other))
    assert brought.undo().picked == (HARBOUR,)


def test_a_stroke_is_one_step(work: EditedPhoto) -> None:
    red, blue = ((60.0, 40.0), (0.0, -40.0))
    stroke = work.put([Point(0.1, 0.5, red), Point(0.2, 0.5, red)])
    again = stroke.put([Point(0.2, 0.5, blue), Point(0.3, 0.5, blue)])
    # a further color at a place replaces the first
    assert [(one.x, one.ab) for one in again.edit.points] == [(0.1, red), (0.2, blue), (0.3, blue)]
    assert again.undo().edit.points == stroke.edit.points
    assert again.undo().undo().edit.points == ()
    assert [one.x for one in again.remove_point(0.2, 0.5).edit.points] == [0.1, 0.3]
    assert again.remove_point(0.21, 0.5) is again


def test_options_are_the_wishes(work: EditedPhoto) -> None:
    options = ColorizeOptions(top_k=2)
    assert work.options(options) == options
    wished = work.change("", saturation=0.5, vividness=0.25, faithfulness=0.0)
    assert wished.options(options) == ColorizeOptions(
        2, vividness=0.25, faithfulness=0.0, saturation=0.5
    )


def test_what_is_asked_for_is_bounded(work: EditedPhoto) -> None:
    with pytest.raises(ValueError, match=f"at most {MAX_POINTS} color points"):
        work.change("", points=(Point(0.5, 0.5, (0.0, 0.0)),) * (MAX_POINTS + 1))
    for picks in ((1,), (-1,)):
        with pytest.raises(ValueError, match="no such reference"):
            work.change("", picks=picks)
    with pytest.raises(ValueError, match="saturation must be within"):
        work.change("saturation", saturation=9.0).options(ColorizeOptions())
    for i in range(MAX_HISTORY + 50):
        work = work.change("", saturation=i / 1000)
    assert len(work.edits) <= MAX_HISTORY + 2
    assert work.edits[0] == Edit((0,))
