"""The judge of a quarter: what must be true, told from what is really out and from the rows, by rules of its own.

Nothing here asks Storyline for a decision: slots are computed from the calendar, shares are counted, holds are kept in
a book of the judge's own, and what reached people is taken from the teams and the stages themselves.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import TypeVar

import attrs
from sqlalchemy import Engine, text

from storyline_core import Account, AlertLevel
from storyline_core.testing.memory_stage import Story
from tests.end_to_end.quarter_people import Deeds
from tests.end_to_end.quarter_weather import Outage, Shown, Told

SETTLED = frozenset({"posted", "skipped", "rejected", "missed", "failed"})
NOT_PLACED = SETTLED - {"posted"}
LATE = timedelta(minutes=6)
"""How long a worker may act by what it read: its claim, and the margin."""

NOBODY_THERE = "Storyline was not running"
"""How the reason begins of what was missed since no worker turned."""

SOON = timedelta(hours=6)
"""Within which time of fair weather people must have heard of something."""

FIRST_REPEAT, LONGEST_REPEAT = timedelta(days=1), timedelta(days=8)
SAID_WHEN_OVER = frozenset({"needs-person", "source", "failures", "nothing-eligible", "health"})
"""Topics of alerts whose end is told."""

Row = TypeVar("Row")


@attrs.frozen
class PostRow:
    """A post as its row tells it."""

    id: str
    account: str
    origin: str
    slot_key: str | None
    slot_at: datetime
    due_at: datetime
    item_id: int | None
    digest: str | None
    category: str
    state: str
    settled_at: datetime | None
    message: str | None
    reason: str


@attrs.frozen
class JournalRow:
    """One line of a post's journal."""

    id: int
    post_id: str
    at: datetime
    event: str
    by: str


@attrs.frozen
class AlertRow:
    """One alert from when it was raised to when it was over."""

    id: int
    key: str
    level: str
    raised_at: datetime
    cleared_at: datetime | None


@attrs.frozen
class PublicationRow:
    """A proof."""

    id: int
    post_id: str
    remote_id: str | None
    undone_at: datetime | None


@attrs.frozen
class ItemRow:
    """An item of the library."""

    id: int
    source: str
    key: str
    digest: str | None
    removed_at: datetime | None


def rows_of(engine: Engine, table: str, kind: type[Row], where: str = "", **given: object) -> list[Row]:
    """The rows of a table, read with no part of Storyline."""
    names = [field.name for field in attrs.fields(kind)]  # type: ignore[arg-type]
    with engine.connect() as connection:
        found = connection.execute(text(f"SELECT {', '.join(names)} FROM {table} {where}"), given).all()
    instants = {name for name in names if name.endswith(("_at", "_until")) or name == "at"}
    return [
        kind(**{name: _instant(value) if name in instants else value for name, value in zip(names, row, strict=True)})
        for row in found
    ]


def _instant(value: object) -> datetime | None:
    if isinstance(value, str):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return value.astimezone(UTC) if isinstance(value, datetime) else None


@attrs.frozen
class Expected:
    """A slot that the calendar asks for: its key, its instant without jitter, and how far it may be off."""

    key: str
    at: datetime
    off: timedelta


def slots_of(account: Account, begins: datetime, ends: datetime) -> list[Expected]:
    """Every slot whose instant lies between for certain, by the calendar of the account's zone."""
    schedule, found = account.schedule, []
    day = begins.astimezone(schedule.zone).date() - timedelta(days=1)
    while day <= ends.astimezone(schedule.zone).date():
        opens = _wall(day, schedule.opens, account)
        closes = _wall(day if schedule.closes > schedule.opens else day + timedelta(days=1), schedule.closes, account)
        part = (closes - opens) / schedule.posts_per_day
        off = min(schedule.jitter, part / 3)
        for ordinal in range(schedule.posts_per_day):
            at = opens + ordinal * part
            if begins <= at - off and at + off < ends:
                found.append(Expected(f"{account.name}/{day}/{ordinal}", at, off + timedelta(seconds=1)))
        day += timedelta(days=1)
    return found


def _wall(day: date, at: time, account: Account) -> datetime:
    return datetime.combine(day, at, account.schedule.zone).astimezone(UTC)


