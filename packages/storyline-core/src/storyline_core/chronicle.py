"""Chronicle: what happened to a post or an item, and why, in sentences that a person can read down. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

import attrs

from storyline_core.posts import ITSELF, Origin, Post, PostEvent, PostState


@attrs.frozen
class Sentence:
    """Something that happened, when, and why (each reason a text of its own)."""

    at: datetime
    text: str
    why: tuple[str, ...] = ()


class Move(Protocol):
    """A line of a post's journal."""

    @property
    def at(self) -> datetime: ...
    @property
    def from_(self) -> PostState | None: ...
    @property
    def to(self) -> PostState: ...
    @property
    def event(self) -> str: ...
    @property
    def by(self) -> str: ...
    @property
    def why(self) -> str: ...


class Happening(Protocol):
    """A line of an item's own history."""

    @property
    def at(self) -> datetime: ...
    @property
    def kind(self) -> str: ...
    @property
    def from_path(self) -> str | None: ...
    @property
    def to_path(self) -> str | None: ...
    @property
    def evidence(self) -> str: ...


Called = Callable[[str], str]
"""How to show the person behind a key."""


def story_of_post(post: Post, journal: Iterable[Move], called: Called) -> tuple[Sentence, ...]:
    """The life of a post, oldest first."""
    return tuple(_moved(post, move, called) for move in journal)


def story_of_item(
    events: Iterable[Happening], posts: Iterable[tuple[Post, Sequence[Move]]], called: Called
) -> tuple[Sentence, ...]:
    """What happened to an item, what was decided of it and where it went out, oldest first."""
    found = [_happened(event) for event in events]
    for post, journal in posts:
        found += [_of(post, _moved(post, move, called)) for move in journal if _matters(move)]
    return tuple(sorted(found, key=lambda sentence: sentence.at))


def _of(post: Post, sentence: Sentence) -> Sentence:
    return attrs.evolve(sentence, text=f"{sentence.text} ({post.account}, post {post.id})")


def _matters(move: Move) -> bool:
    """Whether a move says something about the item, and not only about how its post was handled."""
    return move.from_ is None or move.event not in _HANDLING


_HANDLING = frozenset(
    {PostEvent.OFFER, PostEvent.REHEARSE, PostEvent.PREPARED, PostEvent.PUBLISH, PostEvent.READY, PostEvent.REMIND}
)

_PEOPLE: Mapping[str, str] = MappingProxyType(
    {
        PostEvent.POSTED: "{by} posted it by hand",
        PostEvent.SKIP: "{by} skipped it",
        PostEvent.REJECT: "{by} rejected the picture for ever",
        PostEvent.SNOOZE: "{by} put it off",
        PostEvent.SWAP: "{by} wanted another picture",
        PostEvent.RESERVE: "{by} took it, to post it by hand",
        PostEvent.APPROVE: "{by} let it be published",
        PostEvent.UNDO: "{by} took the last decision back",
        PostEvent.RETRY: "{by} had it tried again",
        PostEvent.RESOLVE_LIVE: "{by} looked, and it was live",
        PostEvent.RESOLVE_NOT_LIVE: "{by} looked, and it was not live",
    }
)
_STEPS: Mapping[str, str] = MappingProxyType(
    {
        PostEvent.OFFER: "Its card was about to be shown",
        PostEvent.OFFERED: "Its card was shown to the team",
        PostEvent.OFFER_FAILED: "Its card could not be shown",
        PostEvent.REMIND: "The team was reminded",
        PostEvent.ESCALATE: "An admin was asked, since nobody had answered",
        PostEvent.REHEARSE: "It was looked at ahead of time",
        PostEvent.PREPARED: "It was made ready at the publisher",
        PostEvent.PUBLISH: "Publishing began",
        PostEvent.PUBLISHED: "It went live",
        PostEvent.UNSURE: "Nobody saw whether it went live",
        PostEvent.READY: "The publisher said that it had not gone live yet",
        PostEvent.GONE: "What had been made ready was gone at the publisher",
        PostEvent.TRY_FAILED: "A try failed",
        PostEvent.HAND_OVER: "It was handed to the team",
        PostEvent.MISS: "It was missed",
        PostEvent.FAIL: "It failed for good",
        PostEvent.DRY_RUN: "It would have gone out; the account only rehearses",
    }
)
_OURS = frozenset({"", ITSELF})


def _moved(post: Post, move: Move, called: Called) -> Sentence:
    why = (move.why,) if move.why else ()
    if move.from_ is None:
        first = "Somebody asked for it" if post.origin is not Origin.SCHEDULE else "It was chosen for its slot"
        if move.to is PostState.MISSED:
            first = "Its slot passed with nothing to post"
        return Sentence(move.at, first, why or tuple(post.why))
    if move.event in _PEOPLE:
        by = "The account's own rule" if move.by in _OURS else called(move.by)
        return Sentence(move.at, _PEOPLE[move.event].format(by=by), why)
    return Sentence(move.at, _STEPS.get(move.event, f"{move.event}: it became {move.to}"), why)


_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "added": "It was found for the first time",
        "edited": "Its bytes changed",
        "moved": "It was moved",
        "restored": "It came back",
        "removed": "It was removed",
        "described": "What is said of it changed",
    }
)


def _happened(event: Happening) -> Sentence:
    text = _KINDS.get(event.kind, event.kind)
    if event.from_path and event.to_path and event.from_path != event.to_path:
        text += f", from {event.from_path} to {event.to_path}"
    return Sentence(event.at, text, (event.evidence,) if event.evidence else ())
