"""A lane for every chat: messages in order and at Telegram's pace, changes of messages merged and sent as they can.

Everything here runs in the one loop; only `Lanes` is spoken to.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import attrs

from storyline_core import trace_of
from storyline_telegram.buttons import Keyboard
from storyline_telegram.faults import Trouble, Why
from storyline_telegram.pacing import Limits, Pace
from storyline_telegram.places import Card

log = logging.getLogger("storyline.telegram")

Result = TypeVar("Result")
Key = tuple[int, int]

_MOST_REMEMBERED = 2_000
_TRIES = 8
_GATE = 0.5
_ENOUGH = frozenset({Why.SAME, Why.GONE, Why.PLACE, Why.TOKEN, Why.MOVED})


@attrs.frozen
class Edit:
    """How a message should look: `html` None leaves its text. Not before the loop's time `after`."""

    card: Card
    html: str | None
    keyboard: Keyboard
    after: float = 0.0
    tries: int = 0


@attrs.define(eq=False)
class _Lane:
    """One chat."""

    turn: asyncio.Lock = attrs.field(factory=asyncio.Lock)
    edits: OrderedDict[Key, Edit] = attrs.field(factory=OrderedDict)
    under_way: Edit | None = None
    news: asyncio.Event = attrs.field(factory=asyncio.Event)
    answering: int = 0
    worker: asyncio.Task[None] | None = None


