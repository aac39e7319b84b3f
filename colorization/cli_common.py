"""What the commands share: options they have in common, and errors as one line."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

IndexDir = Annotated[Path, typer.Option("--index", help="Folder of the index.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def one_line_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Turn the errors a user can cause into one line on stderr and exit status 2."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except (ValueError, OSError) as error:
            where = (
                f"{error.filename}: {error.strerror}"
                if isinstance(error, OSError) and error.strerror and error.filename
                else str(error)
            )
            fail(where)
        except KeyboardInterrupt:
            typer.echo("stopped; what was finished is kept", err=True)
            raise typer.Exit(130) from None

    return wrapped


def fail(line: str) -> None:
    """Print one line and end with status 2."""
    typer.echo(f"error: {one_line(line)}", err=True)
    raise typer.Exit(2)


def one_line(text: str) -> str:
    """The text with line breaks, and whatever else does not print, as escapes: file names may hold anything."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text.strip())
