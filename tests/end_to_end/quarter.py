"""A simulated quarter: three accounts, three sources, outages, lost answers, kills, people, and a judge of all of it.

    python -m tests.end_to_end.quarter --write

runs it on SQLite with one worker and on PostgreSQL with three, prints the figures and renews docs/reliability.md.
"""

from __future__ import annotations

import argparse
import logging
import os
import secrets
import sys
import tempfile
import time as wall
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import attrs
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.engine import Engine

from storyline_core import Changing, PostState, Storyline, StorylineError
from storyline_core.store import open_store
from storyline_core.testing import Crash
from tests.databases import Databases
from tests.end_to_end import quarter_judge as judging
from tests.end_to_end.quarter_due import A_TURN, Waiting, until_due
from tests.end_to_end.quarter_hands import Hand
from tests.end_to_end.quarter_people import People
from tests.end_to_end.quarter_weather import let_rage
from tests.end_to_end.quarter_world import SOURCES, STAGES, TEAMS, WATCH, Plan, World, accounts_of

REPORT = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- quarter -->", "<!-- /quarter -->"


@contextmanager
def opened(world: World, holder: str) -> Iterator[Storyline]:
    """A Storyline of that world under a name of its own."""
    with ExitStack() as stack:
        store = open_store(world.database_url)
        stack.callback(store.close)
        yield Storyline(world.settings, world.plugins, store, stack, world.clock, holder)


