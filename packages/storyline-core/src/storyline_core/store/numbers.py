"""Numbers: how the posts of an account stand, counted by the database and never fetched."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import attrs
from sqlalchemy import Connection, func, or_, select

from storyline_core.posts import UNSETTLED, PostState
from storyline_core.store.tables import alerts, posts, runs
from storyline_core.vitals import LATE_AFTER, RECENT, LineNumbers


@attrs.frozen
class Numbers:
    """Counts for health and for people, within one unit."""

    connection: Connection

    def of_account(self, account: str, now: datetime) -> LineNumbers:
        """How the posts of an account stand."""
        waiting, settled = self._waiting(account, now), self._settled(account, now)
        posted = select(func.max(posts.c.posted_at)).where(
            posts.c.account == account, posts.c.state == PostState.POSTED
        )
        return LineNumbers(
            waiting=waiting.waiting,
            late=waiting.late,
            uncertain=waiting.uncertain,
            oldest_due_at=waiting.oldest,
            posted=settled.get(PostState.POSTED, 0),
            missed=settled.get(PostState.MISSED, 0),
            missed_lately=self._missed(account, now - timedelta(days=1)),
            failed=settled.get(PostState.FAILED, 0),
            last_posted_at=self.connection.execute(posted).scalar_one(),
        )

    def open_alerts(self) -> Mapping[str, int]:
        """How many alerts are open, by level."""
        counted = select(alerts.c.level, func.count()).where(alerts.c.cleared_at.is_(None)).group_by(alerts.c.level)
        return {row[0]: row[1] for row in self.connection.execute(counted)}

    def known_since(self) -> datetime | None:
        """Since when there is something in this database: its first run record that is still kept."""
        first: datetime | None = self.connection.execute(select(func.min(runs.c.started_at))).scalar_one()
        return first

    def _waiting(self, account: str, now: datetime) -> _Waiting:
        late = posts.c.due_at < now - LATE_AFTER
        # A snoozed one waits for the moment that somebody chose, an uncertain one is counted as such.
        acts = posts.c.state.not_in((PostState.SNOOZED, PostState.UNCERTAIN))
        row = self.connection.execute(
            select(
                func.count(),
                func.count().filter(late, acts),
                func.count().filter(posts.c.state == PostState.UNCERTAIN),
                func.min(posts.c.due_at).filter(acts),
            ).where(posts.c.account == account, posts.c.state.in_(sorted(UNSETTLED)))
        ).one()
        return _Waiting(*row)

    def _settled(self, account: str, now: datetime) -> Mapping[str, int]:
        counted = (
            select(posts.c.state, func.count())
            .where(
                posts.c.account == account,
                posts.c.state.not_in(sorted(UNSETTLED)),
                posts.c.settled_at >= now - RECENT,
            )
            .group_by(posts.c.state)
        )
        return {row[0]: row[1] for row in self.connection.execute(counted)}

    def _missed(self, account: str, since: datetime) -> int:
        # What nobody wanted (a pause) is no trouble, however often it happened.
        meant = or_(posts.c.reason.contains("paused"), posts.c.reason.contains("dry run"))
        counted = (
            select(func.count())
            .select_from(posts)
            .where(
                posts.c.account == account,
                posts.c.state == PostState.MISSED,
                posts.c.settled_at >= since,
                ~meant,
            )
        )
        return self.connection.execute(counted).scalar_one()


@attrs.frozen
class _Waiting:
    waiting: int
    late: int
    uncertain: int
    oldest: datetime | None
