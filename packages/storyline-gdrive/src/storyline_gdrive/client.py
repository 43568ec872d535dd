"""Google's API over HTTP: one way to ask, with tries, pauses and an end to them. The only place that knows httpx."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlsplit

import attrs
import httpx

from storyline_core import PluginFault, Unavailable, hide_from_now_on, keep_logs_discreet
from storyline_gdrive.answers import Json, as_object, objects, parsed, text, unspelled
from storyline_gdrive.credentials import Credentials, Form, Tokens
from storyline_gdrive.deadlines import ALLOWED, Bounded, trusted
from storyline_gdrive.pace import Carried, Pace, Turns
from storyline_gdrive.troubles import Refusal, Remedy, fault_of, remedy_of

FILES = "/drive/v3/files"
_LOUD = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy")
Params = Mapping[str, str | int | bool]
Answer = TypeVar("Answer")

TESTING = (
    "If the app's consent screen says Testing, Google ends every sign-in after seven days: publish the app there, "
    "or use a service account."
)


class Refuses(Exception):
    """A call that Google refused, before anybody has decided what that means."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(f"{refusal.status} {refusal.reason}")


class Drive:
    """One account's view of Drive. Used by one thread at a time; `close()` ends its connections."""

    def __init__(
        self, credentials: Credentials, *, api_url: str, sign_in: str, now: Callable[[], datetime], pace: Pace
    ) -> None:
        keep_logs_discreet(_LOUD)
        self._api = api_url.rstrip("/")
        self._sign_in = sign_in
        self._pace = pace
        timeout = httpx.Timeout(pace.answer_s, connect=min(pace.answer_s, 15.0))
        self._http = httpx.Client(timeout=timeout, follow_redirects=False, transport=Bounded(trusted()))
        self._tokens = Tokens(credentials, self.ask_token, now)
        self.troubled = False
        """Whether the last call failed for a reason that concerns more than one file."""

    @property
    def account(self) -> str:
        """The address of whoever asks."""
        return self._tokens.credentials.account

    def close(self) -> None:
        """End every connection."""
        self._http.close()

    def token(self) -> str:
        """An access token, renewed if need be."""
        return self._tokens.token()

    def json(
        self, path: str, params: Params, what: str, *, method: str = "GET", body: Json | None = None
    ) -> Json:  # fmt: skip
        """One answer. Raises `Refuses` for what only the caller can judge, otherwise an error of the contract."""

        def call() -> Json:
            answer = self.send(method, self._api + path, params=_spelled(params), json=body)
            if not isinstance(told := unspelled(answer.content), dict):
                # Whoever answered so was not Drive, and an empty answer would mean that nothing is there.
                raise httpx.RemoteProtocolError("The answer is no JSON object.")
            return as_object(told)

        return self.trying(call, what)

    def send(
        self,
        method: str,
        address: str,
        *,
        params: Mapping[str, str] | None = None,
        json: object = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """One call, once. Raises `Refuses`, or what httpx raises."""
        marked = {"Authorization": f"Bearer {self._tokens.token()}", **(headers or {})}
        allowed = {ALLOWED: self._pace.call_s(len(content or b""))}
        answer = self._open_http().request(
            method, address, params=params, json=json, content=content, headers=marked, extensions=allowed
        )  # fmt: skip
        if answer.status_code >= 400:
            raise Refuses(refusal_of(answer.status_code, answer.content, answer.headers))
        return answer

    @contextmanager
    def stream(self, address: str, params: Params, headers: Mapping[str, str], size: int) -> Iterator[httpx.Response]:
        """One call whose body, of about so many bytes, is read bit by bit. Raises `Refuses`, or what httpx raises."""
        marked = {"Authorization": f"Bearer {self._tokens.token()}", "Accept-Encoding": "identity", **headers}
        allowed = {ALLOWED: self._pace.call_s(size)}
        with self._open_http().stream(
            "GET", address, params=_spelled(params) or None, headers=marked, extensions=allowed
        ) as answer:
            if answer.status_code >= 400:
                raise Refuses(refusal_of(answer.status_code, answer.read(), answer.headers))
            yield answer

    def _open_http(self) -> httpx.Client:
        # A file that was opened may be read after its source was closed.
        if self._http.is_closed:
            raise Unavailable("The connection to Google Drive is closed.")
        return self._http

    def address(self, path: str) -> str:
        """The whole address of a path."""
        return self._api + path

    def trusts(self, address: str, hosts: re.Pattern[str]) -> bool:
        """Whether a token may go to an address that an answer named: to Google's hosts, or where the API itself is."""
        try:
            there, here = urlsplit(address), urlsplit(self._api)
            usual = there.scheme == "https" and there.port in (None, 443)
        except ValueError:
            return False
        if (there.scheme, there.netloc) == (here.scheme, here.netloc):
            return True
        return usual and hosts.fullmatch(there.hostname or "") is not None

    def ask_token(self, address: str, form: Form) -> Json:
        """Ask for a token. Raises `NeedsPerson` when a person has to sign in again, `Unavailable` when it waits."""

        def call() -> Json:
            answer = parsed(self._post(address, form).content)
            for name in ("access_token", "refresh_token"):
                hide_from_now_on(text(answer.get(name)))
            return answer

        sign_in = self._sign_in
        if form.get("grant_type") == "refresh_token":
            sign_in = f"{sign_in} {TESTING}"
        try:
            return self._tried(call, lambda: None)
        except Refuses as refused:
            self.troubled = True
            refusal = refused.refusal
            if remedy_of(refusal) in (Remedy.INVALID, Remedy.NEVER, Remedy.MISSING):
                refusal = attrs.evolve(refusal, reason="invalid_grant")
            raise fault_of(refusal, "Google Drive", sign_in) from None

    def give_back(self, address: str, token: str) -> None:
        """Hand a refresh token back. A token that Google no longer knows is given back already."""
        with contextlib.suppress(Refuses):
            self._tried(lambda: self._post(address, {"token": token}), lambda: None)

    def _post(self, address: str, form: Form) -> httpx.Response:
        answer = self._open_http().post(address, data=dict(form), extensions={ALLOWED: self._pace.call_s()})
        if answer.status_code >= 400:
            raise Refuses(refusal_of(answer.status_code, answer.content, answer.headers))
        return answer

    def trying(self, call: Callable[[], Answer], what: str, carried: Carried | None = None) -> Answer:
        """Call until it works, as long as trying again can help. Raises `Refuses` only for what concerns this call.

        While more is `carried` with each try, patience begins anew, but not for ever.
        """
        try:
            answer = self._tried(call, self._tokens.drop, carried)
        except Refuses as refused:
            if remedy_of(refused.refusal) in (Remedy.MISSING, Remedy.NEVER, Remedy.INVALID):
                raise
            self.troubled = True
            raise fault_of(refused.refusal, what, self._sign_in) from None
        except PluginFault:
            self.troubled = True
            raise
        self.troubled = False
        return answer

    def _tried(self, call: Callable[[], Answer], renew: Callable[[], None], carried: Carried | None = None) -> Answer:
        turns = Turns(self._pace, carried or Carried())
        renewed = False
        while True:
            refusal: Refusal | None = None
            broken = ""
            try:
                return call()
            except Refuses as refused:
                refusal = refused.refusal
                remedy = remedy_of(refusal)
                if remedy is Remedy.RENEW and not renewed:
                    renewed = True
                    renew()
                    continue
                if remedy is not Remedy.AGAIN:
                    raise
            except httpx.TransportError as error:
                # What httpx says may hold the address, and an address may be signed.
                broken = type(error).__name__
            if not turns.another(refusal):
                if refusal is not None:
                    raise Refuses(refusal)
                raise Unavailable(f"Google Drive cannot be reached ({broken}). It is tried again by itself.")


def refusal_of(status: int, body: bytes, headers: Mapping[str, str]) -> Refusal:
    """What a refused call was refused for, in Drive's or in OAuth's way of saying it."""
    told = parsed(body)
    error = told.get("error")
    reason = text(error)
    if "timeframe" in text(told.get("error_description")):
        reason = "clock"
    if not reason:
        parts = as_object(error)
        reason = next((text(each.get("reason")) for each in objects(parts.get("errors"))), "")
        details = (text(each.get("reason")) for each in objects(parts.get("details")))
        reason = reason or next((each for each in details if each), "")
    after = headers.get("Retry-After", "")
    return Refusal(status, reason[:80], float(after) if after.isdigit() else None)


def _spelled(params: Params) -> dict[str, str]:
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in params.items()}