@attrs.define
class Shares:
    """One account's mix as it was placed: how far it drifts from its shares, pick by pick."""

    weights: Mapping[str, int]
    standing: dict[str, tuple[datetime, str]] = attrs.field(factory=dict)
    disturbed: int = 0
    since_disturbed: int = 1_000
    ahead: Fraction = Fraction(0)
    behind: Fraction = Fraction(0)
    behind_undisturbed: Fraction = Fraction(0)
    picks: int = 0

    def look(self, placed: Mapping[str, tuple[datetime, str]], where: str) -> None:
        """Judge what was placed since the last look. Posts that were withdrawn or swapped meanwhile come first."""
        before = {name: each for name, each in self.standing.items() if placed.get(name) == each}
        added = {name: each for name, each in placed.items() if name not in self.standing}
        changed = {name: each for name, each in placed.items() if name in self.standing and name not in before}
        gone = len(self.standing) - len(before)
        back = {name: each for name, each in added.items() if before and each[0] < max(before.values())[0]}
        moved = gone + len(back)
        orders = [before | changed | back]
        if moved:
            self.disturbed += moved
            self.since_disturbed = 0
            orders.append(dict(self.standing))
        picks = sorted((each, name) for name, each in added.items() if name not in back)
        errors = [error for start in orders if (error := self._appended(start, picks, where))]
        if len(errors) == len(orders):
            raise AssertionError(errors[0])
        self.standing = dict(placed)

    def _appended(
        self, start: Mapping[str, tuple[datetime, str]], picks: Sequence[tuple[tuple[datetime, str], str]], where: str
    ) -> str:
        debts = self._debts([category for _, category in sorted(start.values())])
        ahead, behind = Fraction(0), Fraction(0)
        since = self.since_disturbed
        for (_, category), post in picks:
            if category not in debts:
                return f"{where}: {post} is of {category}, which has no share"
            debts = self._placed(debts, category)
            since += 1
            ahead, behind = max(ahead, -debts[category]), max(behind, *debts.values())
            if -debts[category] >= 1:
                return f"{where}: {post} puts {category} {float(-debts[category]):.2f} posts ahead of its share"
            if max(debts.values()) > 1 and since > 40:
                return f"{where}: with {post} another category is {float(max(debts.values())):.2f} posts behind"
            self.behind_undisturbed = max(self.behind_undisturbed, behind if since > 40 else Fraction(0))
            debts = _capped(debts, self.weights)
        self.ahead, self.behind = max(self.ahead, ahead), max(self.behind, behind)
        self.picks += len(picks)
        self.since_disturbed = since
        return ""

    def _debts(self, categories: Iterable[str]) -> dict[str, Fraction]:
        debts = dict.fromkeys(self.weights, Fraction(0))
        for category in categories:
            debts = _capped(self._placed(debts, category), self.weights)
        return debts

    def _placed(self, debts: Mapping[str, Fraction], category: str) -> dict[str, Fraction]:
        whole = sum(self.weights.values())
        return {
            name: debt + Fraction(self.weights[name], whole) - (1 if name == category else 0)
            for name, debt in debts.items()
        }


def _capped(debts: Mapping[str, Fraction], weights: Mapping[str, int]) -> dict[str, Fraction]:
    """Nobody is owed more than one post: turns that were lost beyond that count as if they had been had."""
    whole, capped = sum(weights.values()), dict(debts)
    while late := [name for name in capped if capped[name] > 1]:
        capped = {
            name: debt + Fraction(weights[name], whole) - (1 if name == late[0] else 0) for name, debt in capped.items()
        }
    return capped


@attrs.define
class Verdict:
    """What the judge found wrong, and what it looked at."""

    wrong: list[str] = attrs.field(factory=list)
    outcomes: Counter[str] = attrs.field(factory=Counter)
    looked: Counter[str] = attrs.field(factory=Counter)
    missed: list[PostRow] = attrs.field(factory=list)

    def __call__(self, holds: bool, what: str) -> None:
        """Note what is not as it must be."""
        if not holds:
            self.wrong.append(what)


