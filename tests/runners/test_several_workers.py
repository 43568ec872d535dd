"""Three daemons on one PostgreSQL: whichever is killed, another takes its place; nothing is lost, nothing is doubled.

Time that would only be waited for (a watch's minute, an upkeep's hour, a claim's five minutes) is taken off the leases
in the database, as if it had gone by; how soon another hears the team is really waited for.
"""

from __future__ import annotations

import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta

import attrs
import pytest
from sqlalchemy import Connection, create_engine, text

from storyline_core import JournalEntry, Store, open_store, verify_backup
from storyline_runner.times import now as utc_now
from tests.runners.conftest import Project, furnish
from tests.runners.test_daemon import PATIENCE_S, held, picture, start, until
from tests.runners.test_telegram_killed import TELEGRAM
from tests.telegram.bot_api.server import BotApi
from tests.telegram.teams import TOKEN, Team

LISTENER, WATCHER, BACKUP = "listen/team", "watch/photos", "upkeep/backup"


@attrs.define
class Fleet:
    """A project on a server's database, and the daemons that work on it."""

    project: Project
    url: str
    store: Store
    workers: dict[int, subprocess.Popen[str]] = attrs.field(factory=dict)

    def join(self, count: int) -> None:
        """Start so many more, and wait until each has noted that it works."""
        for _ in range(count):
            process, _ = start(self.project, f"worker-{len(self.workers)}")
            self.workers[process.pid] = process
        until(lambda: set(map(pid_of, self._noted())) >= set(self.workers), *self.alive)

    def _noted(self) -> list[str]:
        with self.store.read() as unit:
            return [worker.name for worker in unit.workers.all()]

    @property
    def alive(self) -> list[subprocess.Popen[str]]:
        """Those that were not killed."""
        return [process for process in self.workers.values() if process.returncode is None]

    def kill(self, holder: str) -> None:
        """Kill the one that a lease or a claim names, so that it can say nothing to anybody."""
        process = self.workers[pid_of(holder)]
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE_S)

    def holder(self, subject: str) -> str:
        """Who holds a lease; nobody: ""."""
        return held(self.store).get(subject, "")

    def taken_by_another(self, subject: str, dead: str) -> bool:
        """Whether somebody who lives holds a lease by now."""
        return self.holder(subject) not in ("", dead)

    def lapse(self, *subjects: str) -> None:
        """As if the time of these leases were over."""
        with self.store.begin() as unit:
            for lease in unit.leases.held(utc_now()):
                if lease.subject in subjects:
                    unit.leases.renew(lease, until=utc_now() + timedelta(milliseconds=1))

    def end(self) -> str:
        """Ask those that live to stop, which they do well; everything that they logged."""
        for process in self.alive:
            process.send_signal(signal.SIGTERM)
        for process in self.alive:
            assert process.wait(PATIENCE_S) == 0
        return "".join(log.read_text() for log in sorted(self.project.folder.glob("worker-*.log")))

    @contextmanager
    def elsewhere(self) -> Iterator[Connection]:
        """A transaction of somebody else, which others may have to wait for."""
        engine = create_engine(self.url)
        with engine.connect() as connection:
            yield connection
        engine.dispose()


def pid_of(holder: str) -> int:
    """The process that a lease or a claim names."""
    return int(re.sub(r"/.*", "", holder).rpartition(":")[2])


@pytest.fixture
def fleet(command: Project, empty_postgresql_url: str) -> Iterator[Fleet]:
    """A project that publishes by itself into an outbox; nobody works on it yet."""
    plain = empty_postgresql_url.replace("+psycopg2", "")
    project = furnish(command, plain, "auto")
    with closing(open_store(plain)) as store:
        yield Fleet(project, empty_postgresql_url, store)


