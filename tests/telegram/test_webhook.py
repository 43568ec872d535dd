"""Updates that Telegram pushes: only with its secret, only to the right door, and nothing is left standing open."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from storyline_core import NeedsPerson, PostState, Secret
from storyline_core.testing import draft_of, picture, runtime_named
from storyline_core.testing.notifiers import RecordingControls
from storyline_telegram.notifier import TelegramNotifier
from storyline_telegram.opened import opened
from storyline_telegram.plugin import Webhook
from tests.telegram.bot_api.limits import Way
from tests.telegram.houses import opened_house
from tests.telegram.teams import Team, eventually
from tests.telegram.test_hearing import listening

SECRET = "of-the_tests"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def door(port: int) -> Webhook:
    return Webhook(url=f"http://127.0.0.1:{port}/story/hook", secret=Secret(SECRET), port=port)


@contextmanager
def pushed(team: Team, port: int) -> Iterator[TelegramNotifier]:
    with opened(team.settings(webhook=door(port)), runtime_named("team")) as made:
        yield made


def test_pushed_taps_decide_and_the_webhook_goes_with_its_listener(database_url: str, squad: Team) -> None:
    with opened_house(database_url, squad, telegram={"webhook": door(free_port())}) as house:
        post = house.first_card()
        [card] = squad.cards()
        with house.listening():
            hook = squad.bot.webhook
            assert hook is not None
            assert (hook.secret, squad.bot.allowed) == (
                SECRET, ["message", "channel_post", "callback_query", "my_chat_member"]
            )  # fmt: skip
            squad.ann.taps(card, "Posted")
            assert house.settled(post, PostState.POSTED).decided_by == f"telegram:{squad.ann.id}"
            eventually(squad.server.answers)
        assert squad.bot.webhook is None
        assert house.storyline.tick().decisions == 0


@pytest.mark.parametrize(
    ("request_of", "code"),
    [
        ({"headers": {}}, 403),
        ({"headers": {"X-Telegram-Bot-Api-Secret-Token": "of-the_test"}}, 403),
        ({"path": "/story/hook/"}, 404),
        ({"path": "/"}, 404),
        ({"method": "GET"}, 405),
        ({"content": b"{"}, 400),
        ({"content": b"[1]"}, 400),
        ({"content": b"{}"}, 200),
    ],
)
def test_only_telegram_gets_in(squad: Team, request_of: dict[str, object], code: int) -> None:
    port = free_port()
    usual: dict[str, object] = {
        "method": "POST", "path": "/story/hook", "content": b"{}",
        "headers": {"X-Telegram-Bot-Api-Secret-Token": SECRET},
    }  # fmt: skip
    asked = usual | request_of
    controls = RecordingControls()
    with pushed(squad, port) as made, listening(made, controls):
        eventually(lambda: squad.bot.webhook)
        answer = httpx.request(
            str(asked["method"]), f"http://127.0.0.1:{port}{asked['path']}", content=asked["content"],  # type: ignore[arg-type]
            headers=asked["headers"],  # type: ignore[arg-type]
        )  # fmt: skip
    assert answer.status_code == code
    assert answer.content == b""


def test_a_large_request_is_not_read(squad: Team) -> None:
    port = free_port()
    with pushed(squad, port) as made, listening(made, RecordingControls()):
        eventually(lambda: squad.bot.webhook)
        with pytest.raises(httpx.HTTPError):
            httpx.post(f"http://127.0.0.1:{port}/story/hook", content=b"x" * 3_000_000).raise_for_status()


def test_it_listens_on_this_machine_only(squad: Team) -> None:
    assert door(1).bind == "127.0.0.1"


def test_an_occupied_port_needs_a_person(squad: Team) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        with pushed(squad, port) as made, pytest.raises(NeedsPerson, match=rf"listen on 127.0.0.1:{port}: .*in use"):
            made.listen(RecordingControls(), lambda: False)
    assert squad.bot.webhook is None


def test_what_telegram_refuses_is_said(squad: Team) -> None:
    squad.server.refuse(401, method="setWebhook")
    with pushed(squad, free_port()) as made, pytest.raises(NeedsPerson, match="@BotFather"):
        made.listen(RecordingControls(), lambda: False)


def test_a_tap_that_waited_is_pushed_when_somebody_listens(squad: Team) -> None:
    draft = draft_of(picture(1))
    controls = RecordingControls(draft)
    with pushed(squad, free_port()) as made:
        made.offer(draft)
        squad.ben.taps(squad.cards()[0], "Skip")
        assert made.poll_once(controls) == 0
        squad.server.fault(Way.CUT_BEFORE, method="deleteWebhook")
        with listening(made, controls):
            eventually(lambda: controls.decisions)
    assert [each.person for each in controls.decisions] == [f"telegram:{squad.ben.id}"]


def test_a_connection_that_telegram_keeps_open_ends_with_the_listener(squad: Team) -> None:
    port = free_port()
    with pushed(squad, port) as notifier:
        with listening(notifier, RecordingControls()):
            eventually(lambda: squad.bot.webhook is not None)
            kept = socket.create_connection(("127.0.0.1", port), timeout=30)
            kept.sendall(b"GET /story/hook HTTP/1.1\r\nHost: here\r\n\r\n")
            assert kept.recv(1_000).startswith(b"HTTP/1.1 405")
        with kept:
            assert kept.recv(1_000) == b""
