"""Entry points that are interrupted, in processes of their own."""

import pytest
from rechroma_process import run_code

from colorization.cli.machine.interrupts import STATUS, STOPPED

ALONE = f"{STOPPED}\n"


@pytest.mark.parametrize("function", ["main", "main_build_index"])
@pytest.mark.parametrize("name", ["typer", "colorization.cli.colorize", "colorization.cli.process"])
def test_ctrl_c_while_commands_are_imported_is_one_line(function: str, name: str) -> None:
    code = f"sys.meta_path.insert(0, AtImport({name!r}))\n"
    code += f"from colorization.cli.app import {function}\n{function}()"
    assert run_code(code, "--version") == (STATUS, "", ALONE)


def test_ctrl_c_while_arguments_are_read_is_one_line() -> None:
    code = "from colorization.cli.app import main\nimport colorization.cli.commands as commands\n"
    code += "commands.app.registered_callback.callback = lambda version=None: interrupt()\nmain()"
    assert run_code(code, "demo") == (STATUS, "", ALONE)


def test_ctrl_c_after_a_command_is_one_line_and_loses_nothing() -> None:
    code = "from colorization.cli.app import main\natexit.register(interrupt)\nmain()"
    status, out, err = run_code(code, "--version")
    assert (status, out.startswith("rechroma "), err) == (STATUS, True, ALONE)


@pytest.mark.parametrize("name", ["torch", "torch._C", "colorization.pipeline"])
def test_ctrl_c_while_a_command_imports_torch_is_one_line(name: str) -> None:
    """Torch may abort the process where an import of it is interrupted by an exception."""
    code = f"sys.meta_path.insert(0, AtImport({name!r}))\n"
    code += "from colorization.cli.app import main\n"
    code += "atexit.register(print, 'raised')\nmain()"
    for words in (["colorize", "a.png", "--output", "x.png"], ["demo"], ["evaluate", "."]):
        assert run_code(code, *words) == (STATUS, "", ALONE)
