"""Ways out for alerts, and for nothing else: the notifiers `webhook` and `email`, as they are configured and opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

import attrs

from storyline_core import Draft, Kind, Message, NeedsPerson, Notifier, NotifierDefaults, Runtime, Secret, Traits


def _help(text: str) -> dict[str, str]:
    return {"help": text}


class Form(StrEnum):
    """What a webhook is sent."""

    JSON = "json"
    SLACK = "slack"
    DISCORD = "discord"
    TEXT = "text"


class Security(StrEnum):
    """How the way to a mail server is kept from being overheard."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


def address_of(url: str | Secret) -> SplitResult:
    """The parts of a webhook's address. Raises `ValueError`, which quotes nothing of it."""
    text = (url.reveal() if isinstance(url, Secret) else url).strip()
    parts: SplitResult | None = None
    with suppress(ValueError):
        found = urlsplit(text)
        # Asking for the port is what finds out that it is none.
        if found.scheme in ("http", "https") and found.hostname and found.port != 0:
            parts = found
    if parts is None or not text.isascii() or any(sign.isspace() for sign in text):
        raise ValueError("this is not the address of a webhook. Write https://HOST/PATH.")
    return parts


def _checked_address(_: object, __: object, value: str | Secret) -> None:
    address_of(value)


def _mail_address(_: object, __: object, value: str) -> None:
    if "@" not in value or any(sign.isspace() for sign in value) or not value.isprintable():
        raise ValueError(f"this is not an address of a person: {value!r}. Write name@example.com.")


def _mail_addresses(_: object, __: object, value: tuple[str, ...]) -> None:
    if not value:
        raise ValueError("this names nobody.")
    for each in value:
        _mail_address(None, None, each)


@attrs.frozen
class Webhook:
    """An address that is sent every alert by HTTP POST."""

    url: str | Secret = attrs.field(
        validator=_checked_address,
        metadata=_help('where to; often secret in itself: `{ env = "ALERTS_URL" }`'),
    )
    form: Form = attrs.field(
        default=Form.JSON,
        metadata=_help(
            "json: everything in fields; slack and discord: as these two want it; text: the words alone (ntfy)"
        ),
    )
    token: Secret | None = attrs.field(
        default=None, metadata=_help("sent as `Authorization: Bearer ...`, where the other side asks for one")
    )


@attrs.frozen
class Email:
    """A mail server that sends every alert to some people."""

    host: str = attrs.field(metadata=_help("the mail server that takes mail for sending"))
    sender: str = attrs.field(validator=_mail_address, metadata=_help("the address that it comes from"))
    to: tuple[str, ...] = attrs.field(validator=_mail_addresses, metadata=_help("the addresses that it goes to"))
    port: int | None = attrs.field(
        default=None,
        validator=attrs.validators.optional([attrs.validators.ge(1), attrs.validators.le(65_535)]),
        metadata=_help("left out: 587 for starttls, 465 for tls, 25 for none"),
    )
    security: Security = attrs.field(
        default=Security.STARTTLS,
        metadata=_help("starttls, tls, or none: then it may be read on its way, and no password is sent"),
    )
    username: str | None = attrs.field(default=None, metadata=_help("whom to log in as; left out: nobody"))
    password: Secret | None = attrs.field(default=None, metadata=_help("the password that belongs to it"))

    def __attrs_post_init__(self) -> None:
        if (self.username is None) is not (self.password is None):
            raise ValueError("username and password belong together: give both, or neither.")
        if self.password is not None and self.security is Security.NONE:
            raise ValueError("a password is not sent in the open: choose starttls or tls, or leave username out.")


class AlertsOnly(NotifierDefaults):
    """What all ways out for alerts have in common: they show no cards."""

    def offer(self, draft: Draft) -> Message:
        """Raises `NeedsPerson`: nobody could answer."""
        raise NeedsPerson(
            f"{draft.post.account} has a notifier that only tells alerts.",
            remedy="Give the account one that shows cards, such as telegram.",
        )


@contextmanager
def open_webhook(settings: Webhook, runtime: Runtime) -> Iterator[Notifier]:
    """Open a webhook; nothing is sent yet."""
    from storyline_local.webhook import WebhookNotifier

    yield WebhookNotifier(settings, name=runtime.name, now=runtime.now)


@contextmanager
def open_email(settings: Email, runtime: Runtime) -> Iterator[Notifier]:
    """Open a way to send mail; nothing is sent yet."""
    from storyline_local.mail import EmailNotifier

    yield EmailNotifier(settings, name=runtime.name, now=runtime.now)


WEBHOOK: Kind[Notifier] = Kind(
    name="webhook",
    settings=Webhook,
    open=open_webhook,
    traits=Traits(only_alerts=True),
    summary="alerts by HTTP POST to an address; shows no cards",
)
EMAIL: Kind[Notifier] = Kind(
    name="email",
    settings=Email,
    open=open_email,
    traits=Traits(only_alerts=True),
    summary="alerts by e-mail; shows no cards",
)