@pytest.fixture
def team(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    """A team in Telegram instead, which posts everything by hand."""
    with BotApi() as server:
        squad = Team.on(server)
        monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
        monkeypatch.setenv("KEY_OF_THE_TESTS", "of-the-tests-" * 4)
        ours = TELEGRAM.format(chat=squad.chat.id, admins=squad.admins.id, server=server.address)
        text_ = (fleet.project.folder / "storyline.toml").read_text().replace('mode = "auto"', 'mode = "manual"')
        text_ = re.sub(r'\n\[notifiers\.team\]\nkind = "terminal"\n', lambda _: ours, text_)
        fleet.project.settings(text_ + '\n[secrets]\nkey = { env = "KEY_OF_THE_TESTS" }\n')
        yield squad


def test_whoever_leads_is_replaced_and_what_came_meanwhile_is_done_once(fleet: Fleet, team: Team) -> None:
    project = fleet.project
    with fleet.elsewhere() as waiting:
        # The first worker makes the backup of the day, and cannot note that it did.
        waiting.execute(text("INSERT INTO chores (name, failures, problem) VALUES ('backup', 0, '')"))
        fleet.join(1)
        until(lambda: {LISTENER, WATCHER, BACKUP} <= held(fleet.store).keys(), *fleet.alive)
        until(lambda: len(list((project.folder / "backups").glob("storyline-*.zip"))) == 1, *fleet.alive)
        fleet.join(2)
        post_id = project.post_now("--item", "cats/1.jpg")
        until(lambda: any(post_id in card.text for card in team.cards()), *fleet.alive)
        [card] = [card for card in team.cards() if post_id in card.text]
        leader = fleet.holder(LISTENER)
        assert leader == fleet.holder(WATCHER) == fleet.holder(BACKUP)
        fleet.kill(leader)
        waiting.rollback()
    # Nobody hears the team, follows the folder or looks after anything just now.
    team.cem.taps(card, "Posted")
    team.ben.says(team.chat, "/next")
    picture(project.folder / "pictures/cats/unheard.jpg", 3)
    fleet.lapse(WATCHER, BACKUP)
    until(lambda: fleet.taken_by_another(WATCHER, leader), *fleet.alive)
    until(lambda: fleet.taken_by_another(LISTENER, leader), *fleet.alive)
    until(lambda: "Posted by Cem" in card.text and not team.bot.queue, *fleet.alive)
    until(lambda: "cats/unheard.jpg" in keys(fleet), *fleet.alive)
    # The others look at upkeep once a minute; whoever is started in the place of the dead one looks at once.
    fleet.join(1)
    until(lambda: backed_up(fleet), *fleet.alive)
    assert "Traceback" not in fleet.end()
    assert held(fleet.store) == {}, "who ends in order gives everything back"
    [backup] = (project.folder / "backups").glob("storyline-*.zip")
    assert verify_backup(backup).good
    decided = [entry.event for entry in journal(fleet, post_id) if entry.by.startswith("telegram:")]
    assert decided == ["posted"]
    asked = [post for post in everything(fleet) if journal(fleet, post)[0].by == f"telegram:{team.ben.id}"]
    assert len(asked) == 1
    assert keys(fleet)["cats/unheard.jpg"] == 1


def test_one_that_is_killed_over_publishing_leaves_it_to_another_who_looks_first(fleet: Fleet) -> None:
    project, outbox = fleet.project, fleet.project.folder / "outbox"
    for number in range(6):
        project.picture(f"birds/{number}.jpg", (9, number * 30, 9))
    project.done("sync")
    soon = utc_now() + timedelta(seconds=15)
    for number in (1, 3, 5):
        project.done("queue", "add", f"cats/{number}.jpg", "--at", soon.isoformat(timespec="seconds"))
    with fleet.elsewhere() as waiting:
        # What goes out just now cannot be recorded.
        waiting.execute(text("LOCK TABLE publications IN EXCLUSIVE MODE"))
        fleet.join(3)
        until(lambda: len(list(outbox.glob("*.jpg"))) == 1, *fleet.alive)
        [claimed] = [post for post in waiting_posts(fleet) if post["state"] == "publishing"]
        fleet.kill(str(claimed["claimed_by"]))
        waiting.rollback()
    assert len(list(outbox.glob("*.jpg"))) == 1, "it went out, and nobody knows"
    with fleet.store.begin() as unit:
        unit.connection.execute(
            text("UPDATE posts SET claimed_until = claimed_until - interval '7 minutes' WHERE state = 'publishing'")
        )
    fleet.lapse("publish/outbox")
    # Something that is due now wakes the others; they may be in the middle of it.
    project("queue", "now")
    until(lambda: len(waiting_posts(fleet, "chosen", "now")) == 0, *fleet.alive)
    assert "Traceback" not in fleet.end()
    posts = project.done("history", "--json").rows("posts")
    beside = [post for post in posts if post["origin"] != "schedule"]
    assert Counter(str(post["state"]) for post in beside) == {"posted": 4}
    posted = [post for post in posts if post["state"] == "posted"]
    proofs = [post["publication"]["remote_id"] for post in posted if isinstance(post["publication"], dict)]
    assert sorted(str(proof) for proof in proofs) == sorted(file.name for file in outbox.glob("*.jpg"))
    assert len(set(map(str, proofs))) == len(posted)
    slots = Counter(str(post["slot"]) for post in posts if post["slot"])
    assert set(slots.values()) <= {1}
    found = [entry.event for entry in journal(fleet, str(claimed["id"]))]
    assert found.count("publish") == 1
    assert found[-1] == "published"


def keys(fleet: Fleet) -> Mapping[str, int]:
    """How many living items there are under each key."""
    with fleet.store.read() as unit:
        return Counter(item.key for item in unit.library.items(state="alive"))


def everything(fleet: Fleet) -> list[str]:
    """The ids of all posts."""
    with fleet.store.read() as unit:
        return [post.id for post in (*unit.queue.unsettled(), *unit.queue.history(limit=100))]


def waiting_posts(fleet: Fleet, *origins: str) -> list[dict[str, object]]:
    """The posts that are not settled."""
    with fleet.store.read() as unit:
        found = unit.queue.unsettled()
    return [
        {"id": post.id, "state": str(post.state), "claimed_by": post.claimed_by}
        for post in found
        if not origins or post.origin in origins
    ]


def journal(fleet: Fleet, post_id: str) -> Sequence[JournalEntry]:
    """What happened to a post."""
    with fleet.store.read() as unit:
        return unit.queue.journal(post_id)


def backed_up(fleet: Fleet) -> bool:
    """Whether the backup of the day is noted."""
    with fleet.store.read() as unit:
        return unit.chores.get("backup").done_at is not None
