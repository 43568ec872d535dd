"""HTTP with an end: a call is over when its time is up, however slowly somebody drips or swallows bytes.

A timeout for each read, which is all that HTTP clients know, never ends a call of which a byte comes now and then.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache

import httpcore
import httpx

ALLOWED = "storyline_allowed_s"
"""The request's extension that says how many seconds the whole call may take, its body included."""

_SLICE = 1 << 16
_now = threading.local()


@cache
def trusted() -> ssl.SSLContext:
    """Whose certificates are believed, read once: each reading keeps a megabyte."""
    return httpx.create_ssl_context()


class Bounded(httpx.BaseTransport):
    """Connections on which every call ends by its deadline. Calls without one end by the timeouts of their reads."""

    def __init__(self, verify: ssl.SSLContext, most: int = 10) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=verify, max_connections=most, keepalive_expiry=20.0, network_backend=_Backend()
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it. Raises what httpx raises."""
        allowed = request.extensions.get(ALLOWED)
        until = time.monotonic() + allowed if isinstance(allowed, int | float) else None
        address = request.url
        asked = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=address.raw_scheme, host=address.raw_host, port=address.port, target=address.raw_path
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _until(until), _as_httpx():
            answer = self._pool.handle_request(asked)
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer, until), extensions=answer.extensions
        )

    def close(self) -> None:
        """End every connection."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    """What an answer holds, read within what is left of the call's time."""

    def __init__(self, answer: httpcore.Response, until: float | None) -> None:
        self._answer = answer
        self._until = until

    def __iter__(self) -> Iterator[bytes]:
        parts = self._answer.iter_stream()
        while True:
            with _until(self._until), _as_httpx():
                part = next(parts, None)
            if part is None:
                return
            yield part

    def close(self) -> None:
        self._answer.close()


class _Backend(httpcore.NetworkBackend):
    """Connections that know of the deadline of the call that uses them."""

    def __init__(self) -> None:
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        return _Stream(self._plain.connect_tcp(host, port, _left(timeout), local_address, socket_options))


class _Stream(httpcore.NetworkStream):
    def __init__(self, plain: httpcore.NetworkStream) -> None:
        self._plain = plain

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._plain.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # By slices, since one write may take as many timeouts as the other side takes bites.
        for start in range(0, len(buffer), _SLICE):
            self._plain.write(buffer[start : start + _SLICE], _left(timeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._plain.start_tls(ssl_context, server_hostname, _left(timeout)))

    def close(self) -> None:
        self._plain.close()

    def _tell(self, info: str) -> object:
        return self._plain.get_extra_info(info)

    get_extra_info = _tell


@contextmanager
def _until(until: float | None) -> Iterator[None]:
    """What this thread reads and writes belongs to a call that ends then."""
    before = getattr(_now, "until", None)
    _now.until = until
    try:
        yield
    finally:
        _now.until = before


def _left(timeout: float | None) -> float | None:
    """How long one step may take. Raises `httpcore.ReadTimeout` when no time is left."""
    until = getattr(_now, "until", None)
    if until is None:
        return timeout
    left = float(until) - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("The call took too long as a whole.")
    return left if timeout is None else min(left, timeout)


@contextmanager
def _as_httpx() -> Iterator[None]:
    """Every trouble of the network as httpx names it. Its text may hold an address, so it is left out."""
    try:
        yield
    except httpcore.TimeoutException as error:
        raise httpx.ReadTimeout(type(error).__name__) from None
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError, ConnectionError) as error:
        raise httpx.ReadError(type(error).__name__) from None