def judge_slots(
    verdict: Verdict, accounts: Iterable[Account], posts: Sequence[PostRow], span: tuple[datetime, datetime]
) -> None:
    """Every slot ended in exactly one recorded outcome, at its time."""
    by_key = defaultdict(list)
    for post in posts:
        if post.slot_key is not None:
            by_key[post.slot_key].append(post)
    for account in accounts:
        for slot in slots_of(account, *span):
            found = by_key.get(slot.key, [])
            verdict.looked["slots"] += 1
            verdict(len(found) == 1, f"{slot.key} has {len(found)} posts")
            for post in found[:1]:
                verdict(post.state in SETTLED, f"{slot.key} ({post.id}) is still {post.state}")
                verdict(abs(post.slot_at - slot.at) <= slot.off, f"{slot.key} stands at {post.slot_at}, not {slot.at}")
                verdict.outcomes[post.state] += 1
                if post.state == "missed":
                    verdict.missed.append(post)


def judge_stories(
    verdict: Verdict,
    posts: Mapping[str, PostRow],
    journal: Mapping[str, Sequence[JournalRow]],
    publications: Sequence[PublicationRow],
    stories: Mapping[str, Sequence[tuple[Story, datetime]]],
) -> None:
    """Each post has at most one story, and each story its proof."""
    out: Counter[str] = Counter()
    known: dict[str, str] = {}
    for stage, there in stories.items():
        for story, at in there:
            out[story.post_id] += 1
            known[story.post_id] = story.publication.remote_id or ""
            post = posts[story.post_id]
            verdict(post.state == "posted", f"{stage}: {post.id} came out at {at}, but is {post.state}")
            hand = [row for row in journal[post.id] if row.event == "posted"]
            undone = [row for row in journal[post.id] if row.event == "undo"]
            verdict(not hand or bool(undone), f"{stage}: {post.id} came out, and {hand[:1]} posted it by hand")
    for post_id, times in out.items():
        verdict(times == 1, f"{post_id} came out {times} times")
    standing = Counter(proof.post_id for proof in publications if proof.undone_at is None)
    for proof in publications:
        if proof.remote_id is not None and proof.undone_at is None:
            verdict(known.get(proof.post_id) == proof.remote_id, f"{proof.post_id} has the proof of another story")
    for post in posts.values():
        wanted = 1 if post.state == "posted" else 0
        verdict(standing[post.id] == wanted, f"{post.id} is {post.state} and has {standing[post.id]} proofs")
        if post.state == "posted" and post.id not in out:
            said = any(row.event in ("posted", "resolve-live") for row in journal[post.id])
            verdict(said, f"{post.id} is posted, but nothing came out and nobody said so")
    verdict.looked["stories"] += sum(out.values())


@attrs.frozen
class Kept:
    """A hold in the judge's own book."""

    item_id: int | None
    digest: str | None
    account: str | None
    made: datetime
    until: datetime | None
    why: str
    post_id: str = ""


def judge_holds(
    verdict: Verdict,
    accounts: Mapping[str, Account],
    posts: Mapping[str, PostRow],
    deeds: Deeds,
    shown: Sequence[Shown],
    stories: Iterable[tuple[Story, datetime]],
) -> None:
    """Nothing was shown or published that was kept back at the time."""
    book: dict[object, list[Kept]] = defaultdict(list)
    for kept in _book_of(accounts, posts.values(), deeds):
        for mark in {kept.item_id, kept.digest} - {None}:
            book[mark].append(kept)
    freed: dict[object, list[datetime]] = defaultdict(list)
    for free in deeds.freed:
        freed[free.item_id].append(free.at)
        freed[free.digest].append(free.at)
    seen: list[tuple[str, int | None, str | None, datetime]] = []
    for each in shown:
        draft = each.card.draft
        if not draft.reminder:
            seen.append((draft.post.id, draft.item.id, draft.item.digest, each.at))
    seen += [(story.post_id, posts[story.post_id].item_id, posts[story.post_id].digest, at) for story, at in stories]
    for post_id, item_id, digest, at in seen:
        post = posts[post_id]
        verdict.looked["showings held against holds"] += 1
        if post.origin != "schedule":
            continue
        for kept in (*book[item_id], *(book[digest] if digest else ())):
            if kept.post_id == post_id or kept.made + LATE >= at or kept.account not in (None, post.account):
                continue
            ended = any(kept.made <= time <= at for mark in (kept.item_id, kept.digest) for time in freed[mark])
            over = kept.until is not None and kept.until <= post.slot_at
            verdict(ended or over, f"{post_id} for {post.slot_at} went out at {at} with item {item_id}, held: {kept}")


