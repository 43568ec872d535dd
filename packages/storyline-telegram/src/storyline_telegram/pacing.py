"""How many messages Telegram takes: one a second in a chat, twenty a minute in a group, thirty a second overall. Pure.

Times are seconds of a clock that only goes forward.
"""

from __future__ import annotations

from collections import deque

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


_MOST_CHATS = 500


def _until(sent: deque[float], most: int, span: float, now: float) -> float:
    """Seconds until fewer than `most` lie within the span."""
    return max(0.0, sent[-most] + span - now) if len(sent) >= most else 0.0


def _note(sent: deque[float], now: float, span: float) -> None:
    sent.append(now)
    while sent[0] <= now - span:
        sent.popleft()
