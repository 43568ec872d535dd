"""What the desk tells, as the views that texts are made of. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from storyline_core import Desk
from storyline_telegram.views import AccountView, DayView, Names, SourceView

if TYPE_CHECKING:
    from storyline_core import AccountStanding, Controls, Day, Person, SourceStanding


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


def people_of(controls: Controls | None) -> Sequence[Person]:
    """Everybody who is known; nobody where core lends no desk."""
    return controls.people() if isinstance(controls, Desk) else ()


def names_of(people: Iterable[Person]) -> Names:
    """What to call people."""
    return {each.person: called for each in people if (called := _called(each))}


def admins_of(people: Iterable[Person]) -> tuple[str, ...]:
    """What those are called who can help: active admins who use Telegram."""
    return tuple(
        _called(each) or each.person
        for each in people
        if each.active and str(each.role) == "admin" and each.notifier == "telegram"
    )


def admin_numbers(people: Iterable[Person]) -> tuple[int, ...]:
    """The numbers of the active admins who use Telegram; a private chat has the number of its person."""
    admins = (each for each in people if each.active and str(each.role) == "admin")
    return tuple(number for each in admins if (number := number_of_person(each.person)) is not None)


def number_of_person(key: str) -> int | None:
    """The number of somebody in Telegram; None for whoever is known from elsewhere."""
    where, _, number = key.partition(":")
    return int(number) if where == "telegram" and number.isascii() and number.isdigit() else None


def _called(person: Person) -> str:
    return person.name or (f"@{person.username}" if person.username else "")
