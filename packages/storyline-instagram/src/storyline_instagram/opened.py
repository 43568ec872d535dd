"""A publisher made of its settings: the way to Meta, the token, the host, and what looks after them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import BinaryIO

from storyline_core import Alert, AlertLevel, NeedsPerson, PastKind, PastMedia, PastPage, PluginFault, Runtime
from storyline_instagram.allowance import Allowance, unblocking
from storyline_instagram.caring import Care
from storyline_instagram.connecting import Connecting
from storyline_instagram.connection import Connection
from storyline_instagram.custody import Custody
from storyline_instagram.graph import Graph, Pace, Servers
from storyline_instagram.hosting import DEAD_AFTER, Host, host_of
from storyline_instagram.options import Instagram, Login
from storyline_instagram.past import AccountPast
from storyline_instagram.publisher import StoryPublisher

SWEPT_EVERY = timedelta(days=1)
LONG_WAIT = timedelta(minutes=25)
"""A wait that people are told of; shorter ones are the line going slowly."""

META = {Login.FACEBOOK: "https://graph.facebook.com", Login.INSTAGRAM: "https://graph.instagram.com"}


class InstagramAccount(StoryPublisher):
    """An account, opened: it publishes, and it looks after its token, its limits and its host."""

    def __init__(self, connection: Connection, host: Host | None, care: Care, connecting: Connecting) -> None:
        super().__init__(connection, host)
        self.host = host
        self.graph = connection.graph
        self.now = connection.runtime.now
        self._care = care
        self._connecting = connecting
        self._allowance = connection.allowance
        self._sweeping = Sweeping(connection.name, host, connection.runtime.now)
        self._past = AccountPast(connection)

    def connecting(self) -> Connecting:
        """Connecting the account, and how it stands."""
        return self._connecting

    def care(self) -> Care:
        """What looks after the token."""
        return self._care

    def past_media(self, kind: PastKind, since: datetime | None, cursor: str | None) -> PastPage:
        """One page of what the account posted before, newest first."""
        return self._past.page(kind, cursor)

    def open_past(self, media: PastMedia) -> BinaryIO:
        """The bytes of one of them."""
        return self._past.open(media)

    def maintain(self) -> Sequence[Alert]:
        """Renew the token in time, sweep up at the host, and say what people should know."""
        return [*self._care.maintain(), *self._sweeping.maintain(), *self._of_limits()]

    def _of_limits(self) -> list[Alert]:
        if (block := self._allowance.block) is not None:
            told = f"{self._name} publishes nothing: {block.why}."
            return [Alert("account/blocked", AlertLevel.ERROR, told, unblocking(self._name, block.until))]
        wait = self._allowance.wait(None)
        if wait is None or wait.until - self._now() < LONG_WAIT:
            return []
        told = f"{self._name} publishes nothing until {wait.until:%H:%M} UTC: {wait.why}."
        remedy = f"`storyline instagram limits {self._name}` shows more."
        return [Alert("limits/waiting", AlertLevel.WARNING, told, remedy)]


class Sweeping:
    """Removes what dead runs left at the host: when it first can, and once a day."""

    def __init__(self, name: str, host: Host | None, now: Callable[[], datetime]) -> None:
        self._name = name
        self._host = host
        self._now = now
        self._swept: datetime | None = None
        self._failed = 0

    def maintain(self) -> list[Alert]:
        """Sweep if it is time. A failure is told when it comes again, or at once if a person has to mend it."""
        if self._host is None or (self._swept is not None and self._now() - self._swept < SWEPT_EVERY):
            return []
        try:
            self._host.sweep(self._now() - DEAD_AFTER)
        except NeedsPerson as error:
            told = str(error).removesuffix(error.remedy).rstrip()
            return [Alert("host/refused", AlertLevel.ERROR, f"The host of {self._name}: {told}", error.remedy)]
        except PluginFault as error:
            self._failed += 1
            told = f"What was left at the host of {self._name} cannot be removed: {error}"
            return [Alert("host/sweep", AlertLevel.WARNING, told)] if self._failed > 1 else []
        self._swept, self._failed = self._now(), 0
        return []


@contextmanager
def opened(settings: Instagram, runtime: Runtime, pace: Pace | None = None) -> Iterator[InstagramAccount]:
    """The publisher; its connections are closed in the end. `pace` overrides what the settings say of time."""
    custody = Custody(settings, runtime)
    allowance = Allowance(runtime.state, runtime.now, runtime.name)
    graph = Graph(
        runtime.name,
        Servers(settings.graph_url.rstrip("/") or META[settings.login], settings.upload_url.rstrip("/")),
        custody.token,
        now=runtime.now,
        app_secret=settings.app_secret.reveal().strip() if settings.app_secret is not None else "",
        pace=pace or pace_of(settings),
        noted=allowance.note,
        blocked=allowance.note_block,
    )
    try:
        connection = Connection(runtime.name, settings, runtime, graph, allowance, custody.account_id)
        care = Care(runtime.name, settings, graph, custody, runtime.now)
        connecting = Connecting(runtime.name, settings, graph, custody, allowance, runtime.now)
        yield InstagramAccount(connection, host_of(settings.host, runtime.now), care, connecting)
    finally:
        graph.close()


def pace_of(settings: Instagram) -> Pace:
    """As patient as the settings say."""
    chance = random.Random()
    return Pace(settings.answer_within.total_seconds(), settings.patience.total_seconds(), chance=chance.random)