class Worker:
    """One process of `storyline run`, as long as it lives."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.storyline: Storyline | None = None
        self.errors: list[str] = []
        self._stack = ExitStack()
        self._changing = Changing()
        self._began_at = world.clock.at
        self.hand: Hand = world.relay.hire(name)
        self.hand.in_transaction = self._in_transaction

    def _in_transaction(self) -> bool:
        return self.storyline is not None and self.storyline.store.in_transaction()

    @property
    def busy(self) -> bool:
        """Whether it is at something, perhaps asleep over it."""
        return self.hand.job is not None

    def begin(self, *, healthy: bool) -> None:
        """Let it do one round of what the loops of the daemon do."""
        self._began_at = self.world.clock.at
        self.hand.job = lambda: self._round(healthy)

    def _round(self, healthy: bool) -> None:
        if self.storyline is None:
            self.storyline = self._stack.enter_context(opened(self.world, self.name))
        tick = self.storyline.tick()
        self.world.counts["turns"] += 1
        self.world.turned.append((self._began_at, self.world.clock.at))
        self.errors += [*tick.errors, *(error for turn in tick.turns for error in turn.errors)]
        if healthy:
            health = self.storyline.check(self.storyline.ask_opened())
            self._changing = self.storyline.raise_health_alerts(health, self._changing)
        self.storyline.tell_channels()

    def end(self, *, kindly: bool) -> None:
        """Stop it: by a signal that lets it give back its rights, or by pulling the plug."""
        if kindly and not self.hand.dead and self.storyline is not None and not self.busy:
            self.hand.job = self._goodbye
            self.world.relay.go_round()
        self.world.relay.dismiss(self.hand)
        for each in self.world.told.values():
            for told in each[-40:]:
                # Nobody knows what a dead worker still wrote down.
                if told.hand is self.hand and self.hand.dead and told.at >= self._began_at:
                    told.noted = False
        if self.storyline is not None:
            self.storyline.store.close()
        with suppress(Crash, StorylineError):
            self._stack.close()

    def _goodbye(self) -> None:
        assert self.storyline is not None
        self.storyline.give_back()


class Quarter:
    """The run: time goes on, workers work, people do what they do, and the judge looks on."""

    def __init__(self, plan: Plan, database_url: str) -> None:
        self.world = World(plan, database_url)
        self.plan = plan
        self.random = Random(plan.seed + 4)
        self.people = People(self.world.plugin, TEAMS, Random(plan.seed + 5), self.world.clock)
        self.engine = create_engine(database_url)
        self.workers: list[Worker | None] = [None] * plan.workers
        self.starts_at = [plan.begins] * plan.workers
        self.generation = 0
        self.something_due = True
        self.alerts: dict[int, judging.AlertRow] = {}
        self.items_seen: dict[str, set[int]] = {name: set() for name in SOURCES}
        self.accounts = {account.name: account for account in accounts_of(plan)}
        self.shares = {name: judging.Shares(account.mix.weights) for name, account in self.accounts.items()}
        self.verdict = judging.Verdict()
        self.errors: Counter[str] = Counter()

    def run(self) -> judging.Verdict:
        """All of it."""
        before_call = self._moment("begin")
        before_commit = self._moment("commit")
        event.listen(Engine, "begin", before_call)
        event.listen(Engine, "commit", before_commit)
        try:
            with opened(self.world, "command line") as self.by_hand:
                self._live()
                self._close()
                self._judge()
        finally:
            for worker in self.workers:
                if worker is not None:
                    worker.end(kindly=False)
            event.remove(Engine, "begin", before_call)
            event.remove(Engine, "commit", before_commit)
            self.engine.dispose()
        return self.verdict

    def _moment(self, kind: str) -> Callable[[Connection], None]:
        def burn(connection: Connection) -> None:
            self.world.fate.moment(kind, "")

        return burn

    def _live(self) -> None:
        world, clock = self.world, self.world.clock
        off = self.plan.switched_off
        self._index()
        day = clock.at
        between = timedelta(days=self.plan.days) / self.plan.second_turns
        second = [self.plan.begins + between * (number + 0.6) for number in range(self.plan.second_turns)]
        while clock.at < self.plan.ends:
            before = clock.at
            if off[0] <= clock.at < off[1]:
                self._switch_off(off[1])
                continue
            clock.forward(self._step())
            let_rage(world.plugin, world.outages, clock.at)
            self._staff()
            self._round()
            self._look()
            self.people.answer(self._states())
            self.people.look_after(self.by_hand, (clock.at - before) / timedelta(hours=1))
            self.people.mend(self.by_hand, self._troubled(), self._really_out())
            if clock.at - day > timedelta(days=1):
                day = clock.at
                world.churn()
            if second and clock.at > second[0]:
                second.pop(0)
                self._second_turn()

    def _step(self) -> timedelta:
        """How long until something is looked at again: to the next moment at which something is due, and a bit."""
        now, longest = self.world.clock.at, self.plan.idle * (0.2 + self.random.random())
        where = "WHERE state NOT IN ('posted', 'skipped', 'rejected', 'missed', 'failed')"
        due = until_due(judging.rows_of(self.engine, "posts", Waiting, where), self.accounts, now)
        waits = [self.starts_at[number] - now for number, worker in enumerate(self.workers) if worker is None]
        waits += [hand.wakes_at - now for hand in self.world.relay.hands if hand.wakes_at is not None]
        waits += [due] if due is not None else []
        waits += [A_TURN] if any(team.waiting and not team.broken for team in self.people.teams()) else []
        soonest = max(min(waits, default=longest), timedelta())
        self.something_due = soonest < longest
        return min(longest, soonest + A_TURN * self.random.random())

    def _index(self) -> None:
        """The library is there before the first slot, as it is for whoever starts."""
        for source in SOURCES:
            self.by_hand.sync(source)
        self.by_hand.turn_accounts()

    def _staff(self) -> None:
        """Start who is due, and end some kindly."""
        for number, worker in enumerate(self.workers):
            if worker is None:
                if self.world.clock.at >= self.starts_at[number]:
                    self.generation += 1
                    self.workers[number] = Worker(self.world, f"machine{number}:{self.generation}")
                    self.world.counts["starts"] += 1
            elif not worker.busy and self.random.random() < 0.003 * self.plan.severity:
                self._let_go(number, kindly=True)
                self.world.counts["restarts"] += 1

    def _bury(self) -> None:
        """Let the dead go. Something starts them again soon, as systemd would."""
        for number, worker in enumerate(self.workers):
            if worker is not None and worker.hand.dead:
                self._let_go(number, kindly=False)
                self.world.counts["kills"] += 1

    def _let_go(self, number: int, *, kindly: bool) -> None:
        worker = self.workers[number]
        assert worker is not None
        worker.end(kindly=kindly)
        self.errors.update(error.partition(":")[2][:90] for error in worker.errors)
        self.workers[number] = None
        self.starts_at[number] = self.world.clock.at + A_TURN * self.random.random()

    def _round(self) -> None:
        """Let workers look: where something is due mostly several at once, else one."""
        free = [worker for worker in self.workers if worker is not None and not worker.busy]
        first = self.random.choice(free) if free else None
        for worker in free:
            if worker is first or (self.something_due and self.random.random() < 0.4):
                worker.begin(healthy=self.random.random() < 0.1)
        self.world.relay.go_round()
        self._bury()

    def _switch_off(self, until: datetime) -> None:
        """The machine goes off as it is, people go on tapping for a while, and it comes back."""
        begins = self.world.clock.at
        for number, worker in enumerate(self.workers):
            if worker is not None:
                self._let_go(number, kindly=False)
            self.starts_at[number] = until
        self.people.answer(self._states())
        self.world.clock.at = until
        self.world.off.append((begins, until + timedelta(hours=1)))
        self.world.counts["days off"] += (until - begins).days

    def _close(self) -> None:
        """Days without faults, so that what is open comes to its end."""
        world = self.world
        world.fate.calm = world.weather.fair = True
        let_rage(world.plugin, [attrs.evolve(each, begins=each.ends) for each in world.outages], world.clock.at)
        self.people.go_home(self.by_hand)
        # A card that is escalated waits twice.
        until = world.clock.at + 2.5 * self.plan.answer_within + timedelta(hours=4)
        while world.clock.at < until:
            world.clock.forward(self._step())
            self._staff()
            self._round()
            self._look()
            self.people.mend(self.by_hand, self._troubled(), self._really_out())
        for source in SOURCES:
            self.by_hand.sync(source)
        self._second_turn()

    # What the judge sees on the way

    def _states(self) -> dict[str, PostState]:
        since = self.world.clock.at - timedelta(days=3)
        found = judging.rows_of(
            self.engine, "posts", judging.PostRow, "WHERE slot_at > :since", since=self._spelled(since)
        )
        return {post.id: PostState(post.state) for post in found}

    def _spelled(self, at: datetime) -> object:
        return at if self.engine.dialect.name == "postgresql" else at.replace(tzinfo=None).isoformat(" ")

    def _troubled(self) -> list[tuple[str, PostState, datetime]]:
        """The posts that wait for somebody's word, and since when."""
        found = judging.rows_of(self.engine, "posts", judging.PostRow, "WHERE state IN ('uncertain', 'failed')")
        return [(post.id, PostState(post.state), post.settled_at or post.slot_at) for post in found]

    def _really_out(self) -> set[str]:
        return {story.post_id for stage in STAGES for story in self.world.plugin.stage(stage).stories[-60:]}

    def _look(self) -> None:
        placed: dict[str, dict[str, tuple[datetime, str]]] = {name: {} for name in self.shares}
        where = "WHERE origin = 'schedule' AND state NOT IN ('skipped', 'rejected', 'missed', 'failed')"
        for post in judging.rows_of(self.engine, "posts", judging.PostRow, where):
            placed[post.account][post.id] = (post.slot_at, post.category)
        for name, shares in self.shares.items():
            if placed[name] != shares.standing:
                try:
                    shares.look(placed[name], f"{name} at {self.world.clock.at}")
                except AssertionError as error:
                    self.verdict(False, str(error))
                    shares.standing = placed[name]
        for alert in judging.rows_of(self.engine, "alerts", judging.AlertRow):
            self.alerts[alert.id] = alert
        if self.random.random() < 0.02:
            for item in judging.rows_of(self.engine, "items", judging.ItemRow):
                self.items_seen[item.source].add(item.id)

    def _second_turn(self) -> None:
        """When all is quiet, one more turn at the same moment changes nothing."""
        world = self.world
        calm = world.fate.calm, world.weather.fair
        world.fate.calm = world.weather.fair = True
        let_rage(world.plugin, [attrs.evolve(each, begins=each.ends) for each in world.outages], world.clock.at)
        world.clock.forward(timedelta(hours=1))
        world.relay.go_round()
        for _ in range(2):
            self.by_hand.tick()
            self.by_hand.tell_channels()
            world.clock.forward(timedelta(minutes=16))
        self.by_hand.tick()
        self.by_hand.tell_channels()
        before = self._everything()
        self.by_hand.tick()
        self.by_hand.tell_channels()
        after = self._everything()
        for table, rows in before.items():
            what = f"a second turn at {world.clock.at} changed {table}: {sorted(set(rows) ^ set(after[table]))}"
            self.verdict(rows == after[table], what)
        self.world.counts["second turns"] += 1
        world.fate.calm, world.weather.fair = calm

    def _everything(self) -> dict[str, list[str]]:
        tables = ("posts", "journal", "publications", "holds", "alerts", "tellings", "items", "item_events")
        with self.engine.connect() as connection:
            found = {
                table: sorted(repr(tuple(row)) for row in connection.execute(text(f"SELECT * FROM {table}")))
                for table in tables
            }
        world = self.world
        found["outside"] = [str(sum(map(len, world.told.values()))), str(len(world.shown)), str(world.out)]
        return found

    # In the end

    def _judge(self) -> None:
        world, verdict = self.world, self.verdict
        verdict.wrong += world.alone.wrong
        self._look()
        posts = judging.rows_of(self.engine, "posts", judging.PostRow)
        journal: dict[str, list[judging.JournalRow]] = {post.id: [] for post in posts}
        for row in judging.rows_of(self.engine, "journal", judging.JournalRow, "ORDER BY id"):
            journal[row.post_id].append(row)
        by_id = {post.id: post for post in posts}
        publications = judging.rows_of(self.engine, "publications", judging.PublicationRow)
        stories = world.out
        judging.judge_slots(verdict, self.accounts.values(), posts, (self.plan.begins, self.plan.ends))
        judging.judge_stories(verdict, by_id, journal, publications, stories)
        everything_out = [each for there in stories.values() for each in there]
        judging.judge_holds(verdict, self.accounts, by_id, self.people.deeds, world.shown, everything_out)
        heard = judging.Heard(
            {account: team for team, account in TEAMS.items()},
            WATCH,
            world.outages,
            world.off,
            {
                source: [place for place, account in TEAMS.items() if source in self.accounts[account].sources]
                for source in ("photos", "drive", "attic")
            },
        )
        alerts = sorted(self.alerts.values(), key=lambda row: row.id)
        judging.judge_alerts(verdict, alerts, world.told, heard, world.clock.at)
        judging.judge_missed(verdict, posts, alerts)
        judging.judge_attended(verdict, self.accounts, world.turned)
        items = judging.rows_of(self.engine, "items", judging.ItemRow)
        for source, kind in SOURCES.items():
            files = world.plugin.folder(source).files
            by_key = {str(file.number) if kind == "memory-ids" else path: file.content for path, file in files.items()}
            judging.judge_library(verdict, source, items, by_key, self.items_seen[source])


