"""The notifier passes the contract's own tests, through the door that strangers use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from storyline_core import Draft, Message, PostEvent
from storyline_core.testing import NotifierTests
from storyline_telegram.plugin import Telegram
from tests.telegram.bot_api.limits import Way
from tests.telegram.bot_api.server import BotApi
from tests.telegram.teams import Team


class Chat:
    """What the team has on their phones."""

    def __init__(self, team: Team) -> None:
        self.team = team

    def cards(self) -> int:
        return len(self.team.cards())

    def tap(self, message: Message, draft: Draft, event: PostEvent) -> None:
        self.team.tap(message, draft, event)

    def break_down(self) -> None:
        self.team.server.fault(Way.CUT_BEFORE, times=10_000)


class TestTelegram(NotifierTests):
    kind_name = "telegram"

    @pytest.fixture
    def world(self) -> Iterator[Chat]:
        with BotApi() as server:
            yield Chat(Team.on(server))

    @pytest.fixture
    def options(self, world: Chat) -> Telegram:
        return world.team.settings()
