"""The entry points.

They import nothing but what lets Ctrl-C end them quietly; the commands come after that.
"""

import sys

from colorization.cli.machine.interrupts import leave_at_interrupt


def main() -> None:
    """Entry point of ``rechroma``."""
    leave_at_interrupt()
    from colorization.cli.commands import app
    from colorization.cli.process import start_process

    start_process()
    app()


def main_build_index() -> None:
    """Entry point of ``build-index``, the same as ``rechroma build-index``."""
    leave_at_interrupt()
    from colorization.cli.commands import app
    from colorization.cli.process import start_process

    start_process()
    arguments = sys.argv[1:]
    if arguments != ["--version"]:
        arguments = ["build-index", *arguments]
    app(arguments, prog_name="rechroma")
