"""The page in a process of its own, stopped with Ctrl-C while it works."""

import re
import signal
import threading
import time

import httpx
import pytest
from rechroma_process import start_code

# work that takes longer than an end in order waits for
CODE = """
import anyio
from colorization.web.requests.turns import Turns
async def long(*_):
    print("asked", flush=True)
    await anyio.sleep(60)
Turns.run = long
from colorization.cli.app import main
main()
"""


def ask(address: str) -> None:
    httpx.post(f"{address}api/colorize", files={"photo": ("a.png", b"x")}, timeout=60)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_ctrl_c_shows_no_traceback(times: int) -> None:
    with start_code(CODE, "serve", "--port", "0") as process:
        assert process.stdout is not None
        (address,) = re.findall(r"http://\S+", process.stdout.readline())
        visitor = threading.Thread(target=ask, args=(address,))
        visitor.start()
        assert process.stdout.readline() == "asked\n"
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)
        _, err = process.communicate(timeout=60)
        visitor.join()
    assert err == "the page has ended\n"
    # where the last one comes while Python ends, the system ends it; shells have 130 for both
    assert process.returncode in (130, -signal.SIGINT)
