"""Google's OAuth server: consent in a browser, codes with PKCE, tokens that expire, keys of service accounts."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from urllib.parse import urlencode

import attrs

from tests.gdrive.drive_api.asking import Answered
from tests.gdrive.drive_api.clock import Clock, wall_clock
from tests.gdrive.drive_api.refusals import Json, TokenRefused
from tests.gdrive.drive_api.signing import Key, session_key
from tests.gdrive.drive_api.tree import Person

GOOGLE_TOKEN_URI = "https://oauth2.googleapis.com/token"
ASSERTED = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LOOPBACK = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/.*)?")


@attrs.define(eq=False)
class Client:
    """An app that was registered: one for the desktop may be sent back to any port of this machine.

    ``testing``: its consent screen is in "Testing", so that refresh tokens end after seven days.
    """

    id: str
    secret: str
    testing: bool = False
    redirects: tuple[str, ...] = ()

    def key_file(self, address: str) -> Json:
        """The client's file as Google hands it out, with this server's addresses."""
        return {
            "installed": {
                "client_id": self.id, "project_id": "storyline-tests", "auth_uri": f"{address}/auth",
                "token_uri": f"{address}/token", "client_secret": self.secret, "redirect_uris": ["http://localhost"],
            }
        }  # fmt: skip


@attrs.define(eq=False)
class Grant:
    """What a person allowed a client to do; it ends for all its tokens together."""

    email: str
    client: str
    scopes: frozenset[str]
    until: datetime | None = None
    revoked: bool = False


@attrs.frozen
class Access:
    """An access token's grant and end."""

    grant: Grant
    until: datetime


@attrs.frozen
class Code:
    """A code that is good once, for ten minutes."""

    grant: Grant
    redirect: str
    challenge: str
    method: str
    until: datetime


