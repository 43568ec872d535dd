"""The paths of the Graph API: which operation a request is, who asks, and what it gets."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import nullcontext

import attrs

from tests.instagram.graph_api import containers, fields, media, paging, tokens
from tests.instagram.graph_api.asking import Answered, Request, Target
from tests.instagram.graph_api.errors import THROTTLED, GraphRefused, Json, unsupported
from tests.instagram.graph_api.state import VERSION, Container, Media, Owner, State, Token

OLDEST, NEWEST = 21, 26
NAMED = {
    "oauth/access_token": "token.exchange",
    "access_token": "token.exchange_instagram",
    "refresh_access_token": "token.refresh",
    "debug_token": "token.debug",
    "me": "me.get",
    "me/accounts": "pages.list",
    "me/permissions": "permissions.list",
}
ONLY = {
    "token.exchange": "facebook",
    "token.exchange_instagram": "instagram",
    "token.refresh": "instagram",
    "pages.list": "facebook",
    "permissions.list": "facebook",
}
EDGES = {
    ("GET", "media"): "media.list",
    ("POST", "media"): "media.create",
    ("POST", "media_publish"): "media.publish",
    ("GET", "stories"): "stories.list",
    ("GET", "content_publishing_limit"): "limit.get",
}
OWN_LOCK = {"media.create", "container.get", "media.publish"}
WITHOUT_SPEAKER = {"token.exchange", "token.debug", "token.exchange_instagram", "token.refresh"}


@attrs.frozen
class Place:
    """What a path names: the version in it, what is left, and the operation."""

    version: str | None
    rest: tuple[str, ...]
    operation: str


@attrs.define(eq=False)
class Ask:
    """One call of an operation, by somebody."""

    state: State
    request: Request
    place: Place
    token: Token

    @property
    def owner(self) -> Owner:
        """The account in the path. Raises ``GraphRefused`` (100/33) where it is none of the token's."""
        number = self.place.rest[0]
        if number == "me" and self.token.owner.login == "instagram":
            return self.token.owner
        owner = self.state.owners.get(number)
        if owner is None or not tokens.reaches(self.state, self.token, owner):
            raise unsupported(self.request.target.method, number)
        return owner

    def media(self) -> Media:
        """The post in the path."""
        one = self.state.media[self.place.rest[0]]
        if not tokens.reaches(self.state, self.token, one.owner):
            raise unsupported("get", one.id)
        return one

    def container(self) -> Container:
        """The container in the path."""
        one = self.state.containers[self.place.rest[0]]
        if not tokens.reaches(self.state, self.token, one.owner):
            raise unsupported("get", one.id)
        return one

    def path(self) -> str:
        """The path for the next page."""
        return paging.path_of(self.request.target.host, "/".join(self.place.rest))


def place_of(state: State, target: Target) -> Place:
    """Which operation a request is; ``unknown`` for what is none."""
    version, rest = None, target.parts
    if rest and re.fullmatch(r"v\d+\.\d+", rest[0]):
        version, rest = rest[0], rest[1:]
    named = NAMED.get("/".join(rest))
    if named is not None and ONLY.get(named, target.host) == target.host and target.method in {"GET", "POST"}:
        return Place(version, rest, named)
    if len(rest) == 2 and rest[1] == "children" and target.method == "GET" and rest[0] in state.media:
        return Place(version, rest, "children.list")
    if len(rest) == 2:
        return Place(version, rest, EDGES.get((target.method, rest[1]), "unknown"))
    if len(rest) == 1 and target.method == "GET":
        return Place(version, rest, _node_operation(state, rest[0]))
    return Place(version, rest, "unknown")


def _node_operation(state: State, number: str) -> str:
    if number in state.containers:
        return "container.get"
    if number in state.media:
        return "media.get"
    if number in state.owners:
        return "account.get"
    if any(number == owner.page_id for owner in state.owners.values()):
        return "page.get"
    return "unknown"


