"""What was found and done, in lines for people: the same on the screen of a command and in the log of the daemon."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storyline_runner import screen, shapes, times

if TYPE_CHECKING:
    from storyline_core import Account, MediaItem, PostView, Settings, SyncReport, Tick, Turned, WouldDo


def path_of(item: MediaItem) -> str:
    """Where an item lies under its source's root, as it can be shown on one line."""
    return screen.plain(f"{item.folder}/{item.name}" if item.folder else item.name)


def summary(report: SyncReport) -> str:
    """What a sync found, in one line, and how the source stands then: `24 added; 3 unchanged, 1 broken in all`."""
    counts = [f"{count} {name}" for name in shapes.COUNTS[:6] if (count := getattr(report, name))] or ["nothing new"]
    counts += [f"{report.missing} missing"] if report.missing else []
    counts += [f"{report.deferred} deferred ({_when(report)})"] if report.deferred else []
    counts += [f"{report.pruned} pruned"] if report.pruned else []
    if report.duplicates:
        counts.append("1 copy of another" if report.duplicates == 1 else f"{report.duplicates} copies of others")
    if report.part:
        return ", ".join(counts)
    # What was only read again, to be sure, has not changed for anybody.
    broken = f", {report.broken} broken in all" if report.broken else ""
    return f"{', '.join(counts)}; {report.unchanged + report.touched} unchanged{broken}"


def _when(report: SyncReport) -> str:
    if report.look_again_at is None:
        return "left to the next sync"
    return "still being written; looked at again in a moment"


def told(settings: Settings, ticked: Tick, views: dict[str, PostView]) -> list[str]:
    """What a turn did, one line for each thing worth telling; empty when nothing was due."""
    from storyline_core import backfill_in_words

    lines = [f"{report.source}: {summary(report)}" for report in ticked.syncs if report.found_something]
    lines += [f"{report.source}: {held.message}" for report in ticked.syncs for held in report.held]
    for turned in ticked.turns:
        lines += _told_of(settings.accounts[turned.account], turned, views)
    lines += [kept.told for kept in ticked.kept if kept.told]
    return lines + [backfill_in_words(report) for report in ticked.backfills if report.found_something]


def _told_of(account: Account, turned: Turned, views: dict[str, PostView]) -> list[str]:
    lines, zone = [], account.schedule.zone
    if chosen := len(turned.filled.posts):
        lines.append(f"{account.name}: chose {chosen} {'post' if chosen == 1 else 'posts'} ahead")
    if missed := len(turned.filled.missed):
        reasons = "; ".join(dict.fromkeys(post.reason for post in turned.filled.missed))
        lines.append(f"{account.name}: {missed} missed ({reasons})")
    for view in {done.post.id: views[done.post.id] for done in turned.done}.values():
        what = path_of(view.item) if view.item else ""
        reason = f" ({view.post.reason})" if view.post.reason else ""
        lines.append(
            f"{account.name}: {times.shown(view.post.due_at, zone)}  {view.post.state}  {view.post.id}  {what}{reason}"
        )
    return lines


def standing(settings: Settings, ticked: Tick) -> list[str]:
    """What keeps accounts from posting, one line each; the same in every turn until it changes."""
    lines = []
    for turned in ticked.turns:
        zone = settings.accounts[turned.account].schedule.zone
        empty = turned.filled.empty[:1]
        lines += [f"{turned.account}: nothing to post on {times.named(slot.at, zone)}" for slot in empty]
        if turned.stopped:
            lines.append(f"{turned.account}: stands still, {turned.stopped}")
    return lines


def would(settings: Settings, account: str, each: WouldDo) -> str:
    """What a turn would do, in one line."""
    at = times.named(each.post.due_at, times.zone_of(settings, account))
    why = f" ({each.why})" if each.why else ""
    return f"{account}: would {each.task} {path_of(each.item) if each.item else each.post.id}, due {at}{why}"