@attrs.frozen
class Database:
    """One database of the run: what it is called, and with how many workers."""

    name: str
    workers: int


DATABASES = (Database("SQLite", 1), Database("PostgreSQL", 3))


def figures(quarter: Quarter, seconds: float) -> dict[str, str]:
    """What there is to tell, in the order in which it is told."""
    world, verdict, taps = quarter.world, quarter.verdict, quarter.people.deeds.taps
    outcomes, kills = verdict.outcomes, world.fate.kills
    ahead = max(float(shares.ahead) for shares in quarter.shares.values())
    behind = max(float(shares.behind_undisturbed) for shares in quarter.shares.values())
    lost = sum(count for what, count in world.weather.failed.items() if "lost" in what)
    missed_off, missed_otherwise = unattended(quarter)
    return {
        "workers": str(quarter.plan.workers),
        "days": str(quarter.plan.days),
        "items": f"{quarter.plan.items:,}",
        "turns": f"{world.counts['turns']:,}",
        "slots": f"{verdict.looked['slots']:,}",
        **{f"… {state}": f"{outcomes[state]:,}" for state in ("posted", "skipped", "rejected", "missed", "failed")},
        "… of the missed, the machine being off": f"{missed_off:,}",
        "… of the missed, no worker having turned in time otherwise": f"{missed_otherwise:,}",
        "stories published by interface": f"{verdict.looked['stories']:,}",
        "cards shown": f"{len(world.shown):,}",
        "answers of people": f"{sum(taps.values()):,}",
        "outages": f"{sum(each.begins < world.clock.at for each in world.outages)}",
        "calls about a post, never two at once": f"{sum(world.alone.calls.values()):,}",
        "calls that failed": f"{sum(world.weather.failed.values()) - lost:,}",
        "answers that were lost": f"{lost:,}",
        "kills": f"{sum(kills.values())}, at {len(kills)} kinds of moment",
        "sleepers (up to 45 minutes)": str(world.fate.slept),
        "restarts": str(world.counts["restarts"]),
        "picks held against the mix": f"{sum(shares.picks for shares in quarter.shares.values()):,}",
        "furthest ahead of a share": f"{ahead:.2f} posts",
        "furthest behind, nobody having intervened": f"{behind:.2f} posts",
        "showings held against holds": f"{verdict.looked['showings held against holds']:,}",
        "alerts told": f"{verdict.looked['alerts told']:,}",
        "changes in the folders": f"{world.counts['changes in the folders']:,}",
        "second turns that changed nothing": str(world.counts["second turns"]),
        "found wrong": str(len(verdict.wrong)),
        "minutes it took": f"{seconds / 60:.1f}",
    }


