"""Alerts by HTTP POST: one attempt each, under a deadline; whether it is tried again is core's to say."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from storyline_core import Alert, NeedsPerson, Unavailable
from storyline_local.cards import alert_text, clean
from storyline_local.channels import AlertsOnly, Form, Webhook, address_of
from storyline_local.deadline import within

FOR_EACH_WORD = timedelta(seconds=10)
"""How long the other side may be silent ..."""

FOR_EVERYTHING = timedelta(seconds=20)
"""... and how long all of it may take."""

_DISCORD_MOST = 2_000
_SPEAKS = {"json": "application/json", "text": "text/plain; charset=utf-8"}


class WebhookNotifier(AlertsOnly):
    """Tells one address, within so long or not at all. No redirect is followed: it would lead to a stranger."""

    def __init__(
        self, settings: Webhook, *, name: str, now: Callable[[], datetime], within: timedelta = FOR_EVERYTHING
    ) -> None:
        self._within = within
        self._name = name
        self._now = now
        self._form = settings.form
        self._token = settings.token
        self._address = address_of(settings.url)

    def alert(self, alert: Alert) -> None:
        """Send it. Raises `Unavailable` when nobody answers, `NeedsPerson` when it is not wanted there."""
        body = self._body(alert).encode()
        headers = {
            "Content-Type": _SPEAKS["text" if self._form is Form.TEXT else "json"],
            "User-Agent": "storyline",
            "Connection": "close",
        }
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.reveal()}"
        path = (self._address.path or "/") + (f"?{self._address.query}" if self._address.query else "")
        connection = self._connection()
        try:
            with within(self._within, lambda: connection.sock):
                connection.request("POST", path, body, headers)
                # Its first line says whether it was taken; whoever is slow with the rest is not told again for that.
                answer = connection.getresponse()
                answer.close()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unavailable(f"{self._where} does not answer ({_why(error)}).") from None
        finally:
            connection.close()
        self._judge(answer.status, answer.getheader("Retry-After"))

    def check(self) -> str:
        """Whether somebody answers at the address; sends nothing. Raises `Unavailable`."""
        connection = self._connection()
        try:
            with within(self._within, lambda: connection.sock):
                connection.connect()
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"{self._where} does not answer ({_why(error)}).") from None
        finally:
            connection.close()
        return f"somebody answers at {self._where}"

    @property
    def _where(self) -> str:
        # The rest of the address is often as good as a password.
        return self._address.hostname or ""

    def _connection(self) -> http.client.HTTPConnection:
        seconds, port = FOR_EACH_WORD.total_seconds(), self._address.port
        if self._address.scheme == "https":
            safe = ssl.create_default_context()
            return http.client.HTTPSConnection(self._where, port, timeout=seconds, context=safe)
        return http.client.HTTPConnection(self._where, port, timeout=seconds)

    def _body(self, alert: Alert) -> str:
        text = alert_text(alert)
        if self._form is Form.TEXT:
            return text
        if self._form is Form.SLACK:
            return json.dumps({"text": text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")})
        if self._form is Form.DISCORD:
            short = text if len(text) <= _DISCORD_MOST else text[: _DISCORD_MOST - 1] + "…"
            return json.dumps({"content": short, "allowed_mentions": {"parse": []}})
        return json.dumps(
            {
                "key": alert.key,
                "status": "cleared" if alert.cleared else "open",
                "level": str(alert.level),
                "text": clean(alert.text),
                "remedy": clean(alert.remedy),
                "at": self._now().astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
                "message": text,
            },
            ensure_ascii=False,
        )

    def _judge(self, status: int, retry_after: str | None) -> None:
        if 200 <= status < 300:
            return
        said = f"{self._where} answered {status}"
        if status == 429 or status >= 500:
            wait = retry_after.strip() if retry_after else ""
            # Digits of other scripts are digits as well, and a date is a form of it that nobody sends.
            after = timedelta(seconds=int(wait)) if wait.isascii() and wait.isdigit() and len(wait) < 7 else None
            raise Unavailable(f"{said}.", retry_after=after)
        what = "that the address has moved" if 300 <= status < 400 else "that it does not take this"
        raise NeedsPerson(f"{said}: {what}.", remedy=f"Put the right url (or token) under [notifiers.{self._name}].")


def _why(error: Exception) -> str:
    """In a few words, and never with the address in them."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, socket.gaierror):
        return "there is no such host"
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
