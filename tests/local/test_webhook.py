"""Alerts by HTTP POST, to a real server on loopback."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_core import Alert, AlertLevel, NeedsPerson, Notifier, Secret, Unavailable
from storyline_local import Webhook
from storyline_local.channels import Form
from storyline_local.webhook import WebhookNotifier
from tests.local.certificates import certificate
from tests.local.mail_server import closed_port

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ALERT = Alert("health/disk", AlertLevel.ERROR, "disk: 0.1 GB <free> & falling.", "Make room.")


@attrs.define
class Hook:
    """What the server was sent, and what it answers."""

    port: int = 0
    seen: list[tuple[str, dict[str, str], bytes]] = attrs.field(factory=list)
    status: int = 204
    headers: dict[str, str] = attrs.field(factory=dict)
    drips: bool = False
    stopping: threading.Event = attrs.field(factory=threading.Event)


@contextmanager
def hook(tls: Path | None = None) -> Iterator[Hook]:
    """A server for as long as the block."""
    served = Hook()

    class Visitor(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            served.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            if served.drips:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not served.stopping.wait(0.05):
                    self.wfile.write(b"z")
                return
            self.send_response(served.status)
            for name, value in served.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    with Quiet(("127.0.0.1", 0), Visitor) as server:
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(str(tls))
            server.socket = context.wrap_socket(server.socket, server_side=True)
        served.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield served
        finally:
            served.stopping.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def served() -> Iterator[Hook]:
    with hook() as there:
        yield there


def to(url: str, form: Form = Form.JSON, token: str | None = None) -> WebhookNotifier:
    settings = Webhook(Secret(url), form, None if token is None else Secret(token))
    return WebhookNotifier(settings, name="ops", now=lambda: NOW)


def at(served: Hook, path: str = "/hooks/s3cret?x=1") -> str:
    return f"http://127.0.0.1:{served.port}{path}"


def test_everything_in_fields(served: Hook) -> None:
    to(at(served), token="t0ken").alert(ALERT)
    [(path, headers, body)] = served.seen
    assert path == "/hooks/s3cret?x=1"
    assert headers["authorization"] == "Bearer t0ken"
    assert json.loads(body) == {
        "key": "health/disk",
        "status": "open",
        "level": "error",
        "text": "disk: 0.1 GB <free> & falling.",
        "remedy": "Make room.",
        "at": "2026-05-01T12:00:00Z",
        "message": "Error: disk: 0.1 GB <free> & falling. Make room.",
    }
    to(at(served)).alert(attrs.evolve(ALERT, cleared=True))
    assert json.loads(served.seen[1][2])["status"] == "cleared"
    assert "authorization" not in served.seen[1][1]


@pytest.mark.parametrize(
    ("form", "body"),
    [
        (Form.SLACK, {"text": "Error: disk: 0.1 GB &lt;free&gt; &amp; falling. Make room."}),
        (
            Form.DISCORD,
            {"content": "Error: disk: 0.1 GB <free> & falling. Make room.", "allowed_mentions": {"parse": []}},
        ),
    ],
)
def test_as_others_want_it(served: Hook, form: Form, body: object) -> None:
    to(at(served), form).alert(ALERT)
    assert json.loads(served.seen[0][2]) == body


def test_the_words_alone(served: Hook) -> None:
    to(at(served), Form.TEXT).alert(ALERT)
    assert served.seen[0][2].decode() == "Error: disk: 0.1 GB <free> & falling. Make room."
    assert served.seen[0][1]["content-type"].startswith("text/plain")


def test_what_is_too_long_for_discord_is_cut(served: Hook) -> None:
    to(at(served), Form.DISCORD).alert(attrs.evolve(ALERT, text="x" * 5_000))
    assert len(json.loads(served.seen[0][2])["content"]) == 2_000


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, NeedsPerson),
        (307, NeedsPerson),
        (400, NeedsPerson),
        (404, NeedsPerson),
        (429, Unavailable),
        (503, Unavailable),
    ],
)
def test_answers_are_understood_and_the_address_is_never_told(
    served: Hook, status: int, error: type[Exception]
) -> None:
    served.status = status
    served.headers = {"Location": at(served, "/elsewhere"), "Retry-After": "90"}
    with pytest.raises(error) as told:
        to(at(served)).alert(ALERT)
    assert f"127.0.0.1 answered {status}" in str(told.value)
    assert "s3cret" not in str(told.value)
    assert len(served.seen) == 1, "nothing is sent elsewhere, and nothing twice"
    if isinstance(told.value, Unavailable):
        assert told.value.retry_after == timedelta(seconds=90)


def test_nobody_there_is_unavailable() -> None:
    notifier = to(f"http://127.0.0.1:{closed_port()}/s3cret")
    for call in (notifier.check, lambda: notifier.alert(ALERT)):
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1 does not answer \(Connection refused\)"):
            call()


def test_a_look_sends_nothing(served: Hook) -> None:
    assert to(at(served)).check() == "somebody answers at 127.0.0.1"
    assert served.seen == []


def test_a_server_that_drips_meets_the_deadline(served: Hook) -> None:
    served.drips = True
    notifier = WebhookNotifier(Webhook(at(served)), name="ops", now=lambda: NOW, within=timedelta(seconds=0.3))
    with pytest.raises(Unavailable, match="it took too long"):
        notifier.alert(ALERT)


def test_only_trusted_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = certificate(tmp_path)
    with hook(tls=file) as served:
        url = f"https://localhost:{served.port}/s3cret"
        with pytest.raises(Unavailable, match="certificate is not trusted"):
            to(url).alert(ALERT)
        assert served.seen == []
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        to(url).alert(ALERT)
        assert len(served.seen) == 1


@pytest.mark.parametrize(
    "url", ["", "ftp://x/y", "https://", "https:///x", "https://a b/", "https://ü/", "http://x:0/", "http://x:y/"]
)
def test_what_is_no_address_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(ValueError, match="not the address of a webhook") as error:
        Webhook(url)
    assert str(error.value) == "this is not the address of a webhook. Write https://HOST/PATH."


@given(st.text(max_size=80))
def test_whatever_is_written_is_an_address_or_refused(text: str) -> None:
    try:
        settings = Webhook(f"https://{text}")
    except ValueError:
        return
    assert isinstance(WebhookNotifier(settings, name="ops", now=lambda: NOW), Notifier)


def test_it_is_a_notifier_that_shows_no_cards() -> None:
    assert isinstance(to("https://example.com/"), Notifier)
