"""Many cards and little room: nothing is lost, nothing doubled, every chat in its order, and taps stay quick."""

from __future__ import annotations

import io
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from functools import partial

import attrs
import pytest

from storyline_core import Busy, Draft, PostState, Secret, SyncRequest, Unavailable
from storyline_core.testing import draft_of, picture, runtime_named
from storyline_telegram.notifier import TelegramNotifier
from storyline_telegram.opened import opened
from storyline_telegram.plugin import RouteTo
from storyline_telegram.taps import CardTap, decoded
from tests.telegram.bot_api.chats import ChatMessage, Conversation
from tests.telegram.bot_api.limits import Way
from tests.telegram.bot_api.server import BotApi
from tests.telegram.houses import opened_house
from tests.telegram.teams import Team, eventually

CHATS, CARDS = 10, 50


def drafts_for(chat: int) -> list[Draft]:
    """The cards of one chat, each of a post of its own; all show one picture."""
    sample = draft_of(picture(1))
    return [
        attrs.evolve(sample, post=attrs.evolve(sample.post, id=f"c{chat}p{number:03}"), open_media=sample.open_media)
        for number in range(CARDS)
    ]


def offered(notifier: TelegramNotifier, drafts: list[Draft]) -> int:
    """Offer one after the other as a line does: what has to wait comes first again. How often it had to wait."""
    waits = 0
    for draft in drafts:
        while True:
            try:
                notifier.offer(draft)
                break
            except Unavailable as error:
                waits += 1
                time.sleep((error.retry_after or timedelta(minutes=5)).total_seconds())
    return waits


def shown_posts(chat: Conversation) -> list[str]:
    """The posts whose cards a chat shows, in their order."""
    return [tap.post_id for message in chat.messages if isinstance(tap := decoded(first_data(message)), CardTap)]


def first_data(message: ChatMessage) -> str:
    return next(data for row in message.buttons for _, data in row if data.startswith("1:c:"))


def answered(team: Team, taps: int) -> bool:
    """Whether so many taps have been answered."""
    return len(team.server.answers()) == taps


def test_five_hundred_cards_in_ten_chats_under_flood_control(api: BotApi) -> None:
    team = Team.on(api)
    chats = [api.chat("supergroup", f"Chat {number}", members=[team.ann], bots=[team.bot]) for number in range(CHATS)]
    api.floods.on(per_chat_second=25, per_group_minute=None, overall_second=150)  # type: ignore[arg-type]
    # However slow the machine is today, some are refused.
    refusals = api.refuse(429, "Too Many Requests: retry after 1", method="sendPhoto", times=10, retry_after=1)
    pace = {"messages_per_second": 30, "all_messages_per_second": 160, "patience": timedelta(milliseconds=600)}
    with ExitStack() as stack:
        threads = []
        for number, chat in enumerate(chats):
            made = stack.enter_context(opened(team.settings(chat=chat.id, **pace), runtime_named(f"team {number}")))
            threads.append(threading.Thread(target=offered, args=(made, drafts_for(number))))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(90)
    assert [shown_posts(chat) for chat in chats] == [[each.post.id for each in drafts_for(n)] for n in range(CHATS)]
    assert refusals.hits == 10
    uploads = [call for call in api.calls("sendPhoto") if str(call.parameters.get("photo", "")).startswith("<")]
    assert len(uploads) <= 3 * CHATS