def unattended(quarter: Quarter) -> tuple[int, int]:
    """How many slots were missed because nobody looked: while the machine was off, and otherwise."""
    begins, ends = quarter.plan.switched_off
    alone = [post for post in quarter.verdict.missed if post.reason.startswith(judging.NOBODY_THERE)]
    off = sum(begins < post.due_at + quarter.accounts[post.account].grace and post.due_at < ends for post in alone)
    return off, len(alone) - off


def table(found: dict[str, dict[str, str]]) -> str:
    """For people."""
    lines = ["| | " + " | ".join(found) + " |", "| --- |" + " ---: |" * len(found)]
    first = next(iter(found.values()))
    rows = (f"| {what} | " + " | ".join(each[what] for each in found.values()) + " |" for what in first)
    return "\n".join([*lines, *rows])


def write(shown: str) -> None:
    """Renew this part of the page."""
    before, begin, rest = REPORT.read_text(encoding="utf-8").partition(BEGIN)
    assert begin, f"{REPORT} has no {BEGIN}"
    REPORT.write_text(f"{before}{BEGIN}\n{shown}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


def main() -> int:
    """Run it and say what came of it; 1 when anything was found wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="renew docs/reliability.md")
    parser.add_argument("--only", choices=[each.name for each in DATABASES], help="on one database")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=91)
    parser.add_argument("--items", type=int, default=5_000)
    asked = parser.parse_args()
    logging.getLogger("storyline").setLevel(logging.CRITICAL)
    shared = Path("/dev/shm")
    found: dict[str, dict[str, str]] = {}
    wrong = 0
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        databases = Databases(Path(folder), secrets.token_hex(4), os.getpid(), None)
        try:
            for each in DATABASES:
                if asked.only in (None, each.name):
                    plan = Plan(asked.days, asked.items, each.workers, seed=asked.seed)
                    with database_of(databases, each.name, Path(folder)) as url:
                        quarter, began = Quarter(plan, url), wall.monotonic()
                        quarter.run()
                    found[each.name] = figures(quarter, wall.monotonic() - began)
                    wrong += len(quarter.verdict.wrong)
                    sys.stdout.writelines(f"{each.name}: {what}\n" for what in quarter.verdict.wrong[:60])
        finally:
            databases.end()
    shown = table(found)
    sys.stdout.write(f"{shown}\n")
    if asked.write:
        write(shown)
    return int(wrong > 0)


@contextmanager
def database_of(databases: Databases, name: str, folder: Path) -> Iterator[str]:
    """A new database of this kind."""
    if name == "SQLite":
        yield databases.copy_sqlite(folder / "quarter.db")
    else:
        with databases.copy_postgresql() as url:
            yield url


if __name__ == "__main__":
    raise SystemExit(main())