def _book_of(accounts: Mapping[str, Account], posts: Iterable[PostRow], deeds: Deeds) -> Iterable[Kept]:
    for post in posts:
        account = accounts[post.account]
        if post.settled_at is None or post.item_id is None:
            continue
        length = {"posted": account.cooldown_posted, "skipped": account.cooldown_skipped}.get(post.state)
        until = post.slot_at + length if length is not None else None
        if post.state in ("posted", "skipped", "rejected"):
            yield Kept(post.item_id, post.digest, post.account, post.settled_at, until, post.state, post.id)
    for held in deeds.held:
        yield Kept(held.item_id, held.digest, held.account, held.made, held.until, "by hand")


@attrs.frozen
class Heard:
    """Who hears of what: which place hears of which accounts, when it was down, and when no worker was at work."""

    teams: Mapping[str, str]
    watch: str
    outages: Sequence[Outage]
    off: Sequence[tuple[datetime, datetime]]
    sources: Mapping[str, Collection[str]]

    def places_of(self, key: str) -> Collection[str]:
        """The places that have to hear of an alert: of a source, every team whose account uses it."""
        topic, _, rest = key.partition("/")
        name = rest.partition("/")[0]
        if topic == "source":
            return self.sources[name]
        return (self.teams.get(name, self.watch) if topic not in ("health", "upkeep") else self.watch,)

    def fair(self, place: str, begins: datetime, ends: datetime) -> bool:
        """Whether somebody was at work and the place could be reached all the time between."""
        down = [(each.begins, each.ends) for each in self.outages if (each.kind, each.place) == ("notifier", place)]
        return not any(begin < ends and end > begins for begin, end in (*down, *self.off))


def judge_alerts(
    verdict: Verdict, alerts: Sequence[AlertRow], told: Mapping[str, Sequence[Told]], heard: Heard, now: datetime
) -> None:
    """Every alert was told once, again ever more sparsely, and that it is over; nothing else was told."""
    by_key = defaultdict(list)
    for alert in sorted(alerts, key=lambda row: row.id):
        by_key[alert.key].append(alert)
    of_row: dict[tuple[str, int], list[Told]] = defaultdict(list)
    for place, messages in told.items():
        for message in messages:
            rows = [row for row in by_key[message.alert.key] if row.raised_at <= message.at + timedelta(seconds=5)]
            verdict(bool(rows), f"{place} heard of {message.alert.key} at {message.at}, which was never raised")
            row = _meant(rows, message, {row.id: of_row[place, row.id] for row in rows})
            if row is not None:
                of_row[place, row.id].append(message)
            verdict.looked["alerts told"] += 1
    for place in told:
        for alert in alerts:
            messages = of_row[place, alert.id]
            _judge_repeats(verdict, place, alert, messages)
            if place in heard.places_of(alert.key) and alert.level != AlertLevel.INFO:
                later = [row for row in by_key[alert.key] if row.id > alert.id]
                soon_again = bool(alert.cleared_at and later and later[0].raised_at < alert.cleared_at + SOON)
                _judge_missing(verdict, place, alert, messages, heard, now, again=soon_again)


def _meant(rows: Sequence[AlertRow], message: Told, heard: Mapping[int, Sequence[Told]]) -> AlertRow | None:
    """Which of the alerts of one key a message is about: the oldest whose end is untold, or the one open then."""
    if not message.alert.cleared:
        return rows[-1] if rows else None
    at = message.at + timedelta(seconds=5)
    over = [row for row in rows if row.cleared_at is not None and row.cleared_at <= at]
    ended = {row.id for row in over if any(each.alert.cleared and each.noted for each in heard[row.id])}
    untold = [row for row in over if heard[row.id] and row.id not in ended]
    return (untold or over)[-1] if over else None


