"""What is told unasked, or while one waits: a sync, the digest of a day, alerts. Pure; all of it is Telegram HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from storyline_telegram.answers import titled
from storyline_telegram.moments import clock, day, near
from storyline_telegram.outcomes import called
from storyline_telegram.pages import counted, some
from storyline_telegram.texts import bold, cut, line, shown
from storyline_telegram.views import DayView, Names

if TYPE_CHECKING:
    from storyline_core import Alert, ChangeLine, PostView, Progress, SyncReport

_MOST_CHANGES = 20
_MOST_POSTS = 15
_PATH_MOST = 60
_REASON_MOST = 300
_SIGNS = {"added": "+", "edited": "*", "moved": "→", "restored": "+", "removed": "–", "described": "~"}
_KINDS = ("added", "edited", "moved", "restored", "removed", "described")


def sync_progress(progress: Progress) -> str:
    """How far a sync is. Worth an edit only when it differs from the last one."""
    far = ""
    if progress.of:
        far = f" {progress.done} of {progress.of} ({min(progress.done * 100 // progress.of, 100)} %)"
    elif progress.done:
        far = f" {progress.done} so far"
    return f"{bold(cut(progress.source, 40))}: {shown(cut(line(progress.doing), 80))}{far}"


def sync_result(report: SyncReport) -> str:
    """What a sync found, each change by its name as far as they fit; what was refused, and how to accept it."""
    name = bold(cut(report.source, 40))
    if report.failed:
        return f"{name}: {shown(cut(line(report.failed), _REASON_MOST))} Nothing was changed."
    counts = [f"{count} {kind}" for kind in _KINDS if (count := getattr(report, kind))]
    rows = [f"{name}: {', '.join(counts) or 'nothing new'}, {report.unchanged + report.touched} unchanged"]
    rows += some([_change(each) for each in report.changes], _MOST_CHANGES)
    rows += (
        [f"{counted(report.duplicates, 'copy', 'copies')} of pictures that are there already"]
        if report.duplicates
        else []
    )
    rows += [f"{counted(report.deferred, 'file')} still being written or read next time"] if report.deferred else []
    rows += [f"{counted(report.broken, 'file')} cannot be opened"] if report.broken else []
    rows += some([_error(each.key, each.message) for each in report.errors], 5)
    rows += [f"Not done: {shown(cut(line(held.message), _REASON_MOST))}" for held in report.held[:3]]
    if report.held and report.plan and not report.dry_run:
        rows.append("If that is right, somebody at the machine runs:")
        rows.append(
            f"<code>storyline sync {shown(line(report.source))} --accept-removals --plan {shown(report.plan)}</code>"
        )
    return "\n".join(rows)


def digest(view: DayView, now: datetime, names: Names) -> str:
    """The day of an account in one message: what became of its posts, what comes next, and what is wrong."""
    groups: Mapping[str, Sequence[PostView]] = {
        state: [each for each in view.settled if each.post.state == state]
        for state in ("posted", "skipped", "rejected", "missed", "failed")
    }
    counts = [f"{len(each)} {state}" for state, each in groups.items() if each]
    rows = [f"{bold(cut(view.account, 40))}, {day(view.day, view.zone)}: {', '.join(counts) or 'nothing happened'}"]
    told = [_told(each, view, names) for group in groups.values() for each in group]
    rows += some(told, _MOST_POSTS)
    if view.ahead:
        rows += ["", "<b>Next</b>", *some([_ahead(each, view, now) for each in view.ahead], 5)]
    else:
        rows += ["", "Nothing is planned. /status tells why."]
    if view.alerts:
        rows += ["", "<b>Still wrong</b>", *some([alert_text(each) for each in view.alerts], 3)]
    return "\n".join(rows)


_LEVELS = {
    "info": "For your information",
    "warning": "Warning",
    "error": "Error",
    "critical": "Urgent",
}


def alert_text(alert: Alert) -> str:
    """An alert: how urgent, what is wrong, what to do; or that it is mended."""
    said = shown(cut(line(alert.text), 1000))
    if alert.cleared:
        return f"<b>Mended</b>: {said}"
    level = _LEVELS[str(alert.level)]
    remedy = f"\nWhat to do: {shown(cut(line(alert.remedy), 1000))}" if line(alert.remedy) else ""
    return f"<b>{level}</b>: {said}{remedy}"


def started_text(accounts: Sequence[str], version: str) -> str:
    """Storyline has come up."""
    named = ", ".join(some([cut(line(each), 40) for each in accounts], 10))
    return (
        f"Storyline {shown(line(version))} is running for {shown(named) or 'no account yet'}. /status shows how it is."
    )


def stopped_text(why: str = "") -> str:
    """Storyline goes down in an orderly way."""
    said = cut(line(why), _REASON_MOST).rstrip(".")
    return f"Storyline has stopped{f': {shown(said)}' if said else ''}. Taps are carried out when it is back."


def uploaded_text(name: str, source: str, known_as: str = "") -> str:
    """What became of a picture that somebody sent. `known_as` names the item that it already is, "" if it is new."""
    if known_as:
        return f"{shown(_path(name))} is known already: it is {shown(_path(known_as))}. Nothing was added."
    return f"{shown(_path(name))} was added to {shown(cut(line(source), 40))}."


def not_uploaded_text(name: str, why: str) -> str:
    """Why a picture that somebody sent was not taken."""
    return f"{shown(_path(name))} was not added: {shown(cut(line(why), _REASON_MOST))}"


def send_as_file_text() -> str:
    """What to do with a picture that came compressed."""
    return "Telegram made this picture smaller. Please send it again as a file: paper clip, then <i>File</i>."


def _change(change: ChangeLine) -> str:
    was = f" (was {shown(_path(change.was))})" if change.was else ""
    return f"{_SIGNS.get(str(change.kind), '?')} {shown(_path(change.key))}{was}"


def _error(key: str, message: str) -> str:
    return f"! {shown(_path(key))}: {shown(cut(line(message), 120))}"


def _path(path: str) -> str:
    """A path on one line; of a long one its end, which tells more than its beginning."""
    path = line(path) or "(no name)"
    return path if len(path) <= _PATH_MOST else f"…{cut(path[::-1], _PATH_MOST - 1).removesuffix('…').rstrip()[::-1]}"


def _told(view: PostView, day_view: DayView, names: Names) -> str:
    post = view.post
    who = f" by {shown(called(post.decided_by, names))}" if post.decided_by else ""
    reason = cut(line(post.reason), 100) if not post.decided_by else ""
    at = post.posted_at or post.settled_at or post.due_at
    because = f": {shown(reason)}" if reason else ""
    return f"{clock(at, day_view.zone)}  {shown(titled(view.item))}, {post.state}{who}{because}"


def _ahead(view: PostView, day_view: DayView, now: datetime) -> str:
    return f"{near(view.post.due_at, day_view.zone, now)}  {shown(titled(view.item))}"
