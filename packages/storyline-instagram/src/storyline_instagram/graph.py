"""Meta's Graph API over HTTP: one way to ask and one way to change something. The only place that knows httpx.

Questions are repeated while Meta has trouble, within a limit of time. What changes something is sent once; a
`GraphFault` says how far it got, and its `fault` whether it may have happened.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache

import attrs
import httpx

from storyline_core import PluginFault
from storyline_instagram.answers import Json, parsed
from storyline_instagram.discretion import keep_logs_discreet
from storyline_instagram.faults import Fault, Reach, Remedy, as_core, fault_in, may_have_happened, remedy_of
from storyline_instagram.usage import Usage, usage_in

VERSION = "v26.0"
"""The version of the Graph API; the only place that names it."""

Value = str | int | bool | list[object] | Mapping[str, object]
Params = Mapping[str, Value]

_LARGEST_ANSWER = 16 << 20
_UNSENT = (
    httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol,
    httpx.LocalProtocolError, httpx.InvalidURL,
)  # fmt: skip


@cache
def _trusted() -> ssl.SSLContext:
    """Whose certificates are believed, read once: each reading keeps a megabyte."""
    return httpx.create_ssl_context()


class GraphFault(Exception):
    """A call that did not work, before anybody has decided what that means. `fault` carries everything of it."""

    def __init__(self, fault: Fault, name: str) -> None:
        self.fault = fault
        self.name = name
        super().__init__(f"{fault.spelled} {fault.message}".strip())

    @property
    def remedy(self) -> Remedy:
        """What helps."""
        return remedy_of(self.fault)

    @property
    def may_have_happened(self) -> bool:
        """Whether a call that changes something may have had its effect."""
        return may_have_happened(self.fault)

    def as_core(self, doing: str, *, unrepeatable: bool = False) -> PluginFault:
        """The error of the contract; `doing` is the call in words, as in "publishing the story"."""
        return as_core(self.fault, doing, self.name, unrepeatable=unrepeatable)


@attrs.frozen
class Pace:
    """How long things may take, in seconds, and how time passes. Time and chance are arguments."""

    answer_s: float = 45.0
    patience_s: float = 45.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = lambda: 0.5


@attrs.frozen
class Servers:
    """Where Meta answers: the Graph API, and the place for uploads of videos."""

    graph: str
    upload: str = "https://rupload.facebook.com"


class Graph:
    """One account's way to the Graph API. Used by one thread at a time; `close()` ends its connections.

    `token` gives the token for each call and may raise `NeedsPerson`. `app_secret` (or "") signs the calls. `noted` is
    told what each answer says of Meta's limits, `blocked` when Instagram has restricted the account.
    """

    def __init__(
        self,
        name: str,
        servers: Servers,
        token: Callable[[], str],
        *,
        now: Callable[[], datetime],
        app_secret: str = "",
        pace: Pace | None = None,
        noted: Callable[[Usage], None] = lambda usage: None,
        blocked: Callable[[Fault], None] = lambda fault: None,
    ) -> None:
        keep_logs_discreet()
        self.name = name
        self.servers = servers
        self._token = token
        self._now = now
        self._app_secret = app_secret
        self._pace = pace or Pace()
        self._noted = noted
        self._blocked = blocked
        timeout = httpx.Timeout(self._pace.answer_s, connect=min(self._pace.answer_s, 15.0))
        self._http = httpx.Client(timeout=timeout, follow_redirects=False, verify=_trusted())

    def __repr__(self) -> str:
        return f"<Graph of {self.name}>"

    def close(self) -> None:
        """End every connection."""
        self._http.close()

    def get(self, path: str, params: Params | None = None, *, token: str | None = None, once: bool = False) -> Json:
        """Ask. `path` begins with the version (`at()` gives one), or is one of the few without.

        Repeated while that can help, unless `once` is enough. `token` asks with another one than the account's. Raises
        `GraphFault`.
        """
        if once:
            return self._ask(path, params or {}, token)
        return self._patiently(lambda: self._ask(path, params or {}, token))

    def post(self, path: str, params: Params | None = None) -> Json:
        """Change something, once: never repeated. Raises `GraphFault`, whose `may_have_happened` is told apart."""
        token = self._token()
        form = _spelled({**(params or {}), **self._proof(token)})
        return self._json(self._call("POST", self.servers.graph + path, _bearer(token), data=form))

    def upload(
        self, path: str, headers: Mapping[str, str], content: Iterable[bytes] = (), *, answer_s: float | None = None
    ) -> Json:
        """Send bytes to the place for uploads, once. `headers` say what they are (`offset`, `file_size`).

        What it says in `debug_info` of an upload that did not work is an answer as well.
        """
        marked = {"Authorization": f"OAuth {self._token()}", **headers}
        return self._json(
            self._call("POST", self.servers.upload + path, marked, content=content, answer_s=answer_s)
        )  # fmt: skip

    def upload_status(self, container: str) -> Json:
        """How far an upload has come, in `video_status`."""
        return self.get(at(container), {"fields": "status_code,status,video_status"})

    @contextmanager
    def download(self, address: str, headers: Mapping[str, str] | None = None) -> Iterator[httpx.Response]:
        """A file from one of Meta's addresses, to be read bit by bit; no token is sent there. Raises `GraphFault`."""
        with self._faults(), self._http.stream("GET", address, headers=headers, follow_redirects=True) as answer:
            if answer.status_code >= 400:
                raise self._fault(Fault(Reach.ANSWERED, status=answer.status_code))
            yield answer

    def _ask(self, path: str, params: Params, token: str | None) -> Json:
        token = self._token() if token is None else token
        asked = _spelled({**params, **self._proof(token)})
        return self._json(self._call("GET", self.servers.graph + path, _bearer(token), params=asked))

    def _proof(self, token: str) -> dict[str, str]:
        # A token of the app's own (`id|secret`) is its proof already.
        if not self._app_secret or not token or "|" in token:
            return {}
        return {"appsecret_proof": hmac.new(self._app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()}

    def _call(
        self,
        method: str,
        address: str,
        headers: Mapping[str, str],
        *,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        content: Iterable[bytes] | None = None,
        answer_s: float | None = None,
    ) -> httpx.Response:
        """One call, whose answer is read whole, within its time. Raises `GraphFault` for every way to fail."""
        limit_s = answer_s or self._pace.answer_s
        with self._faults():
            sent = None if content is None else _within(content, limit_s)
            request = self._http.build_request(
                method, address, params=params, data=data, content=sent, headers=dict(headers)
            )
            answer = self._http.send(request, stream=True)
            began = time.monotonic()
            try:
                body = b""
                for block in answer.iter_bytes():
                    body += block
                    if len(body) > _LARGEST_ANSWER or time.monotonic() - began > limit_s:
                        raise self._fault(Fault(Reach.LOST, message="the answer took too long or was too large"))
            finally:
                answer.close()
        found = httpx.Response(answer.status_code, headers=_plain(answer.headers), content=body)
        self._note(found)
        return found

    def _note(self, answer: httpx.Response) -> None:
        usage = usage_in(answer.headers, self._now())
        if usage is not None:
            self._noted(usage)
        if answer.status_code >= 300 and "debug_info" not in (parsed(answer.content) or {}):
            after = _asked_pause(answer, usage, self._now())
            raise self._refused(fault_in(answer.status_code, answer.content, after))

    def _json(self, answer: httpx.Response) -> Json:
        told = parsed(answer.content)
        if told is None:
            # Something between here and Meta has answered, or the answer was broken: nobody knows what it was.
            raise self._fault(Fault(Reach.LOST, message="the answer cannot be read"))
        if "error" in told:
            raise self._refused(fault_in(answer.status_code, answer.content))
        return told

    def _patiently(self, ask: Callable[[], Json]) -> Json:
        began, attempt = self._pace.clock(), 0
        while True:
            try:
                return ask()
            except GraphFault as fault:
                if fault.remedy is not Remedy.AGAIN:
                    raise
                wait_s = pause_s(attempt, self._pace.chance(), fault.fault.retry_after)
                if self._pace.clock() - began + wait_s > self._pace.patience_s:
                    raise
            self._pace.sleep(wait_s)
            attempt += 1

    @contextmanager
    def _faults(self) -> Iterator[None]:
        # What httpx says may hold the address, and an address may hold a token: only the kind of error is kept.
        try:
            yield
        except _UNSENT as error:
            raise self._fault(Fault(Reach.NOT_SENT, message=type(error).__name__)) from None
        except httpx.HTTPError as error:
            raise self._fault(Fault(Reach.LOST, message=type(error).__name__)) from None

    def _refused(self, fault: Fault) -> GraphFault:
        if remedy_of(fault) is Remedy.BLOCKED:
            self._blocked(fault)
        return self._fault(fault)

    def _fault(self, fault: Fault) -> GraphFault:
        return GraphFault(fault, self.name)


def at(*parts: str) -> str:
    """The path of something, with the version: `at("me", "accounts")`."""
    return "/".join(("", VERSION, *(part.strip("/") for part in parts)))


def pause_s(attempt: int, chance: float, asked: timedelta | None = None) -> float:
    """How long to wait before another try: 1, 2, 4 ... 16 seconds and up to one more; Meta's own word counts."""
    own = min(16.0, float(2 ** min(attempt, 4))) + chance
    return own if asked is None else max(own, asked.total_seconds())


def _within(content: Iterable[bytes], limit_s: float) -> Iterator[bytes]:
    """What is sent, until its time is up: somebody who takes it very slowly must not keep it for ever."""
    began = time.monotonic()
    for block in content:
        if time.monotonic() - began > limit_s:
            raise httpx.WriteTimeout("sending took too long")
        yield block


def _asked_pause(answer: httpx.Response, usage: Usage | None, now: datetime) -> timedelta | None:
    after = answer.headers.get("Retry-After", "")
    if after.isdigit() and int(after) < 7 * 86_400:
        return timedelta(seconds=int(after))
    return None if usage is None or usage.regain_at is None else usage.regain_at - now


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def _plain(headers: httpx.Headers) -> dict[str, str]:
    # The body is decoded already.
    return {name: value for name, value in headers.items() if name not in ("content-encoding", "content-length")}


def _spelled(params: Params) -> dict[str, str]:
    return {name: _one(value) for name, value in params.items()}


def _one(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) else json.dumps(value)
