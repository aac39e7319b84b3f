import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from retrieval.extraction.worker_processes import KILLED, in_processes


def doubled(number: int) -> tuple[int, int, int]:
    return 2 * number, os.getpid(), torch.get_num_threads()


@pytest.mark.parametrize("processes", [1, 2, 9])
def test_parts_are_done_in_order_on_one_core_each(processes: int) -> None:
    found = list(in_processes(doubled, range(7), processes))
    assert [double for double, _, _ in found] == [0, 2, 4, 6, 8, 10, 12]
    assert os.getpid() not in {process for _, process, _ in found}
    assert len({process for _, process, _ in found}) <= min(processes, 7)
    assert {threads for _, _, threads in found} == {1}


def test_without_processes_this_one_works() -> None:
    found = list(in_processes(doubled, range(3), 0))
    assert [double for double, _, _ in found] == [0, 2, 4]
    assert {process for _, process, _ in found} == {os.getpid()}


def test_nothing_to_do() -> None:
    assert list(in_processes(doubled, [], 2)) == []


class UnlikeAnyError(Exception):
    """One that cannot be sent to another process."""

    def __init__(self) -> None:
        super().__init__("no room for maps")
        self.lock = threading.Lock()


def failing(number: int) -> int:
    if number == 2:
        raise MemoryError("no room for maps")
    return number


def failing_oddly(number: int) -> int:
    raise UnlikeAnyError


def killed(number: int) -> int:
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_what_fails_is_raised_as_it_is() -> None:
    found = in_processes(failing, range(4), 2)
    assert [next(found), next(found)] == [0, 1]
    with pytest.raises(MemoryError) as raised:
        next(found)
    assert str(raised.value) == "no room for maps"
    assert "in failing" in str(raised.value.__cause__)  # the place is told too


def test_what_cannot_be_sent_does_not_hang() -> None:
    with pytest.raises(Exception, match="pickle"):
        list(in_processes(failing_oddly, range(4), 2))


@pytest.mark.skipif(os.name == "nt", reason="no signals")
def test_a_killed_process_is_told_in_one_line() -> None:
    with pytest.raises(ChildProcessError) as raised:
        list(in_processes(killed, range(4), 2))
    assert str(raised.value) == KILLED


def test_whoever_stops_asking_ends_the_processes() -> None:
    found = in_processes(doubled, range(100), 2)
    _, process, _ = next(found)
    assert is_running(process)
    found.close()
    wait_for_the_end_of([process])


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are looked up in /proc")
# as on Linux, macOS and Windows, Linux from Python 3.14
@pytest.mark.parametrize("start", ["fork", "spawn", "forkserver"])
def test_processes_end_with_a_killed_parent(start: str) -> None:
    """They hold its terminal: whoever waits for the end of its output would wait for ever."""
    script = (
        "import multiprocessing, os, sys;"
        "from retrieval.extraction.worker_processes import in_processes;"
        "multiprocessing.set_start_method(sys.argv[1]);"
        "found = in_processes(os.path.exists, ['a'] * 50, 2);"
        "next(found); print(*[p.pid for p in multiprocessing.active_children()], flush=True);"
        "input()"
    )
    command = [sys.executable, "-c", script, start]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        workers = [int(number) for number in parent.stdout.readline().split()]
        parent.kill()
        assert len(workers) in (1, 2)  # the second is begun when there is more than one can do
        assert parent.stdout.read() == ""  # comes to an end
    wait_for_the_end_of(workers)


@pytest.mark.skipif(os.name == "nt", reason="no signals")
def test_an_interrupt_is_left_to_the_parent() -> None:
    """A terminal sends it to all processes of a command, and each would print a traceback."""
    script = (
        "import os, signal, sys, time;"
        "from retrieval.extraction.worker_processes import in_processes;"
        # which a shell that runs the tests in the background has switched off
        "signal.signal(signal.SIGINT, signal.default_int_handler);"
        "found = in_processes(time.sleep, [0.01] * 9 + [0.3] * 9, 2);"
        "next(found); print('begun', flush=True);"
        "list(found)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as parent:
        assert parent.stdout is not None
        assert parent.stderr is not None
        assert parent.stdout.readline() == "begun\n"
        os.killpg(parent.pid, signal.SIGINT)
        told = parent.stderr.read()
    assert told.count("Traceback") == 1
    assert told.strip().endswith("KeyboardInterrupt")


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for_the_end_of(processes: list[int]) -> None:
    deadline = time.monotonic() + 20
    while any(is_running(process) for process in processes):
        assert time.monotonic() < deadline
        time.sleep(0.1)
