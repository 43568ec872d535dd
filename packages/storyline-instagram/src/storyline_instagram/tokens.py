"""Tokens as values: what is known of one, which one counts, when it is renewed, what people are told. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

import attrs

from storyline_core import Alert, AlertLevel
from storyline_instagram.answers import Json, parsed, text, texts
from storyline_instagram.faults import sign_in
from storyline_instagram.options import Login

KEPT = "token"
"""Under this name the private state keeps the token that a person connected with."""

RENEWED = "renewed"
"""Under this name it keeps what that token, or the one in the settings, has become since."""

NEEDED: Mapping[Login, tuple[str, ...]] = {
    Login.FACEBOOK: ("instagram_basic", "instagram_content_publish", "pages_read_engagement", "pages_show_list"),
    Login.INSTAGRAM: ("instagram_business_basic", "instagram_business_content_publish"),
}
"""The permissions that publishing needs."""

LIFE = timedelta(days=60)
"""How long a long-lived token lives."""

RENEWABLE_AFTER = timedelta(hours=24)
"""How old a token must be before it can be renewed, and how long lies between two renewals."""

RENEWED_BEFORE = timedelta(days=30)
"""From how long before its end a token is renewed: there is time to try again hundreds of times."""

WARNED_BEFORE = (14, 7, 3, 1)
"""How many days before its end people are told."""

_PRINTABLE = re.compile(r"[\x21-\x7e]{8,4000}")


class TokenKind(StrEnum):
    """What sort of token it is. Those of Pages and system users usually have no end, and are not renewed."""

    USER = "user"
    PAGE = "page"
    SYSTEM = "system"
    INSTAGRAM = "instagram"
    UNKNOWN = "unknown"

    @property
    def renewable(self) -> bool:
        """Whether it can be exchanged for a younger one without a person."""
        return self in (TokenKind.USER, TokenKind.INSTAGRAM)


@attrs.frozen
class Held:
    """A token with everything that is known of it.

    `ends_at` None: it has no end, or none is known. `guessed`: the end was not told, only assumed. `since` is when it
    was come by, `renewed_at` when it was last renewed or that was last tried. `looked_at` is when Meta was last asked
    about it. `configured` recognises the token that stood in the settings then, `of` the one of which this is what has
    become. `reads_until`: an end of its own for what the app may read, until the person signs in again.
    """

    token: str = attrs.field(repr=False)
    kind: TokenKind = TokenKind.UNKNOWN
    since: datetime | None = None
    ends_at: datetime | None = None
    guessed: bool = False
    renewed_at: datetime | None = None
    looked_at: datetime | None = None
    reads_until: datetime | None = None
    scopes: tuple[str, ...] = ()
    account_id: str = ""
    username: str = ""
    configured: str = attrs.field(default="", repr=False)
    of: str = attrs.field(default="", repr=False)

    def spelled(self) -> str:
        """For the private state."""
        told = attrs.asdict(self)
        return json.dumps(
            {name: each.isoformat() if isinstance(each, datetime) else each for name, each in told.items()}
        )

    def missing(self, login: Login) -> tuple[str, ...]:
        """The permissions that publishing needs and this token does not have; none where they are not known."""
        return tuple(each for each in NEEDED[login] if each not in self.scopes) if self.scopes else ()


def read_held(kept: str | None) -> Held | None:
    """What the private state kept; None where it kept nothing of use."""
    told = parsed(kept) if kept else None
    if told is None or not text(told.get("token")):
        return None
    return Held(
        token=text(told.get("token")),
        kind=_kind(text(told.get("kind"))),
        since=_time(told, "since"),
        ends_at=_time(told, "ends_at"),
        guessed=told.get("guessed") is True,
        renewed_at=_time(told, "renewed_at"),
        looked_at=_time(told, "looked_at"),
        reads_until=_time(told, "reads_until"),
        scopes=tuple(texts(told.get("scopes"))),
        account_id=text(told.get("account_id")),
        username=text(told.get("username")),
        configured=text(told.get("configured")),
        of=text(told.get("of")),
    )


def fingerprint(token: str) -> str:
    """By which a token in the settings is recognised as the one of before."""
    return hashlib.sha256(f"storyline-instagram\0{token}".encode()).hexdigest()[:32] if token else ""


def chosen(configured: str, kept: Held | None) -> Held | None:
    """Which token counts: the stored one, unless the settings have another token than when it was stored.

    So a refreshed token outlives the one it came from, a token that login stored outlives the one that stood in the
    settings then, and a token that is newly put into the settings wins over everything older.
    """
    if not configured:
        return kept
    mark = fingerprint(configured)
    return kept if kept is not None and kept.configured == mark else Held(token=configured, configured=mark)


def latest(configured: str, kept: Held | None, renewed: Held | None) -> Held | None:
    """What is stored: the renewed token if it has come of the one that counts, otherwise the one connected with.

    A renewal that was under way while somebody connected the account anew has come of another, and counts no more.
    """
    if renewed is None or kept is None or renewed.of == fingerprint(kept.token):
        return renewed or kept
    mark = fingerprint(configured)
    return renewed if mark and kept.configured != mark and renewed.of == mark else kept


def usable(token: str) -> bool:
    """Whether a text can be a token: in one piece, of plain letters. What has been pasted often is not."""
    return _PRINTABLE.fullmatch(token) is not None


def days_left(held: Held, now: datetime) -> int | None:
    """Whole days until the token ends; None where it has no end."""
    return None if held.ends_at is None else max(0, (held.ends_at - now) // timedelta(days=1))


def ended(held: Held, now: datetime) -> bool:
    """Whether the token has certainly ended."""
    return held.ends_at is not None and not held.guessed and held.ends_at <= now


def renewal_due(held: Held, now: datetime, *, asked: bool = False) -> bool:
    """Whether to renew the token now; `asked`: a person wants it, so that only what Meta demands counts."""
    if not held.kind.renewable or ended(held, now):
        return False
    if held.since is not None and held.since - now > RENEWABLE_AFTER:
        # It was noted by a clock that was wrong, and so was its end.
        return True
    if held.kind is TokenKind.INSTAGRAM and held.since is not None and now - held.since < RENEWABLE_AFTER:
        return False
    if asked:
        return True
    if held.renewed_at is not None and now - held.renewed_at < RENEWABLE_AFTER and not _urgent(held, now):
        return False
    return held.guessed or held.ends_at is None or held.ends_at - now < RENEWED_BEFORE


def token_alerts(held: Held, now: datetime, name: str, why_not: str = "") -> list[Alert]:
    """What people should know of a token's end. `why_not` is why it was not renewed by itself."""
    alerts = []
    if ended(held, now):
        alerts.append(dead(name, f"ended on {_day(held.ends_at)}"))
    elif held.ends_at is not None:
        alerts += _ending(
            "token/expires-in", f"The token of {name} ends on {_day(held.ends_at)}.", held.ends_at, now, name, why_not
        )
    if held.reads_until is not None and (held.ends_at is None or held.reads_until < held.ends_at):
        told = f"Meta lets the app of {name} read until {_day(held.reads_until)}; then a person must agree again."
        alerts += _ending("token/reads-for", told, held.reads_until, now, name, "")
    return alerts


def dead(name: str, why: str) -> Alert:
    """The alert for a token that is of no use any more."""
    told = f"The token of {name} {why}. Nothing is published until the account is connected again; nothing is lost."
    return Alert("token/dead", AlertLevel.ERROR, told, sign_in(name))


def _ending(key: str, told: str, end: datetime, now: datetime, name: str, why_not: str) -> list[Alert]:
    """One alert for the narrowest span that is reached."""
    reached = [days for days in WARNED_BEFORE if end - now <= timedelta(days=days)]
    if not reached:
        return []
    level = AlertLevel.ERROR if min(reached) <= 3 else AlertLevel.WARNING
    told = f"{told} {why_not}".rstrip()
    return [Alert(f"{key}-{min(reached)}", level, told, sign_in(name))]


def _urgent(held: Held, now: datetime) -> bool:
    return held.ends_at is not None and held.ends_at - now < timedelta(days=WARNED_BEFORE[0])


def _day(at: datetime | None) -> str:
    return "" if at is None else f"{at.day} {at:%B %Y}"


def _kind(spelled: str) -> TokenKind:
    return TokenKind(spelled) if spelled in set(TokenKind) else TokenKind.UNKNOWN


def _time(told: Json, name: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text(told.get(name)))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
