"""A team in memory, and the notifier that reaches it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import attrs

from storyline_core.errors import DecisionError, Unavailable
from storyline_core.interfaces import Alert, Controls, Decision, Draft
from storyline_core.posts import Message, Post, PostEvent
from storyline_core.testing.faults import Faults

_PAUSE_SECONDS = 0.02


@attrs.define
class Card:
    """One card as the team sees it: what was offered, and what it says now."""

    message: Message
    draft: Draft
    post: Post


@attrs.define
class MemoryTeam:
    """Everything that a notifier showed, and the taps that wait. `replies` are what late taps were told."""

    shown: list[Card] = attrs.field(factory=list)
    alerts: list[Alert] = attrs.field(factory=list)
    waiting: list[Decision] = attrs.field(factory=list)
    replies: list[str] = attrs.field(factory=list)
    broken: bool = False

    def cards(self) -> int:
        """How many cards have been shown."""
        return len(self.shown)

    def card(self, post_id: str) -> Card:
        """The newest card of a post."""
        return next(card for card in reversed(self.shown) if card.draft.post.id == post_id)

    def tap(self, message: Message, draft: Draft, event: PostEvent, *, person: str = "memory:1") -> None:
        """Somebody presses a button of a card."""
        self.waiting.append(
            Decision(draft.post.id, event, person, revision=draft.revision, name=person.title(), message=message)
        )

    def break_down(self) -> None:
        """Nothing reaches the team any more."""
        self.broken = True

    def mend(self) -> None:
        """It does again."""
        self.broken = False


class MemoryNotifier:
    """A notifier that shows its cards to a `MemoryTeam`."""

    def __init__(self, name: str, team: MemoryTeam, faults: Faults) -> None:
        self._name = name
        self._team = team
        self._faults = faults

    def offer(self, draft: Draft) -> Message:
        """One more card."""
        with self._faults.around("offer"):
            self._needed()
            with draft.open_media() as file:
                file.read(1)
            message = Message(self._name, f"card-{len(self._team.shown) + 1}")
            self._team.shown.append(Card(message, draft, draft.post))
            return message

    def update(self, message: Message, post: Post) -> None:
        """The card says how the post stands."""
        with self._faults.around("update"):
            self._needed()
            for card in self._team.shown:
                if card.message == message:
                    card.post = post

    def alert(self, alert: Alert) -> None:
        """One more alert."""
        with self._faults.around("alert"):
            self._needed()
            self._team.alerts.append(alert)

    def listen(self, controls: Controls, stop: Callable[[], bool]) -> None:
        """Takes taps as they come."""
        pause = threading.Event()
        while not stop():
            self.poll_once(controls)
            pause.wait(_PAUSE_SECONDS)

    def poll_once(self, controls: Controls) -> int:
        """Takes the taps that wait; who comes too late is told so."""
        with self._faults.around("poll_once"):
            self._needed()
            taps = 0
            while self._team.waiting:
                decision = self._team.waiting.pop(0)
                taps += 1
                try:
                    controls.decide(decision)
                except DecisionError as error:
                    self._team.replies.append(str(error))
            return taps

    def check(self) -> str:
        """How many cards there are."""
        with self._faults.around("check"):
            self._needed()
            return f"{len(self._team.shown)} cards shown"

    def _needed(self) -> None:
        if self._team.broken:
            raise Unavailable("The team in memory cannot be reached.")
