"""For all tests of Google Drive: an eye on everything that is logged, raised or left in files."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SECRETS = re.compile(
    r"ya29\.[\w-]{20,}|1//0[\w-]{20,}|4/0A[\w-]{20,}|GOCSPX-\w+|PRIVATE KEY|MIIEv[\w+/]{40,}|eyJ[\w-]{10,}\.eyJ"
    r"|upload_id=[\w-]{8,}|code_verifier=|PLANTED\w*"
)
"""What the server's tokens, codes, keys and addresses of uploads look like, and what tests plant themselves."""

LIBRARIES = ("httpx", "httpcore", "httpcore.connection", "httpcore.http11")
_LEFT = ("*.db", "*.db-wal", "*.log", "*.tree", "listing", "*.kept", "*.draft")
_OWN = ("storyline", "httpx", "httpcore")


class Eye(logging.Handler):
    """Looks at every line that is logged and at every error of ours, and keeps those with a secret in them."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.seen = 0
        self.raised = 0
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Look at one line, its arguments and its traceback."""
        self.seen += 1
        self.look(f"{record.name}: {logging.Formatter().format(record)} {record.args!r}")

    def look(self, text: str) -> None:
        """Look at any text that somebody may read."""
        if SECRETS.search(text):
            self.found.append(text)

    def on_raise(self, code: object, offset: int, error: BaseException) -> None:
        """Look at an error while it is raised."""
        if type(error).__module__.startswith(_OWN):
            self.raised += 1
            self.look(f"{error!r} {error} {error.args!r} {vars(error)!r}")


@pytest.fixture(autouse=True)
def eye(tmp_path: Path) -> Iterator[Eye]:
    """No secret is in any line, error or file of any of these tests. Errors are watched from Python 3.12 on."""
    eye = Eye()
    root, ours = logging.getLogger(), logging.getLogger("storyline")
    loggers = [root, ours, *(logging.getLogger(name) for name in LIBRARIES)]
    levels = [logger.level for logger in loggers]
    heard, ours.propagate = ours.propagate, True
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    root.addHandler(eye)
    watch(eye)
    yield eye
    watch(None)
    root.removeHandler(eye)
    ours.propagate = heard
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
    assert not eye.found, f"a secret was logged or raised: {eye.found[0][:300]}"
    assert not secrets_in(tmp_path), "a secret was left in a file"


def watch(eye: Eye | None) -> None:
    """Let somebody look at every error that is raised, or nobody any more."""
    # From Python 3.12 on.
    monitoring = getattr(sys, "monitoring", None)
    if monitoring is None:
        return
    events, tool = monitoring.events, monitoring.OPTIMIZER_ID
    if eye is None:
        monitoring.set_events(tool, events.NO_EVENTS)
        monitoring.free_tool_id(tool)
        return
    monitoring.use_tool_id(tool, "eye")
    monitoring.register_callback(tool, events.RAISE, eye.on_raise)
    monitoring.set_events(tool, events.RAISE)


def secrets_in(folder: Path) -> list[str]:
    """The files that are left in a folder with a secret in them."""
    paths = [path for pattern in _LEFT for path in folder.rglob(pattern) if path.is_file()]
    return [str(path) for path in paths if SECRETS.search(path.read_bytes().decode("latin-1"))]
