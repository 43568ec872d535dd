"""Workers in one process that take turns: a seed says who goes on, who sleeps for how long, and who is killed when.

Each worker is a thread, but only one of them runs at a time. Hands change where no transaction is open: before and
after each call of a plugin and before each transaction. So a run can be repeated, and every order of transactions and
calls can come up. Whoever is killed stays dead: whatever it still wants to do on its way out raises as well.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

from storyline_core.testing import Crash
from tests.end_to_end.world import SetClock


class Hand(threading.Thread):
    """One worker's thread. It does one job after the other, each when it is its turn."""

    def __init__(self, relay: Relay, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.relay = relay
        self.job: Callable[[], None] | None = None
        self.wakes_at: datetime | None = None
        self.dead = False
        self.ended = False
        self.in_transaction: Callable[[], bool] = lambda: False
        self.went_wrong: BaseException | None = None
        self._turn = threading.Semaphore(0)

    def run(self) -> None:
        """Until it is dismissed."""
        while True:
            self._turn.acquire()
            if self.job is None:
                self.ended = True
                self.relay.handed_back.release()
                return
            try:
                self.job()
            except Crash:
                self.dead = True
            except BaseException as error:  # noqa: BLE001 - whatever it is, the test has to hear of it
                self.went_wrong = error
            self.job = None
            self.relay.handed_back.release()

    def go_on(self) -> None:
        """Let it go on until it hands back. Called by whoever leads."""
        self._turn.release()
        self.relay.handed_back.acquire()
        if self.went_wrong is not None:
            raise self.went_wrong

    def hand_back(self, until: datetime | None = None) -> None:
        """Let others go on, until then if it sleeps. Called by the worker itself."""
        self.wakes_at = until
        self.relay.handed_back.release()
        self._turn.acquire()
        self.wakes_at = None


class Relay:
    """All hands, and who goes on."""

    def __init__(self, random: Random, clock: SetClock) -> None:
        self.handed_back = threading.Semaphore(0)
        self.hands: list[Hand] = []
        self._random, self._clock = random, clock

    def hire(self, name: str) -> Hand:
        """One more hand."""
        hand = Hand(self, name)
        self.hands.append(hand)
        hand.start()
        return hand

    def dismiss(self, hand: Hand) -> None:
        """One less: what it is at is broken off as if it had been killed."""
        if hand.job is not None:
            hand.dead = True
        while hand.job is not None:
            hand.go_on()
        hand.go_on()
        hand.join()
        self.hands.remove(hand)

    def go_round(self) -> None:
        """Let all go on who have something to do and do not sleep, until they are done or asleep."""
        while awake := [hand for hand in self.hands if hand.job is not None and self._awake(hand)]:
            self._random.choice(awake).go_on()

    def _awake(self, hand: Hand) -> bool:
        return hand.wakes_at is None or hand.wakes_at <= self._clock.at


def hand_here() -> Hand | None:
    """The hand in whose thread this is called, if it is one's."""
    here = threading.current_thread()
    return here if isinstance(here, Hand) else None


KILLED = {"call": 1 / 90, "often": 1 / 4_000, "commit": 1 / 900, "begin": 1 / 10_000}
"""How likely a worker dies at each kind of moment: at a call, at one that comes often, before a commit, at a begin."""

OFTEN = frozenset({"fingerprint", "poll_once", "check", "identity", "list_media", "open_media", "confirm_absent"})
"""Calls that change nothing outside, and that come in every turn."""

SLEEPS, LONGEST_SLEEP = 1 / 150, timedelta(minutes=45)
"""How likely a worker falls asleep at a call, and for how long at most."""


class Fate:
    """What befalls workers between two steps: time passes, others go on, one falls asleep, one is killed."""

    def __init__(self, random: Random, clock: SetClock, *, severity: float = 1.0) -> None:
        self.severity = severity
        self.calm = False
        self.kills: Counter[str] = Counter()
        self.slept = 0
        self.moments = 0
        self._random, self._clock = random, clock

    def moment(self, kind: str, name: str, *, may_sleep: bool = False) -> None:
        """One moment has come for the worker of this thread. Raises `Crash` when it is its last."""
        hand = hand_here()
        if hand is None:
            return
        if hand.dead:
            raise Crash(name)
        self.moments += 1
        if self.calm:
            return
        rate = "often" if name.rpartition(" ")[2] in OFTEN else kind
        if self._random.random() < KILLED[rate] * self.severity:
            self.kills[f"{kind} {name}".strip()] += 1
            hand.dead = True
            raise Crash(name)
        if kind == "call":
            self._clock.forward(timedelta(milliseconds=self._random.randint(1, 900)))
            if may_sleep and self._random.random() < SLEEPS * self.severity:
                self.slept += 1
                self._pass_on(hand, self._clock.at + LONGEST_SLEEP * self._random.random())
        if kind != "commit" and len(hand.relay.hands) > 1 and self._random.random() < 0.3:
            self._pass_on(hand, None)

    def _pass_on(self, hand: Hand, until: datetime | None) -> None:
        hand.hand_back(until)
        if hand.dead:
            raise Crash("killed in its sleep")
