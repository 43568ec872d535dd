"""What people see at the desk, read from the store: how accounts stand, and what became of a day."""

from __future__ import annotations

from datetime import datetime, timedelta
from operator import attrgetter

from storyline_core.accounts import Account, slots_between
from storyline_core.desk import AccountStanding, Day
from storyline_core.posts import Post, PostState
from storyline_core.steps.alarms import concerns
from storyline_core.steps.line import stopped_because
from storyline_core.store import AlertRecord, Store, Unit

_IN_THE_CHAT = frozenset({PostState.OFFERING, PostState.OFFERED, PostState.SNOOZED})
_STILL_TO_COME = frozenset({PostState.SCHEDULED, PostState.SNOOZED, PostState.APPROVED, PostState.PREPARED})
_MOST_AHEAD = 10
_LOOK_AHEAD = timedelta(days=2)


def standing_of_account(unit: Unit, account: Account, now: datetime, *, backfills: bool) -> AccountStanding:
    """How an account stands."""
    state = unit.accounts.state(account.name)
    waiting = unit.queue.unsettled(account.name)
    return AccountStanding(
        account=account,
        paused=state.paused,
        reminders=not state.reminders_off,
        quiet_hours=not state.quiet_off,
        stopped_why=stopped_because(state, now),
        waiting=len(waiting),
        shown=sum(post.state in _IN_THE_CHAT for post in waiting),
        next_at=_next_at(account, waiting, now),
        backfills=backfills,
    )


def _next_at(account: Account, waiting: list[Post], now: datetime) -> datetime | None:
    due = [post.due_at for post in waiting if post.due_at >= now and post.state in _STILL_TO_COME]
    slot = next(slots_between(account, now, now + _LOOK_AHEAD), None)
    return min([*due, *([slot.at] if slot and not due else [])], default=None)


def day_of(store: Store, account: Account, begins: datetime, ends: datetime) -> Day:
    """A stretch of an account's life."""
    with store.read() as unit:
        later = unit.queue.history(account.name, since=begins)
        settled = [post for post in later if post.settled_at is not None and post.settled_at < ends]
        settled.sort(key=attrgetter("settled_at", "id"))
        return Day(
            account=account,
            begins=begins,
            ends=ends,
            settled=tuple(unit.views.posts(settled)),
            ahead=tuple(unit.views.posts(unit.queue.unsettled(account.name)[:_MOST_AHEAD])),
            alerts=tuple(each.alert for each in alerts_about(unit, account)),
        )


def alerts_about(unit: Unit, *accounts: Account) -> list[AlertRecord]:
    """What is told of these accounts and their sources, and not mended yet."""
    return [alert for alert in unit.alerts.open() if any(concerns(account, alert.key) for account in accounts)]
