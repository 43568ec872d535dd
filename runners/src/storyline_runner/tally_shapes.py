"""Numbers of people and posts, and stories, as the JSON that scripts rely on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storyline_runner.shapes import Shape
from storyline_runner.times import iso

if TYPE_CHECKING:
    from storyline_core import Outcome, Person, PersonStats, Sentence


def person_shape(person: Person) -> Shape:
    """One member of the team."""
    return {
        "id": person.person,
        "notifier": person.notifier,
        "name": person.name,
        "username": person.username,
        "team": person.team,
        "role": str(person.role),
        "active": person.active,
        "posts": person.posts,
        "first_seen_at": iso(person.first_seen_at),
        "last_seen_at": iso(person.last_seen_at),
    }


def stats_shape(stats: PersonStats) -> Shape:
    """What one person did."""
    from storyline_core import busiest, top

    return {
        "id": stats.person,
        "decisions": dict(stats.decisions),
        "posts": stats.posts,
        "last_at": iso(stats.last_at),
        "answered_in_s": None if stats.answered_in is None else round(stats.answered_in.total_seconds()),
        "busiest_hours": list(busiest(stats.hours)),
        "top_tags": list(top(stats.tags)),
    }


def outcome_shape(outcome: Outcome) -> Shape:
    """What became of the posts of one account and category."""
    from storyline_core import SETTLED

    return {
        "account": outcome.account,
        "category": outcome.category,
        "settled": outcome.settled,
        **{str(state): outcome.states.get(state, 0) for state in sorted(SETTLED)},
    }


def sentence_shape(sentence: Sentence) -> Shape:
    """One sentence of a story."""
    return {"at": iso(sentence.at), "text": sentence.text, "why": list(sentence.why)}