def delivered_by_core(database_url: str, api: BotApi, chats: int, cards: int) -> None:
    """One account, a chat for each category, and Telegram's flood control: every card once, each chat in order."""
    team = Team.on(api)
    others = [api.chat("supergroup", f"Chat {n}", members=[team.ann], bots=[team.bot]) for n in range(chats)]
    api.floods.on(per_chat_second=8, per_group_minute=None, overall_second=30)  # type: ignore[arg-type]
    refusals = api.refuse(429, method="sendPhoto", chat=others[0], times=2, retry_after=1)
    telegram: dict[str, object] = {
        "routes": tuple(RouteTo(chat=chat.id, categories=(f"c{n}",)) for n, chat in enumerate(others)),
        "messages_per_second": 10, "all_messages_per_second": 40, "patience": timedelta(milliseconds=200),
    }  # fmt: skip
    with opened_house(database_url, team, pictures=0, telegram=telegram) as house:
        for number in range(chats * cards):
            house.memory.folder().write(f"c{number % chats}/{number:04}.jpg", picture(number))
        house.storyline.sync("photos")
        posts = [house.storyline.post_beside("main", by="cli:ann") for _ in range(chats * cards)]
        began, behind = time.monotonic(), house.clock.at
        while time.monotonic() < began + 200:
            house.clock.at = behind + timedelta(seconds=time.monotonic() - began)
            house.storyline.turn_accounts()
            with house.storyline.read() as unit:
                if not unit.queue.unsettled("main", {PostState.SCHEDULED, PostState.OFFERING}):
                    break
            time.sleep(0.05)
        wanted = {
            chat.id: [post.id for post in sorted(posts, key=lambda post: (post.due_at, post.id))
                      if post.category == f"c{n}"] for n, chat in enumerate(others)
        }  # fmt: skip
    ours = {post.id for post in posts}
    assert {chat.id: [each for each in shown_posts(chat) if each in ours] for chat in others} == wanted
    assert refusals.hits == 2
    said = f"{len(posts)} cards in {chats} chats through core: {time.monotonic() - began:.0f} s"
    print(said)  # noqa: T201 - it is measured, and not judged here


def test_one_account_with_many_chats_under_flood_control(sqlite_url: str, api: BotApi) -> None:
    delivered_by_core(sqlite_url, api, chats=4, cards=8)


def test_changes_of_a_card_are_merged_where_there_is_no_room(squad: Team) -> None:
    draft = draft_of(picture(1))
    with opened(squad.settings(), runtime_named("team")) as made:
        message = made.offer(draft)
        squad.server.refuse(429, method="editMessageCaption", retry_after=1)
        for revision in range(2, 40):
            made.update(message, attrs.evolve(draft.post, revision=revision))
    edits = squad.server.calls("editMessageCaption")
    assert len(edits) <= 4
    assert first_data(squad.cards()[0]).endswith(":13")


@contextmanager
def busy(sync_all: Callable[[], None], notifier: TelegramNotifier, draft: Draft) -> Iterator[None]:
    """An upload of fifty megabytes and syncs, over and over, meanwhile."""
    stop = threading.Event()

    def upload() -> None:
        while not stop.is_set():
            notifier._cards.original(draft, notifier.places.for_alerts(), 1)

    def sync() -> None:
        while not stop.is_set():
            sync_all()

    threads = [threading.Thread(target=upload), threading.Thread(target=sync)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)


@pytest.mark.parametrize("key", [None, Secret("0123456789abcdef" * 2)])
def test_taps_are_answered_quickly_while_much_else_goes_on(sqlite_url: str, squad: Team, key: Secret | None) -> None:
    large = b"\0" * 49_000_000
    sample = draft_of(picture(2), name="film.mp4")
    item = attrs.evolve(sample.item, size=len(large), digest=None)
    film = attrs.evolve(sample, item=item, open_media=lambda: io.BytesIO(large))
    with opened_house(sqlite_url, squad, pictures=60, key=key) as house:
        house.first_card()
        [card] = squad.cards()
        # What is asked for in the chat is in hand as long as it takes.
        slow = squad.server.fault(Way.SLOW, method="sendMessage", chat=squad.chat, times=1_000, seconds=1.5)
        notifier = house.storyline.opened_notifier("team")
        assert isinstance(notifier, TelegramNotifier)
        with house.listening(), house.storyline.sibling() as sibling:

            def sync() -> None:
                with suppress(Busy):
                    sibling.sync("photos", SyncRequest(force=True))

            with busy(sync, notifier, film):
                squad.ann.says(squad.chat, "/sync")
                squad.ann.says(squad.chat, "/status")
                eventually(lambda: slow.hits)
                for number in range(24):
                    label = "More…" if "More…" in card.labels else "Back"
                    squad.ben.taps(card, label)
                    eventually(partial(answered, squad, number + 1))
                    time.sleep(0.05)
        waited = [query.waited or 0.0 for query in squad.server.answers()]
    said = f"taps under load: median {statistics.median(waited) * 1000:.0f} ms, worst {max(waited) * 1000:.0f} ms"
    print(said)  # noqa: T201 - it is measured, and not judged here: machines differ
    assert len(waited) == 24
    assert statistics.median(waited) < 2
