"""What the bot says unasked: when it starts and stops, the day's digest exactly once, and whose menu shows what."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_core import Decision, Person, PostEvent, Secret, TeamRole, Unavailable, Uncertain
from storyline_telegram.lifecycle import (
    LATE,
    Habits,
    Lifecycle,
    Reach,
    Scope,
    command_menus,
    last_due,
    menu_changes,
    scope_in,
)
from storyline_telegram.notifier import TelegramNotifier
from storyline_telegram.presence import Presence
from storyline_telegram.routes import QuietHours
from tests.telegram.houses import House, opened_house
from tests.telegram.markup import read
from tests.telegram.teams import Team, eventually

BERLIN = ZoneInfo("Europe/Berlin")
EVENING = datetime(2026, 5, 1, 18, 0, tzinfo=UTC)
"""Eight in the evening in Berlin."""

EIGHT = Habits(digest_at=time(20), version="1.2.3")
QUIET = attrs.evolve(EIGHT, quiet=QuietHours(time(19), time(7), BERLIN))


@attrs.define
class Post:
    """Where texts are put through: what arrived, and what goes wrong."""

    texts: list[tuple[str, bool]] = attrs.field(factory=list)
    trouble: Exception | None = None
    arrives: bool = False

    def __call__(self, html: str, silent: bool) -> None:
        """One text."""
        read(html)
        if self.trouble is None or self.arrives:
            self.texts.append((html, silent))
        if self.trouble is not None:
            raise self.trouble


@pytest.fixture
def house(sqlite_url: str, squad: Team) -> Iterator[House]:
    with opened_house(sqlite_url, squad) as house:
        yield house


def lifecycle(house: House, post: Post, habits: Habits = EIGHT) -> Lifecycle:
    return Lifecycle(house.storyline.desk("team"), habits, post)


@given(
    at=st.times().map(lambda at: at.replace(microsecond=0)),
    now=st.integers(0, 63_072_000).map(lambda seconds: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Pacific/Apia", "UTC"]),
)
def test_the_last_due_moment_is_the_latest_that_has_come(at: time, now: datetime, zone: str) -> None:
    due = last_due(at, ZoneInfo(zone), now)
    assert due <= now < due + timedelta(hours=25, minutes=1)


def test_the_digest_is_told_once_after_its_time(house: House) -> None:
    post = Post()
    card = house.first_card()
    desk = house.storyline.desk("team")
    desk.decide(Decision(card.id, PostEvent.POSTED, "telegram:1", name="Ben"))
    house.clock.at = EVENING - timedelta(minutes=1)
    life = lifecycle(house, post)
    life.turn()
    assert post.texts == []
    house.clock.at = EVENING + timedelta(minutes=1)
    life.turn()
    life.turn()
    lifecycle(house, post).turn()
    [(told, silent)] = post.texts
    assert not silent
    assert told.startswith("<b>main</b>, Fri 1 May: 1 posted")
    assert "posted by Ben" in told
    assert "<b>Next</b>" in told
    house.clock.forward(hours=24)
    life.turn()
    assert len(post.texts) == 2
    assert post.texts[1][0].startswith("<b>main</b>, Sat 2 May")


def test_many_processes_tell_it_once(database_url: str, squad: Team) -> None:
    with opened_house(database_url, squad) as house:
        house.clock.at = EVENING
        post = Post()
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda _: lifecycle(house, post).turn(), range(6)))
        assert len(post.texts) == 1


def test_a_digest_that_could_not_be_told_is_tried_again_and_one_that_may_have_arrived_is_not(house: House) -> None:
    house.clock.at = EVENING
    post = Post(trouble=Unavailable("Telegram does not answer."))
    life = lifecycle(house, post)
    life.turn()
    assert post.texts == []
    post.trouble, post.arrives = Uncertain("It timed out."), True
    life.turn()
    life.turn()
    lifecycle(house, post).turn()
    assert len(post.texts) == 1


def test_a_digest_that_is_very_late_is_left_out(house: House) -> None:
    post = Post()
    house.clock.at = EVENING + LATE + timedelta(minutes=1)
    lifecycle(house, post).turn()
    assert post.texts == []


def test_quiet_hours_hold_the_digest_back_unless_they_are_switched_off(house: House) -> None:
    post = Post()
    house.clock.at = EVENING
    life = lifecycle(house, post, QUIET)
    life.turn()
    assert post.texts == []
    house.clock.at = datetime(2026, 5, 2, 5, 0, tzinfo=UTC)
    life.turn()
    assert [text.split(":")[0] for text, _ in post.texts] == ["<b>main</b>, Fri 1 May"]
    house.clock.at = EVENING + timedelta(days=1)
    desk = house.storyline.desk("team")
    desk.set_quiet_hours(f"telegram:{house.team.ann.id}", "main", False)
    life.turn()
    assert len(post.texts) == 2


def test_it_says_that_it_runs_and_that_it_stops(house: House) -> None:
    post = Post()
    life = lifecycle(house, post)
    life.started()
    life.stopped("it was asked to.")
    assert post.texts == [
        ("Storyline 1.2.3 is running for main. /status shows how it is.", False),
        ("Storyline has stopped: it was asked to. Taps are carried out when it is back.", False),
    ]


def test_in_quiet_hours_it_says_so_in_the_morning_and_goes_without_a_sound(house: House) -> None:
    post = Post()
    house.clock.at = EVENING + timedelta(hours=4)
    night = attrs.evolve(QUIET, digest_at=None)
    life = lifecycle(house, post, night)
    life.started()
    life.turn()
    life.stopped()
    assert post.texts == [], "nobody has to hear of a start and a stop that both were at night"
    life = lifecycle(house, post, night)
    life.started()
    house.clock.at = datetime(2026, 5, 2, 5, 0, tzinfo=UTC)
    life.turn()
    life.turn()
    assert [silent for _, silent in post.texts] == [False]
    house.clock.at += timedelta(hours=16)
    life.stopped()
    assert [silent for _, silent in post.texts] == [False, True]


def test_an_account_that_only_rehearses_tells_no_digest(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad, dry_run=True) as house:
        house.clock.at = EVENING
        post = Post()
        lifecycle(house, post).turn()
        assert post.texts == []


# Menus


def person(number: int, role: TeamRole = TeamRole.MEMBER, active: bool = True) -> Person:
    return Person(f"telegram:{number}", "telegram", f"P{number}", role=role, active=active)


def test_strangers_see_nothing_members_theirs_and_admins_all() -> None:
    people = [
        person(1, TeamRole.ADMIN),
        person(2),
        person(3, active=False),
        Person("cli:maria", "cli", role=TeamRole.ADMIN),
    ]
    menus = command_menus([-100, 1], people)
    assert menus[Scope(Reach.DEFAULT)] == ()
    shown = {scope: {each.name for each in commands} for scope, commands in menus.items()}
    members = shown[Scope(Reach.CHAT, -100)]
    assert "queue" in members
    assert not {"pause", "sync", "settings", "backfill"} & members
    assert {"pause", "sync", "settings"} <= shown[Scope(Reach.CHAT_MEMBER, -100, 1)]
    assert "backfill" not in shown[Scope(Reach.CHAT_MEMBER, -100, 1)]
    assert shown[Scope(Reach.CHAT_MEMBER, -100, 3)] == {"whoami", "help"}
    assert "pause" in shown[Scope(Reach.CHAT, 1)], "a private chat is its person's"
    assert len(menus) == 5
    offered = command_menus([-100], people, backfill=True)
    assert "backfill" in {each.name for each in offered[Scope(Reach.CHAT_MEMBER, -100, 1)]}


def test_only_what_changed_is_told_again() -> None:
    before = command_menus([-100], [person(1, TeamRole.ADMIN), person(2)])
    after = command_menus([-100], [person(1), person(2, TeamRole.ADMIN)])
    changed, gone = menu_changes(before, after)
    assert set(changed) == {Scope(Reach.CHAT_MEMBER, -100, 2)}
    assert gone == (Scope(Reach.CHAT_MEMBER, -100, 1),)
    assert menu_changes(after, after) == ({}, ())


def test_typing_a_slash_shows_what_each_may_do(sqlite_url: str, squad: Team) -> None:
    with opened_house(sqlite_url, squad) as house:
        with house.listening():
            eventually(lambda: "pause" in squad.ann.sees_commands(squad.bot, squad.chat))
            assert "queue" in squad.ben.sees_commands(squad.bot, squad.chat)
            assert "pause" not in squad.ben.sees_commands(squad.bot, squad.chat)
            elsewhere = squad.server.chat("supergroup", "Others", members=[squad.ann], bots=[squad.bot])
            assert squad.ann.sees_commands(squad.bot, elsewhere) == []
        notifier = house.storyline.opened_notifier("team")
        assert isinstance(notifier, TelegramNotifier)
        presence = Presence(notifier, house.storyline.desk("team"), Habits())
        presence.show_menus()
        house.storyline.set_role(f"telegram:{squad.ben.id}", TeamRole.ADMIN)
        house.storyline.set_role(f"telegram:{squad.ann.id}", TeamRole.MEMBER)
        presence.show_menus()
        assert "pause" in squad.ben.sees_commands(squad.bot, squad.chat)
        assert "pause" not in squad.ann.sees_commands(squad.bot, squad.chat)


def demoted_meanwhile(house: House, presence: Presence) -> None:
    """Ann is an admin and sees it; then this process ends, and she is one no more."""
    presence.show_menus()
    squad = house.team
    assert "pause" in squad.ann.sees_commands(squad.bot, squad.chat)
    house.storyline.set_role(f"telegram:{squad.ann.id}", TeamRole.MEMBER)


@pytest.mark.parametrize("key", [None, Secret("0123456789abcdef" * 2)])
def test_a_menu_goes_with_the_role_although_another_process_has_shown_it(
    sqlite_url: str, squad: Team, key: Secret | None
) -> None:
    for number in range(2):
        with opened_house(sqlite_url, squad, key=key) as house:
            notifier = house.storyline.opened_notifier("team")
            assert isinstance(notifier, TelegramNotifier)
            presence = Presence(notifier, house.storyline.desk("team"), Habits())
            if number == 0:
                demoted_meanwhile(house, presence)
            else:
                house.storyline.set_role(f"telegram:{squad.ann.id}", TeamRole.MEMBER)
                squad.server.refuse(502, method="deleteMyCommands", times=2)
                presence.show_menus()
                presence.show_menus()
                presence.show_menus()
                assert "pause" not in squad.ann.sees_commands(squad.bot, squad.chat)
                assert "queue" in squad.ann.sees_commands(squad.bot, squad.chat)


def test_scopes_are_remembered_in_words() -> None:
    for scope in (Scope(Reach.DEFAULT), Scope(Reach.CHAT, -5), Scope(Reach.CHAT_MEMBER, -5, 7)):
        assert scope_in(str(scope)) == scope
    for words in ("", "chat", "chat/x/", "sky/1/2"):
        assert scope_in(words) is None
