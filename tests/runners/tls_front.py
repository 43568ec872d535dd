"""What stands before a managed PostgreSQL: it wants TLS, and drops connections when it likes."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import attrs
from sqlalchemy import make_url

SSL_REQUEST = struct.pack("!ii", 8, 80877103)
REFUSAL = b"SFATAL\0C28000\0Mno pg_hba.conf entry for host, no encryption\0\0"


@attrs.define
class TlsFront:
    """Accepts encrypted connections on a port of this machine and hands them on to a server without TLS."""

    behind: str
    tls: ssl.SSLContext
    listener: socket.socket
    going: list[socket.socket] = attrs.field(factory=list)
    accepted: int = 0

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.listener.getsockname()[1])

    def url(self, options: str) -> str:
        """The address of the database behind it, as a settings file has it."""
        name = make_url(self.behind).database
        return f"postgresql://postgres@localhost:{self.port}/{name}?{options}"

    def drop_everybody(self) -> None:
        """Close every connection without a word."""
        going, self.going = self.going, []
        for each in going:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def serve(self) -> None:
        """Accept until the listener is closed."""
        with suppress(OSError):
            while True:
                plain, _ = self.listener.accept()
                threading.Thread(target=self._greet, args=(plain,), daemon=True).start()

    def _greet(self, plain: socket.socket) -> None:
        with suppress(OSError):
            asked = plain.recv(8, socket.MSG_PEEK)
            if asked != SSL_REQUEST:
                plain.sendall(b"E" + struct.pack("!i", len(REFUSAL) + 4) + REFUSAL)
                plain.close()
                return
            plain.recv(8)
            plain.sendall(b"S")
            client = self.tls.wrap_socket(plain, server_side=True)
            server = self._connected()
            self.accepted += 1
            self.going += [client, server]
            threading.Thread(target=_pump, args=(server, client), daemon=True).start()
            _pump(client, server)

    def _connected(self) -> socket.socket:
        url = make_url(self.behind)
        folder = url.query.get("host")
        if isinstance(folder, str):
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{folder}/.s.PGSQL.{url.port or 5432}")
            return server
        return socket.create_connection((url.host or "localhost", url.port or 5432))


def _pump(here: socket.socket, there: socket.socket) -> None:
    with suppress(OSError, ValueError):
        while part := here.recv(65536):
            there.sendall(part)
    for each in (here, there):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


@contextmanager
def tls_front(behind: str, certificate: Path) -> Iterator[TlsFront]:
    """One before the server of that URL, until the end of the block."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        front = TlsFront(behind, tls, listener)
        serving = threading.Thread(target=front.serve, daemon=True)
        serving.start()
        yield front
        front.drop_everybody()
        listener.shutdown(socket.SHUT_RDWR)
        serving.join(10)
