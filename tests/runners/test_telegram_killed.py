"""A daemon that is killed in the middle of what people ask for: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import attrs
import pytest

from storyline_core import Post, PostState, Store, open_store
from storyline_runner.times import now as utc_now
from tests.runners.conftest import Project
from tests.runners.test_daemon import until
from tests.telegram.bot_api.chats import ChatMessage
from tests.telegram.bot_api.limits import Fault, Way
from tests.telegram.bot_api.server import BotApi
from tests.telegram.teams import TOKEN, Team

TELEGRAM = """
[notifiers.team]
kind = "telegram"
token = {{ env = "TELEGRAM_BOT_TOKEN" }}
chat = {chat}
admin_chat = {admins}
api_url = "{server}"
"""
KEY = '\n[secrets]\nkey = { env = "KEY_OF_THE_TESTS" }\n'


@attrs.frozen
class World:
    """A project whose team sits in Telegram, and its library, looked at from outside."""

    project: Project
    team: Team
    store: Store

    def started(self) -> subprocess.Popen[str]:
        """A daemon that listens. What a killed one held has lapsed by then."""
        with self.store.begin() as unit:
            for lease in unit.leases.held(utc_now()):
                unit.leases.release(lease)
        asked = self.team.bot.poll
        process = self.project.start("run")
        until(lambda: self.team.bot.poll > asked, process)
        return process

    def killed(self, process: subprocess.Popen[str], fault: Fault) -> None:
        """The end of a daemon that nobody asked, and of what held it up."""
        process.kill()
        process.wait(60)
        fault.left = 0

    def cards_of(self, post: Post) -> list[ChatMessage]:
        """The cards that the team has of a post."""
        return [card for card in self.team.cards() if post.id in card.text]

    def posts(self) -> list[Post]:
        """Every post, settled or not."""
        with self.store.read() as unit:
            return [*unit.queue.unsettled("main"), *unit.queue.history("main")]

    def asked_for(self, person: int) -> list[Post]:
        """The posts that somebody asked for with /next."""
        posts = self.posts()
        with self.store.read() as unit:
            found = [(post, unit.queue.journal(post.id)[0]) for post in posts]
        return [post for post, added in found if added.by == f"telegram:{person}"]

    def decided(self, post: Post) -> list[str]:
        """What people did to a post."""
        with self.store.read() as unit:
            return [each.event for each in unit.queue.journal(post.id) if each.by.startswith("telegram:")]

    @property
    def paused(self) -> bool:
        """Whether the account is paused."""
        with self.store.read() as unit:
            return unit.accounts.state("main").paused


@pytest.fixture(params=["with a key", "without a key"])
def world(request: pytest.FixtureRequest, command: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with BotApi() as server:
        squad = Team.on(server)
        monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
        monkeypatch.setenv("KEY_OF_THE_TESTS", "of-the-tests-" * 4)
        command.done("init", ".")
        ours = TELEGRAM.format(chat=squad.chat.id, admins=squad.admins.id, server=server.address)
        written = (command.folder / "storyline.toml").read_text().replace('mode = "hybrid"', 'mode = "manual"')
        written = re.sub(r'\n\[notifiers\.team\]\nkind = "terminal"\n', lambda _: ours, written)
        command.settings(written + (KEY if request.param == "with a key" else ""))
        for number in range(12):
            command.picture(f"cats/{number}.jpg", (number * 20, 90, 140))
        command.done("sync")
        command.done("users", "promote", f"telegram:{squad.ann.id}")
        store = open_store(f"sqlite:///{command.folder / 'storyline.db'}")
        try:
            yield World(command, squad, store)
        finally:
            store.close()


def test_what_was_heard_is_done_by_whoever_listens_next(world: World, request: pytest.FixtureRequest) -> None:
    squad = world.team
    post_id = world.project.post_now()
    [post] = [each for each in world.posts() if each.id == post_id]
    process = world.started()
    until(lambda: world.cards_of(post), process)
    [card] = world.cards_of(post)
    # Whether they belong to the chat is asked of Telegram first, which does not answer.
    fault = squad.server.fault(Way.SILENT_BEFORE, method="getChatMember", times=1_000)
    squad.cem.taps(card, "Posted")
    squad.ben.says(squad.chat, "/next")
    squad.ann.says(squad.chat, "/pause")
    until(lambda: fault.hits >= 3, process)
    kept = "without" not in request.node.callspec.id
    if kept:
        until(lambda: not squad.bot.queue, process)
    else:
        polls = squad.bot.poll
        until(lambda: squad.bot.poll > polls + 3, process)
        assert len(squad.bot.queue) == 3
    world.killed(process, fault)
    process = world.started()
    until(lambda: "Posted by Cem" in card.text, process)
    until(lambda: world.paused and bool(world.asked_for(squad.ben.id)), process)
    until(lambda: not squad.bot.queue, process)
    process.terminate()
    assert process.wait(60) == 0, process.communicate()
    assert world.decided(post) == ["posted"]
    assert len(world.asked_for(squad.ben.id)) == 1
    process = world.started()
    process.terminate()
    assert process.wait(60) == 0
    assert (world.decided(post), len(world.asked_for(squad.ben.id))) == (["posted"], 1)


def test_what_was_done_but_not_answered_is_answered_and_not_done_again(world: World) -> None:
    squad = world.team
    process = world.started()
    fault = squad.server.fault(Way.SILENT_BEFORE, method="sendMessage", chat=squad.chat, times=1_000)
    squad.ben.says(squad.chat, "/next")
    until(lambda: fault.hits >= 1, process)
    [post] = world.asked_for(squad.ben.id)
    assert post.state is PostState.OFFERED
    world.killed(process, fault)
    process = world.started()
    until(lambda: any(each.text.startswith("main: ") for each in squad.chat.messages), process)
    process.terminate()
    assert process.wait(60) == 0, process.communicate()
    assert [each.id for each in world.asked_for(squad.ben.id)] == [post.id]
    assert len(world.cards_of(post)) == 1
