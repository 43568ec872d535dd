"""Signing in: in the browser, by pasting, and what is said when it does not come about."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import attrs
import httpx
import pytest

from storyline_core import NeedsPerson, Secret
from storyline_gdrive.connecting import Connecting, Forgotten
from storyline_gdrive.consent import Asked, NoConsent, ask_consent, code_in
from storyline_gdrive.credentials import SIGNED_IN
from storyline_gdrive.opened import opened
from storyline_gdrive.waiting import door
from tests.gdrive.drive_api.server import DriveApi
from tests.gdrive.drives import TeamDrive

ELSEWHERE = "http://127.0.0.1:1"


class Ann:
    """A person in front of a browser, and the source that she connects."""

    def __init__(self, server: DriveApi, cache: Path) -> None:
        self.server = server
        self.person = server.world.user("Ann")
        root = server.world.folder("Stories", self.person.root)
        server.world.file("a.jpg", root, b"x")
        self.team = team = TeamDrive(server, self.person, root, cache)
        self.client = server.client(testing=True)
        server.oauth.at_browser = self.person
        robot = server.world.robot("unused")
        self.settings = attrs.evolve(
            attrs.evolve(team, robot=robot).settings(), key=None, client_id=self.client.id,
            client_secret=Secret(self.client.secret),
        )  # fmt: skip
        self.runtime = team.runtime()

    def connect(self) -> Connecting:
        with opened(self.settings, self.runtime) as source:
            return source.connecting()

    def answer(self, asked: Asked) -> str:
        return httpx.get(asked.address).headers["Location"]


@pytest.fixture
def ann(tmp_path: Path) -> Iterator[Ann]:
    with DriveApi() as server:
        yield Ann(server, tmp_path)


def test_a_pasted_answer_connects_and_nothing_secret_is_shown(ann: Ann) -> None:
    connecting = ann.connect()
    asked = connecting.ask(ELSEWHERE)
    standing = connecting.finish(code_in(ann.answer(asked), asked), asked)
    assert (standing.account, standing.folders) == ("ann@example.com", ("Stories",))
    assert asked.verifier not in repr(asked)
    with opened(ann.settings, ann.runtime) as source:
        assert len(source.list_media(None).files) == 1
    assert connecting.forget() is Forgotten.GIVEN_BACK
    assert ann.runtime.state.get(SIGNED_IN) is None
    assert connecting.forget() is Forgotten.NOTHING


def test_the_browser_brings_the_code_to_the_door(ann: Ann) -> None:
    connecting = ann.connect()
    with door() as opened_door:
        asked = connecting.ask(opened_door.redirect)
        visits = threading.Thread(target=lambda: httpx.get(asked.address, follow_redirects=True))
        opened_door.asked = asked
        visits.start()
        code = opened_door.code(asked, 20.0)
        visits.join()
    assert connecting.finish(code, asked).account == "ann@example.com"


def test_nothing_is_kept_of_a_sign_in_that_cannot_see_the_folder(ann: Ann) -> None:
    ann.server.oauth.at_browser = ann.server.world.user("Bob")
    connecting = ann.connect()
    asked = connecting.ask(ELSEWHERE)
    with pytest.raises(NeedsPerson, match="Share it with bob@example"):
        connecting.finish(code_in(ann.answer(asked), asked), asked)
    assert ann.runtime.state.get(SIGNED_IN) is None


def test_an_unticked_box_is_explained(ann: Ann) -> None:
    ann.server.oauth.ticks = frozenset()
    connecting = ann.connect()
    asked = connecting.ask(ELSEWHERE)
    with pytest.raises(NeedsPerson, match="ticked"):
        connecting.finish(code_in(ann.answer(asked), asked), asked)


def test_who_denies_waits_or_brings_a_foreign_answer_is_told_so(ann: Ann) -> None:
    asked = ann.connect().ask(ELSEWHERE)
    ann.server.oauth.at_browser = None
    with pytest.raises(NoConsent, match="denied"):
        code_in(ann.answer(asked), asked)
    with pytest.raises(NoConsent, match="another sign-in"):
        code_in(f"{ELSEWHERE}/?state=other&code=x", asked)
    with pytest.raises(NoConsent, match="pasted"):
        code_in(" ", asked)
    with door() as opened_door, pytest.raises(NoConsent, match="--paste"):
        opened_door.code(ask_consent("http://x", "c", "s", opened_door.redirect, "st", "v"), 0.0)


def test_the_end_of_a_test_app_is_explained(ann: Ann) -> None:
    connecting = ann.connect()
    asked = connecting.ask(ELSEWHERE)
    connecting.finish(code_in(ann.answer(asked), asked), asked)
    ann.server.advance(timedelta(days=8))
    with opened(ann.settings, ann.runtime) as source, pytest.raises(NeedsPerson) as told:
        source.list_media(None)
    assert "seven days" in str(told.value)
    assert "storyline gdrive connect team" in str(told.value)


def test_before_anybody_signed_in_it_is_said_what_to_run(ann: Ann) -> None:
    with opened(ann.settings, ann.runtime) as source, pytest.raises(NeedsPerson, match="storyline gdrive connect team"):
        source.list_media(None)
