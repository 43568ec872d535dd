"""The whole story of a team in Telegram: from `storyline init` to SIGTERM, with the daemon in a process of its own."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from datetime import UTC

import pytest

from storyline_core import open_store
from storyline_runner.times import now as utc_now
from tests.runners.conftest import Project
from tests.runners.test_daemon import until
from tests.telegram.bot_api.server import BotApi
from tests.telegram.teams import TOKEN, Team

TELEGRAM = """
[notifiers.team]
kind = "telegram"
token = {{ env = "TELEGRAM_BOT_TOKEN" }}
chat = {chat}
admin_chat = {admins}
api_url = "{server}"
digest = "{digest}"
"""


@pytest.fixture
def squad() -> Iterator[Team]:
    with BotApi() as server:
        yield Team.on(server)


def test_a_team_runs_its_account_from_the_chat(command: Project, squad: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
    command.done("init", ".")
    written = (command.folder / "storyline.toml").read_text()
    digest = f"{utc_now().astimezone(UTC):%H:%M}"
    ours = TELEGRAM.format(chat=squad.chat.id, admins=squad.admins.id, server=squad.server.address, digest=digest)
    changed = re.sub(r'\n\[notifiers\.team\]\nkind = "terminal"\n', lambda _: ours, written)
    assert changed != written
    command.settings(changed.replace('mode = "hybrid"', 'mode = "manual"'))
    for number in range(5):
        command.picture(f"cats/{number}.jpg", (number * 40, 90, 140))
    assert "A test card was sent" in command.done("telegram", "test").out
    command.done("users", "promote", f"telegram:{squad.ann.id}")
    process = command.start("run")

    def said(words: str, chat: object = None) -> bool:
        messages = (squad.admins if chat else squad.chat).messages
        return any(words in each.text for each in messages if each.sender is squad.bot.account)

    until(lambda: said("is running for main", "admins"), process)
    until(lambda: said("nothing happened", "admins"), process)
    squad.ann.says(squad.chat, "/sync")
    until(lambda: said("5 unchanged") or said("5 added"), process)
    squad.ben.says(squad.chat, "/next")
    until(squad.cards, process)
    shown = squad.cards()[-1]
    squad.ben.says(squad.chat, "/queue")
    until(lambda: said("wait"), process)
    squad.ben.taps(shown, "Posted")
    until(lambda: "Posted by Ben" in shown.text, process)
    until(lambda: "pause" in squad.ann.sees_commands(squad.bot, squad.chat), process)
    assert "pause" not in squad.ben.sees_commands(squad.bot, squad.chat)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0, process.communicate()
    assert said("Storyline has stopped", "admins")
    store = open_store(f"sqlite:///{command.folder / 'storyline.db'}")
    with store.read() as unit:
        [posted] = unit.queue.history("main")
        held = [lease.subject for lease in unit.leases.held(utc_now())]
    store.close()
    assert (str(posted.state), posted.decided_by) == ("posted", f"telegram:{squad.ben.id}")
    assert held == []
    _, log = process.communicate()
    assert TOKEN not in log
    assert len([each for each in squad.admins.messages if "nothing happened" in each.text]) == 1
