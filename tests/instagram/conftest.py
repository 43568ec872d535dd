"""For all tests of Instagram: one server on loopback, and an eye on everything that is logged or left in files."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.instagram.console import Console, console_at
from tests.instagram.graph_api import Account, GraphApi

SECRETS = re.compile(
    r"\bEAA[A-Z][0-9a-f]{24,}|\bIG[A-Z]{2}[0-9a-f]{24,}|app-secret-\d+-[0-9a-f]{8,}|cloud-secret-[\w-]{6,}"
    r"|appsecret_proof=[0-9a-f]{32,}|PLANTED\w*",
)
"""What the server's tokens and secrets look like, and what tests plant themselves."""

_LOGGERS = ("", "storyline", "httpx", "httpcore", "httpcore.connection", "httpcore.http11", "urllib3", "cloudinary")
_LEFT = ("*.db", "*.db-wal", "*.log", "*.json", "*.html", "*.txt")
_LARGEST = 64 << 20


class Eye(logging.Handler):
    """Looks at every line that is logged, and keeps those with a secret in them."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.seen = 0
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Look at one line, its arguments and its traceback."""
        self.seen += 1
        text = logging.Formatter().format(record)
        if SECRETS.search(text) or SECRETS.search(repr(record.args)):
            self.found.append(f"{record.name}: {text}")


@pytest.fixture(autouse=True)
def eye(tmp_path: Path) -> Iterator[Eye]:
    """No secret is in any line that is logged during any of these tests, nor in any file that is left."""
    eye = Eye()
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(eye)
        if logger.name != "root":
            logger.setLevel(logging.DEBUG)
    yield eye
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(eye)
        logger.setLevel(level)
    assert not eye.found, "a secret was logged"
    assert not secrets_in(tmp_path), "a secret was left in a file"


def secrets_in(folder: Path) -> list[str]:
    """The files under a folder (databases, logs, documents) that hold a secret, each with what was found."""
    found = []
    for path in sorted({path for pattern in _LEFT for path in folder.rglob(pattern)}):
        if path.is_file() and path.stat().st_size <= _LARGEST:
            match = SECRETS.search(path.read_bytes().decode("latin-1"))
            if match is not None:
                found.append(f"{path.name}: {match.group()[:12]}...")
    return found


@pytest.fixture
def api() -> Iterator[GraphApi]:
    """The server."""
    with GraphApi() as server:
        yield server


@pytest.fixture
def brand(api: GraphApi) -> Account:
    """An account behind Facebook Login."""
    return api.account("brand")


@pytest.fixture
def shop(api: GraphApi) -> Account:
    """An account behind Instagram Login."""
    return api.account("shop", login="instagram")


@pytest.fixture(params=["facebook", "instagram"])
def either(request: pytest.FixtureRequest, api: GraphApi) -> Account:
    """An account, by each of the two logins."""
    return api.account("brand", login=str(request.param))


@pytest.fixture
def console(
    api: GraphApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Console]:
    """The command line in a folder of its own; nothing that it shows holds a secret."""
    with console_at(api, tmp_path, monkeypatch, capsys) as console:
        yield console
    for shown in console.shown:
        assert not SECRETS.search(shown), "a secret was shown"
