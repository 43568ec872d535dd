"""Alerts by e-mail: one attempt each, under a deadline; whether it is tried again is core's to say."""

from __future__ import annotations

import hashlib
import logging
import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime

from storyline_core import Alert, NeedsPerson, Unavailable
from storyline_local.cards import alert_text, clean
from storyline_local.channels import AlertsOnly, Email, Security
from storyline_local.deadline import within

log = logging.getLogger("storyline")

FOR_EACH_WORD = timedelta(seconds=15)
"""How long the server may be silent ..."""

FOR_EVERYTHING = timedelta(seconds=60)
"""... and how long all of it may take."""

_PORTS = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}
_SUBJECT_MOST = 120


class EmailNotifier(AlertsOnly):
    """Tells some people by mail, in one message to all of them, within so long or not at all."""

    def __init__(
        self, settings: Email, *, name: str, now: Callable[[], datetime], within: timedelta = FOR_EVERYTHING
    ) -> None:
        self._within = within
        self._settings = settings
        self._name = name
        self._now = now

    def alert(self, alert: Alert) -> None:
        """Send it. Raises `Unavailable` when the server does not take it now, `NeedsPerson` when it never will."""
        message = message_of(alert, self._settings, self._now())
        with self._server() as server:
            refused = server.send_message(message, self._settings.sender, list(self._settings.to))
        if refused:
            log.warning("%s: the mail server does not take mail for %s.", self._name, ", ".join(sorted(refused)))

    def check(self) -> str:
        """Whether the server lets us in; sends nothing."""
        with self._server() as server:
            server.noop()
        people = len(self._settings.to)
        return f"{self._settings.host} takes mail for {people} {'person' if people == 1 else 'people'}"

    @contextmanager
    def _server(self) -> Iterator[smtplib.SMTP]:
        """The server, logged in to; its errors as ours."""
        settings, server = self._settings, self._unconnected()
        try:
            with within(self._within, lambda: server.sock):
                server.connect(settings.host, settings.port or _PORTS[settings.security])
                if settings.security is Security.STARTTLS:
                    server.starttls(context=ssl.create_default_context())
                if settings.username is not None and settings.password is not None:
                    server.login(settings.username, settings.password.reveal())
                yield server
                with suppress(smtplib.SMTPException, OSError):
                    server.quit()
        except (smtplib.SMTPException, OSError) as error:
            raise self._told(error) from None
        finally:
            server.close()

    def _unconnected(self) -> smtplib.SMTP:
        seconds = FOR_EACH_WORD.total_seconds()
        if self._settings.security is Security.TLS:
            server: smtplib.SMTP = smtplib.SMTP_SSL(timeout=seconds, context=ssl.create_default_context())
        else:
            server = smtplib.SMTP(timeout=seconds)
        # Certificates are for names, and the library takes it from whom it was first asked for.
        server._host = self._settings.host  # type: ignore[attr-defined]  # noqa: SLF001
        return server

    def _told(self, error: Exception) -> Unavailable | NeedsPerson:
        host, here = self._settings.host, f"under [notifiers.{self._name}]"
        if isinstance(error, smtplib.SMTPAuthenticationError) and error.smtp_code >= 500:
            return NeedsPerson(f"{host} does not let us in.", remedy=f"Put the right username and password {here}.")
        if isinstance(error, smtplib.SMTPNotSupportedError):
            return NeedsPerson(f"{host} cannot do what is asked of it.", remedy=f"Choose another security {here}.")
        if isinstance(error, ssl.SSLCertVerificationError):
            return NeedsPerson(
                f"The certificate of {host} is not trusted: {error.verify_message}.",
                remedy=f"Name the server as its certificate does {here}.",
            )
        if isinstance(error, smtplib.SMTPRecipientsRefused):
            codes = [code for code, _ in error.recipients.values()]
            if codes and min(codes) >= 500:
                return NeedsPerson(f"{host} takes mail for none of these people.", remedy=f"Look at to {here}.")
        if isinstance(error, smtplib.SMTPResponseException) and 500 <= error.smtp_code < 600:
            return NeedsPerson(f"{host} refuses it ({error.smtp_code}).", remedy=f"Look at sender and to {here}.")
        return Unavailable(f"{host} does not take mail just now ({_why(error)}).")


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"it answered {error.smtp_code}"
    if isinstance(error, OSError) and not isinstance(error, smtplib.SMTPException) and error.strerror:
        return error.strerror
    return type(error).__name__


def message_of(alert: Alert, settings: Email, now: datetime) -> EmailMessage:
    """The mail that tells of an alert. All mails of one alert belong to one conversation."""
    message = EmailMessage()
    text = " ".join(clean(f"Mended: {alert.text}" if alert.cleared else alert.text).split())
    level = "" if alert.cleared else f"{alert.level.value.capitalize()}: "
    subject = f"Storyline: {level}{text}"
    message["Subject"] = subject if len(subject) <= _SUBJECT_MOST else subject[: _SUBJECT_MOST - 1] + "…"
    message["From"], message["To"] = settings.sender, ", ".join(settings.to)
    message["Date"] = format_datetime(now)
    conversation = hashlib.sha256(alert.key.encode()).hexdigest()[:20]
    instant = f"{now.timestamp():.6f}"
    message["Message-ID"] = f"<{conversation}.{instant}@storyline.invalid>"
    message["References"] = f"<{conversation}@storyline.invalid>"
    message["Auto-Submitted"] = "auto-generated"
    lines = [alert_text(alert) if alert.cleared else clean(f"{level}{alert.text}")]
    if alert.remedy and not alert.cleared:
        lines += ["", clean(alert.remedy)]
    lines += ["", f"({alert.key})"]
    message.set_content("\n".join(lines) + "\n")
    return message
