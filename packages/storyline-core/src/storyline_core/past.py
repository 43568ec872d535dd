"""The past: what of an account's earlier posts is to be fetched, what is passed over and why, and when to look next.

Pure: pages and what is known of their media in, decisions out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

import attrs

from storyline_core.accounts import Account
from storyline_core.media import MEDIA_TYPES, media_type_of

MOST_TRIES = 5
"""How often the bytes of one picture are asked for, in as many backfills, before it counts as unreadable."""

SOON = timedelta(hours=1)
"""How long after its beginning a backfill goes on that broke off for a reason that may last."""

BEFORE = timedelta(minutes=5)
"""How far the service's clock may be behind ours when it says when a story was posted."""

_MOST_BYTES_OF_NAME = 100
_UNFIT = re.compile(r"[^\w.-]+")
_ENDINGS = {kind: ending for ending, kind in reversed([*MEDIA_TYPES.items()])}


class PastKind(StrEnum):
    """What an account posted before: posts that stay, or stories that are live now."""

    FEED = "feed"
    STORIES = "stories"


@attrs.frozen
class PastMedia:
    """One picture or video that an account has posted before, as its service tells of it.

    `remote_id` is the service's own id of this very picture (of a child, in an album), `name` a file name for it with
    its ending. `caption` and `permalink` are the post's; `tags` what its text was tagged with.
    """

    remote_id: str
    kind: PastKind
    name: str
    posted_at: datetime
    caption: str = ""
    permalink: str | None = None
    tags: tuple[str, ...] = ()


@attrs.frozen
class PastPage:
    """Some of what was posted before, newest first. `cursor` asks for what follows; None: that was all.

    `unreadable` names, by remote id, what the service does not give the bytes of, and why; it is not among `media`.
    """

    media: tuple[PastMedia, ...]
    cursor: str | None = None
    unreadable: tuple[tuple[str, str], ...] = ()


class Known(StrEnum):
    """What is known of a medium before it is fetched."""

    HERE = "here"
    TRIED = "tried"
    UNREADABLE = "unreadable"


class Verdict(StrEnum):
    """What is done with one medium of a page."""

    FETCH = "fetch"
    HERE = "here"
    PUBLISHED = "published"
    UNREADABLE = "unreadable"
    WAITS = "waits"
    TOO_OLD = "too old"


@attrs.frozen
class Facts:
    """What is known around a page: media met before, those that Storyline published, those that are in doubt.

    `unsure_since` is since when a story of ours may be out of which nobody knows yet: a newer one waits. `ours_within`
    are the spans in each of which a story of ours went out of which it is not known which one it is.
    """

    met: Mapping[str, Known] = attrs.field(factory=dict)
    published: Collection[str] = frozenset()
    in_doubt: Collection[str] = frozenset()
    since: datetime | None = None
    unsure_since: datetime | None = None
    ours_within: Collection[tuple[datetime, datetime]] = ()


def judge(media: PastMedia, facts: Facts) -> Verdict:
    """What to do with one medium."""
    if media.remote_id in facts.published:
        return Verdict.PUBLISHED
    known = facts.met.get(media.remote_id)
    if known is Known.HERE:
        return Verdict.HERE
    if facts.since is not None and media.posted_at < facts.since:
        return Verdict.TOO_OLD
    if known is Known.UNREADABLE:
        return Verdict.UNREADABLE
    if media.remote_id in facts.in_doubt:
        return Verdict.WAITS
    if media.kind is PastKind.STORIES and _may_be_ours(media, facts):
        return Verdict.WAITS
    return Verdict.FETCH


def _may_be_ours(media: PastMedia, facts: Facts) -> bool:
    if facts.unsure_since is not None and media.posted_at >= facts.unsure_since - BEFORE:
        return True
    return any(first - BEFORE <= media.posted_at <= last + BEFORE for first, last in facts.ours_within)


@attrs.frozen
class Leg:
    """One stretch of a walk through the past: from where, and whether it ends at the first page wholly known."""

    cursor: str | None = None
    to_known: bool = False


@attrs.frozen
class Walk:
    """How far one kind of a publisher's past was read, newest first.

    `cursor` asks for what follows where a walk broke off. `to_known`: that walk ends at the first page of which all is
    known. `whole`: everything since `since` (None: ever) has been gone through once.
    """

    cursor: str | None = None
    to_known: bool = False
    whole: bool = False
    since: datetime | None = None


def legs_of(kind: PastKind, before: Walk, since: datetime | None) -> tuple[Leg, ...]:
    """Which stretches lead through everything since then that has not been gone through yet.

    One that broke off is finished first; what was posted meanwhile comes after it. Stories are few and go: all of them
    are always looked at.
    """
    covers = before.since is None or (since is not None and since >= before.since)
    if kind is PastKind.STORIES or not covers:
        return (Leg(),)
    if before.cursor is not None:
        return (Leg(before.cursor, before.to_known), Leg(None, to_known=True))
    return (Leg(None, to_known=before.whole),)


def is_last(page: PastPage, verdicts: Collection[Verdict], leg: Leg, *, first: bool) -> bool:
    """Whether a stretch ends with this page.

    The first page of one that is resumed proves nothing: all of it may have been saved when the process died.
    """
    if page.cursor is None:
        return True
    if verdicts and all(verdict is Verdict.TOO_OLD for verdict in verdicts):
        return True
    resumed = first and leg.cursor is not None
    settled = {Verdict.HERE, Verdict.PUBLISHED, Verdict.UNREADABLE, Verdict.TOO_OLD}
    return leg.to_known and not resumed and bool(verdicts) and settled.issuperset(verdicts)


def name_of(media: PastMedia, media_type: str) -> str:
    """A file name that every disk takes, with the ending that the bytes deserve."""
    stem, dot, ending = media.name.rpartition(".")
    if not dot:
        stem, ending = media.name, ""
    stem = _UNFIT.sub("_", stem).strip("._-") or _UNFIT.sub("_", media.remote_id).strip("._-") or "media"
    stem = stem.encode()[:_MOST_BYTES_OF_NAME].decode(errors="ignore")
    if media_type_of(f"a.{ending}") != media_type:
        ending = _ENDINGS.get(media_type, ending)
    return f"{stem}.{ending}"


def rests_of(accounts: Iterable[Account], posted_at: datetime) -> Iterator[tuple[str, datetime]]:
    """Until when each account lets something rest that it posted then."""
    for account in accounts:
        yield account.name, posted_at + account.cooldown_posted


def next_backfill(
    every: timedelta, tried_at: datetime | None, good_at: datetime | None, again_at: datetime | None, now: datetime
) -> datetime:
    """When a backfill that runs by itself is due next: at once if it never ran.

    One that broke off goes on as soon as it may, or, where nobody knows when that is, soon after it began.
    """
    if tried_at is None or tried_at > now + every:
        return now
    regular = tried_at + every
    if again_at is not None:
        return min(regular, again_at)
    return regular if good_at is not None and good_at >= tried_at else min(regular, tried_at + SOON)
