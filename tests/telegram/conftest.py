"""A Bot API server and a team on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.telegram.bot_api.server import BotApi
from tests.telegram.teams import Team


@pytest.fixture
def api() -> Iterator[BotApi]:
    """Telegram, on this machine."""
    with BotApi() as server:
        yield server


@pytest.fixture
def squad(api: BotApi) -> Team:
    """A team in a supergroup."""
    return Team.on(api)
