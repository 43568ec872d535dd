"""Processes that publish and are killed or stopped at a chosen moment, and what is left when others went on.

For a process of its own with a single thread (`tests.instagram.kill_matrix`), since it forks. Each round has an account
at the loopback server and a copy of a small database to itself. A moment is one before or after a commit, before a
request is sent or after its answer was read; the server adds those at which a request has arrived and has not had its
effect yet, or has had it and is not answered.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import re
import shutil
import signal
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import time, timedelta
from pathlib import Path

import attrs
import cryptography.fernet  # noqa: F401 - loaded once here, so that no worker has to
from PIL import Image
from sqlalchemy import event
from sqlalchemy.engine import Engine

import storyline_core.pictures.pixels  # noqa: F401
import storyline_instagram.hosting.cloudinary
import storyline_instagram.opened  # noqa: F401
from storyline_core import (
    Account,
    Entry,
    Mode,
    Plugins,
    Schedule,
    Secret,
    Settings,
    SourceEntry,
    Storyline,
    load_plugins,
    open_storyline,
)
from storyline_core.testing.memory import MemoryPlugin, Place
from storyline_core.testing.samples import picture
from tests.end_to_end.world import START, SetClock
from tests.instagram.films import film
from tests.instagram.graph_api import GraphRemote, Way
from tests.instagram.outlets import Outlet

Image.init()

AT_THE_SLOT = START + timedelta(hours=3, minutes=5)
WORKING = (timedelta(), timedelta(seconds=5), timedelta(seconds=20), timedelta(seconds=90))
"""When a worker looks after its post: at the slot, and while Instagram prepares it."""

SETTLING = tuple(timedelta(minutes=minutes) for minutes in (8, 9, 15, 21, 27, 33, 40, 47))
"""When somebody comes after it: claims have lapsed by then."""

SWEPT = timedelta(hours=4)
CLIENTS = "media.* container.get limit.get stories.list account.get media.get rupload.* cloudinary.*"
KEY = Secret("0123456789abcdef" * 4)


@attrs.frozen
class Scenario:
    """What is published, and how Instagram behaves."""

    name: str
    login: str = "facebook"
    video: bool = False
    knobs: tuple[tuple[str, object], ...] = (("image_polls", 1), ("video_polls", 1))

    @property
    def short(self) -> str:
        """Its name, for files and accounts."""
        return "-".join(re.findall(r"[a-z]+", self.name.lower()))

    def plugin(self) -> MemoryPlugin:
        """The same library in every process."""
        plugin = MemoryPlugin()
        for number in range(3):
            content = film(10 + number) if self.video else picture(number, size=(1080, 1920))
            plugin.folder().write(f"cats/{number}.{'mp4' if self.video else 'jpg'}", content)
        return plugin


@attrs.frozen
class Left:
    """What a round left: how the post stands, how many stories came out, copies at the host before and after the sweep.

    `asked`: an alert asks a person whether it is live. `proof` is the story's id as the library knows it.
    """

    state: str
    stories: tuple[str, ...]
    copies: int
    unswept: int
    asked: bool
    proof: str

    @property
    def outcome(self) -> str:
        """One word for the table."""
        if len(self.stories) == 1 and self.state == "posted":
            return "one story"
        if len(self.stories) <= 1 and self.state == "uncertain" and self.asked:
            return "asked"
        return f"{len(self.stories)} stories, {self.state}"

    @property
    def right(self) -> bool:
        """Whether the promise was kept: one story with its proof, or a question, and nothing left at the host."""
        proven = self.state != "posted" or self.proof in (*self.stories, "container")
        return self.outcome in ("one story", "asked") and proven and not self.unswept


class Fuse:
    """Counts the moments of a process, and sends it a signal at one of them."""

    def __init__(self, burns_at: int | None = None, sends: signal.Signals = signal.SIGKILL) -> None:
        self.burns_at = burns_at
        self.sends = sends
        self.moments: list[str] = []
        self.armed = True

    def burn(self, moment: str) -> None:
        """One moment has come."""
        if not self.armed:
            return
        if len(self.moments) == self.burns_at:
            os.kill(os.getpid(), self.sends)
        self.moments.append(moment)

    def _begins(self) -> None:
        """Since the last commit nothing has happened: this is the moment after it. Other beginnings are none."""
        if self.moments and self.moments[-1] == "before a commit":
            self.burn("after a commit")

    @property
    def burnt(self) -> bool:
        """Whether the signal has been sent, and the process goes on after it."""
        return self.burns_at is not None and len(self.moments) > self.burns_at

    def attach(self) -> None:
        """From now on every transaction and every request of this process is a moment."""
        event.listen(Engine, "begin", lambda connection: self._begins())
        event.listen(Engine, "commit", lambda connection: self.burn("before a commit"))
        listener = _Listener(self)
        for name in ("httpcore.http11", "httpcore.connection", "urllib3.connectionpool"):
            logger = logging.getLogger(name)
            logger.setLevel(logging.DEBUG)
            logger.addHandler(listener)
            logger.propagate = False


class _Listener(logging.Handler):
    """Hears from the libraries what they do on the wire."""

    def __init__(self, fuse: Fuse) -> None:
        super().__init__()
        self._fuse = fuse

    def emit(self, record: logging.LogRecord) -> None:
        told = record.getMessage()
        if told.startswith(("send_request_headers.started", "Starting new HTTP connection")):
            self._fuse.burn("before a request")
        elif told.startswith("receive_response_body.complete") or '"POST /cloudinary' in told:
            self._fuse.burn("after an answer")


@attrs.frozen
class Ground:
    """Where rounds take place."""

    api: GraphRemote
    scenario: Scenario
    plugins: Plugins
    folder: Path

    def round(self, number: int) -> Round:
        """A place of its own: an account at the server, and a database that is filled and synced."""
        place = self.folder / f"{self.scenario.short}-{number}"
        place.mkdir()
        shutil.copy(self.folder / f"{self.scenario.short}.db", place / "storyline.db")
        self.api.mend()
        self.api.behave(**dict(self.scenario.knobs))
        outlet = Outlet(self.api, self.scenario.login, place.name, cloud=place.name)
        return Round(self, outlet, place)


def make_ground(api: GraphRemote, scenario: Scenario, folder: Path) -> Ground:
    """Fill the scenario's database, in a process of its own, so that none of its connections is ever inherited."""
    plugins = load_plugins(extra=[scenario.plugin()])
    ground = Ground(api, scenario, plugins, folder)
    outlet = Outlet(api, scenario.login, f"{scenario.short}-template")
    template = Round(ground, outlet, folder)

    def fill() -> None:
        with template.opened(SetClock(START), f"{scenario.short}.db") as storyline:
            storyline.tick()

    assert forked(fill).end() == 0
    return ground


