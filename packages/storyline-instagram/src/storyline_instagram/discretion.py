"""Keeping tokens out of what people read: texts from Meta, and the lines that libraries log."""

from __future__ import annotations

import logging
import re

from storyline_core import scrub

_LONGEST = 300
_TOKEN = re.compile(r"\b(?:EA[A-Z]|IG[A-Z])[A-Za-z0-9_-]{16,}|\b\d{5,}\|[A-Za-z0-9_-]{12,}")
_ADDRESS = re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>]+")
_LOUD = ("httpx", "httpcore", "httpcore.connection", "httpcore.http11", "cloudinary", "urllib3.connectionpool")


def discreet(text: str, limit: int = _LONGEST) -> str:
    """A text in one line without tokens, and without what follows the `?` of an address."""
    text = _ADDRESS.sub(r"\1?[hidden]", " ".join(text.split()))
    return scrub(_TOKEN.sub("[hidden]", text), limit=limit)


class _Discreet(logging.Filter):
    """Takes what follows the `?` out of the addresses that libraries write down, and tokens out of the rest."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always True; the line is changed, not kept back."""
        record.msg, record.args = discreet(record.getMessage(), limit=2_000), None
        return True


_DISCREET = _Discreet()


def keep_logs_discreet() -> None:
    """From now on, no library that this package uses logs a token. Can be called any number of times."""
    for name in _LOUD:
        logger = logging.getLogger(name)
        if _DISCREET not in logger.filters:
            logger.addFilter(_DISCREET)
