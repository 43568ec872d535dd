"""What is asked about tokens and accounts: who is this, until when, with which permissions, and for a younger one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import attrs

from storyline_core import NeedsPerson
from storyline_instagram.answers import Json, as_object, moment, objects, text, texts, whole
from storyline_instagram.faults import Fault, Reach
from storyline_instagram.graph import Graph, GraphFault, at
from storyline_instagram.options import Instagram, Login
from storyline_instagram.tokens import LIFE, Held, TokenKind

_KINDS: Mapping[str, TokenKind] = {
    "USER": TokenKind.USER,
    "PAGE": TokenKind.PAGE,
    "SYSTEM_USER": TokenKind.SYSTEM,
    "SYSTEM": TokenKind.SYSTEM,
}
_SHORTENED = 100
"""How many Pages are asked for at a time."""


@attrs.frozen
class Reachable:
    """An Instagram account that a token reaches. `page` is the Page's name, `page_token` the Page's own token."""

    account_id: str
    username: str = ""
    page: str = ""
    page_token: str = attrs.field(default="", repr=False)


def look(graph: Graph, settings: Instagram, held: Held, now: datetime) -> Held:
    """The same token with what Meta tells of it now. Raises `GraphFault`; for a dead one with its reason."""
    if settings.login is Login.INSTAGRAM:
        return _look_at_instagram(graph, held, now)
    told = graph.get(at("debug_token"), {"input_token": held.token}, token=_asker(settings, held.token))
    seen = as_object(told.get("data"))
    if seen.get("is_valid") is not True:
        raise _dead(graph, as_object(seen.get("error")))
    return attrs.evolve(
        held,
        kind=_KINDS.get(text(seen.get("type")).upper(), held.kind),
        since=held.since or moment(seen.get("issued_at")) or now,
        ends_at=moment(seen.get("expires_at")),
        guessed=False,
        looked_at=now,
        reads_until=moment(seen.get("data_access_expires_at")),
        scopes=tuple(sorted(set(texts(seen.get("scopes"))))),
    )


def renew(graph: Graph, settings: Instagram, held: Held, now: datetime) -> Held:
    """A younger token for the same account. Raises `GraphFault`, or `NeedsPerson` when the app's secret is missing."""
    if settings.login is Login.INSTAGRAM:
        asked = {"grant_type": "ig_refresh_token", "access_token": held.token}
        return _exchanged(graph.get("/refresh_access_token", asked, token=""), held, now)
    return exchange(graph, settings, held, now)


def exchange(graph: Graph, settings: Instagram, held: Held, now: datetime) -> Held:
    """A long-lived token for a short-lived one, or for a long-lived one of Facebook's. Raises as `renew` does."""
    secret = settings.app_secret.reveal().strip() if settings.app_secret is not None else ""
    if settings.login is Login.INSTAGRAM:
        _must_have(secret, "app_secret")
        asked = {"grant_type": "ig_exchange_token", "client_secret": secret, "access_token": held.token}
        return _exchanged(graph.get("/access_token", asked, token=""), held, now)
    _must_have(settings.app_id and secret, "app_id and app_secret")
    asked = {
        "grant_type": "fb_exchange_token", "client_id": settings.app_id, "client_secret": secret,
        "fb_exchange_token": held.token,
    }  # fmt: skip
    younger = _exchanged(graph.get(at("oauth", "access_token"), asked, token=""), held, now)
    # Facebook may leave out the end; then it tells it when it is asked about the token.
    return look(graph, settings, younger, now) if younger.guessed else younger


def can_exchange(settings: Instagram) -> bool:
    """Whether the settings have what an exchange needs."""
    return settings.app_secret is not None and (settings.login is Login.INSTAGRAM or bool(settings.app_id))


def accounts_of(graph: Graph, held: Held) -> list[Reachable]:
    """The Instagram accounts that a Facebook token reaches: of the Page whose it is, or of all the person's Pages."""
    fields = "id,name,instagram_business_account{id,username}"
    if held.kind is TokenKind.PAGE:
        return _reachable([graph.get(at("me"), {"fields": fields}, token=held.token)])
    found: list[Reachable] = []
    after = ""
    while True:
        asked: dict[str, str | int] = {"fields": f"{fields},access_token", "limit": _SHORTENED}
        told = graph.get(at("me", "accounts"), {**asked, "after": after} if after else asked, token=held.token)
        found += _reachable(objects(told.get("data")))
        paging = as_object(told.get("paging"))
        cursor = text(as_object(paging.get("cursors")).get("after"))
        if not text(paging.get("next")) or not cursor or cursor == after:
            return found
        after = cursor


def username_of(graph: Graph, account_id: str, token: str) -> str:
    """The account's name. Raises `GraphFault` where the token does not reach it."""
    return text(graph.get(at(account_id), {"fields": "id,username"}, token=token).get("username"))


def _look_at_instagram(graph: Graph, held: Held, now: datetime) -> Held:
    told = graph.get(at("me"), {"fields": "user_id,username"}, token=held.token)
    since = held.since or now
    return attrs.evolve(
        held,
        kind=TokenKind.INSTAGRAM,
        since=since,
        ends_at=held.ends_at or since + LIFE,
        guessed=held.guessed or held.ends_at is None,
        looked_at=now,
        account_id=text(told.get("user_id")) or held.account_id,
        username=text(told.get("username")) or held.username,
    )


def _exchanged(told: Json, held: Held, now: datetime) -> Held:
    life_s = whole(told.get("expires_in"))
    scopes = told.get("permissions")
    named = texts(scopes) if isinstance(scopes, list) else text(scopes).replace(",", " ").split()
    return attrs.evolve(
        held,
        token=text(told.get("access_token")) or held.token,
        since=now,
        ends_at=now + (timedelta(seconds=life_s) if life_s else LIFE),
        guessed=not life_s,
        renewed_at=now,
        scopes=tuple(sorted(set(named))) or held.scopes,
    )


def _reachable(pages: list[Json]) -> list[Reachable]:
    found = []
    for page in pages:
        account = as_object(page.get("instagram_business_account"))
        if account_id := text(account.get("id")):
            name, token = text(page.get("name")), text(page.get("access_token"))
            found.append(Reachable(account_id, text(account.get("username")), name, token))
    return found


def _asker(settings: Instagram, token: str) -> str:
    if settings.app_id and settings.app_secret is not None:
        return f"{settings.app_id}|{settings.app_secret.reveal().strip()}"
    return token


def _dead(graph: Graph, error: Json) -> GraphFault:
    return GraphFault(
        Fault(
            Reach.ANSWERED,
            status=400,
            code=whole(error.get("code")) or 190,
            subcode=whole(error.get("subcode")) or whole(error.get("error_subcode")),
            message="Meta says that the token is not valid",
        ),
        graph.name,
    )


def _must_have(value: str, what: str) -> None:
    if not value:
        raise NeedsPerson(
            f"Without {what} in the settings a token cannot be exchanged for one that lasts.",
            remedy="They stand in the Meta app under App settings, Basic (Instagram Login: under API setup).",
        )
