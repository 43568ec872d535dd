"""Containers: what is to be published, how far it is, and the call that makes it a story."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

from tests.instagram.graph_api import fetching, fields
from tests.instagram.graph_api.asking import Request
from tests.instagram.graph_api.errors import CODE_OF, GraphRefused, Json, invalid
from tests.instagram.graph_api.state import VERSION, Container, Media, Owner, State

LIFE = timedelta(hours=24)
KNOWN = frozenset({"id", "status", "status_code", "copyright_check_status", "video_status"})
PRODUCTS = {"STORIES": "STORY", "REELS": "REELS", "": "FEED", "IMAGE": "FEED"}
WORDS = {
    "IN_PROGRESS": "In Progress: Media is still being processed.",
    "FINISHED": "Finished: Media has been uploaded and it is ready to be published.",
    "PUBLISHED": "Published: Media has been published successfully.",
    "EXPIRED": "Expired: Media was not published within 24 hours and has expired.",
}


def create(state: State, owner: Owner, request: Request) -> Json:
    """``POST /{ig-user}/media``. A picture is fetched at once, a video later. Takes the lock by itself."""
    made = _asked(state, owner, request)
    if made.kind == "IMAGE":
        content = fetching.fetch(made.url or "", state.knobs.fetch_seconds, fetching.PICTURE_MOST)
        fetching.check_picture(content)
        made.content = content
    with state.lock:
        day = [one for one in state.containers.values() if one.owner is owner and state.clock.since(one.made_at) < LIFE]
        if len(day) >= state.knobs.containers_a_day:
            raise GraphRefused(9, 2207042, "(#9) Too many media containers were created in the last 24 hours")
        made.id = state.new_id("179")
        _spoil(state, made)
        state.containers[made.id] = made
        told: Json = {"id": made.id}
        if made.resumable:
            told["uri"] = f"{state.address}/rupload/ig-api-upload/{VERSION}/{made.id}"
        return told


def _asked(state: State, owner: Owner, request: Request) -> Container:
    params = request.params
    product = PRODUCTS.get(params.get("media_type", ""))
    if product is None:
        raise GraphRefused(100, 2207023)
    picture, video = params.get("image_url"), params.get("video_url")
    resumable = params.get("upload_type") == "resumable"
    if sum((picture is not None, video is not None, resumable)) != 1:
        raise GraphRefused(9004, 2207052) if not (picture or video) else invalid("Give one of image_url and video_url")
    if resumable and owner.login != "facebook":
        raise invalid("(#100) upload_type resumable is not available with Instagram Login")
    if picture is not None and product == "REELS":
        raise GraphRefused(100, 2207023)
    kind = "IMAGE" if picture is not None else "VIDEO"
    polls = state.knobs.image_polls if kind == "IMAGE" else state.knobs.video_polls
    return Container(
        id="",
        owner=owner,
        kind=kind,
        product=product,
        made_at=state.clock.now(),
        polls_left=polls,
        url=picture or video,
        resumable=resumable,
        caption=params.get("caption"),
        user_tags=_tags(params.get("user_tags")),
        ai_generated=params.get("is_ai_generated", "").lower() in {"true", "1"},
    )


def _tags(text: str | None) -> list[str]:
    if text is None:
        return []
    try:
        told = json.loads(text)
        names = [str(one["username"]) for one in told]
        inside = all(0 <= float(one.get(side, 0)) <= 1 for one in told for side in ("x", "y"))
    except (ValueError, TypeError, KeyError):
        raise invalid("(#100) Param user_tags must be an array of objects with username, x and y") from None
    if len(names) > 20:
        raise GraphRefused(100, 2207040)
    if not inside:
        raise invalid("(#100) x and y of user_tags must be from 0 to 1")
    return names


def _spoil(state: State, made: Container) -> None:
    for place, (kind, subcode, polls) in enumerate(state.spoilers):
        if kind == "*" or kind.upper() == made.kind:
            del state.spoilers[place]
            made.spoiled, made.polls_left = subcode, polls
            return


def look(state: State, one: Container, poll: bool) -> str:
    """The status of a container; with ``poll`` it goes on by one look. Takes the lock by itself: it may fetch."""
    with state.lock:
        if one.status in {"PUBLISHED", "ERROR", "EXPIRED"}:
            return one.status
        if state.clock.since(one.made_at) > LIFE:
            one.status = "EXPIRED"
            return one.status
        waiting = one.resumable and one.content is None
        if waiting or one.polls_left > 0:
            one.polls_left -= poll and not waiting
            return "IN_PROGRESS"
        if one.spoiled is not None:
            one.status, one.subcode = "ERROR", one.spoiled
            return one.status
        url = one.url if one.content is None else None
    content = one.content
    try:
        if url is not None:
            content = fetching.fetch(url, state.knobs.fetch_seconds, fetching.VIDEO_MOST)
        if one.kind == "VIDEO":
            fetching.check_video(content or b"")
        status, subcode = "FINISHED", None
    except GraphRefused as refused:
        status, subcode = "ERROR", refused.subcode
    with state.lock:
        if one.status == "IN_PROGRESS":
            one.status, one.subcode, one.content = status, subcode, content
        return one.status


def get(state: State, one: Container, request: Request) -> Json:
    """``GET /{container}``: its status. Takes the lock by itself."""
    mask = fields.parse(request.params.get("fields", "id"))
    status = one.status
    if mask.keys() & {"status", "status_code", "video_status"}:
        with state.lock:
            one.polls += 1
        status = look(state, one, poll=True)
    with state.lock:
        if status == "PUBLISHED" and one.hidden_for > 0:
            one.hidden_for -= 1
            status = "FINISHED"
        words = WORDS.get(status, f"Error: Media upload has failed with error code {one.subcode}")
        node: Json = {"id": one.id, "status_code": status, "status": words}
        if one.kind == "VIDEO":
            node["copyright_check_status"] = {"status": "completed", "matches_found": False}
        if one.resumable:
            node["video_status"] = _video_status(one, status)
        return fields.pick(node, mask, KNOWN, "IGMediaBuilder")


def _video_status(one: Container, status: str) -> Json:
    done = one.content is not None
    sent = one.size or 0 if done else len(one.arrived)
    uploading = "complete" if done else ("in_progress" if sent else "not_started")
    processing = {"IN_PROGRESS": "in_progress" if done else "not_started", "ERROR": "error"}.get(status, "complete")
    return {
        "uploading_phase": {"status": uploading, "bytes_transferred": sent},
        "processing_phase": {"status": processing},
    }


def publish(state: State, owner: Owner, request: Request) -> Json:
    """``POST /{ig-user}/media_publish``: one container, one story. Takes the lock by itself."""
    number = request.params.get("creation_id")
    if number is None:
        raise invalid("(#100) The parameter creation_id is required")
    with state.lock:
        one = state.containers.get(number)
        if one is None or one.owner is not owner:
            raise GraphRefused(24, 2207008)
        one.publishes += 1
    status = look(state, one, poll=False)
    with state.lock:
        if one.status == "PUBLISHED":
            if state.knobs.republished == "same id" and one.story is not None:
                return {"id": one.story}
            raise GraphRefused(24, 2207006)
        if status == "EXPIRED":
            raise GraphRefused(24, 2207008)
        if status == "ERROR" and one.subcode is not None:
            raise GraphRefused(CODE_OF.get(one.subcode, -1), one.subcode)
        if status != "FINISHED":
            raise GraphRefused(9007, 2207027)
        if used(state, owner) >= state.knobs.quota:
            raise GraphRefused(9, 2207042)
        return {"id": _out(state, one)}


def _out(state: State, one: Container) -> str:
    now = state.clock.now()
    media = Media(
        id=state.new_id("180"),
        owner=one.owner,
        kind=one.kind,
        product=one.product,
        at=now,
        caption=None if one.product == "STORY" else one.caption,
        content=one.content,
        container=one.id,
        user_tags=one.user_tags,
        ai_generated=one.ai_generated,
        shown_from=now + state.knobs.stories_shown_after,
    )
    state.media[media.id] = media
    state.published.append((one.owner.id, now))
    one.status, one.story, one.hidden_for = "PUBLISHED", media.id, state.knobs.publish_shown_after
    return media.id


def used(state: State, owner: Owner, span: timedelta = LIFE) -> int:
    """How many posts went out through the API lately."""
    return sum(1 for number, at in state.published if number == owner.id and state.clock.since(at) < span)


def digest(content: bytes | None) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(content or b"").hexdigest()
