import pytest
import typer

from colorization.cli.common import fail, given, one_line_errors, without_effect
from colorization.messages import NO_MEMORY


def test_fail(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught:
        fail("new\nline.png: broken")
    assert caught.value.exit_code == 2
    assert capsys.readouterr().err == "error: new\\nline.png: broken\n"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("a.png: broken"), "error: a.png: broken\n"),
        (FileNotFoundError("a.png: no such photo"), "error: a.png: no such photo\n"),
        (
            OSError(28, "No space left on device; free some", "/x/y"),
            "error: /x/y: No space left on device; free some\n",
        ),
        (OSError(28, "No space left on device"), "error: No space left on device\n"),
        (MemoryError(), f"error: {NO_MEMORY}\n"),
        (RuntimeError("CUDA out of memory. Tried to allocate 1 GiB"), f"error: {NO_MEMORY}\n"),
    ],
)
def test_errors_a_user_can_cause_are_one_line(
    capsys: pytest.CaptureFixture[str], error: Exception, line: str
) -> None:
    @one_line_errors
    def command(number: int) -> None:
        """What it does."""
        raise error

    assert (command.__name__, command.__doc__) == ("command", "What it does.")
    with pytest.raises(typer.Exit) as caught:
        command(number=1)
    assert caught.value.exit_code == 2
    assert capsys.readouterr().err == line


def test_other_errors_are_not_hidden_and_a_stop_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    @one_line_errors
    def command(error: BaseException) -> None:
        raise error

    for bug in (KeyError("a bug"), RuntimeError("a bug")):
        with pytest.raises(type(bug), match="a bug"):
            command(bug)
    with pytest.raises(typer.Exit) as caught:
        command(KeyboardInterrupt())
    assert caught.value.exit_code == 130
    assert capsys.readouterr().err == "stopped; what was finished is kept\n"


def test_defaults_live_with_the_library() -> None:
    assert given(a=None, b=0, c=False, d="x") == {"b": 0, "c": False, "d": "x"}


def test_what_has_no_effect_beside_the_rest() -> None:
    chosen = {"top_k": 3, "faithfulness": 1.0, "vividness": 0.5, "quality": 20}
    films = {"films": ["quality"]}
    assert without_effect(chosen, True, True, True, {}) == [
        "--index is ignored: references are given",
        "--top-k does nothing here: it concerns only recommended references",
    ]
    assert without_effect(chosen, False, True, True, {}) == []
    beside_palette = without_effect(chosen, True, True, True, {}, with_palette=True)
    assert beside_palette[:2] == [
        "--reference is ignored: a palette is given",
        "--index is ignored: a palette is given",
    ]
    wanted = "does nothing here: it concerns only results without a palette"
    assert beside_palette[2:] == [
        f"--{name} {wanted}" for name in ("faithfulness", "vividness", "top-k")
    ]
    assert without_effect(chosen, False, False, False, films) == [
        "--top-k does nothing here: it concerns only recommended references",
        "--faithfulness does nothing here: it concerns only references",
        "--vividness does nothing here: it concerns only the network",
        "--faithfulness does nothing here: it concerns only the network",
        "--quality does nothing here: it concerns only films",
    ]
