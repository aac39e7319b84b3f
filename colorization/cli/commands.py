"""The command line: every command by its name.

Commands are thin: each checks, calls the library and prints. Heavy imports happen inside them.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from colorization import __version__
from colorization.cli.build_index import build_index
from colorization.cli.colorize import colorize
from colorization.cli.common import one_line_errors
from colorization.cli.demo import demo
from colorization.cli.export import export
from colorization.cli.index.info import info
from colorization.cli.index.merge import merge
from colorization.cli.index.relink import relink
from colorization.cli.index.remove import remove
from colorization.cli.index.verify import verify
from colorization.cli.measuring.evaluate import evaluate
from colorization.cli.measuring.user_study import user_study
from colorization.cli.recommend import recommend
from colorization.cli.serve import serve
from colorization.cli.suggest_colors import suggest_colors
from colorization.cli.video import video

Command = Callable[..., None]

COMMANDS: dict[str, Command] = {
    "build-index": build_index,
    "recommend": recommend,
    "colorize": colorize,
    "suggest-colors": suggest_colors,
    "video": video,
    "serve": serve,
    "demo": demo,
    "evaluate": evaluate,
    "user-study": user_study,
    "export": export,
}
INDEX_COMMANDS: dict[str, Command] = {
    "info": info,
    "verify": verify,
    "merge": merge,
    "remove": remove,
    "relink": relink,
}


HELP = {"help_option_names": ["--help", "-h"]}


def _with_commands(commands: Mapping[str, Command], **settings: Any) -> typer.Typer:
    group = typer.Typer(
        no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False, **settings
    )
    for name, command in commands.items():
        group.command(name, context_settings=HELP)(one_line_errors(command))
    return group


index_app = _with_commands(
    INDEX_COMMANDS,
    help="Look at an index, check it, join several, take photos out, follow moved folders.",
)
app = _with_commands(COMMANDS)
app.add_typer(index_app, name="index")


def _print_version(asked: bool | None) -> None:
    if asked:
        typer.echo(f"rechroma {__version__}")
        raise typer.Exit


@app.callback(context_settings=HELP)
def root(
    version: Annotated[
        bool | None,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = None,
) -> None:
    """Give gray photographs their color back, from references you choose or from your library."""