def _b64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@attrs.define(eq=False)
class OAuth:
    """Clients, consents and tokens. ``at_browser`` is who sits there, None for somebody who says no.

    ``ticks``: which of the asked scopes the person leaves ticked (None: all). ``picks``: what they pick where a client
    lets them, with the consent; ``hand`` is told of it.
    """

    clock: Clock
    people: Mapping[str, Person]
    address: str = ""
    clients: dict[str, Client] = attrs.field(factory=dict)
    keys: dict[str, tuple[str, Key]] = attrs.field(factory=dict)
    at_browser: Person | None = None
    ticks: frozenset[str] | None = None
    picks: tuple[str, ...] = ()
    hand: Callable[[str, str], None] = lambda client, number: None
    codes: dict[str, Code] = attrs.field(factory=dict)
    access: dict[str, Access] = attrs.field(factory=dict)
    refresh: dict[str, Grant] = attrs.field(factory=dict)
    life: timedelta = timedelta(hours=1)

    def access_token(self, grant: Grant) -> str:
        """A new access token, good for an hour."""
        token = "ya29." + secrets.token_urlsafe(48)
        self.access[token] = Access(grant, self.clock.now() + self.life)
        return token

    def refresh_token(self, grant: Grant) -> str:
        """A new refresh token."""
        token = "1//0" + secrets.token_urlsafe(48)
        self.refresh[token] = grant
        return token

    def grant_of(self, token: str) -> Grant | None:
        """The grant of an access token that is still good."""
        found = self.access.get(token)
        if found is None or found.until <= self.clock.now() or self._ended(found.grant):
            return None
        return found.grant

    def _ended(self, grant: Grant) -> bool:
        return grant.revoked or (grant.until is not None and grant.until <= self.clock.now())

    def key_file(self, account: Person, key: Key | None = None) -> Json:
        """A service account's key file, with this server's addresses. Later files do not end earlier ones."""
        made = session_key() if key is None else key
        key_id = hashlib.sha256(f"{account.email}{made.n}".encode()).hexdigest()[:40]
        self.keys[key_id] = (account.email, made)
        return {
            "type": "service_account", "project_id": "storyline-tests", "private_key_id": key_id,
            "private_key": made.pem(), "client_email": account.email, "client_id": account.permission_id,
            "auth_uri": f"{self.address}/auth", "token_uri": f"{self.address}/token",
            "universe_domain": "googleapis.com",
        }  # fmt: skip

    # The consent page

    def consent(self, query: Mapping[str, str]) -> Answered:
        """``GET /auth``: sends the browser back with a code, or with an error; a page where nobody can be sent to."""
        client = self.clients.get(query.get("client_id", ""))
        redirect = query.get("redirect_uri", "")
        if client is None:
            return self._page("Error 401: invalid_client", "The OAuth client was not found.")
        if redirect not in client.redirects and not LOOPBACK.fullmatch(redirect):
            return self._page("Error 400: redirect_uri_mismatch", "The redirect URI does not match.")
        scopes = frozenset(query.get("scope", "").split())
        if query.get("response_type") != "code" or not scopes:
            return self._page("Error 400: invalid_request", "Required parameter is missing: response_type or scope")
        state = {"state": query["state"]} if "state" in query else {}
        if self.at_browser is None:
            return self._back(redirect, {"error": "access_denied", **state})
        granted = scopes if self.ticks is None else scopes & self.ticks
        until = self.clock.now() + timedelta(days=7) if client.testing else None
        grant = Grant(self.at_browser.email, client.id, granted, until)
        code = "4/0A" + secrets.token_urlsafe(40)
        self.codes[code] = Code(
            grant, redirect, query.get("code_challenge", ""), query.get("code_challenge_method", "plain"),
            self.clock.now() + timedelta(minutes=10),
        )  # fmt: skip
        picked = self._picked(client.id, query)
        return self._back(redirect, {**state, "code": code, "scope": " ".join(sorted(granted)), **picked})

    def _picked(self, client: str, query: Mapping[str, str]) -> dict[str, str]:
        """What the person picked in the picker that comes with the consent, if the client asked for one."""
        if query.get("trigger_onepick") != "true" or not self.picks or query.get("prompt") != "consent":
            return {}
        for number in self.picks:
            self.hand(client, number)
        return {"picked_file_ids": ",".join(self.picks)}

    def _page(self, title: str, words: str) -> Answered:
        page = f"<!doctype html><title>{title}</title><p>Access blocked: {words}"
        return Answered(400, page.encode(), "text/html; charset=utf-8")

    def _back(self, redirect: str, told: Mapping[str, str]) -> Answered:
        sign = "&" if "?" in redirect else "?"
        return Answered(302, b"", "text/html", {"Location": f"{redirect}{sign}{urlencode(told)}"})

    # Tokens

    def token(self, form: Mapping[str, str]) -> Json:
        """``POST /token``. Raises ``TokenRefused``."""
        kind = form.get("grant_type")
        if kind == "authorization_code":
            return self._by_code(form)
        if kind == "refresh_token":
            return self._by_refresh(form)
        if kind == ASSERTED:
            return self._by_assertion(form.get("assertion", ""))
        if kind is None:
            raise TokenRefused(400, "invalid_request", "Required parameter is missing: grant_type")
        raise TokenRefused(400, "unsupported_grant_type", f"Invalid grant_type: {kind}")

    def _client(self, form: Mapping[str, str]) -> Client:
        client = self.clients.get(form.get("client_id", ""))
        if client is None:
            raise TokenRefused(401, "invalid_client", "The OAuth client was not found.")
        if not hmac.compare_digest(client.secret, form.get("client_secret", "")):
            raise TokenRefused(401, "invalid_client", "The provided client secret is invalid.")
        return client

    def _told(self, grant: Grant) -> Json:
        return {
            "access_token": self.access_token(grant), "expires_in": int(self.life.total_seconds()) - 1,
            "scope": " ".join(sorted(grant.scopes)), "token_type": "Bearer",
        }  # fmt: skip

    def _by_code(self, form: Mapping[str, str]) -> Json:
        client = self._client(form)
        code = self.codes.pop(form.get("code", ""), None)
        if code is None or code.grant.client != client.id or code.until <= self.clock.now():
            raise TokenRefused(400, "invalid_grant", "Malformed auth code.")
        if form.get("redirect_uri") != code.redirect:
            raise TokenRefused(400, "redirect_uri_mismatch", "Bad Request")
        verifier = form.get("code_verifier", "")
        if code.challenge and not verifier:
            raise TokenRefused(400, "invalid_grant", "Missing code verifier.")
        made = verifier
        if code.method == "S256":
            made = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        if made != code.challenge:
            raise TokenRefused(400, "invalid_grant", "Invalid code verifier.")
        told = self._told(code.grant) | {"refresh_token": self.refresh_token(code.grant)}
        if code.grant.until is not None:
            told["refresh_token_expires_in"] = int((code.grant.until - self.clock.now()).total_seconds())
        return told

    def _by_refresh(self, form: Mapping[str, str]) -> Json:
        client = self._client(form)
        grant = self.refresh.get(form.get("refresh_token", ""))
        if grant is None or grant.client != client.id:
            raise TokenRefused(400, "invalid_grant", "Bad Request")
        if self._ended(grant):
            raise TokenRefused(400, "invalid_grant", "Token has been expired or revoked.")
        return self._told(grant)

    def _by_assertion(self, assertion: str) -> Json:
        email, scopes = self._asserted(assertion)
        told = self._told(Grant(email, email, scopes))
        del told["scope"]
        return told

    def _asserted(self, assertion: str) -> tuple[str, frozenset[str]]:
        """Who signed an assertion, and the scopes that it asks for."""
        try:
            head, body, signature = assertion.split(".")
            header, claims, raw = json.loads(_b64(head)), json.loads(_b64(body)), _b64(signature)
            issuer, key_id = str(claims["iss"]), str(header.get("kid", ""))
            begins, ends = int(claims["iat"]), int(claims["exp"])
        except (ValueError, KeyError, TypeError, AttributeError):
            raise TokenRefused(400, "invalid_grant", "Invalid JWT: Failed to parse.") from None
        if issuer not in self.people or not self.people[issuer].is_robot:
            raise TokenRefused(400, "invalid_grant", "Invalid grant: account not found")
        email, key = self.keys.get(key_id, ("", None))
        signed = f"{head}.{body}".encode()
        if header.get("alg") != "RS256" or key is None or email != issuer or not key.signs(signed, raw):
            raise TokenRefused(400, "invalid_grant", "Invalid JWT Signature.")
        if claims.get("aud") not in {f"{self.address}/token", GOOGLE_TOKEN_URI}:
            raise TokenRefused(400, "invalid_grant", "Invalid JWT: Failed audience check.")
        if "sub" in claims and claims["sub"] != issuer:
            raise TokenRefused(401, "unauthorized_client", "Client is unauthorized to retrieve access tokens.")
        clocks = (self.clock.now().timestamp(), wall_clock().timestamp())
        if ends - begins > 3660 or not any(begins <= now + 300 and ends > now for now in clocks):
            raise TokenRefused(
                400, "invalid_grant",
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
                "Check your iat and exp values in the JWT claim.",
            )  # fmt: skip
        scopes = frozenset(str(claims.get("scope", "")).split())
        if not scopes:
            raise TokenRefused(400, "invalid_scope", "Empty or missing scope not allowed.")
        return issuer, scopes

    def revoke(self, token: str) -> None:
        """``POST /revoke``: an access or refresh token, and with it all of its grant. Raises ``TokenRefused``."""
        found = self.access.get(token)
        grant = self.refresh.get(token) if found is None else found.grant
        if grant is None or self._ended(grant):
            raise TokenRefused(400, "invalid_token", "Token expired or revoked")
        grant.revoked = True

    def end(self, person: Person) -> None:
        """A person takes every client's rights back, as on their account's page."""
        grants = [*self.refresh.values(), *(one.grant for one in self.access.values())]
        for grant in grants:
            if grant.email == person.email:
                grant.revoked = True

    def drop_key(self, account: Person) -> None:
        """A service account's keys are deleted: its next assertion is refused; tokens that are out stay good."""
        self.keys = {key_id: held for key_id, held in self.keys.items() if held[0] != account.email}


def basic_credentials(header: str) -> dict[str, str]:
    """Client id and secret from an ``Authorization: Basic`` header, which clients may use instead of the form."""
    if not header.startswith("Basic "):
        return {}
    try:
        client, _, secret = b64decode(header[6:]).decode().partition(":")
    except ValueError:
        return {}
    return {"client_id": client, "client_secret": secret}
