"""When Drive lets go of a source: nothing is removed, the team is told once and clearly, and once when it is mended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import attrs
import pytest

from storyline_core import (
    Account,
    Alert,
    AlertLevel,
    Entry,
    MediaItem,
    Schedule,
    Secret,
    Settings,
    SourceEntry,
    Storyline,
    StorylineError,
    load_plugins,
    open_storyline,
)
from storyline_core.testing import MemoryPlugin, picture
from storyline_core.testing.memory import Place
from storyline_gdrive.consent import code_in
from storyline_gdrive.plugin import GoogleDrive
from storyline_gdrive.source import DriveSource
from tests.gdrive.drive_api.consent import Client
from tests.gdrive.drive_api.server import DriveApi
from tests.gdrive.drives import TeamDrive
from tests.gdrive.test_connecting import ELSEWHERE, Ann

COUNT = 12


@attrs.define(eq=False)
class House:
    """A library of a Drive folder, and a team that is told what is wrong with it."""

    server: DriveApi
    team: TeamDrive
    settings: GoogleDrive
    place: Path
    plugin: MemoryPlugin = attrs.field(factory=MemoryPlugin)

    @contextmanager
    def storyline(self) -> Iterator[Storyline]:
        wanted = Settings(
            database_url=f"sqlite:///{self.place}/storyline.db",
            secret_key=Secret("k" * 40),
            sources=[SourceEntry("team", "gdrive", self.settings)],
            notifiers=[Entry("chat", "memory", Place())],
            accounts=[Account("main", ("team",), Schedule(posts_per_day=3, jitter=timedelta()), notifier="chat")],
        )
        plugins = load_plugins(extra=[self.plugin])
        with open_storyline(wanted, plugins=plugins, clock=self.server.clock.now) as storyline:
            yield storyline

    def sync(self, times: int = 1) -> None:
        """As the daemon does it: in processes that end, an hour apart, whatever comes of it."""
        for _ in range(times):
            with self.storyline() as storyline, suppress(StorylineError):
                storyline.sync("team")
            self.server.advance(timedelta(hours=1))

    def living(self) -> list[MediaItem]:
        with self.storyline() as storyline, storyline.read() as unit:
            return [item for item in unit.library.items(source="team") if item.removed_at is None]

    def told(self) -> list[Alert]:
        return self.plugin.team().alerts


def fill(team: TeamDrive) -> None:
    for number in range(COUNT):
        team.write(f"food/{number}.jpg", picture(number))


@pytest.fixture(params=["mine", "shared"])
def by_robot(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    with DriveApi() as server:
        team = (TeamDrive.mine if request.param == "mine" else TeamDrive.shared)(server, tmp_path / "cache")
        fill(team)
        yield House(server, team, team.settings(), tmp_path)


@pytest.fixture
def by_person(tmp_path: Path) -> Iterator[House]:
    with DriveApi() as server:
        ann = Ann(server, tmp_path / "cache")
        fill(ann.team)
        house = House(server, ann.team, ann.settings, tmp_path)
        sign_in(house)
        yield house


def sign_in(house: House) -> None:
    with house.storyline() as storyline:
        source = storyline.opened_source("team")
        assert isinstance(source, DriveSource)
        asked = source.connecting().ask(ELSEWHERE)
        import httpx

        source.connecting().finish(code_in(httpx.get(asked.address).headers["Location"], asked), asked)


def check(house: House, happens: Callable[[], object], mended: Callable[[], object], *words: str) -> None:
    """Something happens for two days: one alert. It is mended: one word of that. Nothing is ever removed."""
    house.sync(2)
    before = {item.id: item.folder for item in house.living()}
    assert len(before) >= COUNT
    assert house.told() == []
    happens()
    house.sync(20)
    [alert] = house.told()
    assert alert.level is AlertLevel.ERROR
    assert not alert.cleared
    said = f"{alert.text} {alert.remedy}"
    for word in ("team", *words):
        assert word in said
    assert not any(sign in said for sign in ("BEGIN", "ya29", "1//0", "Traceback", "http://127"))
    assert {item.id: item.folder for item in house.living()} == before
    mended()
    house.sync(3)
    assert [each.cleared for each in house.told()] == [False, True]
    assert {item.id: item.folder for item in house.living()} == before


def test_a_key_that_was_taken_away(by_robot: House) -> None:
    team = by_robot.team

    def mend() -> None:
        by_robot.settings = team.settings()

    def revoke() -> None:
        by_robot.server.revoke(team.robot)
        by_robot.server.oauth.drop_key(team.robot)

    check(by_robot, revoke, mend, "does not accept the sign-in", "Make a new key for the service account")


def test_a_folder_that_is_no_longer_shared(by_robot: House) -> None:
    team, world = by_robot.team, by_robot.server.world
    drive = world.record.drives.get(team.root.drive_id or "")

    def unshare() -> None:
        if drive is not None:
            world.leave(drive, team.robot)
        else:
            world.unshare(team.root, team.robot)

    def share() -> None:
        if drive is not None:
            world.join(drive, team.robot, "fileOrganizer")
        else:
            world.share(team.root, team.robot)

    check(by_robot, unshare, share, "not shared with", "Share it", team.robot.email)


def test_a_folder_in_the_trash(by_robot: House) -> None:
    team, world = by_robot.team, by_robot.server.world
    check(by_robot, lambda: world.trash(team.root), lambda: world.untrash(team.root), "in the trash", "Take it out")


@pytest.mark.parametrize("way", ["trash", "move"])
def test_a_folder_that_was_emptied(by_robot: House, way: str) -> None:
    team, world = by_robot.team, by_robot.server.world
    food = team.folder("food")
    above = world.record.nodes[team.root.parent or ""]
    elsewhere = world.folder("elsewhere", above)

    def empty() -> None:
        for node in world.held(food):
            world.trash(node) if way == "trash" else world.move(node, elsewhere)

    def fill_again() -> None:
        for node in [*world.held(food), *world.held(elsewhere)]:
            world.untrash(node)
            world.move(node, food)

    check(by_robot, empty, fill_again, "Nothing was removed", "--accept-removals")


def test_the_only_folder_in_it_moved_away(by_robot: House) -> None:
    team, world = by_robot.team, by_robot.server.world
    food, above = team.folder("food"), world.record.nodes[team.root.parent or ""]
    check(
        by_robot, lambda: world.move(food, above), lambda: world.move(food, team.root), "Nothing was removed"
    )  # fmt: skip


def test_a_sign_in_that_was_taken_back(by_person: House) -> None:
    check(
        by_person, lambda: by_person.server.revoke(by_person.server.oauth.at_browser or by_person.team.robot),
        lambda: sign_in(by_person), "does not accept the sign-in", "storyline gdrive connect team",
    )  # fmt: skip


def test_a_sign_in_of_a_test_app_that_ended(by_person: House) -> None:
    check(
        by_person, lambda: by_person.server.advance(timedelta(days=8)),
        lambda: sign_in(by_person), "seven days", "storyline gdrive connect team",
    )  # fmt: skip


def test_a_client_whose_secret_was_changed(by_person: House) -> None:
    client = by_person.server.oauth.clients["desktop.apps"]

    def changed(secret: str) -> None:
        by_person.server.oauth.clients[client.id] = Client(client.id, secret)

    check(by_person, lambda: changed("other"), lambda: changed(client.secret), "invalid_client", "client_secret")


def test_a_post_that_is_due_meanwhile_does_not_tell_the_same_again(by_robot: House) -> None:
    by_robot.sync(2)
    by_robot.server.revoke(by_robot.team.robot)
    by_robot.server.oauth.drop_key(by_robot.team.robot)
    by_robot.sync()
    with by_robot.storyline() as storyline:
        for _ in range(20):
            storyline.tick()
            by_robot.server.advance(timedelta(hours=1))
    # That a slot passed is another matter, and told as such.
    assert [each.key for each in by_robot.told()] == ["source/team/unreachable", "missed/main"]
    assert len(by_robot.living()) == COUNT
    by_robot.settings = by_robot.team.settings()
    with by_robot.storyline() as storyline:
        for _ in range(20):
            storyline.sync("team")
            storyline.tick()
            by_robot.server.advance(timedelta(hours=1))
    assert [each.key for each in by_robot.told() if each.cleared] == ["source/team/unreachable"]
    assert by_robot.plugin.team().cards()
