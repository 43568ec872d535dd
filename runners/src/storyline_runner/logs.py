"""Logging as the settings ask for it: text for people or one JSON object a line, to standard error or a file."""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from storyline_core import Settings

_OURS = "storyline"


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without secrets."""
        from storyline_core import scrub

        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": scrub(record.getMessage(), limit=4000),
        }
        if record.exc_info:
            line["traceback"] = scrub(self.formatException(record.exc_info), limit=20_000)
        return json.dumps(line, ensure_ascii=False)


class TextLines(logging.Formatter):
    """`12:03:55 WARNING message`; tracebacks only where they are asked for."""

    def __init__(self, *, dated: bool, tracebacks: bool) -> None:
        super().__init__()
        self._pattern = "%Y-%m-%d %H:%M:%S%z" if dated else "%H:%M:%S"
        self._tracebacks = tracebacks

    def format(self, record: logging.LogRecord) -> str:
        """The line, without secrets."""
        from storyline_core import scrub

        at = datetime.fromtimestamp(record.created, UTC).astimezone()
        text = f"{at:{self._pattern}} {record.levelname:<7} {scrub(record.getMessage(), limit=4000)}"
        if record.exc_info and self._tracebacks:
            text += "\n" + scrub(self.formatException(record.exc_info), limit=20_000)
        return text


class JournalLines(logging.Formatter):
    """`<4>message` as systemd's journal reads it, which knows the time by itself (man 3 sd-daemon)."""

    def format(self, record: logging.LogRecord) -> str:
        """The lines of a record, each with its urgency, without secrets."""
        from storyline_core import scrub

        text = scrub(record.getMessage(), limit=4000)
        if record.exc_info:
            text += "\n" + scrub(self.formatException(record.exc_info), limit=20_000)
        urgency = next(number for level, number in _URGENCIES if record.levelno >= level)
        return "\n".join(f"<{urgency}>{line}" for line in text.splitlines() or [""])


_URGENCIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (0, 7))


def _goes_to_journal(stream: TextIO) -> bool:
    """Whether what is written there lands in the journal: systemd names the stream that does."""
    named = os.environ.get("JOURNAL_STREAM", "")
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return named == f"{found.st_dev}:{found.st_ino}"


def log_for(settings: Settings, *, verbose: bool, daemon: bool = False, as_json: bool = False) -> None:
    """Log as the settings say. A single command says only what is wrong, unless it logs into a file or is verbose."""
    to_file = settings.log.file is not None
    level = logging.getLevelNamesMapping()[settings.log.level.value.upper()]
    if not (daemon or to_file):
        level = max(level, logging.ERROR)
    if verbose:
        level = logging.DEBUG
    if settings.log.file is not None:
        settings.log.file.parent.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = logging.FileHandler(settings.log.file, encoding="utf-8", errors="backslashreplace")
    else:
        handler = logging.StreamHandler(sys.stderr)
    dated = daemon or to_file
    if as_json or settings.log.format.value == "json":
        handler.setFormatter(JsonLines())
    elif dated and not to_file and _goes_to_journal(sys.stderr):
        handler.setFormatter(JournalLines())
    else:
        handler.setFormatter(TextLines(dated=dated, tracebacks=verbose or dated))
    ours = logging.getLogger(_OURS)
    ours.handlers[:] = [handler]
    ours.setLevel(level)
    ours.propagate = False
    # Plugins log under their own names; what they warn of counts as much.
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.WARNING))
