"""Whose certificates the bot believes."""

from __future__ import annotations

import ssl
from functools import cache

import httpx


@cache
def trusting() -> dict[str, ssl.SSLContext]:
    """What a client is given for it. Read once for all of them: each reading keeps a megabyte."""
    return {"verify": httpx.create_ssl_context()}
