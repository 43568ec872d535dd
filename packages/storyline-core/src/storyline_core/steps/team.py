"""Team: who may decide, who looks after others, and who belongs together."""

from __future__ import annotations

from storyline_core.errors import NotAllowed
from storyline_core.store import Person, Store, TeamRole


def set_role(store: Store, person: str, role: TeamRole) -> Person:
    """Promote or demote somebody, seen before or not. Raises `NotAllowed` for what is not `notifier:id`."""
    notifier, colon, number = person.partition(":")
    if not (notifier and colon and number):
        raise NotAllowed(f"“{person}” is not a person. Write notifier:id, as in telegram:123456789.")
    with store.begin() as unit:
        if role is TeamRole.MEMBER:
            unit.people.get(person)
        return unit.people.set_role(person, role)


def set_active(store: Store, person: str, active: bool) -> Person:
    """Let somebody decide, or keep them from it. Raises `NotFound`."""
    with store.begin() as unit:
        return unit.people.set_active(person, active)


def set_team(store: Store, person: str, team: str) -> Person:
    """Put somebody into a team; "" takes them out of it. Raises `NotFound`."""
    with store.begin() as unit:
        return unit.people.set_team(person, team or None)
