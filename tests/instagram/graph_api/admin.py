"""Cloudinary's Admin API: ping, usage, lists by tag, prefix or ids, search, and deletion."""

from __future__ import annotations

import email.utils
import re
from collections.abc import Callable
from datetime import timedelta

from tests.instagram.graph_api.asking import Answered, Request
from tests.instagram.graph_api.copies import CloudRefused, Environment, Stored
from tests.instagram.graph_api.state import State

HOUR = timedelta(hours=1)
Telling = Callable[[Stored], dict[str, object]]


def answer(state: State, environment: Environment, request: Request, operation: str, telling: Telling) -> Answered:
    """What an Admin call gets. Raises ``CloudRefused``: 404, 400, or 420 when the hour's calls are used up."""
    now, most = state.clock.now(), state.knobs.admin_calls_an_hour
    if environment.hour is None or now >= environment.hour + HOUR:
        environment.hour, environment.admin_calls = now, 0
    environment.admin_calls += 1
    if environment.admin_calls > most:
        until = environment.hour + HOUR
        raise CloudRefused(
            420, f"Rate Limit Exceeded. Limit of {most} api operations reached. Try again on {until} UTC"
        )
    told = _told(state, environment, request, operation, telling)
    headers = {
        "X-FeatureRateLimit-Limit": str(most),
        "X-FeatureRateLimit-Remaining": str(most - environment.admin_calls),
        "X-FeatureRateLimit-Reset": email.utils.format_datetime(environment.hour + HOUR),
    }
    return Answered.json(told, headers=headers)


def _told(
    state: State, environment: Environment, request: Request, operation: str, telling: Telling
) -> dict[str, object]:
    if operation == "cloudinary.ping":
        return {"status": "ok"}
    if operation == "cloudinary.usage":
        size = sum(len(one.content) for one in environment.stored.values())
        return {
            "plan": "Free",
            "credits": {"usage": 0.4, "limit": 25.0, "used_percent": 1.6},
            "storage": {"usage": size},
            "resources": len(environment.stored),
            "media_limits": {
                "image_max_size_bytes": state.knobs.image_bytes_most,
                "video_max_size_bytes": state.knobs.video_bytes_most,
            },
        }
    if operation == "cloudinary.delete":
        return _delete(state, environment, request)
    if operation == "cloudinary.get":
        kind, form, public_id = request.target.parts[3], request.target.parts[4], "/".join(request.target.parts[5:])
        one = environment.stored.get((kind, form, public_id))
        if one is None:
            raise CloudRefused(404, f"Resource not found - {public_id}")
        return telling(one) | {"tags": list(one.tags)}
    if operation == "cloudinary.search":
        return _search(environment, request, telling)
    if operation == "cloudinary.list":
        return _list(environment, request, telling)
    raise CloudRefused(404, "Unknown API path")


def _wanted(environment: Environment, request: Request) -> list[Stored]:
    parts, query = request.target.parts[2:], request.params
    found = list(environment.stored.values())
    if len(parts) > 1:
        found = [one for one in found if one.resource_type == parts[1]]
    if len(parts) == 4 and parts[2] == "tags":
        return [one for one in found if parts[3] in one.tags]
    if len(parts) > 2:
        found = [one for one in found if one.type == parts[2]]
    ids = _ids(request)
    if ids is not None:
        return [one for one in found if one.public_id in ids]
    return [one for one in found if one.public_id.startswith(query.get("prefix", ""))]


def _ids(request: Request) -> set[str] | None:
    given = request.json_body().get("public_ids")
    if isinstance(given, list):
        return {str(one) for one in given}
    listed = [value for name, value in request.target.query.items() if name.startswith("public_ids")]
    listed += request.lists.get("public_ids", [])
    return set(listed) or None


def _page(found: list[Stored], cursor: str | None, size: int) -> tuple[list[Stored], str | None]:
    """A page of what is sorted newest first, and the cursor for the next: the version of its last."""
    ordered = sorted(found, key=lambda one: -one.version)
    if cursor is not None:
        if not cursor.startswith("cur") or not cursor[3:].isdigit():
            raise CloudRefused(400, "Invalid value for parameter next_cursor")
        ordered = [one for one in ordered if one.version < int(cursor[3:])]
    shown = ordered[:size]
    return shown, f"cur{shown[-1].version}" if len(ordered) > size else None


def _list(environment: Environment, request: Request, telling: Telling) -> dict[str, object]:
    query = request.params
    size = min(500, int(query.get("max_results", "10")))
    shown, cursor = _page(_wanted(environment, request), query.get("next_cursor"), size)
    tags = query.get("tags", "").lower() in {"true", "1"}
    told: dict[str, object] = {
        "resources": [telling(one) | ({"tags": list(one.tags)} if tags else {}) for one in shown]
    }
    return told if cursor is None else told | {"next_cursor": cursor}


def _search(environment: Environment, request: Request, telling: Telling) -> dict[str, object]:
    """``tags=x`` and ``resource_type:y``, joined with AND; anything else is refused."""
    asked = request.json_body() or dict(request.params)
    found = list(environment.stored.values())
    for term in re.split(r"\s+AND\s+", str(asked.get("expression", "")).strip()):
        name, _, value = re.sub(r"[:=]", "\0", term, count=1).partition("\0")
        value = value.strip().strip("\"'")
        if name in {"tags", "resource_type", "public_id"}:
            found = [one for one in found if value in _values(one, name)]
        elif term:
            raise CloudRefused(400, f"Query parsing failed at {term}")
    size = min(500, int(str(asked.get("max_results", 50))))
    cursor = asked.get("next_cursor")
    shown, after = _page(found, None if cursor is None else str(cursor), size)
    told: dict[str, object] = {"total_count": len(found), "time": 3, "resources": [telling(one) for one in shown]}
    return told if after is None else told | {"next_cursor": after}


def _values(one: Stored, name: str) -> tuple[str, ...]:
    return {"tags": one.tags, "resource_type": (one.resource_type,), "public_id": (one.public_id,)}[name]


def _delete(state: State, environment: Environment, request: Request) -> dict[str, object]:
    """By ids, prefix, tag or all of a kind; at most so many at a time, then there is a cursor."""
    body = request.json_body()
    ids = _ids(request)
    by_tag = len(request.target.parts) == 6 and request.target.parts[4] == "tags"
    if ids is not None and len(ids) > 100:
        raise CloudRefused(400, "Too many public_ids: at most 100 at a time")
    if not by_tag and ids is None and "prefix" not in body and not body.get("all"):
        raise CloudRefused(400, "Missing required parameter - public_ids or prefix or all")
    found = [one for one in _wanted(environment, request) if one.public_id.startswith(str(body.get("prefix", "")))]
    told: dict[str, object] = {}
    shown = sorted(found, key=lambda one: one.version)[: state.knobs.delete_most]
    deleted = {one.public_id: "deleted" for one in shown}
    for one in shown:
        del environment.stored[one.key]
    deleted |= dict.fromkeys(sorted((ids or set()) - deleted.keys()), "not_found")
    told |= {"deleted": deleted, "deleted_counts": {}, "partial": len(found) > len(shown)}
    if len(found) > len(shown):
        told["next_cursor"] = f"cur{shown[-1].version}" if shown else "cur0"
    return told
