"""A mail server on loopback that speaks enough SMTP for a real client: EHLO, STARTTLS, AUTH PLAIN, MAIL, RCPT, DATA."""

from __future__ import annotations

import base64
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import attrs


@attrs.define
class Mailbox:
    """What the server does and has taken. `answers` replace the usual answer to a word."""

    port: int = 0
    taken: list[tuple[str, tuple[str, ...], str]] = attrs.field(factory=list)
    logins: list[tuple[str, str]] = attrs.field(factory=list)
    encrypted: list[bool] = attrs.field(factory=list)
    answers: dict[str, str] = attrs.field(factory=dict)
    strangers: frozenset[str] = frozenset()
    passwords: dict[str, str] = attrs.field(factory=dict)
    certificate: Path | None = None
    tls_from_the_start: bool = False
    drips: bool = False


class _Talk(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        with suppress(OSError):
            self._talk()
        # One that was encrypted meanwhile is not the one that the library closes.
        for each in (self.rfile, self.wfile, self.request):
            with suppress(OSError):
                each.close()

    def _talk(self) -> None:
        box = self.server.box
        if box.drips:
            while not self.server.stopping.wait(0.05):
                self.request.sendall(b"2")
            return
        self.secure, self.sender, self.people = False, "", []  # type: ignore[var-annotated]
        if box.tls_from_the_start:
            self._encrypt()
        self._say("220 loopback ready")
        while line := self.rfile.readline(2_000):
            word = line.decode().strip()
            verb = word.split(" ", 1)[0].upper()
            if verb in box.answers:
                self._say(box.answers[verb])
                continue
            if verb == "QUIT":
                self._say("221 bye")
                return
            self._answer(verb, word)

    def _answer(self, verb: str, word: str) -> None:
        box = self.server.box
        if verb == "EHLO":
            offers = ["loopback", *(["STARTTLS"] if box.certificate and not self.secure else [])]
            offers += ["AUTH PLAIN"] if box.passwords else []
            for number, offer in enumerate(offers):
                self._say(f"250{' ' if number == len(offers) - 1 else '-'}{offer}")
        elif verb == "STARTTLS":
            self._say("220 go on")
            self._encrypt()
        elif verb == "AUTH":
            _, name, password = base64.b64decode(word.split(" ")[2]).decode().split("\0")
            box.logins.append((name, password))
            right = box.passwords.get(name) == password
            self._say("235 welcome" if right else "535 wrong name or password")
        elif verb == "MAIL":
            self.sender, self.people = word.partition("<")[2].partition(">")[0], []
            self._say("250 yes")
        elif verb == "RCPT":
            person = word.partition("<")[2].partition(">")[0]
            if person in box.strangers:
                self._say("550 nobody of that name")
            else:
                self.people.append(person)
                self._say("250 yes")
        elif verb == "DATA":
            self._take()
        else:
            self._say("250 fine")

    def _take(self) -> None:
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.decode())
        box = self.server.box
        box.taken.append((self.sender, tuple(self.people), "".join(lines)))
        box.encrypted.append(self.secure)
        self._say(box.answers.get("AFTER", "250 taken"))

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def _encrypt(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(self.server.box.certificate))
        self.request = context.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", buffering=0)
        self.secure = True


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, box: Mailbox) -> None:
        self.box = box
        self.stopping = threading.Event()
        super().__init__(("127.0.0.1", 0), _Talk)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no error of the server."""


@contextmanager
def mail_server(box: Mailbox) -> Iterator[Mailbox]:
    """Serve a mailbox on a free port of loopback."""
    with _Server(box) as server:
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield box
        finally:
            server.stopping.set()
            server.shutdown()
            thread.join()


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
