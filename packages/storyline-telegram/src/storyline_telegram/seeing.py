"""What the desk tells, as the views that texts are made of. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from storyline_telegram.views import AccountView, DayView, Names, SourceView

if TYPE_CHECKING:
    from storyline_core import AccountStanding, Day, Person, SourceStanding


def account_view(standing: AccountStanding, sources: Iterable[SourceStanding], quiet_hours: str = "") -> AccountView:
    """An account as people see it. `quiet_hours` are the notifier's, as they are written in the settings."""
    account, schedule = standing.account, standing.account.schedule
    own = [each for each in sources if each.name in account.sources]
    return AccountView(
        name=account.name,
        zone=schedule.zone,
        mode=str(account.mode),
        posts_per_day=schedule.posts_per_day,
        window=f"{schedule.opens:%H:%M}-{schedule.closes:%H:%M}",
        paused=standing.paused,
        sync_on=any(each.running for each in own),
        reminders=standing.reminders,
        quiet_on=standing.quiet_hours,
        quiet_hours=quiet_hours,
        remind_after=account.remind_after,
        answer_within=account.answer_within,
        unanswered=str(account.unanswered),
        sources=account.sources,
        mix=account.mix.weights,
        publisher=account.publisher or "",
        dry_run=account.dry_run,
        stopped_why="" if standing.paused else standing.stopped_why,
        waiting=standing.waiting,
        next_at=standing.next_at,
    )


def source_view(source: SourceStanding) -> SourceView:
    """A source as people see it."""
    counts = source.counts
    return SourceView(source.name, counts.alive, counts.broken, source.record.last_good_at, source.running)


def day_view(day: Day) -> DayView:
    """A day as its digest tells it. It is called by the local day in whose middle it lies."""
    middle = day.begins + (day.ends - day.begins) / 2
    return DayView(day.account.name, day.account.schedule.zone, middle, day.settled, day.ahead, day.alerts)


def names_of(people: Iterable[Person]) -> Names:
    """What to call people."""
    return {each.person: each.name for each in people if each.name}


def admins_of(people: Sequence[Person]) -> tuple[str, ...]:
    """The names of those who can help: active admins who use Telegram."""
    return tuple(
        each.name for each in people if each.active and str(each.role) == "admin" and each.notifier == "telegram"
    )
