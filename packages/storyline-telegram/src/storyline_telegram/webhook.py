"""Hearing what people do by being told: a small web server behind a proxy, that only Telegram's secret opens."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import attrs

from storyline_core import Controls, NeedsPerson, Secret
from storyline_telegram.faults import Trouble
from storyline_telegram.heard import Json
from storyline_telegram.hearing import reading_fault
from storyline_telegram.intake import Crew, Intake, number_of
from storyline_telegram.sending import Sending

if TYPE_CHECKING:
    from tornado.httpserver import HTTPServer

    from storyline_telegram.client import Client

log = logging.getLogger("storyline.telegram")

LARGEST_UPDATE = 1_000_000
"""Bytes of a request that are read."""

LOOKED_AFTER = 300.0
"""Seconds after which it is looked up whether Telegram still pushes to this address."""

HELD_FOR = 20.0
"""Seconds for which a push waits for what it asked for, where that can only be remembered by Telegram."""

_HEADER = "X-Telegram-Bot-Api-Secret-Token"
_LOOK = 0.1
_ENDED_WITHIN = 3.0


@attrs.frozen
class Door:
    """Where updates come in: the public address, the secret, and where the server listens on this machine."""

    url: str
    secret: Secret
    bind: str
    port: int


class Pushed:
    """Hears for one notifier through a webhook."""

    def __init__(self, sending: Sending, intake: Intake, door: Door) -> None:
        self._sending = sending
        self._intake = intake
        self._door = door
        self._told = False

    def listen(self, controls: Controls, stop: Callable[[], bool]) -> None:
        """Deal with everything as it comes until `stop()` is True. Raises what only a person can mend."""
        if stop():
            return
        crew, connection = Crew(), self._sending.connection
        try:
            running = connection.begin(self._serve(connection.client, self._intake.left(), controls, crew))
            pause = threading.Event()
            while not stop() and not running.done():
                pause.wait(_LOOK)
            ended = running.done()
            running.cancel()
            if ended:
                running.result()
            else:
                self._taken_away()
        except Trouble as trouble:
            raise reading_fault(trouble, self._sending.name) from None
        finally:
            crew.close()

    def _taken_away(self) -> None:
        """Let Telegram keep what comes from now on, for whoever listens next."""
        try:
            self._sending.connection.call(lambda client: client.delete_webhook(), _ENDED_WITHIN)
        except Trouble as trouble:
            log.warning("Telegram goes on pushing to %s, since it could not be told: %s", self._door.url, trouble)

    async def _serve(self, client: Client, left: Sequence[Json], controls: Controls, crew: Crew) -> None:
        bot = (await client.me()).username
        for update in left:
            while not self._intake.dispatch(update, controls, bot, crew):
                await asyncio.sleep(_LOOK)
        server = self._opened(lambda update: self._taken(update, controls, bot, crew))
        try:
            while True:
                await self._kept(client)
                await asyncio.sleep(LOOKED_AFTER)
        finally:
            server.stop()
            # Telegram keeps its connections open for the next update; nobody would read it.
            with suppress(TimeoutError):
                await asyncio.wait_for(server.close_all_connections(), _CLOSED_WITHIN)

    async def _kept(self, client: Client) -> None:
        """Let Telegram push here, also after somebody has told it otherwise."""
        try:
            there = await client.webhook()
            if there == self._door.url and self._told:
                return
            if self._told:
                log.warning("Somebody has told Telegram to push elsewhere. It pushes here again.")
            await client.set_webhook(self._door.url, self._door.secret.reveal())
            self._told = True
        except Trouble as trouble:
            if not self._told:
                raise
            log.warning("It could not be looked up whether Telegram still pushes here: %s", trouble)

    async def _taken(self, update: Json, controls: Controls, bot: str, crew: Crew) -> bool:
        """Deal with an update, and wait until Telegram may forget it. Whether it may."""
        if not self._intake.dispatch(update, controls, bot, crew):
            return False
        until = asyncio.get_running_loop().time() + HELD_FOR
        while not await self._intake.in_hand.settled(number_of(update)):
            if asyncio.get_running_loop().time() > until:
                return False
        return True

    def _opened(self, take: Callable[[Json], Awaitable[bool]]) -> HTTPServer:
        try:
            from tornado.httpserver import HTTPServer
            from tornado.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine
        except ImportError:
            raise NeedsPerson(
                "Hearing through a webhook needs the package tornado.",
                remedy="Install it: pip install 'storyline-telegram[webhook]'.",
            ) from None
        path, secret = urlsplit(self._door.url).path or "/", self._door.secret.reveal()

        answering: set[asyncio.Task[None]] = set()

        async def answer(request: HTTPServerRequest) -> None:
            code = status_of(request.method or "", request.path or "", request.headers.get(_HEADER, ""), path, secret)
            if code == 200:
                code = await _code_for(request.body, take)
            assert request.connection is not None
            start = ResponseStartLine("HTTP/1.1", code, _WORDS[code])
            # Telegram may have hung up meanwhile; then it pushes again.
            with suppress(IOError):
                request.connection.write_headers(start, HTTPHeaders({"Content-Length": "0"}))
                request.connection.finish()

        def answered(request: HTTPServerRequest) -> None:
            task = asyncio.ensure_future(answer(request))
            answering.add(task)
            task.add_done_callback(answering.discard)

        server = HTTPServer(answered, max_body_size=LARGEST_UPDATE)
        try:
            server.add_socket(_listening(self._door.bind, self._door.port))
        except OSError as error:
            raise NeedsPerson(
                f"Nothing can listen on {self._door.bind}:{self._door.port}: {error.strerror or error}.",
                remedy=f"Free the port, or set another one under [notifiers.{self._sending.name}.webhook].",
            ) from None
        return server


_CLOSED_WITHIN = 2.0
_WORDS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
          503: "Service Unavailable"}  # fmt: skip


def status_of(method: str, path: str, given: str, wanted_path: str, secret: str) -> int:
    """Whether a request is Telegram's own: 200, or why not."""
    if path != wanted_path:
        return 404
    if method != "POST":
        return 405
    same = hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode("utf-8", "replace"))
    return 200 if same else 403


async def _code_for(body: bytes, take: Callable[[Json], Awaitable[bool]]) -> int:
    try:
        update = json.loads(body)
    except ValueError:
        return 400
    if not isinstance(update, dict):
        return 400
    # What finds no room, or is not done for long, is pushed again by Telegram a little later.
    return 200 if await take(update) else 503


def _listening(bind: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    made = socket.create_server((bind, port), family=family)
    made.setblocking(False)
    return made
