"""Keeping what opens doors out of the lines that libraries log: whoever logs everything still learns no secret."""

from __future__ import annotations

import logging
import re

from storyline_core import scrub

_LOUD = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy")
_AFTER = re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>]+")


class _Discreet(logging.Filter):
    """Takes out what follows the `?` of an address (an upload's is a key to it), and every known secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always True; the line is changed, not kept back."""
        record.msg, record.args = scrub(_AFTER.sub(r"\1?[hidden]", record.getMessage()), limit=2_000), None
        return True


_DISCREET = _Discreet()


def keep_logs_discreet() -> None:
    """From now on, no library that this package uses logs a secret. Can be called any number of times."""
    for name in _LOUD:
        logger = logging.getLogger(name)
        if _DISCREET not in logger.filters:
            logger.addFilter(_DISCREET)
