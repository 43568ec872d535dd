"""What is known of an account's limits: what the last answers told, what was prepared lately, what it may publish.

Kept in the private state, so that a restart or another process does not begin blind; without a key for that, in memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from storyline_core import NeedsPerson, PluginFault, PrivateState, Refused, StoreError, Unavailable
from storyline_instagram.answers import Json, number, parsed, text, texts
from storyline_instagram.faults import Fault, told_of
from storyline_instagram.graph import Graph, GraphFault, at
from storyline_instagram.usage import (
    SLOW_FROM,
    Quota,
    Usage,
    Wait,
    containers_pause,
    longest,
    pause_of,
    quota_in,
    quota_pause,
    recent,
)

USAGE = "usage"
CONTAINERS = "containers"
BLOCKED = "blocked"

BLOCKED_FOR = timedelta(hours=6)
"""How long nothing is published after Instagram restricted the account: asking again makes it worse."""

_WORTH_KEEPING = 5.0
_KEPT_FOR = timedelta(minutes=10)
_CLOCKS_DIFFER = timedelta(minutes=5)


class Allowance:
    """One account's limits; `name` is the publisher's. Used by one thread at a time."""

    def __init__(self, state: PrivateState, now: Callable[[], datetime], name: str = "") -> None:
        self._name = name
        self._block: Wait | None = None
        self._state = state
        self._now = now
        self._usage: Usage | None = None
        self._kept: Usage | None = None
        self._prepared: tuple[datetime, ...] = ()

    @property
    def usage(self) -> Usage | None:
        """What the last answer told that told anything, here or in another process; not what a wrong clock noted."""
        known = (self._usage, _read_usage(self._read(USAGE)))
        latest = self._now() + _CLOCKS_DIFFER
        return max((each for each in known if each is not None and each.at <= latest), key=_at, default=None)

    @property
    def containers(self) -> tuple[datetime, ...]:
        """When stories were prepared in the last 24 hours, oldest first."""
        kept = [_time(each) for each in texts((self._read(CONTAINERS) or {}).get("at"))]
        both = {*self._prepared, *(each for each in kept if each is not None)}
        return recent(tuple(both), self._now())

    def note(self, usage: Usage) -> None:
        """Take in what an answer told. It is stored when it is news, not with every answer."""
        self._usage = usage
        last = self._kept
        news = (
            last is None
            or abs(usage.percent - last.percent) >= _WORTH_KEEPING
            or usage.regain_at is not None
            or abs(usage.at - last.at) >= _KEPT_FOR
        )
        if news:
            self._kept = usage
            self._write(USAGE, json.dumps(_spelled(usage)))

    def note_container(self) -> None:
        """Count a container; to be called before it is asked for, since a lost answer counts at Meta as well."""
        self._prepared = (*self.containers, self._now())
        self._write(CONTAINERS, json.dumps({"at": [each.isoformat() for each in self._prepared]}))

    @property
    def block(self) -> Wait | None:
        """Until when nothing is published because Instagram has restricted the account, if it has."""
        kept = self._read(BLOCKED) or {}
        until = _time(text(kept.get("until")))
        stored = Wait(until, text(kept.get("why"))) if until is not None else None
        block = longest((self._block, stored))
        return block if block is not None and block.until > self._now() else None

    def note_block(self, fault: Fault) -> None:
        """Remember that Instagram has restricted the account."""
        why = f"{told_of(fault)[1]} ({fault.spelled})"
        self._block = Wait(self._now() + BLOCKED_FOR, why)
        self._write(BLOCKED, json.dumps({"until": self._block.until.isoformat(), "why": why}))

    def try_again(self) -> None:
        """Forget that, since a person says that it is over."""
        self._block = None
        self._state.delete(BLOCKED)

    def forget(self) -> None:
        """Forget everything: it is another account from now on."""
        self._usage, self._kept, self._block, self._prepared = None, None, None, ()
        for name in (USAGE, CONTAINERS, BLOCKED):
            self._state.delete(name)

    def must_not_be_blocked(self) -> None:
        """Raises `NeedsPerson` while Instagram restricts the account; nothing is asked of Instagram for it."""
        if (block := self.block) is not None:
            raise NeedsPerson(f"{block.why[:1].upper()}{block.why[1:]}.", remedy=unblocking(self._name, block.until))

    def must_not_wait(self, *, slow_from: float = SLOW_FROM) -> None:
        """Raises `Unavailable` with when and why, if the next call should wait so that Meta need not throttle it.

        What is less urgent than publishing gives way earlier: with a lower `slow_from`, in percent.
        """
        _raise_for(pause_of(self.usage, self._now(), slow_from), self._now())

    def must_have_room(self, quota: Quota | None, *, waited: bool = False) -> None:
        """Raises `Unavailable` with when and why, if no further story should be prepared just now.

        `waited`: this story has waited for its turn already. What the last answer told of a well used limit then slows
        the next one; otherwise none would ever go out while the limit stays well used.
        """
        now, usage = self._now(), self.usage
        throttled = usage is not None and usage.regain_at is not None
        calls = pause_of(usage, now) if throttled or not waited else None
        _raise_for(longest((calls, quota_pause(quota, now), containers_pause(self.containers, now))), now)

    def wait(self, quota: Quota | None) -> Wait | None:
        """The longest reason to wait before another story is prepared, if there is any."""
        now = self._now()
        waits = (pause_of(self.usage, now), quota_pause(quota, now), containers_pause(self.containers, now))
        return longest(waits)

    def _read(self, name: str) -> Json | None:
        try:
            kept = self._state.get(name)
        except (PluginFault, StoreError):
            # Limits are worth knowing and never worth stopping for; a missing key is told where tokens need it.
            return None
        return parsed(kept) if kept else None

    def _write(self, name: str, value: str) -> None:
        try:
            self._state.set(name, value)
        except (PluginFault, StoreError):
            # Without a key, or where nothing may be written, what is in memory must do.
            return


def read_quota(graph: Graph, account_id: str) -> Quota | None:
    """How much the account has published and may publish, as Meta counts it now; None if it does not say.

    Raises `GraphFault`.
    """
    return quota_in(graph.get(at(account_id, "content_publishing_limit"), {"fields": "quota_usage,config"}))


def room_to_prepare(graph: Graph, account_id: str, allowance: Allowance) -> Quota | None:
    """Look at every limit before a story is prepared. Gives the quota as it is.

    Raises `Unavailable` with when to come back and why, `NeedsPerson` while Instagram restricts the account, or what
    `content_publishing_limit` was refused for.
    """
    allowance.must_not_be_blocked()
    allowance.must_not_wait()
    before = allowance.usage
    try:
        quota = read_quota(graph, account_id)
    except GraphFault as fault:
        error = fault.as_core("asking for the publishing limit")
        if isinstance(error, Refused):
            # No file was spoken of: it is the account, and every other post would fare alike.
            remedy = f"Look whether account_id is right: `storyline instagram status {graph.name}`."
            raise NeedsPerson(str(error), remedy=remedy) from None
        raise error from None
    allowance.must_have_room(quota, waited=before is not None and before.percent > SLOW_FROM)
    return quota


def _raise_for(wait: Wait | None, now: datetime) -> None:
    if wait is None:
        return
    after = max(timedelta(seconds=1), wait.until - now)
    raise Unavailable(f"This waits {in_words(after)}: {wait.why}.", retry_after=after)


def unblocking(name: str, until: datetime) -> str:
    """What a person does about a restriction."""
    return (
        f"Open Instagram, look for a notice and follow it. Nothing is tried until {until:%d %b %H:%M} UTC; sooner: "
        f"`storyline instagram limits {name} --try-again`."
    )


def in_words(span: timedelta) -> str:
    """A span of time as people say it: `40 minutes`, `3 hours`."""
    minutes = max(1, round(span.total_seconds() / 60))
    if minutes < 90:
        return f"{minutes} minute{'s' * (minutes != 1)}"
    return f"{round(minutes / 60)} hours" if minutes < 2_880 else f"{round(minutes / 1_440)} days"


def _at(usage: Usage) -> datetime:
    return usage.at


def _spelled(usage: Usage) -> dict[str, object]:
    return {
        "at": usage.at.isoformat(),
        "percent": usage.percent,
        "limit": usage.limit,
        "regain_at": usage.regain_at.isoformat() if usage.regain_at else None,
    }


def _read_usage(kept: Json | None) -> Usage | None:
    when = _time(text((kept or {}).get("at")))
    if kept is None or when is None:
        return None
    return Usage(when, number(kept.get("percent")) or 0.0, text(kept.get("limit")), _time(text(kept.get("regain_at"))))


def _time(spelled: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(spelled)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
