"""Flood control and injected faults: what makes a good call fail."""

from __future__ import annotations

import math
from collections import defaultdict, deque

import attrs

from tests.loopback.faults import Planned, Queue, Way
from tests.telegram.bot_api.refusals import Refused, flooded

__all__ = ["Fault", "Faults", "FloodControl", "Way"]


@attrs.define
class FloodControl:
    """How many messages may be sent, in sliding windows; ``None`` allows any number. Off until a test turns it on."""

    per_chat_second: int | None = None
    per_group_minute: int | None = None
    overall_second: int | None = None
    refused: int = 0
    _sent: dict[tuple[int, int | None], deque[float]] = attrs.field(factory=lambda: defaultdict(deque))

    def on(self, per_chat_second: int = 1, per_group_minute: int = 20, overall_second: int = 30) -> None:
        """Turns on Telegram's own numbers, or others."""
        self.per_chat_second, self.per_group_minute = per_chat_second, per_group_minute
        self.overall_second = overall_second

    def off(self) -> None:
        """Lets everything through again."""
        self.per_chat_second = self.per_group_minute = self.overall_second = None
        self._sent.clear()

    def admit(self, bot_id: int, chat_id: int, now: float) -> None:
        """Counts a message, or refuses it and says when to come back (at least a second)."""
        windows = [
            ((bot_id, chat_id), self.per_chat_second, 1.0),
            ((bot_id, chat_id), self.per_group_minute if chat_id < 0 else None, 60.0),
            ((bot_id, None), self.overall_second, 1.0),
        ]
        if all(most is None for _, most, _ in windows):
            return
        wait = 0.0
        for key, most, span in windows:
            recent = [at for at in self._sent[key] if at > now - span]
            if most is not None and len(recent) >= most:
                wait = max(wait, recent[-most] + span - now)
        if wait > 0:
            self.refused += 1
            raise flooded(max(1, math.ceil(wait)))
        for key in {key for key, _, _ in windows}:
            self._sent[key].append(now)
            while self._sent[key][0] <= now - 60:
                self._sent[key].popleft()


@attrs.define(eq=False, kw_only=True)
class Fault(Planned):
    """A fault for the next calls of a method, in a chat, of a bot; ``None`` means any."""

    method: str | None = None
    chat_id: int | None = None
    refusal: Refused | None = None

    def meets(self, method: str, chat_id: str | None) -> bool:
        """Whether a call is one of those."""
        here = self.chat_id is None or str(self.chat_id) == chat_id
        return here and (self.method is None or self.method.lower() == method.lower())


@attrs.define
class Faults(Queue[Fault]):
    """The faults that wait for their calls."""

    def take(self, method: str, chat_id: str | None) -> Fault | None:
        """The fault that meets this call, if any: it is used up by one."""
        return self.first(lambda fault: fault.meets(method, chat_id))
