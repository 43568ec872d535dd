"""Waiting for the browser: a door on this machine that Google sends it back to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from storyline_gdrive.consent import Asked, Foreign, NoConsent, code_in

_PAGE = (
    "<!doctype html><meta charset=utf-8><title>Storyline</title>"
    '<body style="font-family: sans-serif; margin: 4em auto; max-width: 30em"><h1>Storyline</h1><p>{}</p>'
)
_STEP_S = 0.25


class _Visit(BaseHTTPRequestHandler):
    """One visit of a browser."""

    timeout: ClassVar[float] = 5.0
    server: Door

    def do_GET(self) -> None:
        """Take the answer, or say that this is not it."""
        said = self.server.visited(self.path)
        page = _PAGE.format(said or "There is nothing here.").encode()
        self.send_response(200 if said else 404)
        for name, value in (("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(page)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the standard library's
        """Nothing is logged: the address holds the code."""


class Door(ThreadingHTTPServer):
    """A port on this machine only. `redirect` is its address.

    Browsers knock several times, and some say nothing then: each has a thread of its own.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Visit)
        self.redirect = f"http://127.0.0.1:{self.server_port}"
        self.asked: Asked | None = None
        self._code = ""
        self._wrong: NoConsent | None = None

    def visited(self, path: str) -> str:
        """What to say to a visitor; "" to one who brings no answer."""
        if self.asked is None or not path.startswith("/?"):
            return ""
        try:
            self._code = code_in(path, self.asked)
        except Foreign:
            # Somebody else's answer ends nothing.
            return ""
        except NoConsent as why:
            self._wrong = why
            return "Nothing was allowed. You can close this page."
        return "Thank you. You can close this page and go back to the terminal."

    def code(self, asked: Asked, wait_s: float, clock: Callable[[], float] = time.monotonic) -> str:
        """The code, once the browser has brought it. Raises `NoConsent` when it does not come, or says no."""
        self.asked, self.timeout = asked, _STEP_S
        until = clock() + wait_s
        while not self._code and self._wrong is None:
            if clock() > until:
                raise NoConsent(
                    "Nobody has answered in the browser. Nothing has changed. Run the command again; on a machine "
                    "without a browser, with --paste."
                )
            self.handle_request()
        if self._wrong is not None:
            raise self._wrong
        return self._code


@contextmanager
def door() -> Iterator[Door]:
    """Open the door; it is closed in the end."""
    opened = Door()
    try:
        yield opened
    finally:
        opened.server_close()
