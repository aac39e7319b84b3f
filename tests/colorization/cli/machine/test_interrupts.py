import signal

import pytest
from rechroma_process import run_code

from colorization.cli.machine.interrupts import STATUS, STOPPED, interruptible

BEGIN = "from colorization.cli.machine.interrupts import interruptible, leave_at_interrupt\n"


def test_outside_a_command_it_ends_the_process_at_once() -> None:
    code = BEGIN + "leave_at_interrupt()\nprint('told', end='')\ninterrupt()\nprint('went on')"
    assert run_code(code) == (STATUS, "told", f"{STOPPED}\n")


def test_within_a_command_it_is_raised_and_afterwards_it_says_nothing_more() -> None:
    code = (
        BEGIN
        + """
leave_at_interrupt()
try:
    with interruptible():
        interrupt()
except KeyboardInterrupt:
    print("cleaned up", end="")
interrupt()
"""
    )
    assert run_code(code) == (STATUS, "cleaned up", "")


def test_after_a_command_that_was_not_stopped_it_is_told() -> None:
    code = BEGIN + "leave_at_interrupt()\nwith interruptible(): pass\ninterrupt()"
    assert run_code(code) == (STATUS, "", f"{STOPPED}\n")


def test_a_process_that_is_not_to_be_interrupted_is_not() -> None:
    code = BEGIN + "signal.signal(signal.SIGINT, signal.SIG_IGN)\nleave_at_interrupt()\n"
    code += "with interruptible(): interrupt()\ninterrupt()\nprint('went on', end='')"
    assert run_code(code) == (0, "went on", "")


def test_in_a_process_of_others_nothing_changes() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interruptible():
        assert signal.getsignal(signal.SIGINT) is before
        raise KeyboardInterrupt
    assert signal.getsignal(signal.SIGINT) is before
