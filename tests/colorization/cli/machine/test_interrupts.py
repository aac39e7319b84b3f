import signal

import pytest
from rechroma_process import run_code

from colorization.cli.machine.interrupts import (
    STATUS,
    STOPPED,
    STOPPING,
    interruptible,
    left_at_interrupt,
)

NAMES = "interruptible, leave_at_interrupt, left_at_interrupt"
BEGIN = f"from colorization.cli.machine.interrupts import {NAMES}\n"


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


def test_where_a_command_imports_it_ends_the_process_at_once() -> None:
    code = (
        BEGIN
        + """
leave_at_interrupt()
try:
    with interruptible():
        with left_at_interrupt():
            if "inside" in sys.argv:
                interrupt()
        interrupt()
except KeyboardInterrupt:
    print("cleaned up", end="")
"""
    )
    assert run_code(code) == (0, "cleaned up", "")
    assert run_code(code, "inside") == (STATUS, "", f"{STOPPED}\n")


def test_outside_a_process_that_leaves_imports_change_nothing() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interruptible(), left_at_interrupt():
        assert signal.getsignal(signal.SIGINT) is before


def test_while_a_command_cleans_up_it_is_told_and_a_second_one_ends_the_process() -> None:
    code = (
        BEGIN
        + """
import time
leave_at_interrupt()
with interruptible():
    try:
        interrupt()
    finally:
        time.sleep(1.5)
        print("cleaned up", end="", flush=True)
        if "again" in sys.argv:
            interrupt()
            print("went on")
"""
    )
    found = run_code(code, "again")
    assert found == (STATUS, "cleaned up", f"{STOPPING}\n{STOPPED}\n")
    status, told, _ = run_code(code)
    assert (status, told) != (STATUS, "") and told == "cleaned up"
