"""Accounts, their schedules, and the slots that a schedule makes.

A slot is account + local date + ordinal. Nothing here reads a clock: instants come in and go out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import attrs

from storyline_core.errors import Problem, SettingsError

MAX_POSTS_PER_DAY = 50
"""How many slots a day may have."""


class Mode(StrEnum):
    """Who posts: the team by hand, the interface, or both by some rule."""

    MANUAL = "manual"
    APPROVE = "approve"
    HYBRID = "hybrid"
    AUTO = "auto"


class Unanswered(StrEnum):
    """What becomes of a card that nobody answered within `answer_within`."""

    MISSED = "missed"
    ESCALATE = "escalate"
    PUBLISH = "publish"


@attrs.frozen
class Schedule:
    """When an account posts: how often, in which window of which zone, with how much jitter.

    `opens` and `closes` are wall-clock times in `zone`; a window whose `closes` is not later than `opens` crosses
    midnight and belongs to the date on which it opened. The two are never equal. Raises `SettingsError` for values
    that make no schedule.
    """

    posts_per_day: int = 3
    opens: time = time(9, 0)
    closes: time = time(21, 0)
    zone: ZoneInfo = attrs.field(factory=lambda: ZoneInfo("UTC"))
    jitter: timedelta = timedelta(minutes=30)

    def __attrs_post_init__(self) -> None:
        problems = []
        if not 1 <= self.posts_per_day <= MAX_POSTS_PER_DAY:
            problems.append(Problem("posts_per_day", f"{self.posts_per_day} is not between 1 and {MAX_POSTS_PER_DAY}."))
        if self.opens == self.closes:
            same = f"the window opens and closes at {self.opens:%H:%M}, so nothing could ever be posted."
            problems.append(Problem("window", same, "Let it close at another time; it may cross midnight."))
        if self.opens.tzinfo is not None or self.closes.tzinfo is not None:
            problems.append(Problem("window", "its times are wall-clock times of the zone and carry none themselves."))
        if self.jitter < timedelta():
            problems.append(Problem("jitter", "it cannot be negative.", "Use 0 for none."))
        if problems:
            raise SettingsError(problems)


@attrs.frozen
class Mix:
    """The share of each category, as positive weights that need not add up to anything. Empty: follow the stock."""

    weights: Mapping[str, int] = attrs.field(factory=dict)


@attrs.frozen
class Account:
    """One Instagram account as the settings describe it. `categories` empty means all.

    `offer_ahead` is how long before its slot a card is shown to the team; what is published still waits for the slot.
    """

    name: str
    sources: tuple[str, ...]
    schedule: Schedule = Schedule()
    mode: Mode = Mode.MANUAL
    notifier: str | None = None
    publisher: str | None = None
    categories: tuple[str, ...] = ()
    mix: Mix = Mix()
    fill_ahead: timedelta = timedelta(hours=24)
    offer_ahead: timedelta = timedelta()
    grace: timedelta = timedelta(hours=1)
    answer_within: timedelta = timedelta(hours=24)
    remind_after: timedelta = timedelta(hours=2)
    unanswered: Unanswered = Unanswered.MISSED
    cooldown_posted: timedelta = timedelta(days=30)
    cooldown_skipped: timedelta = timedelta(days=45)
    dry_run: bool = False
    renamed_from: str | None = None


@attrs.frozen(order=True)
class Slot:
    """One planned moment of an account. `day` is the local date on which its window opened, `ordinal` counts from 0."""

    at: datetime
    account: str
    day: date
    ordinal: int

    @property
    def key(self) -> str:
        """The unique name of the slot, `account/2026-05-01/0`: the whole guard against two schedulers."""
        return f"{self.account}/{self.day.isoformat()}/{self.ordinal}"


def slots_between(account: Account, start: datetime, end: datetime) -> Iterator[Slot]:
    """The account's slots with `start` <= instant < `end`, in order, each with its instant in UTC.

    Raises `ValueError` for times without a zone.
    """
    if start.utcoffset() is None or end.utcoffset() is None:
        raise ValueError("slots_between needs times with a zone.")
    zone = account.schedule.zone
    day, last = start.astimezone(zone).date() - 2 * _ONE_DAY, end.astimezone(zone).date()
    while day <= last:
        for slot in slots_of(account, day):
            if start <= slot.at < end:
                yield slot
        day += _ONE_DAY


def slots_of(account: Account, day: date) -> tuple[Slot, ...]:
    """The slots of the window that opens on this local date; none on a date that the zone's calendar left out.

    The n parts of the window are equal in elapsed time, and each slot stands at the beginning of its part, moved by
    its jitter. The jitter follows from account, date and ordinal. It is capped at a third of a part, and for the first
    slot it only goes forward: so slots keep their order, a third of a part between them, and stay in the window.
    """
    schedule = account.schedule
    window = _window(schedule, day)
    if window is None:
        return ()
    opens, length = window
    count = schedule.posts_per_day
    reach = min(_microseconds(schedule.jitter), length // count // 3)
    grain = _SECOND if length // count >= 3 * _SECOND else 1
    seed = hashlib.sha256(f"{account.name}/{day.isoformat()}/".encode())
    slots = []
    for ordinal in range(count):
        offset = ordinal * length // count
        if reach:
            chance = seed.copy()
            chance.update(b"%d" % ordinal)
            drawn = int.from_bytes(chance.digest()[:8])
            offset += (drawn * reach >> 64) if ordinal == 0 else (drawn * 2 * reach >> 64) - reach
        at = opens + timedelta(microseconds=offset // grain * grain)
        slots.append(Slot(at, account.name, day, ordinal))
    return tuple(slots)


_ONE_DAY = timedelta(days=1)
_SECOND = 1_000_000
"""Slots stand on whole seconds from the window's beginning, wherever its parts are long enough for that."""


