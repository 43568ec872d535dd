"""What a container's own status means for its story, and when to look at it again. Pure.

A container is what Instagram makes of a picture or video before it is published. It can be published once, and it says
by itself what became of it: that is what keeps a story from going out twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import attrs

from storyline_core import Gone, InProgress, Ready, Refused, Uncertain
from storyline_instagram.answers import Json, objects, text
from storyline_instagram.faults import Remedy, fault_in_status, told_of

LIFE = timedelta(hours=24)
"""How long a container can be published; after that it has expired."""

POLL = timedelta(minutes=1)
"""How often Meta wants to be asked about a container."""

POLLED_FOR = timedelta(minutes=5)
"""For how long it wants to be asked so often."""

RARELY = timedelta(minutes=5)
"""How often it is asked after that."""

SETTLED_AFTER = timedelta(minutes=2)
"""How long Instagram may say of a container that it is not there although it is."""

_PICTURE_POLLS = (timedelta(seconds=3), timedelta(seconds=10))
_CLOCKS_DIFFER = timedelta(seconds=30)


class Status(StrEnum):
    """What Instagram says of a container."""

    IN_PROGRESS = "IN_PROGRESS"
    FINISHED = "FINISHED"
    PUBLISHED = "PUBLISHED"
    ERROR = "ERROR"
    EXPIRED = "EXPIRED"
    UNKNOWN = ""


@attrs.frozen
class Container:
    """One container as Instagram tells of it. `detail` is its `status`, which says what went wrong."""

    status: Status
    detail: str = ""


@attrs.frozen
class LiveStory:
    """One story that is live now. `video` is None where it is not told whether it is one."""

    id: str
    permalink: str | None
    at: datetime | None
    video: bool | None = None


def container_in(told: Json) -> Container:
    """The container in an answer. A status that nobody knows yet is `UNKNOWN`."""
    spelled = text(told.get("status_code"))
    known = spelled in Status.__members__
    return Container(Status(spelled) if known else Status.UNKNOWN, text(told.get("status")) or spelled)


def unpublished(container: Container, age: timedelta, *, video: bool) -> Ready | InProgress | Gone:
    """What a container that is not published means for its story.

    Raises `Refused` when no other container of the same file would do better, `Uncertain` for a status that nobody
    knows.
    """
    match container.status:
        case Status.FINISHED:
            return Ready()
        case Status.IN_PROGRESS:
            return InProgress(poll_after(age, video=video))
        case Status.EXPIRED:
            return Gone("What was prepared has expired: Instagram keeps it for 24 hours.")
        case Status.ERROR:
            remedy, why = told_of(fault_in_status(container.detail))
            said = f"Instagram could not use what was prepared: {why} ({container.detail or 'no reason given'})."
            if remedy is Remedy.NEVER and _names_a_reason(container):
                raise Refused(said)
            return Gone(said)
        case _:
            raise Uncertain(
                f"Instagram says “{container.detail or 'nothing'}” of what was prepared; nobody knows this."
            )


def poll_after(age: timedelta, *, video: bool) -> timedelta:
    """How long to wait before a container of this age is looked at again.

    A picture is ready within seconds. Otherwise it is once a minute for five minutes, as Meta advises; then rarely.
    """
    if not video:
        early = next((wait for wait in _PICTURE_POLLS if age < wait * 2), None)
        if early is not None:
            return early
    return POLL if age < POLLED_FOR else RARELY


def stories_in(told: Json) -> list[LiveStory]:
    """The live stories in an answer."""
    return [
        LiveStory(
            text(each.get("id")),
            text(each.get("permalink")) or None,
            _moment(text(each.get("timestamp"))),
            {"VIDEO": True, "IMAGE": False}.get(text(each.get("media_type"))),
        )
        for each in objects(told.get("data"))
        if text(each.get("id"))
    ]


def unknown(stories: Iterable[LiveStory], known: Iterable[str]) -> list[LiveStory]:
    """The stories that came out since those were live. No clock is asked: ours may be wrong."""
    passed = frozenset(known)
    return [each for each in stories if each.id not in passed]


def since(
    stories: Iterable[LiveStory], made_at: datetime, known: Iterable[str] = (), *, video: bool | None = None
) -> list[LiveStory]:
    """The stories that may have come out of a container made then: not before it, and none of the known ones.

    One whose time or kind is not told may have.
    """
    floor = made_at - _CLOCKS_DIFFER
    return [
        each
        for each in unknown(stories, known)
        if (each.at is None or each.at >= floor) and (None in (video, each.video) or each.video is video)
    ]


def _names_a_reason(container: Container) -> bool:
    return fault_in_status(container.detail).subcode is not None


def _moment(spelled: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(spelled)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
