"""Work that takes a while: one piece after the other, told step by step."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from starlette.responses import StreamingResponse

from colorization.web.editing.photo_editor import Say
from colorization.web.messages import BusyError, told
from colorization.web.storage.limits import Limits

BUSY = "Rechroma is busy: too many others wait. Try again in a moment."
BEAT_SECONDS = 2.0  # between signs of life, by which a page knows that it is still connected

Found = TypeVar("Found")


class Turns:
    """Runs work in threads: as many at once as the limits say, the others wait in order."""

    def __init__(self, limits: Limits) -> None:
        self._limiter = anyio.CapacityLimiter(limits.at_once)
        self._places, self._taken = limits.at_once + limits.waiting, 0
        self._at_once = limits.at_once
        self._tasks = set[asyncio.Task[None]]()  # the loop itself holds them weakly

    async def run(self, work: Callable[[], Found]) -> Found:
        """Wait for a turn, then do some work in a thread.

        Raises:
            BusyError: too many wait.
        """
        if self._taken >= self._places:
            raise BusyError(BUSY)
        self._taken += 1
        try:
            return await anyio.to_thread.run_sync(work, limiter=self._limiter)
        finally:
            self._taken -= 1

    def answer(self, work: Callable[[Say], Any]) -> StreamingResponse:
        """Answer a request with lines of JSON while the work is done.

        ``{"step": NAME}`` for each step, ``{}`` as a sign of life, and at the end
        ``{"done": VALUE}`` or ``{"error": LINE}``.

        Args:
            work: receives what to call with the name of each step; returns what JSON can hold.
        """
        return StreamingResponse(self._lines(work), media_type="application/x-ndjson")

    async def _lines(self, work: Callable[[Say], Any]) -> AsyncIterator[str]:
        lines: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        loop, asked = asyncio.get_running_loop(), anyio.CancelScope()

        def say(step: str) -> None:
            loop.call_soon_threadsafe(lines.put_nowait, {"step": step})

        async def finish() -> None:
            with asked:
                lines.put_nowait(await self._outcome(lambda: work(say)))

        if self._taken >= self._at_once:
            yield '{"step": "waiting"}\n'
        task = asyncio.create_task(finish())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            line: dict[str, Any] = {}
            while not line.keys() & {"done", "error"}:
                try:
                    line = await asyncio.wait_for(lines.get(), BEAT_SECONDS)
                except TimeoutError:
                    line = {}
                yield json.dumps(line) + "\n"
        finally:
            # whoever left before their turn gives it to the next; a thread that works cannot be
            # stopped and keeps its turn: this scope waits for it, the task's own cancel does not
            asked.cancel()

    async def _outcome(self, work: Callable[[], Any]) -> dict[str, Any]:
        try:
            return {"done": await self.run(work)}
        except Exception as error:  # whatever it is, the page says so and lives on
            return {"error": told(error)}
