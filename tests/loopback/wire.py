"""The HTTP side of a loopback server: connections that stay open, bodies in pieces, and ends on purpose."""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.loopback.faults import Planned, Way


class Gone(Exception):
    """The connection ends here, on purpose."""


class Connection(BaseHTTPRequestHandler):
    """One client's connection, for as long as it stays. A server says in ``answer_one`` what a request gets."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Listener

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the class it overrides
        """Nothing: servers keep a record of their own."""

    def answer_one(self) -> None:
        """Reads one request and answers it. May raise ``Gone``."""
        raise NotImplementedError

    def _guarded(self) -> None:
        """One request; a client that goes away is no error of the server."""
        try:
            self.answer_one()
        except (Gone, ConnectionError, TimeoutError):
            self.close_connection = True

    def do_GET(self) -> None:
        self._guarded()

    def do_HEAD(self) -> None:
        self._guarded()

    def do_POST(self) -> None:
        self._guarded()

    def do_PATCH(self) -> None:
        self._guarded()

    def do_PUT(self) -> None:
        self._guarded()

    def do_DELETE(self) -> None:
        self._guarded()

    def body(self, most: int | None = None) -> tuple[bytes, bool]:
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

    def before(self, fault: Planned | None) -> None:
        """What a fault does between a request and its effect."""
        if fault is None:
            return
        if fault.way is Way.CUT_BEFORE:
            self.reset()
        if fault.way is Way.SILENT_BEFORE:
            self.hold()
        if fault.way is Way.SLOW and self.server.closing.wait(fault.seconds):
            raise Gone

    def after(self, fault: Planned | None) -> None:
        """What a fault does between the effect and the answer."""
        if fault is not None and fault.way is Way.CUT_AFTER:
            self.reset()
        if fault is not None and fault.way is Way.SILENT:
            self.hold()

    def hold(self) -> None:
        """Says nothing until the client is gone, or the server ends."""
        while not self.server.closing.is_set():
            if select.select([self.connection], [], [], 0.05)[0]:
                break
        raise Gone

    def reset(self) -> None:
        """The client sees "connection reset by peer", not an orderly end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.server.forget(self.connection)
        raise Gone

    def give(
        self, code: int, headers: Mapping[str, str], body: bytes, fault: Planned | None = None, words: str | None = None
    ) -> None:
        """Sends an answer, as slowly and as much of it as a fault says."""
        self.send_response(code, words)
        for name, value in headers.items():
            self.send_header(name, value)
        if code != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault is not None and fault.way is Way.CUT_BODY:
            self.wfile.write(body[: fault.after_bytes])
            self.wfile.flush()
            raise Gone
        rate = None if fault is None else fault.bytes_per_second
        if rate is None:
            self.wfile.write(body)
            self.wfile.flush()
            return
        step = max(1, rate // 20)
        for start in range(0, len(body), step):
            self.wfile.write(body[start : start + step])
            self.wfile.flush()
            if self.server.closing.wait(step / rate):
                raise Gone


class Listener(ThreadingHTTPServer):
    """The listening socket and its connections, all of which end with it."""

    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(self, connection: type[Connection], closing: threading.Event | None = None, port: int = 0) -> None:
        self.closing = closing or threading.Event()
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        super().__init__(("127.0.0.1", port), connection)

    @property
    def address(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self.server_port}"

    def begin(self) -> None:
        """Answers on a thread of its own from now on."""
        self._thread.start()

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
        self._thread.join()