class Lanes:
    """The lanes of all chats. `change` carries out one edit."""

    def __init__(self, limits: Limits, change: Callable[[Edit], Awaitable[None]]) -> None:
        self._pace = Pace(limits)
        self._change = change
        self._lanes: dict[int, _Lane] = {}
        self._shown: OrderedDict[Key, tuple[str | None, Keyboard]] = OrderedDict()
        self._busy = 0

    async def send(
        self, chat: int, call: Callable[[], Awaitable[Result]], patience: float, *, in_turn: bool = False
    ) -> Result:
        """Send at this chat's pace; `in_turn` after everything else that is sent so.

        Raises `Trouble` (flood) where it would have to wait for longer than so many seconds.
        """
        until = asyncio.get_running_loop().time() + patience
        if not in_turn:
            return await self._at_its_pace(chat, call, until)
        lane = self._lane(chat)
        await _acquired(lane.turn, until)
        try:
            return await self._at_its_pace(chat, call, until)
        finally:
            lane.turn.release()

    async def _at_its_pace(self, chat: int, call: Callable[[], Awaitable[Result]], until: float) -> Result:
        loop = asyncio.get_running_loop()
        while True:
            while wait := self._pace.wait(chat, loop.time()):
                if loop.time() + wait > until:
                    raise Trouble(Why.FLOOD, "its chat has to rest", after=timedelta(seconds=wait))
                await asyncio.sleep(wait)
            self._pace.sent(chat, loop.time())
            try:
                return await self._heeding(chat, call())
            except Trouble as trouble:
                # Told to wait, it was not sent; a short wait is spent here.
                if trouble.why is not Why.FLOOD or loop.time() + self._pace.shut(chat, loop.time()) > until:
                    raise

    def edit(self, edit: Edit) -> None:
        """Let a message look so, soon; a newer wish for it takes the place of an older one."""
        lane = self._lane(edit.card.chat)
        waiting = lane.edits.get(edit.card.key)
        if waiting is None and self._will_show(lane, edit.card) == (edit.html, edit.keyboard):
            return
        if waiting is not None and edit.html is None and waiting.html is not None:
            edit = attrs.evolve(edit, html=waiting.html)
        lane.edits[edit.card.key] = edit
        lane.news.set()
        if lane.worker is None or lane.worker.done():
            lane.worker = asyncio.get_running_loop().create_task(self._work_off(edit.card.chat, lane))

    def showing(self, card: Card, html: str | None, keyboard: Keyboard) -> None:
        """Remember how a message looks now, so that nothing is changed that would stay the same."""
        self._shown[card.key] = (html, keyboard)
        self._shown.move_to_end(card.key)
        while len(self._shown) > _MOST_REMEMBERED:
            self._shown.popitem(last=False)

    def answering(self, chat: int, begun: bool) -> None:
        """A tap in this chat is about to be answered: changes wait a moment, so that the answer comes first."""
        lane = self._lane(chat)
        lane.answering += 1 if begun else -1
        lane.news.set()

    async def drained(self, within: float) -> None:
        """Wait until every change has been made, for so many seconds at most."""
        until = asyncio.get_running_loop().time() + within
        while self._waiting() and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0.01)
        if left := self._waiting():
            log.warning("%d changes of cards did not reach Telegram any more.", left)

    def _waiting(self) -> int:
        return self._busy + sum(len(lane.edits) for lane in self._lanes.values())

    def _will_show(self, lane: _Lane, card: Card) -> tuple[str | None, Keyboard] | None:
        """How a message looks once the change that is under way has been made; None where nobody knows."""
        moving = lane.under_way
        if moving is not None and moving.card.key == card.key:
            return moving.html, moving.keyboard
        return self._shown.get(card.key)

    def _lane(self, chat: int) -> _Lane:
        return self._lanes.setdefault(chat, _Lane())

    async def _work_off(self, chat: int, lane: _Lane) -> None:
        loop = asyncio.get_running_loop()
        while lane.edits:
            soonest = min(lane.edits.values(), key=lambda each: each.after)
            wait = max(soonest.after - loop.time(), self._pace.shut(chat, loop.time()))
            if lane.answering > 0:
                wait = max(wait, _GATE)
            if wait > 0 and await _told(lane.news, wait):
                continue
            edit = lane.edits.pop(soonest.card.key, None)
            if edit is not None:
                self._busy += 1
                lane.under_way = edit
                try:
                    await self._carry_out(chat, lane, edit)
                finally:
                    lane.under_way = None
                    self._busy -= 1

    async def _carry_out(self, chat: int, lane: _Lane, edit: Edit) -> None:
        try:
            await self._heeding(chat, self._change(edit))
            self.showing(edit.card, edit.html, edit.keyboard)
        except Trouble as trouble:
            if trouble.why is Why.SAME:
                self.showing(edit.card, edit.html, edit.keyboard)
            elif trouble.why in _ENOUGH or edit.tries >= _TRIES:
                log.log(logging.DEBUG if trouble.why is Why.GONE else logging.WARNING,
                        "Message %d in chat %d stays as it is: %s", edit.card.message, chat, trouble)  # fmt: skip
            elif trouble.why in (Why.FLOOD, Why.UNSENT, Why.UNSEEN, Why.DOWN):
                self._again(lane, edit, trouble)
            else:
                log.warning("Message %d in chat %d stays as it is: %s", edit.card.message, chat, trouble)

        except Exception as error:  # noqa: BLE001 - one message's mistake must not keep the others of its chat waiting
            log.error("Message %d in chat %d stays as it is: %s", edit.card.message, chat, trace_of(error))

    def _again(self, lane: _Lane, edit: Edit, trouble: Trouble) -> None:
        flooded = trouble.why is Why.FLOOD
        pause = 0.0 if flooded else min(0.5 * 2**edit.tries, 30.0)
        after = asyncio.get_running_loop().time() + pause
        # Changing a message twice does no harm, and a newer wish for it counts more.
        again = attrs.evolve(edit, after=after, tries=edit.tries + (0 if flooded else 1))
        lane.edits.setdefault(edit.card.key, again)

    async def _heeding(self, chat: int, call: Awaitable[Result]) -> Result:
        try:
            return await call
        except Trouble as trouble:
            if trouble.why is Why.FLOOD and trouble.after is not None:
                self._pace.close(chat, asyncio.get_running_loop().time(), trouble.after.total_seconds())
            raise


async def _acquired(turn: asyncio.Lock, until: float) -> None:
    try:
        async with asyncio.timeout_at(until):
            await turn.acquire()
    except TimeoutError:
        raise Trouble(Why.FLOOD, "others are sent before it", after=timedelta(seconds=1)) from None


async def _told(news: asyncio.Event, wait: float) -> bool:
    """Whether something came up within so many seconds."""
    news.clear()
    try:
        async with asyncio.timeout(wait):
            await news.wait()
    except TimeoutError:
        return False
    return True
