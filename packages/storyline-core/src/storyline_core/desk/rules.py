"""Who may do what at the desk: one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from storyline_core.desk import Deed
from storyline_core.errors import NotAllowed
from storyline_core.store import Person, TeamRole

NEEDS: Mapping[Deed, TeamRole] = MappingProxyType(
    {
        Deed.LOOK: TeamRole.MEMBER,
        Deed.NEXT: TeamRole.MEMBER,
        Deed.HOLD: TeamRole.MEMBER,
        Deed.SYNC: TeamRole.ADMIN,
        Deed.PAUSE: TeamRole.ADMIN,
        Deed.SWITCH: TeamRole.ADMIN,
        Deed.UPLOAD: TeamRole.ADMIN,
        Deed.BACKFILL: TeamRole.ADMIN,
    }
)
"""The role that each deed takes. Whoever was never seen is a member, and an admin may do what members may."""

_MOST_NAMED = 3


def refuse(deed: Deed, key: str, person: Person | None, everybody: Sequence[Person]) -> None:
    """Raises `NotAllowed`, in words for the person, if they may not do this."""
    if person is not None and not person.active:
        raise NotAllowed(f"{person.name or key} has been deactivated and cannot do that.")
    is_admin = person is not None and person.role is TeamRole.ADMIN
    if NEEDS[deed] is TeamRole.ADMIN and not is_admin:
        raise NotAllowed(f"Sorry, that is for admins. {_who_can(key, everybody)}")


def admins_beside(key: str, everybody: Sequence[Person]) -> list[Person]:
    """The active admins who can be reached where this person was met."""
    where = key.partition(":")[0]
    return [each for each in everybody if each.active and each.role is TeamRole.ADMIN and each.notifier == where]


def _who_can(key: str, everybody: Sequence[Person]) -> str:
    names = [each.name for each in admins_beside(key, everybody) if each.name][:_MOST_NAMED]
    if names:
        return f"{' or '.join(names)} can help."
    return f"Somebody at the machine can make an admin: storyline users promote {key}"