def _window(schedule: Schedule, day: date) -> tuple[datetime, int] | None:
    """When the window of a date opens, in UTC, and how many microseconds pass until it closes.

    An end is the first moment at which the zone's clock shows that time or a later one: the first of the two where
    the clock shows it twice, and the moment of the jump where the clock jumps over it. So windows of successive dates
    never overlap. Where the clock jumps over the whole window, it keeps its usual length from that moment.
    """
    zone = schedule.zone
    noon = datetime.combine(day, time(12))
    if _jumped_over(noon, zone) and _shown(_instant(noon, zone), zone).date() != day:
        return None
    crosses = schedule.closes <= schedule.opens
    naive_opens = datetime.combine(day, schedule.opens)
    naive_closes = datetime.combine(day + _ONE_DAY if crosses else day, schedule.closes)
    opens, closes = _instant(naive_opens, zone), _instant(naive_closes, zone)
    if closes <= opens:
        closes = opens + (naive_closes - naive_opens)
    return opens, _microseconds(closes - opens)


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant in UTC at which the zone's clocks show this, by the rules of `_window`."""
    aware = wall.replace(tzinfo=zone)
    if not _jumped_over(wall, zone):
        return aware.astimezone(UTC)
    after, before = aware.astimezone(UTC), aware.replace(fold=1).astimezone(UTC)
    while after - before > timedelta(microseconds=1):
        middle = before + (after - before) / 2
        if _shown(middle, zone) < wall:
            before = middle
        else:
            after = middle
    return after


def _jumped_over(wall: datetime, zone: ZoneInfo) -> bool:
    return _shown(wall.replace(tzinfo=zone).astimezone(UTC), zone) != wall


def _shown(instant: datetime, zone: ZoneInfo) -> datetime:
    """What the zone's clocks show at an instant."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def _microseconds(length: timedelta) -> int:
    return length // timedelta(microseconds=1)
