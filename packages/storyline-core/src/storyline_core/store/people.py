"""People: met when they act, promoted and deactivated by an admin. A person's key is `notifier:id`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

import attrs
from sqlalchemy import Connection, Select, and_, func, select, update

from storyline_core.errors import NotFound
from storyline_core.posts import DECISIONS, PostEvent
from storyline_core.store.columns import storable
from storyline_core.store.convert import value_of
from storyline_core.store.tables import journal, people, posts, publications
from storyline_core.store.upsert import upsert
from storyline_core.tallies import NOTHING_DONE, Deed, Tally, tally


class TeamRole(StrEnum):
    """What a person may do beside acting on posts."""

    ADMIN = "admin"
    MEMBER = "member"


@attrs.frozen
class Person:
    """Somebody who has acted, or was promoted before ever acting (then without times). `posts` went out by them."""

    person: str
    notifier: str
    name: str = ""
    username: str | None = None
    team: str | None = None
    role: TeamRole = TeamRole.MEMBER
    active: bool = True
    first_seen_at: datetime | None = None
    last_seen_at: datetime | None = None
    posts: int = 0


@attrs.frozen
class PersonStats:
    """What one person did: how many decisions of each event, how many posts went out by them, and the last time.

    `answered_in` is the median time from a card to their answer, `hours` counts their decisions by the hour of the day,
    `tags` what they posted by its tags.
    """

    person: str
    decisions: Mapping[str, int]
    posts: int
    last_at: datetime | None
    answered_in: timedelta | None = None
    hours: Mapping[int, int] = attrs.field(factory=dict)
    tags: Mapping[str, int] = attrs.field(factory=dict)


@attrs.frozen
class People:
    """The people, within one unit."""

    connection: Connection

    def seen(self, person: str, name: str, username: str | None, at: datetime) -> Person:
        """Note that somebody acted, with the name they go by now; the record as it is then."""
        seen = {"name": storable(name), "username": username and storable(username), "last_seen_at": at}
        statement = upsert(self.connection, people).values(_fresh(person) | seen | {"first_seen_at": at})
        first = func.coalesce(people.c.first_seen_at, at)
        self.connection.execute(
            statement.on_conflict_do_update(index_elements=[people.c.person], set_=seen | {"first_seen_at": first})
        )
        return self.get(person)

    def get(self, person: str) -> Person:
        """One person. Raises `NotFound`."""
        found = self.find(person)
        if found is None:
            raise NotFound(f"Nobody is known as {person}. `storyline users list` shows everybody.")
        return found

    def find(self, person: str) -> Person | None:
        """One person, or None for somebody never seen."""
        row = self.connection.execute(_with_posts().where(people.c.person == person)).mappings().one_or_none()
        return None if row is None else value_of(row, Person)

    def list(self, *, team: str | None = None, role: TeamRole | None = None) -> Sequence[Person]:
        """Everybody, of one team or role or all."""
        statement = _with_posts().order_by(people.c.person)
        if team is not None:
            statement = statement.where(people.c.team == team)
        if role is not None:
            statement = statement.where(people.c.role == role)
        return [value_of(row, Person) for row in self.connection.execute(statement).mappings()]

    def set_role(self, person: str, role: TeamRole) -> Person:
        """Promote or demote; a person may be promoted before they were ever seen."""
        self.connection.execute(upsert(self.connection, people).values(_fresh(person)).on_conflict_do_nothing())
        return self._set(person, role=role)

    def set_active(self, person: str, active: bool) -> Person:
        """Deactivate or activate. Raises `NotFound`."""
        return self._set(person, active=active)

    def set_team(self, person: str, team: str | None) -> Person:
        """Put a person into a team, or out of all. Raises `NotFound`."""
        return self._set(person, team=team)

    def stats(
        self,
        person: str | None = None,
        *,
        accounts: Collection[str] | None = None,
        since: datetime | None = None,
        zone: tzinfo = UTC,
    ) -> Sequence[PersonStats]:
        """What one person did, or everybody who ever decided anything: for some accounts or all, since then or ever.

        `zone` is where the hours of the day are counted.
        """
        told = sorted({*DECISIONS, PostEvent.OFFERED})
        deeds = select(journal.c.post_id, journal.c.at, journal.c.event, journal.c.by).where(journal.c.event.in_(told))
        if accounts is not None:
            deeds = deeds.join(posts, posts.c.id == journal.c.post_id).where(posts.c.account.in_(sorted(accounts)))
        if since is not None:
            deeds = deeds.where(journal.c.at >= since)
        rows = self.connection.execute(deeds.order_by(journal.c.id))
        tallies = tally((Deed(*row) for row in rows), zone)
        went_out, tags = self._went_out(accounts, since)
        who = [person] if person is not None else sorted(tallies)
        return [_stats(by, tallies.get(by, NOTHING_DONE), went_out[by], tags.get(by, {})) for by in who]

    def _went_out(
        self, accounts: Collection[str] | None, since: datetime | None
    ) -> tuple[Counter[str], dict[str, Counter[str]]]:
        """How many posts went out by whom, and with which tags."""
        statement = select(publications.c.by, publications.c.metadata).where(publications.c.undone_at.is_(None))
        if accounts is not None:
            statement = statement.where(publications.c.account.in_(sorted(accounts)))
        if since is not None:
            statement = statement.where(publications.c.at >= since)
        counts: Counter[str] = Counter()
        tags: dict[str, Counter[str]] = {}
        for by, metadata in self.connection.execute(statement):
            counts[by] += 1
            tags.setdefault(by, Counter()).update(metadata.get("tags", ()))
        return counts, tags

    def _set(self, person: str, **fields: str | bool | None) -> Person:
        self.connection.execute(update(people).where(people.c.person == person).values(fields))
        return self.get(person)


def _stats(person: str, done: Tally, posts: int, tags: Mapping[str, int]) -> PersonStats:
    return PersonStats(person, done.decisions, posts, done.last_at, done.answered_in, done.hours, tags)


def _fresh(person: str) -> dict[str, object]:
    notifier = person.partition(":")[0]
    row = attrs.asdict(Person(person=person, notifier=notifier))
    del row["posts"]
    return row


def _with_posts() -> Select[tuple[object, ...]]:
    theirs = and_(publications.c.by == people.c.person, publications.c.undone_at.is_(None))
    return select(people, select(func.count()).where(theirs).scalar_subquery().label("posts"))
