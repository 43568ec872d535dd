"""Access tokens: signed for with a service account's key, or renewed for a person who signed in once."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

import attrs

from storyline_core import NeedsPerson, PrivateState, hide_from_now_on
from storyline_gdrive.answers import Json, parsed, text, whole

SIGNED_IN = "signed-in"
"""Under this name the private state keeps what a person's sign-in left."""

SCOPES: Mapping[str, str] = {
    "read": "https://www.googleapis.com/auth/drive.readonly",
    "picked": "https://www.googleapis.com/auth/drive.file",
    "write": "https://www.googleapis.com/auth/drive",
}

Form = Mapping[str, str]
Ask = Callable[[str, Form], Json]
"""Posts a form to a token address and gives the answer; retries what can be retried."""

_EARLY = timedelta(minutes=2)
_ASSERTED = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_TOKEN_ADDRESS = re.compile(
    r"https://([a-z0-9-]+\.)*googleapis\.com/|https://accounts\.google\.com/|http://127\.0\.0\.1:"
)


class Credentials(Protocol):
    """Who asks, and how an access token is come by."""

    @property
    def account(self) -> str:
        """The address of whoever asks."""

    def form(self) -> tuple[str, Form]:
        """The address and the form that a new access token is asked for with. Raises `NeedsPerson`."""


@attrs.frozen
class SignedIn:
    """What a sign-in left: who it was, their refresh token, the scope that was granted, when (ISO 8601)."""

    account: str
    refresh_token: str = attrs.field(repr=False)
    scope: str
    at: str

    def spelled(self) -> str:
        """For the private state."""
        return json.dumps(attrs.asdict(self))


def read_signed_in(state: PrivateState) -> SignedIn | None:
    """The stored sign-in, or None. Raises `NeedsPerson` when it cannot be decrypted."""
    kept = state.get(SIGNED_IN)
    told = parsed(kept.encode()) if kept else {}
    if not text(told.get("refresh_token")):
        return None
    hide_from_now_on(text(told["refresh_token"]))
    return SignedIn(*(text(told.get(name)) for name in ("account", "refresh_token", "scope", "at")))


@attrs.frozen
class Robot:
    """A service account by its key file."""

    account: str
    scope: str
    token_url: str
    key_id: str
    now: Callable[[], datetime] = attrs.field(repr=False)
    private_key: str = attrs.field(repr=False)

    def form(self) -> tuple[str, Form]:
        """Signed for an hour by the key."""
        issued = int(self.now().timestamp())
        claims = {
            "iss": self.account, "scope": self.scope, "aud": self.token_url, "iat": issued, "exp": issued + 3600,
        }  # fmt: skip
        return self.token_url, {"grant_type": _ASSERTED, "assertion": self._signed(claims)}

    def _signed(self, claims: Mapping[str, object]) -> str:
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        wrong = NeedsPerson(
            f"The key of {self.account} cannot be read.", remedy="Download a new JSON key for the service account."
        )
        try:
            key = load_pem_private_key(self.private_key.encode(), password=None)
        except (ValueError, TypeError):
            raise wrong from None
        if not isinstance(key, RSAPrivateKey):
            raise wrong
        header = {"alg": "RS256", "typ": "JWT", "kid": self.key_id}
        signing = b".".join(_b64(json.dumps(part).encode()) for part in (header, claims))
        return (signing + b"." + _b64(key.sign(signing, PKCS1v15(), SHA256()))).decode()


def read_key(content: str, scope: str, now: Callable[[], datetime]) -> Robot:
    """A service account's key file. Raises `ValueError` for anything else."""
    told = parsed(content.encode())
    fields = [text(told.get(name)) for name in ("client_email", "token_uri", "private_key_id", "private_key")]
    if told.get("type") != "service_account" or not all(fields):
        raise ValueError("the key is no JSON key file of a service account. Download it again from the Cloud console.")
    email, token_url, key_id, private_key = fields
    hide_from_now_on(private_key)
    if not _TOKEN_ADDRESS.match(token_url):
        raise ValueError("the key file names a token_uri that is not Google's. It is not used.")
    return Robot(email, scope, token_url, key_id, now, private_key)


@attrs.frozen
class Person:
    """A person who signed in once; what that left is read anew each time, since another process may renew it."""

    state: PrivateState = attrs.field(repr=False)
    client_id: str
    client_secret: str = attrs.field(repr=False)
    token_url: str
    sign_in: str

    @property
    def account(self) -> str:
        """The address that was signed in with; "" before that."""
        found = read_signed_in(self.state)
        return found.account if found else ""

    def form(self) -> tuple[str, Form]:
        """By the refresh token."""
        found = read_signed_in(self.state)
        if found is None:
            raise NeedsPerson("Nobody has signed in to Google Drive yet.", remedy=self.sign_in)
        return self.token_url, {
            "grant_type": "refresh_token",
            "refresh_token": found.refresh_token,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }


@attrs.frozen
class Given:
    """A refresh token that is not stored yet, while a sign-in is being tried out."""

    account: str
    refresh_token: str = attrs.field(repr=False)
    client_id: str
    client_secret: str = attrs.field(repr=False)
    token_url: str

    def form(self) -> tuple[str, Form]:
        """By the refresh token."""
        return self.token_url, {
            "grant_type": "refresh_token",
            "refresh_token": self.refresh_token,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }


class Tokens:
    """The access token in use; renewed a little before its end."""

    def __init__(self, credentials: Credentials, ask: Ask, now: Callable[[], datetime]) -> None:
        self.credentials = credentials
        self._ask = ask
        self._now = now
        self._token = ""
        self._until: datetime | None = None

    def token(self) -> str:
        """An access token that is good for some minutes. Raises `NeedsPerson` or `Unavailable`."""
        if self._until is None or self._now() >= self._until:
            address, form = self.credentials.form()
            told = self._ask(address, form)
            self._token = text(told.get("access_token"))
            life = timedelta(seconds=whole(told.get("expires_in")) or 300)
            self._until = self._now() + max(life - _EARLY, timedelta(seconds=1))
        return self._token

    def drop(self) -> None:
        """The token was refused: the next call asks for a new one."""
        self._until = None


def _b64(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")
