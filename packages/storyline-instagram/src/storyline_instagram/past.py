"""What an account has posted before: page by page, albums part by part, and the bytes of each while they are given."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import BinaryIO

from storyline_core import PastKind, PastMedia, PastPage, Refused, Unavailable
from storyline_instagram.albums import parts_of
from storyline_instagram.answers import Json, as_object, objects, text
from storyline_instagram.connection import Connection
from storyline_instagram.downloads import Download, Expired
from storyline_instagram.graph import GraphFault, at
from storyline_instagram.options import Login

AT_ONCE = 50
"""How many posts are asked for at once."""

YIELDS_FROM = 50.0
"""From this percentage of a limit of Meta's on, the past gives way to publishing."""

_EDGES = {PastKind.FEED: "media", PastKind.STORIES: "stories"}
_PLAIN = "id,media_type,media_url,permalink,timestamp,children{id,media_type,media_url}"
_ALL = f"{_PLAIN},caption,media_product_type"
_TOO_MUCH = 1
_UNKNOWN_FIELD = 100
_LEAST = 5


class AccountPast:
    """The past of one account. The addresses of the last page are remembered while it is gone through."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._graph = connection.graph
        self._fields = _ALL
        self._at_once = AT_ONCE
        self._addresses: Mapping[str, str] = {}

    def page(self, kind: PastKind, cursor: str | None) -> PastPage:
        """One page, newest first. Raises `Refused` for a cursor that is not known any more, `Unavailable` with when."""
        told = self._asked(kind, cursor)
        parts = [part for post in objects(told.get("data")) for part in parts_of(post, kind)]
        self._addresses = {part.media.remote_id: part.address for part in parts if part.address}
        paging = as_object(told.get("paging"))
        after = text(as_object(paging.get("cursors")).get("after"))
        return PastPage(
            media=tuple(part.media for part in parts if not part.problem),
            cursor=after if after and text(paging.get("next")) and after != cursor else None,
            unreadable=tuple((part.media.remote_id, part.problem) for part in parts if part.problem),
        )

    def open(self, media: PastMedia) -> BinaryIO:
        """The bytes, streamed. An address that has expired is asked for anew, once.

        Where a fresh one gives nothing either, it is the place where files lie that has trouble, or keeps us out.
        """
        address = self._addresses.get(media.remote_id)
        if address is not None:
            with suppress(Expired):
                return self._opened(media, address)
        try:
            return self._opened(media, self._fresh_address(media))
        except Expired as error:
            raise Unavailable("Instagram's file server does not give its file, though its address is new.") from error

    def _opened(self, media: PastMedia, address: str) -> BinaryIO:
        return Download(self._graph, address, media.name).begin()

    def _fresh_address(self, media: PastMedia) -> str:
        self._connection.allowance.must_not_wait(slow_from=YIELDS_FROM)
        try:
            told = self._graph.get(at(media.remote_id), {"fields": "id,media_type,media_url"})
        except GraphFault as fault:
            if fault.fault.code == _UNKNOWN_FIELD:
                raise Refused("It is not on Instagram any more.") from None
            raise fault.as_core("asking where a picture lies") from None
        if address := text(told.get("media_url")):
            return address
        raise Refused("Instagram does not give its file any more.")

    def _asked(self, kind: PastKind, cursor: str | None) -> Json:
        account = self._connection.account_id()
        while True:
            self._connection.allowance.must_not_wait(slow_from=YIELDS_FROM)
            asked: dict[str, str | int] = {"fields": self._fields, "limit": self._at_once}
            if cursor is not None:
                asked["after"] = cursor
            try:
                return self._graph.get(at(account, _EDGES[kind]), asked)
            except GraphFault as fault:
                if not self._asks_for_less(fault, cursor):
                    raise fault.as_core(f"asking for the account's {kind.value}") from None

    def _asks_for_less(self, fault: GraphFault, cursor: str | None) -> bool:
        """Whether less can be asked for, since this was too much: fewer posts, or only fields that every login has."""
        if fault.fault.code == _TOO_MUCH and "reduce" in fault.fault.message and self._at_once > _LEAST:
            self._at_once = max(_LEAST, self._at_once // 2)
            return True
        narrow = self._connection.settings.login is Login.INSTAGRAM and self._fields != _PLAIN
        if narrow and fault.fault.code == _UNKNOWN_FIELD and "cursor" not in fault.fault.message:
            self._fields = _PLAIN
            return True
        return False
