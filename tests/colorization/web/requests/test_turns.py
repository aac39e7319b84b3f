import asyncio
import json
import threading
from dataclasses import replace
from typing import Any

import pytest

from colorization.web.messages import UNEXPECTED, BusyError
from colorization.web.requests import turns as module
from colorization.web.requests.turns import BUSY, Turns
from colorization.web.storage.limits import Limits


def lines(turns: Turns, work: Any) -> list[dict[str, Any]]:
    async def collect() -> list[dict[str, Any]]:
        return [json.loads(str(line)) async for line in turns.answer(work).body_iterator]

    return asyncio.run(collect())


def test_steps_are_told_and_then_the_end() -> None:
    def work(say: Any) -> dict[str, int]:
        say("reading")
        say("coloring")
        return {"a": 1}

    assert lines(Turns(Limits()), work) == [
        {"step": "reading"},
        {"step": "coloring"},
        {"done": {"a": 1}},
    ]


@pytest.mark.parametrize(
    ("error", "line"), [(ValueError("/a/b.jpg: no"), "b.jpg: no"), (TypeError("x"), UNEXPECTED)]
)
def test_an_error_is_the_end(error: Exception, line: str) -> None:
    def work(_: Any) -> None:
        raise error

    assert lines(Turns(Limits()), work) == [{"error": line}]


def test_signs_of_life_come_while_it_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.05)
    ended = threading.Event()

    def work(_: Any) -> int:
        ended.wait(0.3)
        return 1

    found = lines(Turns(Limits()), work)
    assert found[0] == {} and found[-1] == {"done": 1} and len(found) > 3


def test_others_wait_in_order_and_one_too_many_is_told() -> None:
    turns, go_on, order = Turns(replace(Limits(), at_once=1, waiting=2)), threading.Event(), []

    def work(number: int) -> int:
        assert go_on.wait(10)
        order.append(number)
        return number

    async def run() -> Any:
        tasks = []
        for number in range(3):
            tasks.append(asyncio.create_task(turns.run(lambda number=number: work(number))))
            await asyncio.sleep(0.01)
        first = await anext(turns.answer(lambda _: 3).body_iterator)
        with pytest.raises(BusyError, match=BUSY):
            await turns.run(lambda: 4)
        go_on.set()
        return first, await asyncio.gather(*tasks), await turns.run(lambda: 5)

    first, values, later = asyncio.run(run())
    assert json.loads(str(first)) == {"step": "waiting"}
    assert values == order == [0, 1, 2] and later == 5


def test_who_leaves_before_their_turn_gives_it_to_the_next() -> None:
    turns, go_on, ran = Turns(replace(Limits(), at_once=1, waiting=1)), threading.Event(), []

    async def run() -> None:
        first = asyncio.create_task(turns.run(lambda: go_on.wait(10)))
        await asyncio.sleep(0.01)
        gone = turns.answer(lambda _: ran.append("gone")).body_iterator
        assert json.loads(str(await anext(gone))) == {"step": "waiting"}
        reading = asyncio.create_task(anext(gone))  # type: ignore[arg-type]
        await asyncio.sleep(0.01)
        reading.cancel()
        await asyncio.sleep(0.01)
        next_one = asyncio.create_task(turns.run(lambda: ran.append("next")))
        await asyncio.sleep(0.01)
        go_on.set()
        await asyncio.gather(first, next_one)

    asyncio.run(run())
    assert ran == ["next"]


def test_who_leaves_during_their_turn_keeps_it_until_the_work_is_done() -> None:
    """A thread cannot be stopped: reload upon reload would let more and more of them run."""
    turns, go_on, ran = Turns(replace(Limits(), at_once=1, waiting=1)), threading.Event(), []

    def work(name: str) -> None:
        ran.append(name)
        assert go_on.wait(10)

    async def run() -> None:
        gone = turns.answer(lambda _: work("gone")).body_iterator
        reading = asyncio.create_task(anext(gone))  # type: ignore[arg-type]
        await asyncio.sleep(0.05)
        reading.cancel()
        await asyncio.sleep(0.05)
        next_one = asyncio.create_task(turns.run(lambda: work("next")))
        await asyncio.sleep(0.05)
        assert ran == ["gone"]
        with pytest.raises(BusyError, match=BUSY):
            await turns.run(lambda: work("one too many"))
        go_on.set()
        await next_one

    asyncio.run(run())
    assert ran == ["gone", "next"]
