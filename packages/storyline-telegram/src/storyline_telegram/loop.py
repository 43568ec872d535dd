"""One thread with an event loop, and the bridge to it: every call has a deadline, and closing never hangs."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from typing import TypeVar

Answer = TypeVar("Answer")

_MARGIN = 5.0
"""Seconds that a call may need beyond its deadline to be broken off in an orderly way."""

_CLOSING = 5.0


class LoopThread:
    """An event loop in a thread of its own, started by the first call. Safe from any thread but its own."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._guard = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def call(self, begin: Callable[[], Coroutine[object, object, Answer]], deadline: float) -> Answer:
        """Run there what `begin` gives, for its answer. Raises `TimeoutError` once `deadline` seconds have passed."""
        future = self.spawn(_bounded(begin, deadline))
        try:
            return future.result(deadline + _MARGIN)
        except concurrent.futures.CancelledError:
            raise TimeoutError from None
        finally:
            # After its deadline, or when the caller was interrupted, nobody waits for it any more.
            future.cancel()

    def spawn(self, work: Coroutine[object, object, Answer]) -> concurrent.futures.Future[Answer]:
        """Begin it there and give what will hold its answer."""
        try:
            return asyncio.run_coroutine_threadsafe(work, self._running())
        except BaseException:
            work.close()
            raise

    def close(self) -> None:
        """Break off what still runs and end the thread, within a few seconds."""
        with self._guard:
            self._closed = True
            loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_CLOSING)

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._guard:
            if self._closed:
                raise TimeoutError("The connection to Telegram has been closed.")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                # A daemon thread: whatever happens, the process can end.
                self._thread = threading.Thread(target=_run, args=(self._loop,), name=self._name, daemon=True)
                self._thread.start()
            return self._loop


async def _bounded(begin: Callable[[], Coroutine[object, object, Answer]], deadline: float) -> Answer:
    async with asyncio.timeout(deadline):
        return await begin()


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.wait_for(asyncio.gather(*left, return_exceptions=True), _CLOSING / 2))
    except TimeoutError:
        pass
    finally:
        loop.close()