@attrs.frozen
class Round:
    """One post, from its slot until everybody has given up or it is out."""

    ground: Ground
    outlet: Outlet
    place: Path

    def opened(self, clock: SetClock, database: str = "storyline.db") -> AbstractContextManager[Storyline]:
        """The round's Storyline."""
        schedule = Schedule(posts_per_day=1, opens=time(9), closes=time(21), jitter=timedelta(0))
        mode, soon = Mode.AUTO, timedelta(hours=6)
        settings = Settings(
            database_url=f"sqlite:///{self.place / database}",
            sources=[SourceEntry("photos", "memory", Place())],
            publishers=[Entry("brand", "instagram", self.outlet.settings())],
            accounts=[Account("main", ("photos",), publisher="brand", mode=mode, schedule=schedule, fill_ahead=soon)],
            secret_key=KEY,
        )
        return open_storyline(settings, plugins=self.ground.plugins, clock=clock)

    def worker(self, fuse: Fuse | None = None, after: timedelta = timedelta(), *, until_settled: bool = False) -> Child:
        """A process that looks after the post; it may die of its fuse. Its moments are in `moments.json`."""
        fuse = fuse or Fuse()
        return forked(lambda: self._work(fuse, SETTLING if until_settled else WORKING, after))

    def _work(self, fuse: Fuse, offsets: Sequence[timedelta], after: timedelta) -> None:
        fuse.attach()
        fuse.armed = False
        clock = SetClock(AT_THE_SLOT)
        with GraphRemote(self.ground.api.address) as api, self.opened(clock) as storyline:
            for offset in offsets:
                clock.at = AT_THE_SLOT + after + offset
                api.set_time(clock.at)
                fuse.armed = True
                storyline.turn_accounts()
                fuse.armed = False
                if fuse.burnt or _standing(storyline)[0] == "posted":
                    break
        (self.place / "moments.json").write_text(json.dumps(fuse.moments))

    def moments(self) -> list[str]:
        """The moments of the last worker that came to its end."""
        told: list[str] = json.loads((self.place / "moments.json").read_text())
        return told

    def finish(self, after: timedelta = timedelta()) -> Left:
        """Let others go on until the post is settled, sweep at the host, and look at what is left. Clears up."""
        self.ground.api.mend()
        report = self.place / "left.json"
        assert forked(lambda: self._finish(report, after)).end() == 0
        told = json.loads(report.read_text())
        stories = tuple(story.id for story in self.outlet.stories())
        unswept = len(self.ground.api.copies(self.outlet.cloud))
        shutil.rmtree(self.place)
        return Left(told["state"], stories, told["copies"], unswept, told["asked"], told["proof"])

    def _finish(self, report: Path, after: timedelta) -> None:
        clock = SetClock(AT_THE_SLOT)
        with GraphRemote(self.ground.api.address) as api, self.opened(clock) as storyline:
            for offset in SETTLING:
                clock.at = AT_THE_SLOT + after + offset
                api.set_time(clock.at)
                storyline.turn_accounts()
                if _standing(storyline)[0] == "posted":
                    break
            state, proof, asked = _standing(storyline)
            copies = len(api.copies(self.outlet.cloud))
            clock.at = AT_THE_SLOT + after + SWEPT
            api.set_time(clock.at)
            # What a start of the daemon does.
            storyline.opened_publisher("brand").maintain()  # type: ignore[attr-defined]
        report.write_text(json.dumps({"state": state, "proof": proof, "asked": asked, "copies": copies}))


