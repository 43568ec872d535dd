"""What the commands say: for people, a few plain lines; for scripts, one JSON document. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from storyline_instagram.options import Login
from storyline_instagram.tokens import days_left
from storyline_instagram.usage import CONTAINERS_A_DAY

if TYPE_CHECKING:
    # For their names alone: they bring the client along, which most commands never need.
    from storyline_instagram.connecting import Limits, Standing

_FACEBOOK = """\
Storyline needs a token for {name}, by Facebook Login:

 1. Open https://developers.facebook.com/tools/explorer/ and choose your app on the right.
 2. Under Permissions, add: pages_show_list, pages_read_engagement, instagram_basic,
    instagram_content_publish.
 3. Generate Access Token, and tick the Page and the Instagram account.
 4. Copy the token and paste it here."""

_INSTAGRAM = """\
Storyline needs a token for {name}, by Instagram Login:

 1. Open https://developers.facebook.com/apps, your app, and there Instagram,
    API setup with Instagram login.
 2. Under Generate access tokens, add the account and Generate token.
 3. Copy the token and paste it here."""

_NO_SECRET = """
Without {what} in the settings only a token that lasts already can be used,
and it is not renewed by itself."""


def walk_through(name: str, login: Login, *, exchanges: bool) -> str:
    """The steps to a token."""
    steps = (_FACEBOOK if login is Login.FACEBOOK else _INSTAGRAM).format(name=name)
    what = "app_id and app_secret" if login is Login.FACEBOOK else "app_secret"
    return steps + ("" if exchanges else "\n" + _NO_SECRET.format(what=what)) + "\n"


def in_json(told: Mapping[str, object]) -> str:
    """One JSON document; times in UTC with `Z`."""
    return json.dumps(told, ensure_ascii=False, indent=2, default=_spelled)


def told_standing(name: str, standing: Standing) -> dict[str, object]:
    """`login --json` and `status --json`."""
    held = standing.held
    return {
        "publisher": name,
        "login": str(standing.login),
        "account_id": standing.account_id,
        "username": standing.username,
        "token": {
            "kind": str(held.kind),
            "ends_at": held.ends_at,
            "days_left": days_left(held, standing.at),
            "end_is_assumed": held.guessed,
            "reads_until": held.reads_until,
            "renewed_by_itself": standing.renewed,
            "stored": standing.stored,
        },
        "permissions": list(held.scopes),
        "missing_permissions": list(standing.missing),
        "limits": _limits(standing.limits),
    }


def told_limits(name: str, limits: Limits) -> dict[str, object]:
    """`limits --json`."""
    return {"publisher": name, **_limits(limits)}


def standing_told(standing: Standing) -> list[str]:
    """How an account stands, in lines."""
    held = standing.held
    lines = [
        f"  account: @{line(standing.username)} ({standing.account_id})",
        f"  token: {held.kind}, {_end(standing)}",
    ]
    if held.reads_until is not None:
        lines.append(f"  Meta lets the app read until {_day(held.reads_until)}")
    lines.append(f"  permissions: {', '.join(held.scopes) or 'Meta does not list them'}")
    if standing.missing:
        lines.append(f"  MISSING: {', '.join(standing.missing)}")
    return [*lines, *limits_told(standing.limits)]


def limits_told(limits: Limits) -> list[str]:
    """What an account may still do, in lines."""
    quota, usage, wait = limits.quota, limits.usage, limits.wait
    lines = []
    if quota is not None:
        hours = quota.window.total_seconds() / 3600
        lines.append(f"  published: {quota.used} of {quota.total} in {hours:.0f} hours")
    elif limits.refused:
        lines.append(f"  published: {limits.refused}")
    lines.append(f"  prepared: {limits.containers} of {CONTAINERS_A_DAY} in 24 hours")
    if usage is not None:
        lines.append(f"  calls: {usage.percent:.0f} % of the limit {usage.limit} ({usage.at:%d %b %H:%M} UTC)")
    if limits.block is not None:
        lines.append(f"  RESTRICTED, nothing is tried before {limits.block.until:%d %b %H:%M} UTC: {limits.block.why}")
    if wait is not None:
        lines.append(f"  waits until {wait.until:%d %b %H:%M} UTC: {wait.why}")
    return lines if limits.block or wait else [*lines, "  nothing waits"]


def cleaned_up(name: str, removed: int) -> str:
    """What `cleanup` did."""
    if not removed:
        return f"{name}: nothing was left at the host."
    return f"{name}: {removed} {'copy was' if removed == 1 else 'copies were'} removed from the host."


def line(text: str) -> str:
    """A text from outside, in one line and without what a terminal would obey."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _end(standing: Standing) -> str:
    held = standing.held
    if held.ends_at is None:
        return "has no end"
    left = days_left(held, standing.at) or 0
    about = "about " if held.guessed else ""
    how = "renewed by itself" if standing.renewed else "NOT renewed by itself"
    return f"ends {about}on {_day(held.ends_at)}, in {left} day{'s' * (left != 1)}; {how}"


def _limits(limits: Limits) -> dict[str, object]:
    quota, usage, wait = limits.quota, limits.usage, limits.wait
    return {
        "quota": {"used": quota.used, "total": quota.total, "window_s": quota.window.total_seconds()}
        if quota
        else None,
        "containers": {"used": limits.containers, "total": CONTAINERS_A_DAY},
        "usage": {"percent": usage.percent, "limit": usage.limit, "at": usage.at} if usage else None,
        "waits": {"until": wait.until, "why": wait.why} if wait else None,
        "restricted": {"until": limits.block.until, "why": limits.block.why} if limits.block else None,
        "refused": limits.refused,
    }


def _day(at: datetime) -> str:
    return f"{at.day} {at:%B %Y}"


def _spelled(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return str(value)
