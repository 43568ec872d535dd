"""Hearing what people do: by asking Telegram again and again, for long or just once."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from storyline_core import Alert, AlertLevel, Controls, PluginFault, Unavailable
from storyline_telegram.connection import Connection
from storyline_telegram.faults import Trouble, Why, fault_of
from storyline_telegram.heard import Json
from storyline_telegram.inhand import InHand
from storyline_telegram.intake import Crew, Intake, number_of
from storyline_telegram.sending import Sending

if TYPE_CHECKING:
    from storyline_telegram.client import Client

log = logging.getLogger("storyline.telegram")

WAIT = 25
"""Seconds that Telegram keeps a question open while nothing happens."""

MOST_AT_ONCE = 100
"""How many updates Telegram tells at a time."""

MOST_ROUNDS = 20
"""How often what waits is asked for in one turn: two thousand updates."""

_LOOK = 0.1
_LONGEST_PAUSE = 30.0
_RIVAL_PAUSE = 5.0
_LONGEST_RIVAL_PAUSE = 60.0
_TOLD_AFTER = 3
_CONFIRMED_WITHIN = 1.0


class Hearing:
    """Hears for one notifier. `tell` tells those who look after Storyline."""

    def __init__(self, sending: Sending, intake: Intake, tell: Callable[[Alert], None]) -> None:
        self._sending = sending
        self._intake = intake
        self._tell = tell

    @property
    def _connection(self) -> Connection:
        return self._sending.connection

    def listen(self, controls: Controls, stop: Callable[[], bool]) -> None:
        """Deal with everything as it comes until `stop()` is True. Raises what only a person can mend."""
        if stop():
            return
        crew = Crew()
        poller = _Poller(self, controls, crew, self._intake.left())
        try:
            client = self._connection.client
            running = self._connection.begin(poller.run(client))
            pause = threading.Event()
            while not stop() and not running.done():
                pause.wait(_LOOK)
            ended = running.done()
            running.cancel()
            if ended:
                running.result()
        except Trouble as trouble:
            raise reading_fault(trouble, self._sending.name) from None
        finally:
            # What is not done yet is told again to whoever listens next.
            crew.close()
            self._confirm(poller)

    def poll_once(self, controls: Controls) -> int:
        """Deal with what waits; how many decisions that were. Raises the errors under `PluginFault`."""
        decisions, offset, bot = 0, 0, ""
        try:
            waiting: Sequence[Json] = self._intake.left()
            for _ in range(MOST_ROUNDS):
                bot = bot or (self._connection.me().username if waiting else "")
                for update in waiting:
                    decisions += self._intake.take(update, controls, bot)
                # Asking again confirms what was dealt with, and only that.
                waiting = self._connection.call(lambda client, since=offset: client.updates(since, 0))  # type: ignore[misc]
                if not waiting:
                    break
                offset = max(number_of(update) for update in waiting) + 1
        except Trouble as trouble:
            if trouble.why is Why.RIVAL:
                log.info("Another program hears this bot just now, and deals with its taps.")
                return decisions
            if trouble.why is Why.HOOKED:
                raise Unavailable(
                    "A webhook is set for this bot, so nothing can be fetched. `storyline run` takes it away, or put "
                    f"it under [notifiers.{self._sending.name}.webhook]."
                ) from None
            raise reading_fault(trouble, self._sending.name) from None
        return decisions

    def rival(self, times: int) -> None:
        """Somebody else asks for this bot's updates: said once, and told where it goes on."""
        if times == 1:
            log.warning("Another program asks for this bot's updates as well; waiting until it stops.")
        if times != _TOLD_AFTER:
            return
        alert = Alert(
            key=f"telegram/{self._sending.name}/rival",
            level=AlertLevel.WARNING,
            text="Another program uses this bot's token and takes its taps away.",
            remedy="Stop it, or give it a bot of its own: two cannot listen with one token.",
        )
        threading.Thread(target=self._told, args=(alert,), daemon=True).start()

    def _told(self, alert: Alert) -> None:
        try:
            self._tell(alert)
        except PluginFault as error:
            log.warning("Nobody could be told of the other program: %s", error)

    def _confirm(self, poller: _Poller) -> None:
        """Let Telegram know what was dealt with, so that whoever listens next does not hear it again."""
        offset = poller.safe_offset()
        if offset <= poller.confirmed:
            return
        try:
            self._connection.call(lambda client: client.updates(offset, 0, 1), _CONFIRMED_WITHIN)
        except Trouble as trouble:
            log.debug("What was heard last could not be confirmed: %s", trouble)

    @property
    def in_hand(self) -> InHand:
        """What was heard and is not done."""
        return self._intake.in_hand

    def dispatch(self, update: Json, controls: Controls, bot: str, crew: Crew) -> bool:
        """Begin to deal with an update, in the loop. Whether there was room for it."""
        return self._intake.dispatch(update, controls, bot, crew)


