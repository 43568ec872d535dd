"""Hearing what people do: by asking Telegram again and again, for long or just once."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from storyline_core import Alert, AlertLevel, Controls, PluginFault, Unavailable
from storyline_telegram.connection import Connection
from storyline_telegram.faults import Trouble, Why, fault_of
from storyline_telegram.intake import Crew, Intake, number_of
from storyline_telegram.sending import Sending

if TYPE_CHECKING:
    from storyline_telegram.client import Client

log = logging.getLogger("storyline.telegram")

WAIT = 25
"""Seconds that Telegram keeps a question open while nothing happens."""

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
        poller = _Poller(self, controls, crew)
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
            if crew.close():
                self._confirm(poller)

    def poll_once(self, controls: Controls) -> int:
        """Deal with what waits; how many decisions that were. Raises the errors under `PluginFault`."""
        decisions, offset = 0, 0
        words: list[dict[str, object]] = []
        try:
            for _ in range(MOST_ROUNDS):
                since = offset
                # Asking again confirms what was heard, and only that.
                updates = self._connection.call(lambda client, since=since: client.updates(since, 0))  # type: ignore[misc]
                bot = self._connection.me().username if words or updates else ""
                for word in words:
                    self._intake.take(word, controls, bot)
                if not updates:
                    break
                # A tap may come twice and counts once. A command is carried out only when it cannot come again.
                words = [dict(update) for update in updates if self._intake.is_word(update)]
                for update in updates:
                    if not self._intake.is_word(update):
                        decisions += self._intake.take(update, controls, bot)
                    offset = number_of(update) + 1
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
        if poller.offset <= poller.confirmed:
            return
        try:
            self._connection.call(lambda client: client.updates(poller.offset, 0, 1), _CONFIRMED_WITHIN)
        except Trouble as trouble:
            log.debug("What was heard last could not be confirmed: %s", trouble)

    def dispatch(self, update: dict[str, object], controls: Controls, bot: str, crew: Crew) -> bool:
        """Begin to deal with an update, in the loop. Whether there was room for it."""
        return self._intake.dispatch(update, controls, bot, crew)


class _Poller:
    """One that asks Telegram until it is cancelled. `offset` is the next update, `confirmed` what Telegram knows."""

    def __init__(self, hearing: Hearing, controls: Controls, crew: Crew) -> None:
        self.offset = 0
        self.confirmed = 0
        self._hearing = hearing
        self._controls = controls
        self._crew = crew
        self._bot = ""
        self._rivals = 0
        self._failures = 0
        self._chance = random.Random()

    async def run(self, client: Client) -> None:
        """Ask and deal with what comes. Raises `Trouble` only where a person has to mend something."""
        while True:
            try:
                if not self._bot:
                    self._bot = (await client.me()).username
                updates = await client.updates(self.offset, WAIT)
                self.confirmed = self.offset
                self._rivals = self._failures = 0
                for update in updates:
                    await self._taken(dict(update))
            except Trouble as trouble:
                await asyncio.sleep(await self._pause(trouble, client))

    async def _taken(self, update: dict[str, object]) -> None:
        while not self._hearing.dispatch(update, self._controls, self._bot, self._crew):
            # Everybody is busy: what waits at Telegram is safe there.
            await asyncio.sleep(0.05)
        self.offset = max(self.offset, number_of(update) + 1)

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
