"""What the commands share: options, what of them has no effect, and errors as one line."""

import functools
from collections.abc import Callable, Container, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from colorization.cli.machine.interrupts import STATUS, STOPPED, interruptible
from colorization.messages import NO_MEMORY, is_no_memory, one_line, reason

if TYPE_CHECKING:
    from colorization.options import ColorizeOptions

IndexDir = Annotated[Path, typer.Option("--index", help="Folder of the index.")]
Place = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the index.")]
Library = Annotated[
    Path | None, typer.Option("--index", help="Index to recommend references from.")
]
References = Annotated[
    list[Path] | None,
    typer.Option("--reference", help="A color reference; repeat to fuse several."),
]
Saturation = Annotated[
    float | None, typer.Option(min=0, help="Factor on the colors of the result, at most 4.")
]
Vividness = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="0 careful and pale, 1 colors that look real (default)."),
]
Faithfulness = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="How far references are followed; default 1."),
]
Method = Annotated[
    str | None, typer.Option(help="network, or training-free: only carry colors over.")
]
TopK = Annotated[
    int | None, typer.Option(min=1, help="How many recommended references to fuse. Default 3.")
]
Points = Annotated[
    list[str] | None,
    typer.Option(
        "--point", metavar="X,Y,#RRGGBB", help="A color at a pixel of the picture; may repeat."
    ),
]
Palette = Annotated[
    Path | None, typer.Option(help="A picture whose colors the result should have.")
]
SameClass = Annotated[
    bool | None,
    typer.Option(
        "--same-class",
        help="Recommend only what seems to be of the same ImageNet class, where there is any.",
    ),
]
KeepTint = Annotated[
    bool | None, typer.Option("--keep-tint", help="Leave a sepia tint over the colors.")
]
Variants = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=100,
        help="Up to this many results that look different (as it is, careful, bold, finer,"
        " without reference, from each reference alone), and a sheet of them.",
    ),
]
WorkingSide = Annotated[
    int | None,
    typer.Option(
        metavar="PIXELS",
        help="How closely a photo is looked at; 512 instead of 256 sees smaller people and things,"
        " and less of the whole.",
    ),
]
Explain = Annotated[
    bool,
    typer.Option(
        "--explain",
        help="Also write which reference colored what, and how surely: a picture and JSON.",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what exists.")]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PATTERN",
        help="Pass over files and folders of this name, or path where it has a slash; may repeat.",
    ),
]
Recolor = Annotated[
    bool,
    typer.Option("--recolor", help="Also colorize photos of folders that have colors already."),
]
AllowDamaged = Annotated[
    bool, typer.Option("--allow-damaged", help="Colorize what can be read of damaged photos.")
]
PhotoQuality = Annotated[
    int | None,
    typer.Option(
        min=1, max=100, help="Of JPEG and WebP results; default: as the original, or finer."
    ),
]
Sheet = Annotated[
    Path | None, typer.Option(help="Also write a contact sheet, in the format of its name.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Backbone = Annotated[
    str | None,
    typer.Option(
        help="efficientnet-lite0 (default), vgg19-slim, or vgg19 (torchvision's weights)."
    ),
]
VggWeights = Annotated[
    Path | None, typer.Option(help="Weights file for --backbone vgg19, instead of a download.")
]
Device = Annotated[str | None, typer.Option(help="cpu (default), cuda, cuda:1, mps.")]


def one_line_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Turn the errors a user can cause into one line on stderr and exit status 2."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            with interruptible():
                command(*args, **kwargs)
        except BrokenPipeError:  # nobody reads on, as with "| head": click ends the command
            raise
        except (ValueError, OSError, FloatingPointError) as error:
            fail(reason(error))
        except (MemoryError, RuntimeError) as error:
            if not is_no_memory(error):
                raise
            fail(NO_MEMORY)
        except KeyboardInterrupt as stop:
            typer.echo(str(stop) or STOPPED, err=True)
            raise typer.Exit(STATUS) from None

    return wrapped


def fail(line: str) -> None:
    """Print one line and end with status 2."""
    typer.echo(f"error: {one_line(line)}", err=True)
    raise typer.Exit(2)


def check_method(
    options: "ColorizeOptions", has_guides: bool, with_references: bool, with_index: bool
) -> None:
    """Refuse what the training-free method cannot do, before any network is loaded.

    Args:
        options: method.
        has_guides: whether there are points or a palette.
        with_references: whether references are given.
        with_index: whether an index is given to recommend some from.

    Raises:
        ValueError: the method is training-free, and there are guides, or no references.
    """
    if options.method != "training-free":
        return
    if has_guides:
        raise ValueError("--method training-free takes no --point and no --palette")
    if not (with_references or with_index):
        raise ValueError("--method training-free needs a --reference, or an --index")


_SEARCHED = ("top_k", "same_class")  # options of recommended references


def without_effect(
    chosen: Container[str],
    with_references: bool,
    with_index: bool,
    by_network: bool,
    others: Mapping[str, Sequence[str]],
    with_palette: bool = False,
) -> list[str]:
    """What was asked for and has no effect beside the rest.

    Args:
        chosen: options that were given.
        with_references: whether references are among them.
        with_index: whether an index is.
        by_network: whether the network colors.
        others: what else a command may have none of, and the options that concern only that.
        with_palette: whether a palette is, which overrules references and vividness.

    Returns:
        Lines for a person.
    """
    recommended, any_reference = with_index and not with_references, with_index or with_references
    idle = {
        "recommended references": () if recommended else _SEARCHED,
        "references": () if any_reference else ("faithfulness",),
        "the network": () if by_network else ("vividness", "faithfulness"),
        **others,
    }
    ignored = {"index": with_index and with_references}
    if with_palette:
        ignored = {"reference": with_references, "index": with_index}
        idle = {"results without a palette": ("faithfulness", "vividness", *_SEARCHED), **others}
    by = "a palette is" if with_palette else "references are"
    lines = [f"--{name} is ignored: {by} given" for name, is_so in ignored.items() if is_so]
    for what, names in idle.items():
        lines += [
            f"--{name.replace('_', '-')} does nothing here: it concerns only {what}"
            for name in names
            if name in chosen
        ]
    return lines


def given(**options: Any) -> dict[str, Any]:
    """Only the options that were given, so that defaults live in one place."""
    return {key: value for key, value in options.items() if value is not None}
