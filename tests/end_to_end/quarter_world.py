"""The world of a simulated quarter: three accounts, three folders, three teams, two stages, and a clock."""

from __future__ import annotations

import io
from collections import Counter
from datetime import UTC, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

import attrs
from PIL import Image

from storyline_core import Account, Entry, Mode, Schedule, Settings, SourceEntry, Unanswered, load_plugins
from storyline_core.accounts import Mix
from storyline_core.settings import AlertSettings
from storyline_core.testing.memory import Place
from storyline_core.testing.memory_stage import Story
from tests.end_to_end.quarter_alone import Alone, WatchedPlugin
from tests.end_to_end.quarter_hands import Fate, Relay, hand_here
from tests.end_to_end.quarter_weather import Alerts, Cards, Outage, Shown, Stories, Told, Weather, outages_of
from tests.end_to_end.world import SetClock

BEGINS = datetime(2026, 3, 2, 0, 30, tzinfo=UTC)
"""Before the first slot of any account. Berlin's clocks change on 29 March; those of Tokyo and Phoenix never do."""

CATEGORIES = ("cats", "dogs", "boats", "food")
SOURCES = {"photos": "memory", "drive": "memory-ids", "attic": "memory"}
TEAMS = {"harbour-team": "harbour", "market-team": "market", "studio-team": "studio"}
STAGES = ("market-stage", "studio-stage")
WATCH = "watch"


@attrs.frozen
class Plan:
    """How much happens: days, items, workers, which days the machine is off, how bad it gets.

    `idle` is about how long nobody looks while nothing is due.
    """

    days: int = 91
    items: int = 5_000
    workers: int = 1
    off: tuple[float, float] = (48.3, 55.4)
    severity: float = 1.0
    seed: int = 1
    second_turns: int = 7
    begins: datetime = BEGINS
    answer_within: timedelta = timedelta(hours=24)
    idle: timedelta = timedelta(minutes=100)

    @property
    def ends(self) -> datetime:
        """When the last slot counts."""
        return self.begins + timedelta(days=self.days)

    @property
    def switched_off(self) -> tuple[datetime, datetime]:
        """When the machine is off."""
        return self.begins + timedelta(days=self.off[0]), self.begins + timedelta(days=self.off[1])


def accounts_of(plan: Plan) -> list[Account]:
    """One posted by hand in a zone whose clocks change, one mixed beyond midnight, one automatic."""
    return [
        Account(
            "harbour",
            sources=("photos", "drive"),
            notifier="harbour-team",
            fill_ahead=timedelta(hours=9),
            answer_within=plan.answer_within,
            mode=Mode.MANUAL,
            schedule=Schedule(4, time(9), time(21), ZoneInfo("Europe/Berlin"), timedelta(minutes=30)),
            mix=Mix({"cats": 3, "dogs": 2, "boats": 1}),
        ),
        Account(
            "market",
            sources=("drive", "attic"),
            notifier="market-team",
            fill_ahead=timedelta(hours=9),
            answer_within=plan.answer_within,
            publisher="market-stage",
            mode=Mode.HYBRID,
            unanswered=Unanswered.PUBLISH,
            schedule=Schedule(3, time(17), time(1, 30), ZoneInfo("Asia/Tokyo"), timedelta(0)),
            mix=Mix({"cats": 1, "dogs": 1, "boats": 1, "food": 1}),
        ),
        Account(
            "studio",
            sources=("photos", "drive", "attic"),
            notifier="studio-team",
            fill_ahead=timedelta(hours=9),
            answer_within=plan.answer_within,
            publisher="studio-stage",
            mode=Mode.AUTO,
            unanswered=Unanswered.ESCALATE,
            schedule=Schedule(5, time(8), time(22), ZoneInfo("America/Phoenix"), timedelta(minutes=20)),
            mix=Mix({"food": 5, "boats": 2, "cats": 1}),
        ),
    ]


