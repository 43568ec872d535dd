"""Google's API over HTTP: one way to ask, with tries, pauses and an end to them. The only place that knows httpx."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

import attrs
import httpx

from storyline_core import PluginFault, Unavailable
from storyline_gdrive.answers import Json, as_object, objects, parsed, text
from storyline_gdrive.credentials import Credentials, Form, Tokens
from storyline_gdrive.troubles import Refusal, Remedy, fault_of, pause_s, remedy_of

FILES = "/drive/v3/files"
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


@attrs.frozen
class Pace:
    """How long things may take, in seconds, and how time passes. Time and chance are arguments."""

    answer_s: float = 60.0
    patience_s: float = 120.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = lambda: 0.5


class Drive:
    """One account's view of Drive. Used by one thread at a time; `close()` ends its connections."""

    def __init__(
        self, credentials: Credentials, *, api_url: str, sign_in: str, now: Callable[[], datetime], pace: Pace
    ) -> None:
        self._api = api_url.rstrip("/")
        self._sign_in = sign_in
        self._pace = pace
        timeout = httpx.Timeout(pace.answer_s, connect=min(pace.answer_s, 15.0))
        self._http = httpx.Client(timeout=timeout, follow_redirects=False)
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
            return parsed(answer.content)

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
        answer = self._http.request(
            method, address, params=params, json=json, content=content, headers=marked
        )  # fmt: skip
        if answer.status_code >= 400:
            raise Refuses(refusal_of(answer.status_code, answer.content, answer.headers))
        return answer

    @contextmanager
    def stream(self, path: str, params: Params, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """One call whose body is read bit by bit. Raises `Refuses`, or what httpx raises."""
        marked = {"Authorization": f"Bearer {self._tokens.token()}", "Accept-Encoding": "identity", **headers}
        with self._http.stream("GET", self._api + path, params=_spelled(params), headers=marked) as answer:
            if answer.status_code >= 400:
                raise Refuses(refusal_of(answer.status_code, answer.read(), answer.headers))
            yield answer

    def address(self, path: str) -> str:
        """The whole address of a path."""
        return self._api + path

    def ask_token(self, address: str, form: Form) -> Json:
        """Ask for a token. Raises `NeedsPerson` when a person has to sign in again, `Unavailable` when it waits."""

        def call() -> Json:
            answer = self._http.post(address, data=dict(form))
            if answer.status_code >= 400:
                raise Refuses(refusal_of(answer.status_code, answer.content, answer.headers))
            return parsed(answer.content)

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
            self._tried(lambda: self._given_back(address, token), lambda: None)

    def _given_back(self, address: str, token: str) -> None:
        answer = self._http.post(address, data={"token": token})
        if answer.status_code >= 400:
            raise Refuses(refusal_of(answer.status_code, answer.content, answer.headers))

    def trying(self, call: Callable[[], Answer], what: str) -> Answer:
        """Call until it works, as long as trying again can help. Raises `Refuses` only for what concerns this call."""
        try:
            answer = self._tried(call, self._tokens.drop)
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

    def _tried(self, call: Callable[[], Answer], renew: Callable[[], None]) -> Answer:
        began, attempt, renewed = self._pace.clock(), 0, False
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
            wait_s = pause_s(attempt, self._pace.chance(), refusal)
            if self._pace.clock() - began + wait_s > self._pace.patience_s:
                if refusal is not None:
                    raise Refuses(refusal)
                raise Unavailable(f"Google Drive cannot be reached ({broken}). It is tried again by itself.")
            self._pace.sleep(wait_s)
            attempt += 1


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