class _Poller:
    """One that asks Telegram until it is cancelled. `confirmed` is what Telegram knows to be dealt with.

    `left` was heard by an earlier process, and is dealt with first.
    """

    def __init__(self, hearing: Hearing, controls: Controls, crew: Crew, left: Sequence[Json]) -> None:
        self.confirmed = 0
        self._next = 0
        self._hearing = hearing
        self._controls = controls
        self._crew = crew
        self._left = list(left)
        self._bot = ""
        self._rivals = 0
        self._failures = 0
        self._chance = random.Random()

    def safe_offset(self) -> int:
        """The first update that Telegram must not forget yet."""
        unsafe = self._hearing.in_hand.unsafe()
        return self._next if unsafe is None else min(unsafe, self._next)

    async def run(self, client: Client) -> None:
        """Ask and deal with what comes. Raises `Trouble` only where a person has to mend something."""
        while True:
            try:
                if not self._bot:
                    self._bot = (await client.me()).username
                while self._left:
                    await self._taken(self._left[0])
                    del self._left[0]
                await self._ask(client)
            except Trouble as trouble:
                await asyncio.sleep(await self._pause(trouble, client))

    async def _ask(self, client: Client) -> None:
        """Ask once. While something is in hand that only Telegram remembers, it is asked for that as well."""
        offset = self.safe_offset()
        updates = await client.updates(offset, WAIT if offset == self._next else 0)
        self.confirmed = offset
        self._rivals = self._failures = 0
        if len(updates) >= MOST_AT_ONCE and all(offset <= number_of(each) < self._next for each in updates):
            # Telegram shows no more than these before some of them are confirmed.
            self._hearing.in_hand.let_go()
        for update in updates:
            number = number_of(update)
            # After a silent week Telegram counts on from anywhere; only what was asked for again is known.
            if not offset <= number < self._next:
                await self._taken(update)
                self._next = number + 1
        await self._hearing.in_hand.settled()

    async def _taken(self, update: Json) -> None:
        while not self._hearing.dispatch(update, self._controls, self._bot, self._crew):
            # Everybody is busy: what waits at Telegram is safe there.
            await asyncio.sleep(0.05)

    async def _pause(self, trouble: Trouble, client: Client) -> float:
        match trouble.why:
            case Why.TOKEN:
                raise trouble
            case Why.HOOKED:
                log.warning("A webhook was set for this bot. It is taken away, since the settings name none.")
                return await _unhooked(client)
            case Why.RIVAL:
                self._rivals += 1
                self._hearing.rival(self._rivals)
                return self._spread(min(_RIVAL_PAUSE * 2 ** min(self._rivals - 1, 4), _LONGEST_RIVAL_PAUSE))
            case Why.FLOOD if trouble.after is not None:
                return trouble.after.total_seconds()
        self._failures += 1
        if self._failures == 1:
            log.warning("Telegram cannot be heard just now: %s", trouble)
        return self._spread(min(0.5 * 2 ** min(self._failures - 1, 6), _LONGEST_PAUSE))

    def _spread(self, seconds: float) -> float:
        """Half as much more at most, so that two who wait do not always meet again."""
        return seconds * (1 + self._chance.random() / 2)


def reading_fault(trouble: Trouble, notifier: str) -> PluginFault:
    """The trouble as core expects it, where nothing was to be done but to look."""
    seen = trouble if trouble.why is not Why.UNSEEN else Trouble(Why.UNSENT, trouble.text)
    return fault_of(seen, notifier=notifier)


async def _unhooked(client: Client) -> float:
    """Take the webhook away; seconds to wait before the next try."""
    try:
        await client.delete_webhook()
    except Trouble as trouble:
        log.warning("The webhook could not be taken away: %s", trouble)
        return 5.0
    return 0.0
