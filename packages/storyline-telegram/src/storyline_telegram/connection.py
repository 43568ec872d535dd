"""The connection of one bot: its loop, its client, its lanes, and what it remembers; one for a whole process.

Telegram counts what a bot does, not what an opened notifier does: so all that are opened with one token share this.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

import attrs

from storyline_core import PrivateState
from storyline_telegram.faults import Trouble, Why
from storyline_telegram.lanes import Edit, Lanes
from storyline_telegram.loop import LoopThread
from storyline_telegram.pacing import Limits, Turns
from storyline_telegram.remembered import Memory

if TYPE_CHECKING:
    from storyline_telegram.client import Client, Me

Answer = TypeVar("Answer")

DRAINED_WITHIN = 5.0
"""Seconds that changes of cards get at the end to reach Telegram."""


@attrs.frozen
class Line:
    """How a bot is reached: its token (never shown), the server, its limits, and how many seconds calls may take."""

    token: str = attrs.field(repr=False)
    api_url: str
    limits: Limits
    answer_within: float
    upload_within: float


class Connection:
    """A bot that can be called from any thread. Nothing is contacted before the first call."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.lanes = Lanes(line.limits, self._change)
        self.turns = Turns(line.limits)
        self.listening = threading.Lock()
        self._loop = LoopThread("storyline-telegram")
        self._guard = threading.RLock()
        self._client: Client | None = None
        self._me: Me | None = None
        self._memories: dict[str, Memory] = {}
        self._soon: set[concurrent.futures.Future[None]] = set()

    @property
    def client(self) -> Client:
        """The bot, to be used within the loop. Raises `Trouble` where the token has not the form of one."""
        with self._guard:
            if self._client is None:
                # Telegram's library takes long to load, and only those who speak with it need it.
                from storyline_telegram.client import Client

                line = self.line
                self._client = Client(line.token, line.api_url, read=line.answer_within, upload=line.upload_within)
            return self._client

    def call(self, work: Callable[[Client], Coroutine[object, object, Answer]], within: float | None = None) -> Answer:
        """Run it with the client in the loop. Raises `Trouble`, also where it takes longer than so many seconds."""
        client = self.client
        try:
            return self._loop.call(lambda: work(client), within or self.line.answer_within + 10.0)
        except TimeoutError:
            raise Trouble(Why.UNSEEN, "it took too long") from None

    def do(self, act: Callable[[], None]) -> None:
        """Let the loop do something soon, without waiting for it. Once closed, nothing happens."""

        async def acting() -> None:
            act()

        with suppress(TimeoutError):
            self._loop.spawn(acting())

    def begin(self, work: Coroutine[object, object, None]) -> concurrent.futures.Future[None]:
        """Begin something in the loop that goes on until it is cancelled."""
        return self._loop.spawn(work)

    def soon(self, work: Coroutine[object, object, None]) -> None:
        """Let the loop do something that is quickly done; at the end it is waited for a moment."""
        with suppress(TimeoutError):
            future = self._loop.spawn(work)
            self._soon.add(future)
            future.add_done_callback(self._soon.discard)

    def edit(self, edit: Edit) -> None:
        """Let a message look so, soon."""
        self.client  # noqa: B018 - loaded here, so that the loop is not held up by it
        self.do(lambda: self.lanes.edit(edit))

    def me(self) -> Me:
        """Who the bot is, asked once. Raises `Trouble`."""
        if self._me is None:
            self._me = self.call(lambda client: client.me())
        return self._me

    def memory(self, name: str, state: PrivateState) -> Memory:
        """What the notifier of this name remembers."""
        with self._guard:
            return self._memories.setdefault(name, Memory(state))

    def close(self) -> None:
        """Let changes reach Telegram, end the connections and the loop; within a few seconds."""
        client = self._client
        concurrent.futures.wait(tuple(self._soon), DRAINED_WITHIN)
        if client is not None:
            with suppress(TimeoutError):
                self._loop.call(lambda: self._ended(client), DRAINED_WITHIN + 2.0)
        self._loop.close()

    async def _ended(self, client: Client) -> None:
        await self.lanes.drained(DRAINED_WITHIN)
        await client.close()

    async def _change(self, edit: Edit) -> None:
        client = self.client
        try:
            async with asyncio.timeout(self.line.answer_within + 10.0):
                await _changed(client, edit)
        except TimeoutError:
            raise Trouble(Why.UNSEEN, "it took too long") from None


async def _changed(client: Client, edit: Edit) -> None:
    try:
        await client.edit(edit.card, edit.html, edit.keyboard)
    except Trouble as trouble:
        if trouble.why is not Why.SHAPE:
            raise
        other = attrs.evolve(edit.card, captioned=not edit.card.captioned)
        await client.edit(other, edit.html, edit.keyboard)


_guard = threading.Lock()
_open: dict[Line, tuple[Connection, int]] = {}


@contextmanager
def connected(line: Line) -> Iterator[Connection]:
    """The bot's connection in this process, closed when the last who uses it is done."""
    with _guard:
        connection, users = _open.get(line) or (Connection(line), 0)
        _open[line] = (connection, users + 1)
    try:
        yield connection
    finally:
        with _guard:
            connection, users = _open[line]
            if users > 1:
                _open[line] = (connection, users - 1)
            else:
                del _open[line]
        if users <= 1:
            connection.close()