def settings_of(plan: Plan, database_url: str) -> Settings:
    """Three accounts, each with its own team and stage, and a channel that hears of everything."""
    return Settings(
        database_url=database_url,
        sources=[
            SourceEntry(name, kind, Place(name), sync_interval=timedelta(hours=3), watch=False)
            for name, kind in SOURCES.items()
        ],
        notifiers=[Entry(name, "memory", Place(name)) for name in (*TEAMS, WATCH)],
        publishers=[
            Entry("market-stage", "memory-careful", Place("market-stage")),
            Entry("studio-stage", "memory", Place("studio-stage")),
        ],
        accounts=accounts_of(plan),
        alerts=AlertSettings(notifiers=(WATCH,)),
    )


def picture(number: int) -> bytes:
    """A small picture of its own bytes."""
    file = io.BytesIO()
    Image.new("RGB", (27, 48), (number * 37 % 256, number * 91 % 256, number * 13 % 256)).save(file, "JPEG")
    return file.getvalue() + f"number {number}".encode()


class World:
    """Everything outside of Storyline, the clock, and the workers."""

    def __init__(self, plan: Plan, database_url: str) -> None:
        self.plan, self.database_url = plan, database_url
        self.random = Random(plan.seed)
        self.clock = SetClock(plan.begins)
        self.fate = Fate(Random(plan.seed + 1), self.clock, severity=plan.severity)
        self.alone = Alone(self.clock)
        self.plugin = WatchedPlugin(self.alone)
        self.weather = Weather(Random(plan.seed + 2), self.fate)
        self.weather.in_transaction = self._in_transaction
        self.plugin.faults = self.weather
        self.plugins = load_plugins(extra=[self.plugin], entry_points=False)
        self.settings = settings_of(plan, database_url)
        self.relay = Relay(Random(plan.seed + 3), self.clock)
        self.told: dict[str, list[Told]] = {name: [] for name in (*TEAMS, WATCH)}
        self.shown: list[Shown] = []
        self.out: dict[str, list[tuple[Story, datetime]]] = {name: [] for name in STAGES}
        self.numbers = 0
        self.counts: Counter[str] = Counter()
        self.off: list[tuple[datetime, datetime]] = []
        self.turned: list[tuple[datetime, datetime]] = []
        self._furnish()
        calm = plan.ends - timedelta(hours=6)
        places = {"source": [*SOURCES], "notifier": [*TEAMS, WATCH], "publisher": [*STAGES]}
        self.outages: list[Outage] = outages_of(
            self.random,
            plan.begins + timedelta(hours=plan.days),
            calm,
            places,
            timedelta(days=6) / max(plan.severity, 0.01),
        )

    def _furnish(self) -> None:
        for place, told in self.told.items():
            self.plugin.team(place).alerts = Alerts(self.clock, told)
            self.plugin.team(place).shown = Cards(self.clock, self.shown)
        for place in STAGES:
            self.plugin.stage(place).stories = Stories(self.clock, self.out[place])
        for number in range(self.plan.items):
            self.put(sorted(SOURCES)[number % 3])
        # Some pictures lie in two places.
        for path, file in list(self.plugin.folder("photos").files.items())[::40]:
            self.plugin.folder("attic").write(path.replace(".jpg", " copy.jpg"), file.content)

    def put(self, source: str) -> None:
        """A new picture; every sixth carries a link, so that a person has to post it."""
        self.numbers += 1
        link = "__https-shop-com-tea" if self.numbers % 6 == 0 else ""
        path = f"{CATEGORIES[self.numbers // 3 % 4]}/{self.numbers:05}{link}.jpg"
        self.plugin.folder(source).write(path, picture(self.numbers))

    def churn(self) -> None:
        """What people do in the folders in a day."""
        for source in SOURCES:
            folder = self.plugin.folder(source)
            for _ in range(self.random.randint(0, 3)):
                self.put(source)
            paths = self.random.sample(sorted(folder.files), 5)
            folder.rename(
                paths[0], f"{self.random.choice(CATEGORIES)}/again-{self.numbers}-{paths[0].rpartition('/')[2]}"
            )
            folder.delete(paths[1])
            gone = folder.files[paths[2]].content
            folder.delete(paths[2])
            folder.write(f"{paths[2].rpartition('/')[0]}/back-{self.numbers}.jpg", gone)
            folder.write(paths[3], picture(900_000 + self.numbers))
            self.counts["changes in the folders"] += 5

    def _in_transaction(self) -> bool:
        hand = hand_here()
        return hand is not None and hand.in_transaction()
