"""Keeping tokens out of what people read: texts from Meta, and the lines that libraries log."""

from __future__ import annotations

import re

import storyline_core

_LONGEST = 300
_TOKEN = re.compile(r"\b(?:EA[A-Z]|IG[A-Z])[A-Za-z0-9_-]{16,}|\b\d{5,}\|[A-Za-z0-9_-]{12,}")
_LOUD = ("httpx", "httpcore", "httpcore.connection", "httpcore.http11", "cloudinary", "urllib3.connectionpool")


def discreet(text: str, limit: int = _LONGEST) -> str:
    """A text in one line without tokens, and without what follows the `?` of an address."""
    return storyline_core.discreet(" ".join(text.split()), tokens=_TOKEN, limit=limit)


def keep_logs_discreet() -> None:
    """From now on, no library that this package uses logs a token. Can be called any number of times."""
    storyline_core.keep_logs_discreet(_LOUD, _TOKEN)
