"""The window: how the daemon is, by HTTP, for whoever asks this machine.

It shows what was looked at and looks at nothing itself: however many ask, and however slowly, no loop waits for them.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from storyline_core import Unavailable, spoken
from storyline_runner.daemon.looking import Look, Looking
from storyline_runner.daemon.pulse import Pulse
from storyline_runner.daemon.stopping import Stop

if TYPE_CHECKING:
    from storyline_core import Health, HealthSettings

log = logging.getLogger("storyline")

AT_ONCE = 8
"""So many may ask at the same time; others are sent away."""

FOR_EACH_WORD = timedelta(seconds=5)
FOR_EVERYTHING = timedelta(seconds=15)
"""How long somebody who asks may be silent, and how long all of it may take."""

GLANCE = timedelta(seconds=1)
_JSON = "application/json; charset=utf-8"


class Answers:
    """What there is to see, by path: each gives a code, a type and a body."""

    def __init__(
        self, looking: Looking, pulse: Pulse, clock: Callable[[], datetime], stopping: Callable[[], bool]
    ) -> None:
        self._looking, self._pulse, self._clock, self._stopping = looking, pulse, clock, stopping
        self.paths: Mapping[str, Callable[[], tuple[int, str, str]]] = {
            "/health": self._health,
            "/health/simple": lambda: (200, _JSON, _spelled({"status": "ok"})),
            "/health/live": self._live,
            "/health/ready": self._ready,
            "/metrics": self._metrics,
        }

    def _health(self) -> tuple[int, str, str]:
        from storyline_runner.shapes import health_shape

        health = seen(self._looking.ask())
        return 503 if health.status == "unhealthy" else 200, _JSON, _spelled(health_shape(health))

    def _live(self) -> tuple[int, str, str]:
        """Whether a loop of this process hangs: then starting it again is what helps. Asks nobody."""
        dead = self._pulse.hanging(self._clock())
        return 503 if dead else 200, _JSON, _spelled({"status": "dead" if dead else "alive", "loops": sorted(dead)})

    def _ready(self) -> tuple[int, str, str]:
        """Whether it is at work: the database answered lately, and nobody has told it to stop."""
        look = self._looking.latest()
        ready = look is not None and not look.stale and not self._stopping()
        ready = ready and not any(row.name == "database" and row.status == "unhealthy" for row in seen(look).checks)
        return 200 if ready else 503, _JSON, _spelled({"status": "ready" if ready else "not ready"})

    def _metrics(self) -> tuple[int, str, str]:
        from storyline_runner.daemon.metrics import metrics_text

        look = self._looking.ask()
        kind, text = metrics_text(seen(look), look.age if look is not None else None)
        return 200, kind, text


def seen(look: Look | None) -> Health:
    """What a look says to somebody outside: without secrets, and not believed when it is too old."""
    from storyline_core import Check, Health, Status, scrub

    if look is None:
        words = "nothing has been looked at yet"
        return Health((Check("check", Status.UNHEALTHY, words, "Ask again in a moment; then see the log."),))
    rows = [
        Check(row.name, row.status, scrub(row.message), scrub(row.remedy), row.alert, row.figures)
        for row in look.health.checks
    ]
    if look.stale:
        words = f"the last look was {spoken(look.age)} ago, and none has ended since"
        rows.insert(0, Check("check", Status.UNHEALTHY, words, "Storyline hangs: see its log, and start it again."))
    return Health(tuple(rows))


def _spelled(document: object) -> str:
    return json.dumps(document, ensure_ascii=False) + "\n"


def show(settings: HealthSettings, answers: Answers, stop: Stop) -> None:
    """Answer until somebody says stop. Raises `Unavailable` when nothing can be opened at that address."""
    if settings.port is None:
        return
    address = f"[{settings.bind}]:{settings.port}" if ":" in settings.bind else f"{settings.bind}:{settings.port}"
    with _opened(settings.bind, settings.port, address, answers) as window:
        log.info("How it is, by HTTP: http://%s/health", address)
        window.timeout = GLANCE.total_seconds()
        while not stop():
            window.handle_request()


def _opened(bind: str, port: int, address: str, answers: Answers) -> _Window:
    try:
        return _Window((bind, port), answers)
    except OSError as error:
        raise Unavailable(
            f"{address} cannot be used ({error.strerror or error}). Change [health] port or bind, or end what uses it."
        ) from error


class _Window(ThreadingHTTPServer):
    """A server that sends away whoever is one too many."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], answers: Answers) -> None:
        self.answers = answers
        self._free = threading.BoundedSemaphore(AT_ONCE)
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Visitor)

    def server_bind(self) -> None:
        """Bind without asking a name server who we are, as the library would."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Answer in a thread of its own, if there is one free."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        """One visitor, for as long as they may stay."""
        timer = threading.Timer(FOR_EVERYTHING.total_seconds(), _cut, (request,))
        timer.daemon = True
        timer.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            timer.cancel()
            self._free.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """A visitor who went away is no news."""
        log.debug("Somebody who asked how it is went away.", exc_info=False)


def _cut(request: socket.socket) -> None:
    with suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)


class _Visitor(BaseHTTPRequestHandler):
    """One request."""

    server: _Window
    timeout = FOR_EACH_WORD.total_seconds()
    server_version = "storyline"
    sys_version = ""

    def do_GET(self) -> None:
        """Show what is asked for."""
        path = self.path.partition("?")[0].rstrip("/") or "/"
        answer = self.server.answers.paths.get(path)
        if answer is None:
            known = "\n".join(self.server.answers.paths)
            self._say(404, "text/plain; charset=utf-8", f"There is nothing here. There is:\n{known}\n")
            return
        try:
            code, kind, body = answer()
        except Exception as error:  # noqa: BLE001 - whoever asks gets an answer, and no trace of what went wrong
            log.error("How it is cannot be told: %s", type(error).__name__, exc_info=False)
            code, kind, body = 503, _JSON, _spelled({"status": "unhealthy", "checks": []})
        self._say(code, kind, body)

    do_HEAD = do_GET  # noqa: N815 - the library's name for it

    def _say(self, code: int, kind: str, body: str) -> None:
        spelled = body.encode()
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(spelled)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(spelled)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the library's name for it
        """Nothing: it would be a line for every question."""
