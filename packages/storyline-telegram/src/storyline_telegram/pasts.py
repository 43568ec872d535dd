"""What a backfill has done and what it found, in a chat. Pure; all of it is Telegram HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from storyline_telegram.moments import moment
from storyline_telegram.pages import counted, some
from storyline_telegram.texts import bold, cut, line, shown

if TYPE_CHECKING:
    from storyline_core import BackfillProgress, BackfillReport

_NAME_MOST = 40
_REASON_MOST = 300
_MOST_PROBLEMS = 5


def backfill_progress(account: str, progress: BackfillProgress) -> str:
    """How far it is, in steps wide enough that thousands of pictures are not as many edits of a message."""
    step = 10 if progress.saved < 100 else 100
    saved = progress.saved // step * step
    far = f", {saved} saved so far" if saved else ""
    return f"{bold(cut(account, _NAME_MOST))}: fetching what was posted before{far}"


def backfill_result(account: str, report: BackfillReport, zone: ZoneInfo) -> str:
    """What was saved and where, what was there already, what could not be had, and when it goes on."""
    saved = f"{counted(report.saved, 'picture or video', 'pictures and videos')} saved into {shown(report.into)}"
    rows = [f"{bold(cut(account, _NAME_MOST))}: {saved if report.saved else 'nothing new'}"]
    rows += [f"{report.known + report.published} were here already"] if report.known + report.published else []
    rows += [_waiting(report.waits)] if report.waits else []
    rows += [f"{report.failed} could not be fetched; {_they(report.failed)} tried again"] if report.failed else []
    rows += [f"{report.unreadable} cannot be had"] if report.unreadable else []
    told = [
        f"{shown(cut(line(each.key), _NAME_MOST))}: {shown(cut(line(each.message), 120))}" for each in report.problems
    ]
    rows += some(told, _MOST_PROBLEMS)
    later = report.saved - report.indexed
    rows += [f"{later} appear in the library with the next sync"] if later > 0 else []
    if report.stopped:
        again = (
            f" It goes on at {moment(report.again_at, zone)}."
            if report.again_at
            else " The next one goes on from there."
        )
        rows.append(f"It ended early: {shown(cut(line(report.stopped), _REASON_MOST))}{again}")
    return "\n".join(rows)


def _waiting(count: int) -> str:
    waits = "waits" if count == 1 else "wait"
    return f"{count} {waits} until it is certain that {_they(count)} not our own"


def _they(count: int) -> str:
    return "it is" if count == 1 else "they are"
