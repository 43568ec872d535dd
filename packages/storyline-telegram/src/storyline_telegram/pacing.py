"""How many messages Telegram takes: one a second in a chat, twenty a minute in a group, thirty a second overall. Pure.

Times are seconds of a clock that only goes forward.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import attrs


@attrs.frozen
class Limits:
    """How many messages may go out: in one chat per second, in one group per minute, in all chats per second."""

    chat_second: int = 1
    group_minute: int = 20
    overall_second: int = 30


@attrs.define
class Pace:
    """When the next message may go to a chat. Remembers what went out lately and who asked for a pause."""

    limits: Limits
    _sent: dict[int, deque[float]] = attrs.field(factory=dict)
    _overall: deque[float] = attrs.field(factory=deque)
    _closed: dict[int, float] = attrs.field(factory=dict)

    def wait(self, chat: int, now: float) -> float:
        """Seconds until a message may go to this chat; 0.0 for at once."""
        sent = self._sent.get(chat, deque())
        waits = [self.shut(chat, now), _until(sent, self.limits.chat_second, 1.0, now)]
        waits.append(_until(self._overall, self.limits.overall_second, 1.0, now))
        if chat < 0:
            waits.append(_until(sent, self.limits.group_minute, 60.0, now))
        return max(waits)

    def shut(self, chat: int, now: float) -> float:
        """Seconds for which Telegram has asked that nothing be sent to this chat."""
        return max(0.0, self._closed.get(chat, now) - now)

    def sent(self, chat: int, now: float) -> None:
        """A message went out."""
        _note(self._sent.setdefault(chat, deque()), now, 60.0)
        _note(self._overall, now, 1.0)
        if len(self._sent) > _MOST_CHATS:
            self._sent = {each: times for each, times in self._sent.items() if times[-1] > now - 60.0}

    def close(self, chat: int, now: float, seconds: float) -> None:
        """Telegram takes nothing more in this chat for so long."""
        self._closed = {each: until for each, until in self._closed.items() if until > now}
        self._closed[chat] = max(now + seconds, self._closed.get(chat, now))


@attrs.define
class Turns:
    """Whose turn it is in front of a chat that is full: who came first goes first, at the pace that it will have.

    Safe enough for several threads: what it says is advice about order, and nothing is lost by it.
    """

    limits: Limits
    _waiting: dict[int, dict[str, float]] = attrs.field(factory=dict)

    def wait(self, chat: int, who: str, now: float, still: Callable[[str], bool]) -> float:
        """Seconds after which to ask again since others wait before them, who are `still` there; 0.0 for go ahead."""
        waiting = self._waiting.get(chat, {})
        for each in self._before(chat, who):
            if waiting[each] + _GRACE > now and still(each):
                return max(self._apart(chat), self._last(chat, who) + self._apart(chat) - now)
            waiting.pop(each, None)
        return 0.0

    def later(self, chat: int, who: str, now: float, seconds: float) -> float:
        """They have to come again in so many seconds; how many it is in their turn."""
        until = max(now + seconds, self._last(chat, who) + self._apart(chat))
        self._waiting.setdefault(chat, {})[who] = until
        return until - now

    def over(self, chat: int, who: str) -> None:
        """They went in, or come no more."""
        self._waiting.get(chat, {}).pop(who, None)

    def _before(self, chat: int, who: str) -> list[str]:
        """Those who came earlier."""
        names = list(self._waiting.get(chat, {}))
        return names[: names.index(who)] if who in names else names

    def _last(self, chat: int, who: str) -> float:
        """Until when the last of those waits who came earlier."""
        waiting = self._waiting.get(chat, {})
        return max((waiting[each] for each in self._before(chat, who) if each in waiting), default=float("-inf"))

    def _apart(self, chat: int) -> float:
        return max(1.0 / self.limits.chat_second, 60.0 / self.limits.group_minute if chat < 0 else 0.0)


_GRACE = 600.0
"""Seconds after which somebody who never came again is given up."""

_MOST_CHATS = 500


def _until(sent: deque[float], most: int, span: float, now: float) -> float:
    """Seconds until fewer than `most` lie within the span."""
    return max(0.0, sent[-most] + span - now) if len(sent) >= most else 0.0


def _note(sent: deque[float], now: float, span: float) -> None:
    sent.append(now)
    while sent[0] <= now - span:
        sent.popleft()