def _judge_repeats(verdict: Verdict, place: str, alert: AlertRow, messages: Sequence[Told]) -> None:
    times, last, over = 0, None, False
    for message in messages:
        what = f"{place}: {alert.key} of {alert.raised_at:%d %b %H:%M}"
        if message.alert.cleared:
            verdict(not over, f"{what} was said to be over twice, again at {message.at}")
            verdict(bool(times) or last is None, f"{what} was said to be over, but never told")
            over = message.noted
            continue
        if times and last is not None:
            wait = min(FIRST_REPEAT * 2 ** (times - 1), LONGEST_REPEAT)
            passed = message.at - last
            verdict(passed >= wait - timedelta(minutes=5), f"{what} was told again after {passed}, not {wait}")
        if message.noted:
            times, last = times + 1, message.at


def _judge_missing(
    verdict: Verdict,
    place: str,
    alert: AlertRow,
    messages: Sequence[Told],
    heard: Heard,
    now: datetime,
    *,
    again: bool,
) -> None:
    until = alert.cleared_at or now
    what = f"{place}: {alert.key} of {alert.raised_at:%d %b %H:%M} to {until:%d %b %H:%M}"
    tellings = [message for message in messages if not message.alert.cleared]
    if not tellings:
        soon = alert.raised_at + SOON
        verdict(until <= soon or not heard.fair(place, alert.raised_at, soon), f"{what} was never told")
        return
    for times, message in enumerate(tellings, 1):
        due = message.at + min(FIRST_REPEAT * 2 ** (times - 1), LONGEST_REPEAT)
        silent = times == len(tellings)
        missed = silent and due + SOON < until and heard.fair(place, due, due + SOON)
        verdict(not missed, f"{what}, told at {message.at}, was not told again")
    said_over = any(message.alert.cleared for message in messages)
    if alert.cleared_at is not None and alert.key.partition("/")[0] in SAID_WHEN_OVER and not said_over:
        soon = alert.cleared_at + SOON
        fair = heard.fair(place, alert.cleared_at, soon) and soon < now and not again
        verdict(not fair, f"{what}: nobody was told that it is over")


def judge_missed(verdict: Verdict, posts: Iterable[PostRow], alerts: Sequence[AlertRow]) -> None:
    """Of every slot that passed without being shown or published people were told."""
    for post in posts:
        if post.state != "missed" or post.settled_at is None or post.message is not None or post.slot_key is None:
            continue
        settled, key = post.settled_at, f"missed/{post.account}"
        told = any(
            row.key == key and row.raised_at <= settled + SOON and (row.cleared_at is None or row.cleared_at >= settled)
            for row in alerts
        )
        verdict(told, f"{post.slot_key} was missed at {settled} without an alert")
        verdict.looked["missed slots held against alerts"] += 1


def judge_attended(
    verdict: Verdict, accounts: Mapping[str, Account], turned: Sequence[tuple[datetime, datetime]]
) -> None:
    """Nothing was missed for want of a worker while one turned, from beginning to end, within its time."""
    for post in verdict.missed:
        if post.reason.startswith(NOBODY_THERE):
            latest = post.due_at + accounts[post.account].grace
            there = [begun for begun, ended in turned if post.due_at <= begun and ended <= latest]
            verdict(not there, f"{post.slot_key} of {post.due_at}: {post.reason}, but one turned at {there[:3]}")


def judge_library(
    verdict: Verdict, source: str, items: Sequence[ItemRow], files: Mapping[str, bytes], seen: set[int]
) -> None:
    """The library has every file as it is, and nothing that it ever knew is gone from it."""
    living = {item.key: item for item in items if item.source == source and item.removed_at is None}
    verdict(len(living) == len(files), f"{source}: {len(living)} living items for {len(files)} files")
    for key, content in files.items():
        item = living.get(key)
        verdict(item is not None, f"{source}: {key} is not in the library")
        if item is not None:
            verdict(item.digest == hashlib.sha256(content).hexdigest(), f"{source}: {key} has another content")
    lost = seen - {item.id for item in items}
    verdict(not lost, f"{source}: the library has forgotten {len(lost)} items")
    verdict.looked["files held against the library"] += len(files)
