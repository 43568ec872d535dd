"""People: met when they act, promoted and deactivated by an admin. A person's key is `notifier:id`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum

import attrs
from sqlalchemy import Connection, Select, and_, func, select, update

from storyline_core.errors import NotFound
from storyline_core.posts import DECISIONS
from storyline_core.store.columns import storable
from storyline_core.store.convert import value_of
from storyline_core.store.tables import journal, people, posts, publications
from storyline_core.store.upsert import upsert


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
    """What one person did: how many decisions of each event, how many posts went out by them, and the last time."""

    person: str
    decisions: dict[str, int]
    posts: int
    last_at: datetime | None


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

    def stats(self, person: str | None = None, *, accounts: Collection[str] | None = None) -> Sequence[PersonStats]:
        """What one person did, or everybody who ever decided anything: for some accounts or all."""
        decided = (
            select(journal.c.by, journal.c.event, func.count(), func.max(journal.c.at))
            .where(journal.c.event.in_(sorted(DECISIONS)))
            .group_by(journal.c.by, journal.c.event)
        )
        if person is not None:
            decided = decided.where(journal.c.by == person)
        if accounts is not None:
            decided = decided.join(posts, posts.c.id == journal.c.post_id).where(posts.c.account.in_(sorted(accounts)))
        counts: dict[str, dict[str, int]] = {}
        latest: dict[str, datetime] = {}
        for by, event, count, at in self.connection.execute(decided):
            counts.setdefault(by, {})[event] = count
            latest[by] = max(at, latest.get(by, at))
        went_out = self._went_out(accounts)
        who = [person] if person is not None else sorted(counts)
        return [PersonStats(by, counts.get(by, {}), went_out.get(by, 0), latest.get(by)) for by in who]

    def _went_out(self, accounts: Collection[str] | None) -> dict[str, int]:
        """How many posts went out by whom."""
        statement = select(publications.c.by, func.count()).where(publications.c.undone_at.is_(None))
        if accounts is not None:
            statement = statement.where(publications.c.account.in_(sorted(accounts)))
        return {row[0]: row[1] for row in self.connection.execute(statement.group_by(publications.c.by))}

    def _set(self, person: str, **fields: str | bool | None) -> Person:
        self.connection.execute(update(people).where(people.c.person == person).values(fields))
        return self.get(person)


def _fresh(person: str) -> dict[str, object]:
    notifier = person.partition(":")[0]
    row = attrs.asdict(Person(person=person, notifier=notifier))
    del row["posts"]
    return row


def _with_posts() -> Select[tuple[object, ...]]:
    theirs = and_(publications.c.by == people.c.person, publications.c.undone_at.is_(None))
    return select(people, select(func.count()).where(theirs).scalar_subquery().label("posts"))
