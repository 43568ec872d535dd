"""Cards as they arrive: in which form, where, with which words, and how they are kept level."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import attrs
import pytest
from PIL import Image

from storyline_core import Alert, AlertLevel, Description, Draft, NeedsPerson, PostState, Refused, Unavailable
from storyline_core.testing import draft_of, picture, runtime_named
from storyline_telegram.notifier import TelegramNotifier
from storyline_telegram.opened import opened
from storyline_telegram.plugin import RouteTo
from tests.telegram.bot_api.server import BotApi
from tests.telegram.hostile import TITLES
from tests.telegram.houses import opened_house
from tests.telegram.teams import Team

NIGHT = datetime(2026, 5, 1, 23, 0, tzinfo=UTC)


@contextmanager
def notifier(team: Team, at: datetime | None = None, **settings: object) -> Iterator[TelegramNotifier]:
    runtime = runtime_named("team") if at is None else runtime_named("team", lambda: at)
    with opened(team.settings(**settings), runtime) as made:
        yield made


def large(size: tuple[int, int], form: str = "JPEG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (40, 90, 160)).save(file, form)
    return file.getvalue()


def of_size(draft: Draft, size: int) -> Draft:
    """A draft whose file is said to be so large, and is."""
    content = draft.open_media().read()
    padded = content + b"\0" * (size - len(content))
    item = attrs.evolve(draft.item, size=size, digest="d" * 64)
    return attrs.evolve(draft, item=item, open_media=lambda: io.BytesIO(padded))


def test_a_card_has_the_picture_the_words_and_the_buttons(squad: Team) -> None:
    with notifier(squad) as made:
        made.offer(draft_of(picture(1), publishable=True))
    [card] = squad.cards()
    assert card.kind == "photo"
    assert card.file_bytes == picture(1)
    assert card.text.startswith("A picture\n")
    assert "Fri 1 May, 14:00 Europe/Berlin" in card.text
    assert [label for label in card.labels if "Original" not in label] == [
        "Copy caption", "Publish", "Posted", "Skip", "More…"
    ]  # fmt: skip
    assert not card.silent


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.jpg", "photo"), ("a.png", "photo"), ("a.gif", "animation"), ("a.mp4", "video"), ("a.mov", "video")],
)
def test_each_type_of_file_has_its_form(squad: Team, name: str, kind: str) -> None:
    form = {"png": "PNG", "gif": "GIF"}.get(name[2:], "JPEG")
    with notifier(squad) as made:
        made.offer(draft_of(picture(1, form=form), name=name))
    assert [card.kind for card in squad.cards()] == [kind]


@pytest.mark.parametrize("sides", [(12_000, 400), (300, 9_000), (6_000, 6_000)])
def test_a_picture_with_odd_sides_is_shown_smaller_and_given_whole(squad: Team, sides: tuple[int, int]) -> None:
    content = large(sides)
    draft = draft_of(content)
    draft = attrs.evolve(draft, item=attrs.evolve(draft.item, width=sides[0], height=sides[1]))
    with notifier(squad) as made:
        made.offer(draft)
        made._cards.original(draft, made.places.main, squad.cards()[0].id)
    card, original = squad.chat.messages
    with Image.open(io.BytesIO(card.file_bytes)) as shown:
        assert shown.size == (1080, 1920)
    assert (original.kind, original.file_bytes) == ("document", content)


def test_a_picture_of_unknown_size_is_looked_at(squad: Team) -> None:
    draft = draft_of(large((300, 9_000)))
    draft = attrs.evolve(draft, item=attrs.evolve(draft.item, width=None, height=None))
    with notifier(squad) as made:
        made.offer(draft)
    assert [card.kind for card in squad.cards()] == ["photo"]


def test_a_picture_that_telegram_cannot_read_is_shown_as_a_file(squad: Team) -> None:
    with notifier(squad) as made:
        made.offer(draft_of(b"\xff\xd8\xff but no picture"))
    [card] = squad.cards()
    assert card.kind == "document"
    assert card.labels


def test_a_picture_over_ten_megabytes_is_shown_smaller(squad: Team) -> None:
    draft = of_size(draft_of(picture(1)), 11_000_000)
    with notifier(squad) as made:
        made.offer(draft)
        made._cards.original(draft, made.places.main, 1)
    card, original = squad.chat.messages
    assert len(card.file_bytes) < 1_000_000
    assert "smaller version" not in card.text
    assert len(original.file_bytes) == 11_000_000


def test_what_is_over_fifty_megabytes_comes_fitted_with_a_note(squad: Team) -> None:
    draft = of_size(draft_of(picture(1)), 51_000_000)
    with notifier(squad) as made:
        made.offer(draft)
        made._cards.original(draft, made.places.main, 1)
    note = "A smaller version: the original (51 MB) is over Telegram's 50 MB."
    card, original = squad.chat.messages
    assert (card.kind, original.kind) == ("photo", "document")
    assert note in card.text
    assert original.text == note


def test_a_film_over_fifty_megabytes_is_a_card_without_it(squad: Team) -> None:
    draft = of_size(draft_of(picture(1), name="film.mp4"), 51_000_000)
    with notifier(squad) as made:
        message = made.offer(draft)
        made._cards.original(draft, made.places.main, 1)
        posted = attrs.evolve(
            draft.post, state=PostState.SKIPPED, settled_at=draft.post.due_at, reason="so", revision=2
        )
        made.update(message, posted)
    note = "The file (51 MB) is over Telegram's 50 MB. It lies in photos: film.mp4"
    card, answer = squad.chat.messages
    assert (card.kind, answer.text) == ("text", note)
    assert note in card.text
    assert "Skipped" in card.text


def seen_small(draft: Draft, opening: Callable[[], io.BytesIO]) -> Draft:
    """A draft whose file nobody may fetch to show it: its source has a small picture of it."""

    def whole() -> io.BytesIO:
        raise AssertionError("the whole file was fetched for a card")

    return attrs.evolve(draft, open_media=whole, open_preview=opening)


@pytest.mark.parametrize(("name", "size"), [("film.mp4", 51_000_000), ("a.jpg", 51_000_000), ("a.jpg", 11_000_000),
                                            ("a.gif", 60_000_000)])  # fmt: skip
def test_what_is_too_large_is_shown_by_the_sources_small_picture(squad: Team, name: str, size: int) -> None:
    draft = of_size(draft_of(picture(1), name=name), size)
    shown = seen_small(draft, lambda: io.BytesIO(picture(2)))
    with notifier(squad) as made:
        message = made.offer(shown)
        again = attrs.evolve(shown.post, state=PostState.SKIPPED, settled_at=shown.post.due_at, reason="so", revision=2)
        made.update(message, again)
        if size < 50_000_000:
            made._cards.original(draft, made.places.main, 1)
    card, *originals = squad.chat.messages
    assert (card.kind, card.file_bytes) == ("photo", picture(2))
    assert ("Only a picture of the video. The file (51 MB) is over" in card.text) is (name == "film.mp4")
    assert "Skipped" in card.text
    assert [len(each.file_bytes) for each in originals] == ([size] if size < 50_000_000 else [])


def test_a_small_picture_that_is_not_to_be_had_keeps_no_card_back(squad: Team) -> None:
    def none_yet() -> io.BytesIO:
        raise Unavailable("Drive is busy.")

    film = of_size(draft_of(picture(1), name="film.mp4"), 51_000_000)
    large = of_size(draft_of(picture(1), ordinal=1), 11_000_000)
    with notifier(squad) as made:
        for draft in (film, large):
            made.offer(attrs.evolve(draft, open_preview=none_yet))
    words, fitted = squad.chat.messages
    assert (words.kind, fitted.kind) == ("text", "photo")
    assert "The file (51 MB) is over Telegram's 50 MB." in words.text


def test_what_fits_is_shown_as_it_is_whatever_its_source_has(squad: Team) -> None:
    draft = draft_of(picture(1))
    with notifier(squad) as made:
        made.offer(attrs.evolve(draft, open_preview=lambda: io.BytesIO(picture(2))))
    assert squad.cards()[0].file_bytes == picture(1)


@pytest.mark.parametrize("title", TITLES)
def test_hostile_words_arrive_whole(squad: Team, title: str) -> None:
    draft = draft_of(picture(1))
    words = Description(title=title, caption=title, link_url="https://shop.example/tee", tags=(title[:60],))
    item = attrs.evolve(draft.item, description=words)
    with notifier(squad) as made:
        made.offer(attrs.evolve(draft, item=item))
    [card] = squad.cards()
    assert len(card.text.encode("utf-16-le")) // 2 <= 1024
    assert draft.post.id in card.text


def test_the_same_bytes_are_uploaded_once_and_a_lost_id_does_no_harm(squad: Team) -> None:
    runtime = runtime_named("team")
    draft, again, third = (draft_of(picture(1), ordinal=number) for number in range(3))
    with opened(squad.settings(), runtime) as made:
        made.offer(draft)
    with opened(squad.settings(), runtime) as made:
        made.offer(again)
        squad.server.state.shelf.files.clear()
        made.offer(third)
    sent = [str(call.parameters["photo"]) for call in squad.server.calls("sendPhoto")]
    assert [each.startswith("AgAC") for each in sent] == [False, True, True, False]
    assert len(squad.cards()) == 3


def test_cards_go_where_their_tags_and_categories_say(squad: Team) -> None:
    cats = squad.server.chat("supergroup", "Cats", members=[squad.ann], bots=[squad.bot], topics={7: "Cats"})
    routes = (RouteTo(chat=cats.id, topic=7, categories=("cats",)),)
    cat, dog = draft_of(picture(1), ordinal=0), draft_of(picture(2), ordinal=1)
    cat = attrs.evolve(cat, item=attrs.evolve(cat.item, folder="cats/grey"))
    with notifier(squad, routes=routes) as made:
        made.offer(cat)
        made.offer(dog)
        cats.topics.clear()
        made.offer(cat)
        made.offer(cat)
    assert [card.thread for card in squad.cards(cats)] == [7]
    assert len(squad.cards()) == 3
    [told] = squad.admins.messages
    assert told.text.startswith(
        f"Warning: Topic 7 of chat {cats.id} is not there (any more). Its cards come to the usual"
    )


def test_accounts_in_one_bot_have_chats_of_their_own(squad: Team) -> None:
    shop = squad.server.chat("channel", "Shop", members=[squad.ann], bots=[squad.bot])
    draft = draft_of(picture(1))
    other = attrs.evolve(draft, post=attrs.evolve(draft.post, account="shop"))
    with notifier(squad, routes=(RouteTo(chat=shop.id, accounts=("shop",)),)) as made:
        made.offer(draft)
        made.offer(other)
        assert made.check() == "@story_bot reaches Team, Admins, Shop"
    assert (len(squad.cards()), len(squad.cards(shop))) == (1, 1)


def test_a_topic_is_kept_for_cards_and_what_belongs_to_them(api: BotApi) -> None:
    team = Team.on(api, topics={5: "Stories"})
    with notifier(team, topic=5) as made:
        draft = draft_of(picture(1))
        first = made.offer(draft)
        post = attrs.evolve(draft.post, message=first, state=PostState.OFFERED)
        made.offer(attrs.evolve(draft, post=post, reminder=True))
    card, reminder = team.cards()
    assert (card.thread, reminder.thread) == (5, 5)
    assert reminder.reply_to is card
    assert reminder.text.startswith("Reminder: nobody has answered this card yet.")


def test_a_first_card_and_its_reminder_are_both_kept_level(squad: Team) -> None:
    with notifier(squad) as made:
        draft = draft_of(picture(1))
        first = made.offer(draft)
        waiting = attrs.evolve(draft.post, message=first, state=PostState.OFFERED)
        later = attrs.evolve(draft, post=waiting, reminder=True)
        both = made.offer(later)
        at = draft.post.due_at
        settled = attrs.evolve(
            draft.post, state=PostState.POSTED, decided_by="telegram:1", decided_at=at, posted_at=at, settled_at=at,
            revision=3, message=both,
        )  # fmt: skip
        made.update(both, settled)
        made.update(both, settled)
    assert [card.text.count("Posted by telegram:1") for card in squad.cards()] == [1, 1]
    assert [card.labels for card in squad.cards()] == [[], []]
    assert [call.method for call in squad.server.calls() if call.method.startswith("edit")] == [
        "editMessageCaption"
    ] * 2


def test_a_card_that_was_shown_anew_leaves_its_old_one_without_buttons(squad: Team) -> None:
    with notifier(squad) as made:
        draft = draft_of(picture(1))
        first = made.offer(draft)
        woken = attrs.evolve(draft.post, message=first, state=PostState.OFFERING)
        second = made.offer(attrs.evolve(draft, post=woken))
    old, new = squad.cards()
    assert not old.labels
    assert old.text == new.text
    assert new.labels
    assert second.token == f"{squad.chat.id}/-/{new.id}c"


def test_bringing_level_a_card_that_somebody_deleted_is_no_mistake(squad: Team) -> None:
    with notifier(squad) as made:
        draft = draft_of(picture(1))
        message = made.offer(draft)
        squad.cards()[0].deleted = True
        made.update(message, attrs.evolve(draft.post, state=PostState.MISSED, settled_at=draft.post.due_at))
        made.update(attrs.evolve(message, token="of another time"), draft.post)


def test_in_quiet_hours_cards_come_without_a_sound_and_errors_with_one(squad: Team) -> None:
    hours: dict[str, object] = {"quiet_hours": "22:00-08:00", "zone": ZoneInfo("Europe/Berlin")}
    with notifier(squad, NIGHT, **hours) as made:
        made.offer(draft_of(picture(1)))
        made.alert(Alert("a", AlertLevel.WARNING, "The disk is nearly full."))
        made.alert(Alert("b", AlertLevel.ERROR, "The disk is gone.", "Plug it in."))
    with notifier(squad, NIGHT + timedelta(hours=12), **hours) as made:
        made.offer(draft_of(picture(2), ordinal=1))
    assert [card.silent for card in squad.cards()] == [True, False]
    assert [(text.text.split(":")[0], text.silent) for text in squad.admins.messages] == [
        ("Warning", True), ("Error", False)
    ]  # fmt: skip


def test_an_accounts_own_template_is_used(squad: Team) -> None:
    with notifier(squad, template="<b>{title}</b> for {account}") as made:
        made.offer(draft_of(picture(1)))
    assert squad.cards()[0].html.startswith("<b>A picture</b> for main")


def test_a_file_that_is_gone_is_refused_with_its_own_words(squad: Team) -> None:
    def gone() -> io.BytesIO:
        raise Refused("The file is not there any more.")

    with notifier(squad) as made, pytest.raises(Refused, match="not there any more"):
        made.offer(attrs.evolve(draft_of(picture(1)), open_media=gone))
    assert not squad.chat.messages


def test_checking_names_the_bot_and_its_chats(squad: Team) -> None:
    with notifier(squad) as made:
        assert made.check() == "@story_bot reaches Team, Admins"


def test_checking_says_what_the_bot_lacks(squad: Team) -> None:
    squad.server.place(squad.bot, squad.chat, "restricted", without=["can_send_photos"])
    with (
        notifier(squad) as made,
        pytest.raises(NeedsPerson, match="@story_bot needs to be allowed to send photos in Team"),
    ):
        made.check()
    squad.server.kick(squad.bot, squad.chat)
    with notifier(squad) as made, pytest.raises(NeedsPerson, match="was removed from"):
        made.check()


def test_a_test_card_goes_everywhere_and_leaves_nothing(squad: Team) -> None:
    with notifier(squad) as made:
        assert made.test_card() == "A test card was sent to 2 places and deleted again."
    assert not squad.chat.messages
    assert len(squad.server.calls("deleteMessage")) == 2


def test_commands_are_shown_where_they_belong(squad: Team) -> None:
    with notifier(squad) as made:
        made.show_commands([("queue", "What waits")], chat=squad.chat.id)
        made.show_commands([("queue", "What waits"), ("sync", "Look")], chat=squad.chat.id, person=squad.ann.id)
        assert squad.ann.sees_commands(squad.bot, squad.chat) == ["queue", "sync"]
        assert squad.ben.sees_commands(squad.bot, squad.chat) == ["queue"]
        made.show_commands([], chat=squad.chat.id, person=squad.ann.id)
    assert squad.ann.sees_commands(squad.bot, squad.chat) == ["queue"]


def test_a_member_sees_the_same_card_from_core(database_url: str, squad: Team) -> None:
    with opened_house(database_url, squad) as house:
        post = house.first_card()
        [card] = squad.cards()
        assert post.message is not None
        assert post.message.token == f"{squad.chat.id}/-/{card.id}c"
        house.clock.forward(hours=3)
        house.storyline.tick()
        _, reminder = squad.cards()
        assert reminder.reply_to is card
        message = house.now(post).message
        assert message is not None
        assert message.token == f"{squad.chat.id}/-/{reminder.id}c,{squad.chat.id}/-/{card.id}c"
