"""Lists in pages, with cursors that stay where they were when new things come in at the top."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import datetime
from urllib.parse import urlencode

import attrs

from tests.instagram.graph_api.clock import parse_moment
from tests.instagram.graph_api.errors import Json, invalid
from tests.instagram.graph_api.state import VERSION, Media, State

Key = tuple[float, str]


@attrs.frozen
class Listing:
    """What one request for a list wants; ``path`` and ``token`` are for the address of the next page."""

    params: dict[str, str]
    path: str
    token: str


def key_of(one: Media) -> Key:
    """Where an item stands: newest first."""
    return (-one.at.timestamp(), one.id)


def page(state: State, listing: Listing, items: Sequence[Media], node: Callable[[Media], Json]) -> Json:
    """One page of a list. Raises ``GraphRefused`` (100) for a bad limit, cursor or time."""
    limit = _limit(state, listing.params.get("limit"))
    since, until = (_moment(listing.params.get(name), name) for name in ("since", "until"))
    inside = [one for one in items if (since is None or one.at >= since) and (until is None or one.at <= until)]
    inside.sort(key=key_of)
    after, before = listing.params.get("after"), listing.params.get("before")
    sizes = state.knobs.page_sizes
    shown = limit if not sizes else min(limit, sizes.pop(0))
    if after:
        place = _read(state, after)
        rest = [one for one in inside if key_of(one) > place]
    elif before:
        place = _read(state, before)
        earlier = [one for one in inside if key_of(one) < place]
        rest = earlier[-limit:]
    else:
        rest = inside
    found = rest[:shown]
    last = key_of(found[-1]) if found else (_read(state, after) if after else (float("-inf"), ""))
    more = any(key_of(one) > last for one in inside)
    told: Json = {"data": [node(one) for one in found]}
    if found or more:
        told["paging"] = _paging(state, listing, key_of(found[0]) if found else last, last, more, limit)
    return told


def _paging(state: State, listing: Listing, first: Key, last: Key, more: bool, limit: int) -> Json:
    cursors = {"before": _write(state, first), "after": _write(state, last)}
    told: Json = {"cursors": cursors}
    if more:
        query = {name: value for name, value in listing.params.items() if name not in {"before", "appsecret_proof"}}
        query |= {"access_token": listing.token, "limit": str(limit), "after": cursors["after"]}
        told["next"] = f"{state.address}{listing.path}?{urlencode(query)}"
    return told


def path_of(host: str, rest: str) -> str:
    """The path of an edge, as ``next`` has it."""
    return f"/{host}/{VERSION}/{rest}"


def _limit(state: State, text: str | None) -> int:
    if text is None:
        return min(25, state.knobs.page_most)
    if not text.isdigit() or int(text) < 1:
        raise invalid("(#100) Param limit must be a positive integer")
    return min(int(text), state.knobs.page_most)


def _moment(text: str | None, name: str) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_moment(text)
    except ValueError:
        raise invalid(f"(#100) Param {name} must be a valid timestamp") from None


def _write(state: State, key: Key) -> str:
    return urlsafe_b64encode(f"{state.cursor_epoch}|{key[0]!r}|{key[1]}".encode()).decode()


def _read(state: State, cursor: str) -> Key:
    try:
        epoch, at, number = urlsafe_b64decode(cursor.encode()).decode().split("|")
        if int(epoch) != state.cursor_epoch:
            raise ValueError(cursor)
        return (float(at), number)
    except ValueError:
        raise invalid("(#100) Invalid cursor: the paging cursor is expired or was made for another list") from None
