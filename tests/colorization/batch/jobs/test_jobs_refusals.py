"""Jobs that would lose something, or cannot be done, are refused before the first is begun."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from colorization.batch.jobs import Extras, plan_jobs


def test_what_exists_beside_a_single_result_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "x-2.png").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"x-2\.png: exists already"):
        plan_jobs([tmp_path / "a.png"], tmp_path / "x.png", False, extras=Extras(variants=2))
    assert plan_jobs([tmp_path / "a.png"], tmp_path / "x.png", True, extras=Extras(variants=2))


def test_a_single_result_that_exists_is_an_error(
    tmp_path: Path, files: Callable[..., list[Path]]
) -> None:
    inputs, old = files("a.png"), files("out.png")
    with pytest.raises(ValueError, match="exists already; replace it with --overwrite") as error:
        plan_jobs(inputs, old[0], False)
    assert str(old[0]) in str(error.value)
    assert len(plan_jobs(inputs, old[0], True)) == 1


def test_a_missing_input_is_named(tmp_path: Path, files: Callable[..., list[Path]]) -> None:
    for inputs in ([tmp_path / "gone.png"], [*files("a.png"), tmp_path / "gone.png"]):
        with pytest.raises(FileNotFoundError, match=r"gone\.png: no such file"):
            plan_jobs(inputs, tmp_path / "out", False)


def test_nothing_to_do_is_an_error(tmp_path: Path, files: Callable[..., list[Path]]) -> None:
    files("in/notes.txt")
    (tmp_path / "empty").mkdir()
    folders = [tmp_path / "in", tmp_path / "empty"]
    for inputs, named in ((folders[:1], f"{folders[0]}"), (folders, f"{folders[0]}, {folders[1]}")):
        with pytest.raises(ValueError, match=": no pictures, or none but what") as error:
            plan_jobs(inputs, tmp_path / "out", False)
        told = "no pictures, or none but what Rechroma has made"
        assert str(error.value) == f"{named}: {told}"


@pytest.mark.parametrize(
    "names",
    [("in/sub/a.jpg", "other/sub/a.jpg"), ("a.png", "in/a.png"), ("in/a.gif", "other/a.gif")],
    ids=str,
)
def test_two_inputs_with_one_result_are_refused(
    tmp_path: Path, files: Callable[..., list[Path]], names: tuple[str, str]
) -> None:
    first, second = files(*names)
    inputs = list(dict.fromkeys(tmp_path / n.split("/")[0] for n in names))
    with pytest.raises(ValueError, match="would both be written to") as error:
        plan_jobs(inputs, tmp_path / "out", True)
    assert str(first) in str(error.value) and str(second) in str(error.value)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_result_never_replaces_an_input(
    tmp_path: Path, files: Callable[..., list[Path]], overwrite: bool
) -> None:
    inputs = files("in/a.png", "in/b.png")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    for chosen, output in [
        (inputs[:1], inputs[0]),
        (inputs[:1], tmp_path / "in" / "sub" / ".." / "a.png"),
        (inputs[:1], tmp_path / "link" / "a.png"),
        (inputs, tmp_path / "in"),
        ([tmp_path / "in"], tmp_path / "in"),
        ([tmp_path / "in"], tmp_path / "link"),
        ([tmp_path / "link" / "b.png"], tmp_path / "in"),
    ]:
        with pytest.raises(ValueError, match="would replace a picture that was given"):
            plan_jobs(chosen, output, overwrite)


def test_a_result_never_replaces_a_reference(
    tmp_path: Path, files: Callable[..., list[Path]]
) -> None:
    inputs, references = files("a.png"), files("ref/a.png")
    for output in (references[0], tmp_path / "ref"):
        with pytest.raises(ValueError, match="would replace a picture that was given"):
            plan_jobs(inputs, output, True, references)


def test_several_photos_are_not_written_to_one(
    tmp_path: Path, files: Callable[..., list[Path]]
) -> None:
    """A folder of that name would be made."""
    with pytest.raises(
        ValueError, match=r"x\.png: is the name of a picture; several inputs need a folder"
    ):
        plan_jobs(files("a.png", "b.png"), tmp_path / "x.png", False)


def test_several_inputs_need_a_folder(tmp_path: Path, files: Callable[..., list[Path]]) -> None:
    inputs, out = files("a.png", "b.png"), files("out.png")
    with pytest.raises(ValueError, match="is a file; several inputs need a folder"):
        plan_jobs(inputs, out[0], True)


def test_outputs_that_cannot_be_written_are_refused(
    tmp_path: Path, files: Callable[..., list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs, file = files("a.png"), files("file")
    with pytest.raises(ValueError, match="cannot write"):
        plan_jobs(inputs, tmp_path / "x.bmp", False)
    with pytest.raises(ValueError, match="cannot be written"):
        plan_jobs(inputs, file[0] / "sub" / "x.png", False)
    monkeypatch.setattr(os, "access", lambda *args, **kwargs: False)
    with pytest.raises(ValueError, match="cannot be written"):
        plan_jobs(inputs, tmp_path / "new" / "x.png", False)


def test_a_film_is_for_another_command(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").touch()
    with pytest.raises(ValueError, match=r"film\.mp4: films are for another command"):
        plan_jobs([tmp_path / "film.mp4"], tmp_path / "colored.mp4", False)
