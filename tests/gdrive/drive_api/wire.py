"""The server's HTTP side: connections that stay open, bodies in pieces, and the faults that happen on the way."""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.gdrive.drive_api import uploads
from tests.gdrive.drive_api.asking import Answered
from tests.gdrive.drive_api.limits import Fault, Way
from tests.gdrive.drive_api.refusals import Refused, TokenRefused
from tests.gdrive.drive_api.routes import Exchange, Target, refusal
from tests.gdrive.drive_api.state import Call

SECRETS = {"access_token", "token", "upload_id", "code", "client_secret", "state", "code_challenge"}


class Gone(Exception):
    """The connection ends here, on purpose."""


class Connection(BaseHTTPRequestHandler):
    """One client's connection, for as long as it stays."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Listener

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the class it overrides
        """Nothing: calls are kept in the state."""

    def do_GET(self) -> None:
        """A question."""
        self._guarded()

    def do_POST(self) -> None:
        """Something new."""
        self._guarded()

    def do_PATCH(self) -> None:
        """A change."""
        self._guarded()

    def do_PUT(self) -> None:
        """A piece of an upload."""
        self._guarded()

    def do_DELETE(self) -> None:
        """Away with it."""
        self._guarded()

    def _guarded(self) -> None:
        try:
            self._one()
        except (Gone, ConnectionError, TimeoutError):
            self.close_connection = True

    def _one(self) -> None:
        exchange = self.server.exchange
        state = exchange.state
        try:
            target = Target.of(self.command, self.path)
            if len(self.path) > state.knobs.longest_target:
                raise Refused(414, "uriTooLong", html=True)
        except Refused as refused:
            self._body(None)
            self._give(refusal(refused), None)
            return
        with state.record.lock:
            fault = state.faults.take(target.operation, target.method, target.path)
        body, whole = self._body(fault.after_bytes if fault is not None and fault.way is Way.CUT_UPLOAD else None)
        if not whole:
            self._broken(target, body)
        if fault is not None and fault.way is Way.CUT_BEFORE:
            self._log(target, 0, None, 0)
            self._reset()
        if fault is not None and fault.way is Way.SLOW and self.server.closing.wait(fault.seconds):
            raise Gone
        answered, email = self._answer(target, fault, body)
        cut = fault is not None and fault.way is Way.CUT_BODY
        sent = min(len(answered.body), fault.after_bytes) if cut and fault is not None else len(answered.body)
        self._log(target, answered.code, email, sent)
        self._after(fault)
        self._give(answered, fault)

    def _answer(self, target: Target, fault: Fault | None, body: bytes) -> tuple[Answered, str | None]:
        exchange, headers = self.server.exchange, {name.lower(): value for name, value in self.headers.items()}
        try:
            if fault is not None and fault.refusal is not None:
                raise fault.refusal
            with exchange.state.record.lock:
                return exchange.answer(target, headers, body)
        except (Refused, TokenRefused) as refused:
            return refusal(refused), None

    def _log(self, target: Target, code: int, email: str | None, sent: int) -> None:
        state = self.server.exchange.state
        query = {name: value for name, value in target.query.items() if name not in SECRETS}
        call = Call(target.operation, target.method, target.path, query, state.clock.now(), code, email, sent)
        state.calls.append(call)

    def _body(self, most: int | None) -> tuple[bytes, bool]:
        """What the client sends, and whether that was all of it; with ``most``, only so many bytes are taken."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            parts: list[bytes] = []
            while size := int(self.rfile.readline().partition(b";")[0] or b"0", 16):
                parts.append(self.rfile.read(size))
                if len(parts[-1]) < size or (most is not None and sum(map(len, parts)) >= most):
                    return b"".join(parts)[:most], False
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts), True
        size = int(self.headers.get("Content-Length") or 0)
        wanted = size if most is None else min(size, most)
        body = self.rfile.read(wanted)
        return body, len(body) == size and most is None

    def _broken(self, target: Target, body: bytes) -> None:
        """The body did not come whole: an upload keeps what there is, anything else has no effect."""
        exchange = self.server.exchange
        with exchange.state.record.lock:
            if target.operation == "upload.send":
                try:
                    uploads.broken(exchange.session(target), self.headers.get("Content-Range"), body)
                except Refused:
                    pass
        self._log(target, 0, None, 0)
        self._reset()

    def _after(self, fault: Fault | None) -> None:
        if fault is not None and fault.way is Way.CUT_AFTER:
            self._reset()
        if fault is not None and fault.way is Way.SILENT:
            while not self.server.closing.is_set():
                if select.select([self.connection], [], [], 0.05)[0]:
                    break
            raise Gone

    def _reset(self) -> None:
        """The client sees "connection reset by peer", not an orderly end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.server.forget(self.connection)
        raise Gone

    def _give(self, answered: Answered, fault: Fault | None) -> None:
        self.send_response(answered.code, "Resume Incomplete" if answered.code == 308 else None)
        for name, value in answered.headers.items():
            self.send_header(name, value)
        if answered.code != 204:
            if answered.body:
                self.send_header("Content-Type", answered.kind)
            self.send_header("Content-Length", str(len(answered.body)))
        self.end_headers()
        raw, rate = answered.body, None
        if fault is not None and fault.way is Way.CUT_BODY:
            self.wfile.write(raw[: fault.after_bytes])
            self.wfile.flush()
            raise Gone
        rate = None if fault is None else fault.bytes_per_second
        if rate is None:
            self.wfile.write(raw)
            self.wfile.flush()
            return
        step = max(1, rate // 20)
        for start in range(0, len(raw), step):
            self.wfile.write(raw[start : start + step])
            self.wfile.flush()
            if self.server.closing.wait(step / rate):
                raise Gone


class Listener(ThreadingHTTPServer):
    """The listening socket and its connections, all of which end with it."""

    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.closing = threading.Event()
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(("127.0.0.1", 0), Connection)

    def process_request(self, request: object, client_address: object) -> None:
        """Remembers the connection, so that closing can end it."""
        assert isinstance(request, socket.socket)
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: object) -> None:
        """The connection is over; one that was reset is closed without an orderly end."""
        assert isinstance(request, socket.socket)
        with self._guard:
            orderly = request in self._open
            self._open.discard(request)
        if orderly:
            super().shutdown_request(request)
        else:
            request.close()

    def forget(self, request: socket.socket) -> None:
        """This connection gets no orderly end."""
        with self._guard:
            self._open.discard(request)

    def end(self) -> None:
        """Ends every connection and waits for its thread."""
        self.closing.set()
        self.shutdown()
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            with self._guard:
                open_now = list(self._open)
            if not open_now:
                break
            for one in open_now:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue
            time.sleep(0.005)
        self.server_close()
