"""What the lists that people ask for say: queue, plan, history, and what a person or the team has done. Pure.

Everything here is Telegram HTML, in pages where it may be long.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from storyline_core import ago
from storyline_telegram.moments import clock, day
from storyline_telegram.outcomes import brief
from storyline_telegram.pages import counted, paged, some
from storyline_telegram.texts import bold, code, cut, line, shown
from storyline_telegram.views import Names, name_of

if TYPE_CHECKING:
    from storyline_core import Foreseen, MediaItem, Person, PersonStats, PostView

_TITLE_MOST = 60
_WHY_MOST = 120
_NAME_MOST = 40
_MOST_PEOPLE = 30


def queue_pages(
    account: str, zone: ZoneInfo, views: Sequence[PostView], now: datetime, names: Names
) -> tuple[str, ...]:
    """/queue: what waits, in the order in which it is due."""
    if not views:
        return (f"{_called(account)}: nothing waits. /plan shows what will come.",)
    rows = [_queued(view, zone, now, names) for view in views]
    verb = "waits" if len(views) == 1 else "wait"
    head = f"{_called(account)}: {counted(len(views), 'post')} {verb}, times in {zone.key}"
    return paged(head, rows, groups=[_heading(view.post.due_at, zone, now) for view in views])


def plan_pages(account: str, zone: ZoneInfo, foreseen: Sequence[Foreseen], now: datetime) -> tuple[str, ...]:
    """/plan: what will be posted when, and why; what is only planned may change with the library."""
    if not foreseen:
        return (f"{_called(account)}: nothing is planned. Is the account paused, or the library empty? /status tells.",)
    rows = [_planned(each, zone) for each in foreseen]
    head = f"{_called(account)}: what comes, times in {zone.key}"
    return paged(head, rows, groups=[_heading(each.at, zone, now) for each in foreseen])


def history_pages(
    account: str, zone: ZoneInfo, views: Sequence[PostView], now: datetime, names: Names
) -> tuple[str, ...]:
    """/history: what was settled, latest first, with its proof."""
    if not views:
        return (f"{_called(account)}: nothing has been posted yet.",)
    times = [view.post.settled_at or view.post.due_at for view in views]
    rows = [_past(view, at, zone, now, names) for view, at in zip(views, times, strict=True)]
    head = f"{_called(account)}: what was posted, times in {zone.key}"
    return paged(head, rows, groups=[_heading(at, zone, now) for at in times])


def team_stats(stats: Sequence[PersonStats], names: Names, now: datetime) -> str:
    """/stats: what everybody did, who posted most first."""
    if not stats:
        return "Nobody has decided anything yet."
    ordered = sorted(stats, key=lambda each: (-each.posts, -sum(each.decisions.values()), each.person))
    rows = [
        f"{shown(cut(name_of(each.person, names), _NAME_MOST))}: {_did(each)}, last {ago(each.last_at, now)}"
        for each in ordered
    ]
    total = counted(sum(each.posts for each in stats), "story", "stories")
    return "\n".join([f"<b>The team</b>: {total} posted by people", *some(rows, _MOST_PEOPLE)])


def personal_stats(stats: PersonStats, person: Person | None, now: datetime) -> str:
    """/stats me: what one person did."""
    called = line(person.name) if person and line(person.name) else line(stats.person)
    if not stats.decisions and not stats.posts:
        return f"{bold(cut(called, _NAME_MOST))}: nothing yet. Press <i>Posted</i> below a card to begin."
    rows = [f"{_WORDS.get(event, event)}: {count}" for event, count in sorted(stats.decisions.items())]
    return "\n".join([f"{bold(cut(called, _NAME_MOST))}: {counted(stats.posts, 'story', 'stories')} posted",
                      *rows, f"Last: {ago(stats.last_at, now)}"])  # fmt: skip


def titled(item: MediaItem | None) -> str:
    """What to call an item in a list: its title, or its file's name."""
    if item is None:
        return "nothing was chosen"
    return cut(line(item.description.title) or line(item.name) or "Untitled", _TITLE_MOST)


def _called(account: str) -> str:
    return bold(cut(account, _NAME_MOST))


_WORDS = {
    "approve": "approved",
    "posted": "posted by hand",
    "reject": "rejected for ever",
    "reserve": "taken over",
    "resolve-live": "found live",
    "resolve-not-live": "found not live",
    "retry": "tried again",
    "skip": "skipped",
    "snooze": "snoozed",
    "swap": "swapped",
    "undo": "undone",
}


def _did(stats: PersonStats) -> str:
    parts = [f"{stats.posts} posted"]
    parts += [f"{count} {word}" for word in ("skip", "reject", "swap") if (count := stats.decisions.get(word, 0))]
    return ", ".join(parts).replace(" skip", " skipped").replace(" reject", " rejected").replace(" swap", " swapped")


def _heading(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """A day as a heading; the year where it is another one."""
    local, today = at.astimezone(zone), now.astimezone(zone)
    year = "" if local.year == today.year else f" {local.year}"
    return f"<b>{'Today, ' if local.date() == today.date() else ''}{day(at, zone)}{year}</b>"


def _planned(each: Foreseen, zone: ZoneInfo) -> str:
    what = shown(titled(each.item)) if each.item else "nothing fits"
    may_change = " (may change)" if each.item and not each.filled else ""
    said = cut("; ".join(line(why) for why in each.why), _WHY_MOST)
    reason = f"\n    {shown(said)}" if said else ""
    return f"{clock(each.at, zone)}  {what}{may_change}{reason}"


def _queued(view: PostView, zone: ZoneInfo, now: datetime, names: Names) -> str:
    post = view.post
    return (
        f"{clock(post.due_at, zone)}  {shown(titled(view.item))}\n"
        f"    {code(post.id)} {shown(cut(brief(post, zone, now, names), _WHY_MOST))}"
    )


def _past(view: PostView, at: datetime, zone: ZoneInfo, now: datetime, names: Names) -> str:
    url = line(view.publication.url or "") if view.publication else ""
    proof = f"\n    {shown(url)}" if url.startswith("https://") and len(url) <= 200 else ""
    said = shown(cut(brief(view.post, zone, now, names), _WHY_MOST))
    return f"{clock(at, zone)}  {shown(titled(view.item))}\n    {said}{proof}"


def listed_names(people: Iterable[str]) -> str:
    """`Ada`, `Ada or Grace`, `Ada, Grace or 2 others`: who can help."""
    called = [cut(each, _NAME_MOST) for person in people if (each := line(person))]
    if len(called) > 3:
        return f"{called[0]}, {called[1]} or {len(called) - 2} others"
    return " or ".join(filter(None, [", ".join(called[:-1]), called[-1]])) if called else ""
