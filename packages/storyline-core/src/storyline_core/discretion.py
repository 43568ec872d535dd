"""Keeping what opens doors out of the lines that libraries log: whoever logs everything still learns no secret."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from functools import cache

from storyline_core.redaction import discreet


def keep_logs_discreet(loggers: Iterable[str], tokens: re.Pattern[str] | None = None) -> None:
    """From now on, nothing that is logged under these names holds a secret or what looks like `tokens`.

    For a plugin whose library writes down whole addresses. Can be called any number of times.
    """
    hiding = _hiding(tokens)
    for name in loggers:
        logger = logging.getLogger(name)
        if hiding not in logger.filters:
            logger.addFilter(hiding)


class _Discreet(logging.Filter):
    def __init__(self, tokens: re.Pattern[str] | None) -> None:
        super().__init__()
        self._tokens = tokens

    def filter(self, record: logging.LogRecord) -> bool:
        """Always True; the line is changed, not kept back."""
        record.msg, record.args = discreet(record.getMessage(), tokens=self._tokens), None
        return True


@cache
def _hiding(tokens: re.Pattern[str] | None) -> _Discreet:
    return _Discreet(tokens)
