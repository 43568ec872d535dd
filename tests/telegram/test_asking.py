"""Commands and switches over the real store: what each answers, to whom, and what it changes."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import attrs
import pytest

from storyline_core import Desk, PostState, TeamRole
from storyline_core.testing import picture
from storyline_telegram.asking import Room, answer, tapped
from storyline_telegram.commands import COMMANDS, Who
from storyline_telegram.speech import MOST_DOWNLOADED, Upload
from storyline_telegram.taps import PageTap, SwitchTap, decoded
from storyline_telegram.uploading import received
from tests.telegram.houses import House, opened_house
from tests.telegram.markup import read
from tests.telegram.spoken import Line, Paper, said
from tests.telegram.teams import Team

BEN, GUS = 4242, 4343


@attrs.frozen
class Talk:
    """A conversation with the desk of an opened house."""

    house: House

    @property
    def desk(self) -> Desk:
        """The desk."""
        return self.house.storyline.desk("team")

    def ann(self, text: str, chat_kind: str = "supergroup") -> Paper:
        """The admin asks."""
        return self._asked(self.house.team.ann.id, "Ann", text, chat_kind)

    def ben(self, text: str, chat_kind: str = "supergroup") -> Paper:
        """A member asks."""
        return self._asked(BEN, "Ben", text, chat_kind)

    def gus(self, text: str) -> Paper:
        """Somebody deactivated asks."""
        return self._asked(GUS, "Gus", text, "supergroup")

    def tap(self, line: Line, label: str, person: int | None = None) -> Paper:
        """Somebody taps a button; without a name the admin."""
        tap = decoded(line.button(label))
        assert isinstance(tap, PageTap | SwitchTap)
        paper = Paper(under=line)
        tapped(tap, said(person or self.house.team.ann.id, "Ann"), self.desk, paper, Room(quiet_hours="22:00-07:00"))
        return paper

    def _asked(self, person: int, name: str, text: str, chat_kind: str) -> Paper:
        paper = Paper()
        answer(said(person, name, text, chat_kind), self.desk, paper, Room("story_bot", "22:00-07:00"))
        for line in paper.lines:
            read(line.html)
        return paper


@pytest.fixture
def talk(sqlite_url: str, squad: Team) -> Iterator[Talk]:
    with opened_house(sqlite_url, squad) as house:
        talk = Talk(house)
        talk.ann("/whoami")
        talk.gus("/whoami")
        house.storyline.set_active(f"telegram:{GUS}", False)
        yield talk


def test_what_is_no_command_is_passed_over(talk: Talk) -> None:
    for text in ("hello", "", "posted it /queue", "/queue@another_bot"):
        assert talk.ann(text).lines == []


def test_an_unknown_command_is_answered_only_where_no_other_bot_can_be_meant(talk: Talk) -> None:
    assert talk.ann("/dance").lines == []
    assert "There is no /dance" in talk.ann("/dance", "private").last
    assert "There is no /backfill" in talk.ann("/backfill", "private").last


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.who is Who.ADMIN and not each.needs_backfill])
def test_members_are_refused_politely_what_is_for_admins(talk: Talk, command: object) -> None:
    name = getattr(command, "name", "")
    assert talk.ben(f"/{name}").last == f"Sorry, /{name} is for admins. Ann can help."
    assert not any(each.paused for each in talk.desk.accounts())


def test_the_deactivated_learn_only_who_they_are(talk: Talk) -> None:
    assert talk.gus("/queue").last == "You have been deactivated here. Ann can help."
    assert "deactivated" in talk.gus("/whoami").last
    assert "cannot decide anything here" in talk.gus("/help").last


def test_help_shows_what_this_person_may_do(talk: Talk) -> None:
    assert "/pause" in talk.ann("/help").last
    assert "/pause" not in talk.ben("/help").last
    assert "/queue" in talk.ben("/start").last


def test_the_queue_the_plan_and_the_history(talk: Talk) -> None:
    assert "nothing waits" in talk.ben("/queue").last
    post = talk.house.first_card()
    [line] = talk.ben("/pending").lines
    assert "3 posts wait" in line.html
    assert post.id in line.html
    assert "what comes" in talk.ben("/plan 2").last
    assert "nothing has been posted yet" in talk.ben("/history main").last
    assert "Which one? main" in talk.ben("/queue nonsense").last


def test_a_long_plan_is_leafed_through_in_place(talk: Talk) -> None:
    talk.house.storyline.tick()
    [line] = talk.ben("/plan 30").lines
    assert line.labels == ["Next (2 of 3)"] or line.labels[0].startswith("Next (2 of ")
    first = line.html
    paper = talk.tap(line, line.labels[0])
    assert line.html != first
    assert paper.toasts == [""]
    assert line.labels[0] == "Back"
    talk.tap(line, "Back")
    assert line.html == first


def test_a_page_that_is_there_no_more_is_the_last_one(talk: Talk) -> None:
    line = Line("old")
    talk.house.storyline.tick()
    [shown] = talk.ben("/plan 30").lines
    tap = decoded(shown.button(shown.labels[0]))
    assert isinstance(tap, PageTap)
    tapped(attrs.evolve(tap, page=40), said(BEN, "Ben"), talk.desk, Paper(under=line))
    assert line.labels[0] == "Back"
    tapped(attrs.evolve(tap, place="0" * 12), said(BEN, "Ben"), talk.desk, paper := Paper(under=line))
    assert paper.toasts == ["This button does not work any more. /queue shows what waits."]


def test_next_sends_a_card_at_once(talk: Talk) -> None:
    talk.house.storyline.sync("photos")
    paper = talk.ben("/next")
    assert "waits since" in paper.last
    assert len(talk.house.team.cards()) == 1
    [view] = talk.desk.queue("main")
    assert view.post.state is PostState.OFFERED


def test_with_nothing_to_post_next_says_why(talk: Talk) -> None:
    assert "That did not work: Nothing can be posted for main" in talk.ben("/next").last


def test_stats_of_the_team_and_of_oneself(talk: Talk) -> None:
    assert "Nobody has decided anything" in talk.ben("/stats").last
    assert "nothing yet" in talk.ben("/stats me").last


def test_status_says_what_is_wrong_first(talk: Talk) -> None:
    [line] = talk.ben("/status").lines
    assert line.earlier == ["One moment…"]
    assert "Something is broken" in line.html
    assert "storyline sync photos" in line.html
    talk.house.storyline.sync("photos")
    assert "8 pictures" in talk.ben("/status").last


def test_sync_tells_how_far_it_is_and_names_what_it_found(talk: Talk) -> None:
    [line] = talk.ann("/sync").lines
    assert line.earlier
    assert "8 added" in line.html
    assert "+ cats/000.jpg" in line.html
    talk.house.memory.folder().rename("cats/000.jpg", "cats/first.jpg")
    assert "→ cats/first.jpg (was cats/000.jpg)" in talk.ann("/sync photos").last
    talk.house.memory.folder().break_down()
    assert "That did not work: The folder in memory is unplugged" in talk.ann("/sync").last
    assert "Which one? photos" in talk.ann("/sync drive").last


def test_two_syncs_at_once_are_one_and_an_explanation(talk: Talk) -> None:
    ready = threading.Barrier(2)

    def ask(_: int) -> str:
        ready.wait()
        return talk.ann("/sync").last

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(ask, range(2)))
    assert any("8 added" in text for text in told)


def test_pause_and_resume(talk: Talk) -> None:
    talk.house.first_card()
    assert talk.ann("/pause").last == (
        "<b>main</b> is paused: nothing new is sent or published. 1 card in the chat can still be answered."
        " /resume goes on."
    )
    assert talk.desk.accounts()[0].paused
    assert "main</b>: paused" in talk.ben("/status").last
    assert "posts again. Next: 13:00" in talk.ann("/resume").last
    assert not talk.desk.accounts()[0].paused


def test_the_switches_change_in_place_and_who_may_not_is_told(talk: Talk) -> None:
    talk.house.storyline.sync("photos")
    [line] = talk.ann("/settings").lines
    assert line.labels == ["Pause posting", "Switch syncing off", "Switch reminders off", "Switch quiet hours off"]
    paper = talk.tap(line, "Pause posting", BEN)
    assert paper.toasts == ["Sorry, that is for admins. Ann can help."]
    assert talk.tap(line, "Pause posting", GUS).toasts == ["You have been deactivated here. Ann can help."]
    assert "Pause posting" in line.labels
    for label in list(line.labels):
        assert talk.tap(line, label).toasts == ["Done."]
    assert line.labels == ["Resume posting", "Switch syncing on", "Switch reminders on", "Switch quiet hours on"]
    for word in ("Posting: paused", "Syncing: off", "Reminders: off", "22:00-07:00, switched off"):
        assert word in line.html
    [state] = talk.desk.accounts()
    assert (state.paused, state.reminders, state.quiet_hours) == (True, False, False)
    assert not talk.desk.sources()[0].running
    again = talk.tap(line, "Resume posting")
    assert again.toasts == ["Done."]
    assert not talk.desk.accounts()[0].paused


def test_a_switch_of_something_that_is_not_here_does_nothing(talk: Talk) -> None:
    [line] = talk.ann("/settings").lines
    tap = decoded(line.button("Pause posting"))
    assert isinstance(tap, SwitchTap)
    paper = Paper(under=line)
    tapped(attrs.evolve(tap, place="0" * 12), said(talk.house.team.ann.id, "Ann"), talk.desk, paper)
    assert paper.toasts == ["This button does not work any more. /queue shows what waits."]
    assert not talk.desk.accounts()[0].paused


def test_whoever_acts_is_known_from_then_on(talk: Talk) -> None:
    talk.ben("/queue")
    found = {each.person: each for each in talk.desk.people()}[f"telegram:{BEN}"]
    assert (found.name, found.role, found.last_seen_at) == ("Ben", TeamRole.MEMBER, talk.house.clock.at)


# Uploads


def _sent(talk: Talk, name: str, content: bytes, person: int | None = None, **changes: object) -> str:
    paper = Paper()
    given: dict[str, object] = {
        "said": said(person or talk.house.team.ann.id, "Ann"),
        "file_name": name,
        "size": len(content),
        "media_type": "image/jpeg",
        "open": lambda: io.BytesIO(content),
        "into": "photos/cats",
    }
    received(Upload(**(given | changes)), talk.desk, paper)  # type: ignore[arg-type]
    [line] = paper.lines
    read(line.html)
    return line.html


def test_an_upload_is_added_once(talk: Talk) -> None:
    talk.house.storyline.sync("photos")
    assert _sent(talk, "new.jpg", picture(50)) == "cats/new.jpg was added to photos."
    assert _sent(talk, "again.jpg", picture(50)) == (
        "again.jpg is known already: it is photos: cats/new.jpg. Nothing was added."
    )
    assert _sent(talk, "new.jpg", picture(51)) == "cats/new (2).jpg was added to photos."
    assert sorted(talk.house.memory.folder().files)[:3] == ["cats/000.jpg", "cats/002.jpg", "cats/004.jpg"]


def test_what_is_not_taken_says_why(talk: Talk) -> None:
    assert "send it again as a file" in _sent(talk, "photo.jpg", picture(52), as_picture=True)
    assert "20 MB at most" in _sent(talk, "film.mp4", b"", size=MOST_DOWNLOADED + 1)
    assert "upload_into" in _sent(talk, "a.jpg", picture(52), into="")
    assert "no picture or video" in _sent(talk, "a.pdf", picture(52))
    assert "There is no source drive here" in _sent(talk, "a.jpg", picture(52), into="drive")
    assert _sent(talk, "a.jpg", picture(52), BEN) == "Sorry, that is for admins. Ann can help."
    talk.house.memory.folder().break_down()
    assert "unplugged" in _sent(talk, "a.jpg", picture(52))


def test_a_card_that_nobody_answers_is_not_repeated_once_reminders_are_off(talk: Talk) -> None:
    post = talk.house.first_card()
    [line] = talk.ann("/settings").lines
    talk.tap(line, "Switch reminders off")
    talk.house.clock.at += timedelta(hours=3)
    talk.house.storyline.tick()
    assert talk.house.now(post).reminded_at is None