def _standing(storyline: Storyline) -> tuple[str, str, bool]:
    """How the slot's post stands, its proof, and whether a person is asked about it."""
    with storyline.read() as unit:
        everything = [*unit.queue.unsettled("main"), *unit.queue.history("main", limit=20)]
        post = next(each for each in everything if each.slot_key == f"main/{START.date()}/0")
        proof = unit.queue.publication(post.id)
        asked = any(alert.key == f"uncertain/main/{post.id}" for alert in unit.alerts.open())
    remote_id = (proof.remote_id if proof else None) or ""
    return str(post.state), remote_id.partition(":")[0], asked


@attrs.frozen
class Child:
    """A forked process."""

    pid: int

    def end(self) -> int:
        """Wait for its end: its exit code, minus the signal's number if one killed it."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def stopped(self) -> bool:
        """Wait until it has stopped (True) or ended (False)."""
        return os.WIFSTOPPED(os.waitpid(self.pid, os.WUNTRACED)[1])

    def send(self, what: signal.Signals) -> None:
        """Send it a signal."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, what)


def forked(work: Callable[[], None]) -> Child:
    """Do this in a child, which ends with it."""
    gc.freeze()
    child = os.fork()
    if child:
        return Child(child)
    code = 1
    try:
        work()
        code = 0
    except Exception:
        logging.getLogger("killing").exception("A worker failed")
    finally:
        os._exit(code)


def killed_at_moment(ground: Ground, number: int, moment: int) -> Left:
    """The worker dies at one of its own moments."""
    this = ground.round(number)
    assert this.worker(Fuse(moment)).end() == -signal.SIGKILL
    return this.finish()


def killed_at_request(ground: Ground, number: int, request: int, way: Way) -> Left:
    """The worker is killed while it waits for an answer."""
    this = ground.round(number)
    plan = ground.api.fault(way, CLIENTS, skip=request)
    worker = this.worker()
    assert ground.api.wait_for(plan)
    worker.send(signal.SIGKILL)
    assert worker.end() == -signal.SIGKILL
    return this.finish()


def unanswered(ground: Ground, number: int, request: int, way: Way) -> Left:
    """One answer is lost, and the worker lives on."""
    this = ground.round(number)
    ground.api.fault(way, CLIENTS, skip=request)
    assert this.worker().end() == 0
    return this.finish()


def killed_while_settling(ground: Ground, number: int, moment: int, way: Way) -> Left:
    """The first worker dies while it publishes, the second while it finds out what became of that."""
    this = ground.round(number)
    _dies_publishing(this, way)
    assert this.worker(Fuse(moment), until_settled=True).end() == -signal.SIGKILL
    return this.finish(after=timedelta(minutes=20))


def slept_through(ground: Ground, number: int, moment: int) -> Left:
    """The worker stops at one of its moments, two others go on, and then it wakes and goes on where it was."""
    this = ground.round(number)
    sleeper = this.worker(Fuse(moment, signal.SIGSTOP))
    assert sleeper.stopped()
    rivals = [this.worker(until_settled=True) for _ in range(2)]
    assert [rival.end() for rival in rivals] == [0, 0]
    sleeper.send(signal.SIGCONT)
    assert sleeper.end() == 0
    return this.finish(after=timedelta(minutes=30))


def _dies_publishing(this: Round, way: Way) -> None:
    plan = this.ground.api.fault(way, "media.publish")
    worker = this.worker()
    assert this.ground.api.wait_for(plan)
    worker.send(signal.SIGKILL)
    assert worker.end() == -signal.SIGKILL
    this.ground.api.mend()


def moments_of(ground: Ground, number: int) -> tuple[list[str], int, Left]:
    """The moments and the number of requests of a worker that nothing happens to, and what it left."""
    this = ground.round(number)
    ground.api.forget_calls()
    assert this.worker().end() == 0
    # What Instagram itself fetches from the host is no request of the worker.
    requests = sum(not call.operation.startswith(("hosted.", "fetched.")) for call in ground.api.calls())
    return this.moments(), requests, this.finish()


def settling_moments(ground: Ground, number: int, way: Way) -> tuple[list[str], Left]:
    """The moments of a second worker that nothing happens to, after the first died while it published."""
    this = ground.round(number)
    _dies_publishing(this, way)
    assert this.worker(until_settled=True).end() == 0
    return this.moments(), this.finish(after=timedelta(minutes=20))