def answer(state: State, request: Request, place: Place) -> Answered:
    """What a call gets, with the usage it has used up in the headers."""
    account: str | None = None
    try:
        with state.lock:
            if not state.budget.admit(state.clock.now()):
                raise GraphRefused(state.budget.code)
            _check_version(place.version)
        told, account = _told(state, request, place)
        return Answered.json(told, headers=headers(state, account))
    except GraphRefused as refused:
        account = account or _account_of(state, request)
        return refusal(state, refused, account)


def refusal(state: State, refused: GraphRefused, account: str | None) -> Answered:
    """An error as an answer; a throttled call tells usage of a hundred percent."""
    told = headers(state, account) | refused.headers
    if refused.code == 190:
        told["WWW-Authenticate"] = 'OAuth "Facebook Platform" "invalid_token" "Invalid OAuth access token."'
    if refused.code in THROTTLED and refused.subcode is None and "X-App-Usage" not in told:
        told["X-App-Usage"] = '{"call_count":100,"total_cputime":25,"total_time":25}'
    return Answered.json(refused.told(), refused.status, told)


def headers(state: State, account: str | None) -> dict[str, str]:
    """What every answer carries."""
    with state.lock:
        usage = state.usage.headers(account) or state.budget.usage(state.clock.now()).headers(account)
    return {"facebook-api-version": VERSION, "Cache-Control": "private, no-cache, no-store"} | usage


def _account_of(state: State, request: Request) -> str | None:
    given = tokens.given_token(request.headers, request.params, request.target.query).text
    token = state.tokens.get(given or "")
    return None if token is None else token.owner.id


def _check_version(version: str | None) -> None:
    if version is not None and not OLDEST <= int(version[1:].partition(".")[0]) <= NEWEST:
        raise GraphRefused(2635, None, f"(#2635) You are calling a version of the API that is not there: {version}")


def _told(state: State, request: Request, place: Place) -> tuple[Json, str | None]:
    operation = place.operation
    locked = nullcontext() if operation in OWN_LOCK else state.lock
    with locked:
        if operation in WITHOUT_SPEAKER:
            return PLAIN[operation](state, request), None
        token = tokens.speaker(state, request, request.target.host)
        if operation == "unknown":
            raise unsupported(request.target.method, place.rest[0] if place.rest else "")
        ask = Ask(state, request, place, token)
        if operation in {"media.create", "media.publish"}:
            tokens.must(token, tokens.PUBLISH)
        return HANDLERS[operation](ask), token.owner.id


def _page(ask: Ask) -> Json:
    owner = next(one for one in ask.state.owners.values() if one.page_id == ask.place.rest[0])
    if not tokens.reaches(ask.state, ask.token, owner):
        raise unsupported("get", ask.place.rest[0])
    mask = fields.parse(ask.request.params.get("fields", "id,name"))
    return fields.pick(media.page_node(ask.state, owner, owner.page_token), mask, media.PAGE_KNOWN, "Page")


PLAIN: Mapping[str, Callable[[State, Request], Json]] = {
    "token.exchange": tokens.exchange,
    "token.exchange_instagram": tokens.exchange_instagram,
    "token.refresh": tokens.refresh,
    "token.debug": tokens.debug,
}
HANDLERS: Mapping[str, Callable[[Ask], Json]] = {
    "me.get": lambda ask: media.me(ask.state, ask.token, ask.request),
    "pages.list": lambda ask: media.pages(ask.state, ask.token, ask.request),
    "permissions.list": lambda ask: media.permissions(ask.token),
    "page.get": _page,
    "account.get": lambda ask: media.account(ask.state, ask.owner, ask.request),
    "media.create": lambda ask: containers.create(ask.state, ask.owner, ask.request),
    "media.publish": lambda ask: containers.publish(ask.state, ask.owner, ask.request),
    "container.get": lambda ask: containers.get(ask.state, ask.container(), ask.request),
    "media.list": lambda ask: media.posts(ask.state, ask.owner, ask.request, ask.token, ask.path()),
    "stories.list": lambda ask: media.stories(ask.state, ask.owner, ask.request, ask.token, ask.path()),
    "children.list": lambda ask: media.children(ask.state, ask.media(), ask.request),
    "media.get": lambda ask: media.picked(ask.state, ask.media(), ask.request),
    "limit.get": lambda ask: media.limit(ask.state, ask.owner, ask.request),
}
