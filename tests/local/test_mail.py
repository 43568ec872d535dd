"""Alerts by e-mail, to a real mail server on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_string, policy
from email.message import EmailMessage
from pathlib import Path

import attrs
import pytest

from storyline_core import Alert, AlertLevel, NeedsPerson, Secret, Unavailable
from storyline_local import Email
from storyline_local.channels import Security
from storyline_local.mail import EmailNotifier
from tests.local.certificates import certificate
from tests.local.mail_server import Mailbox, closed_port, mail_server

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ALERT = Alert("health/pool/main", AlertLevel.WARNING, "pool of main: 4 items can be posted.", "Add pictures.")


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail_server(Mailbox()) as served:
        yield served


def to(port: int, **other: object) -> EmailNotifier:
    given: dict[str, object] = {
        "host": "localhost",
        "port": port,
        "sender": "storyline@example.com",
        "to": ("ada@example.com", "bob@example.com"),
        "security": Security.NONE,
    }
    return EmailNotifier(Email(**(given | other)), name="mail", now=lambda: NOW)  # type: ignore[arg-type]


def read(box: Mailbox) -> EmailMessage:
    message = message_from_string(box.taken[-1][2], policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_an_alert_is_one_mail_to_everybody(box: Mailbox) -> None:
    to(box.port).alert(ALERT)
    [(sender, people, _)] = box.taken
    assert (sender, people) == ("storyline@example.com", ("ada@example.com", "bob@example.com"))
    message = read(box)
    assert message["Subject"] == "Storyline: Warning: pool of main: 4 items can be posted."
    assert message["To"] == "ada@example.com, bob@example.com"
    assert message["Date"] == "Fri, 01 May 2026 12:00:00 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().replace("\r\n", "\n") == (
        "Warning: pool of main: 4 items can be posted.\n\nAdd pictures.\n\n(health/pool/main)\n"
    )


def test_that_it_is_mended_belongs_to_the_same_conversation(box: Mailbox) -> None:
    to(box.port).alert(ALERT)
    before = read(box)
    to(box.port).alert(attrs.evolve(ALERT, cleared=True))
    after = read(box)
    assert after["References"] == before["References"]
    assert after["Subject"] == "Storyline: Mended: pool of main: 4 items can be posted."
    assert "Add pictures" not in after.get_content()


@pytest.mark.parametrize("text", ["a\r\nBcc: eve@example.com\r\n\r\nx", "ä\nö ü", "long " * 200, "\x1b[31mred"])
def test_no_text_makes_a_header_of_its_own(box: Mailbox, text: str) -> None:
    to(box.port).alert(Alert("k", AlertLevel.ERROR, text))
    message = read(box)
    assert message["Bcc"] is None
    assert box.taken[-1][1] == ("ada@example.com", "bob@example.com")
    assert "\x1b" not in message["Subject"]
    assert len(message["Subject"]) <= 120


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_a_password_goes_only_over_an_encrypted_line(
    security: Security, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    box = Mailbox(certificate=file, tls_from_the_start=security is Security.TLS, passwords={"ada": "hunter2"})
    with mail_server(box):
        notifier = to(box.port, security=security, username="ada", password=Secret("hunter2"))
        assert notifier.check() == "localhost takes mail for 2 people"
        assert box.taken == []
        notifier.alert(ALERT)
        assert box.encrypted == [True]
        assert box.logins == [("ada", "hunter2")] * 2
        wrong = to(box.port, security=security, username="ada", password=Secret("hunter3"))
        with pytest.raises(NeedsPerson, match="does not let us in") as error:
            wrong.alert(ALERT)
        assert "hunter3" not in str(error.value)
        assert "[notifiers.mail]" in error.value.remedy


def test_a_strange_certificate_and_a_server_without_any_are_told(box: Mailbox, tmp_path: Path) -> None:
    with mail_server(Mailbox(certificate=certificate(tmp_path), passwords={"ada": "x"})) as strange:
        with pytest.raises(NeedsPerson, match="not trusted"):
            to(strange.port, security=Security.STARTTLS, username="ada", password=Secret("x")).alert(ALERT)
        assert strange.logins == []
    with pytest.raises(NeedsPerson, match="cannot do what is asked"):
        to(box.port, security=Security.STARTTLS).alert(ALERT)


def test_what_settings_cannot_mean_is_refused() -> None:
    with pytest.raises(ValueError, match="not sent in the open"):
        to(1, username="ada", password=Secret("x"))
    with pytest.raises(ValueError, match="belong together"):
        to(1, security=Security.TLS, username="ada")
    with pytest.raises(ValueError, match="not an address of a person"):
        to(1, to=("ada",))
    with pytest.raises(ValueError, match="names nobody"):
        to(1, to=())
    with pytest.raises(ValueError, match="not an address of a person"):
        to(1, sender="a@b\nBcc: c@d")


@pytest.mark.parametrize(
    ("verb", "answer", "error"),
    [
        ("MAIL", "451 later, please", Unavailable),
        ("MAIL", "550 not from there", NeedsPerson),
        ("DATA", "452 no room", Unavailable),
        ("AFTER", "554 spam", NeedsPerson),
        ("AFTER", "421 going down", Unavailable),
    ],
)
def test_answers_are_understood(box: Mailbox, verb: str, answer: str, error: type[Exception]) -> None:
    box.answers[verb] = answer
    with pytest.raises(error, match=answer[:3]):
        to(box.port).alert(ALERT)


def test_some_strangers_are_no_reason_to_tell_the_others_again(box: Mailbox) -> None:
    box.strangers = frozenset({"bob@example.com"})
    to(box.port).alert(ALERT)
    assert box.taken[0][1] == ("ada@example.com",)
    box.strangers = frozenset({"ada@example.com", "bob@example.com"})
    with pytest.raises(NeedsPerson, match="none of these people"):
        to(box.port).alert(ALERT)


def test_nobody_there_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="Connection refused"):
        to(closed_port()).check()


def test_a_server_that_drips_meets_the_deadline() -> None:
    settings = Email("localhost", "a@b", ("c@d",), security=Security.NONE)
    with mail_server(Mailbox(drips=True)) as slow, pytest.raises(Unavailable):
        EmailNotifier(
            attrs.evolve(settings, port=slow.port), name="mail", now=lambda: NOW, within=timedelta(seconds=0.3)
        ).alert(ALERT)
