"""Accounts on the loopback server, opened as the runner would open them, with a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import attrs

from storyline_core import PrivateState, Runtime, Secret
from storyline_core.testing import runtime_named
from storyline_instagram.graph import Graph, Pace, Servers
from storyline_instagram.opened import InstagramAccount, opened
from storyline_instagram.options import Cloudinary, Instagram, Login
from storyline_instagram.usage import Usage
from tests.instagram.graph_api import Account, Cloud, GraphApi

DEAD_END = "http://127.0.0.1:9"
"""Nobody listens there."""


def settings_of(api: GraphApi, account: Account, cloud: Cloud | None = None, /, **more: object) -> Instagram:
    """The settings that lead to an account, with the token that the server gave it."""
    told: dict[str, object] = {
        "login": Login(account.login),
        "account_id": account.id,
        "access_token": Secret(account.token),
        "app_id": account.app_id,
        "app_secret": Secret(account.app_secret),
        "host": host_at(api, cloud) if cloud is not None else None,
        "answer_within": timedelta(seconds=5),
        "graph_url": api.graph_url(account.login),
        "upload_url": api.rupload_url,
    }
    return Instagram(**{**told, **more})  # type: ignore[arg-type]


def host_at(api: GraphApi, cloud: Cloud) -> Cloudinary:
    """The settings that lead to a cloud."""
    return Cloudinary(
        cloud_name=cloud.name,
        api_key=Secret(cloud.key),
        api_secret=Secret(cloud.secret),
        answer_within=timedelta(seconds=5),
        api_url=api.cloudinary_url,
    )


def pace_noting(pauses: list[float], patience_s: float = 120.0) -> Pace:
    """Patient without waiting: the pauses are only noted."""
    return Pace(5.0, patience_s, sleep=pauses.append, clock=lambda: sum(pauses), chance=lambda: 0.0)


def runtime_at(api: GraphApi, state: PrivateState | None = None) -> Runtime:
    """What the runner lends; the clock is the server's."""
    runtime = runtime_named("brand", now=api.now)
    return runtime if state is None else attrs.evolve(runtime, state=state)


@contextmanager
def open_account(
    api: GraphApi, settings: Instagram, runtime: Runtime | None = None, pauses: list[float] | None = None
) -> Iterator[InstagramAccount]:
    """An account, opened."""
    pace = pace_noting([] if pauses is None else pauses)
    with opened(settings, runtime or runtime_at(api), pace) as account:
        yield account


@contextmanager
def open_graph(
    api: GraphApi,
    account: Account,
    *,
    token: str | None = None,
    signed: bool = True,
    graph_url: str = "",
    pauses: list[float] | None = None,
    noted: list[Usage] | None = None,
    pace: Pace | None = None,
) -> Iterator[Graph]:
    """The way to the Graph API alone."""
    usages = [] if noted is None else noted
    graph = Graph(
        "brand",
        Servers(graph_url or api.graph_url(account.login), api.rupload_url),
        lambda: account.token if token is None else token,
        now=api.now,
        app_secret=account.app_secret if signed else "",
        pace=pace or pace_noting([] if pauses is None else pauses),
        noted=usages.append,
    )
    try:
        yield graph
    finally:
        graph.close()
