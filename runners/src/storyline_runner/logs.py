"""Logging as the settings ask for it: text for people or one JSON object a line, to standard error or a file."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

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


def log_for(settings: Settings, *, verbose: bool, daemon: bool = False) -> None:
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
    as_json = settings.log.format.value == "json"
    dated = daemon or to_file
    handler.setFormatter(JsonLines() if as_json else TextLines(dated=dated, tracebacks=verbose or dated))
    ours = logging.getLogger(_OURS)
    ours.handlers[:] = [handler]
    ours.setLevel(level)
    ours.propagate = False
    # Plugins log under their own names; what they warn of counts as much.
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.WARNING))
