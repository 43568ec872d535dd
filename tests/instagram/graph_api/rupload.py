"""Resumable uploads: the bytes of a video straight to Instagram, without a host."""

from __future__ import annotations

from tests.instagram.graph_api import fetching, tokens
from tests.instagram.graph_api.asking import Answered, Request
from tests.instagram.graph_api.errors import GraphRefused
from tests.instagram.graph_api.state import Container, State


def send(state: State, request: Request) -> Answered:
    """``POST /ig-api-upload/{version}/{container}``: bytes from ``offset``, or an address in ``file_url``.

    Takes the lock by itself. What arrives of a body that breaks off is kept.
    """
    with state.lock:
        found = _container(state, request)
    if isinstance(found, Answered):
        return found
    if "file_url" in request.headers:
        return _by_address(state, found, request.headers["file_url"])
    with state.lock:
        return _bytes(found, request)


def _container(state: State, request: Request) -> Container | Answered:
    try:
        token = tokens.speaker(state, request, "facebook", proven=False)
        tokens.must(token, tokens.PUBLISH)
    except GraphRefused as refused:
        return Answered.json(refused.told(), refused.status)
    one = state.containers.get(request.target.parts[-1])
    if one is None or not tokens.reaches(state, token, one.owner) or not one.resumable:
        return _refused("UploadSessionNotFoundError", "The upload session does not exist.", 404)
    if state.clock.since(one.made_at).total_seconds() > 86400:
        return _refused("UploadSessionNotFoundError", "The upload session has expired.", 404)
    return one


def _bytes(one: Container, request: Request) -> Answered:
    offset, size = request.headers.get("offset", ""), request.headers.get("file_size", "")
    if not offset.isdigit() or not size.isdigit():
        return _refused("HeaderMissingError", "The headers offset and file_size are needed.")
    if one.content is not None:
        return Answered.json({"success": True, "message": "Upload successful."})
    if one.size is not None and one.size != int(size):
        return _refused("FileSizeMismatchError", "file_size is not what it was.")
    if int(offset) != len(one.arrived):
        return _refused("OffsetInvalidError", f"Request starting offset is invalid, it should be {len(one.arrived)}.")
    one.size = int(size)
    one.arrived += request.body
    if len(one.arrived) > one.size:
        one.arrived = b""
        return _refused("FileSizeMismatchError", "More bytes came than file_size says.")
    if len(one.arrived) < one.size:
        return _refused("PartialRequestError", "Not all of the bytes arrived.", retriable=True)
    return _whole(one, one.arrived)


def _by_address(state: State, one: Container, url: str) -> Answered:
    try:
        content = fetching.fetch(url, state.knobs.fetch_seconds, fetching.VIDEO_MOST)
    except GraphRefused:
        return _refused("ProcessingFailedError", "The file could not be fetched.", retriable=True)
    with state.lock:
        one.size = len(content)
        return _whole(one, content)


def _whole(one: Container, content: bytes) -> Answered:
    one.content, one.arrived = content, b""
    try:
        fetching.check_video(content)
    except GraphRefused as refused:
        one.status, one.subcode = "ERROR", refused.subcode
        return _refused("ProcessingFailedError", "Request processing failed")
    return Answered.json({"success": True, "message": "Upload successful."})


def _refused(kind: str, words: str, code: int = 400, retriable: bool = False) -> Answered:
    return Answered.json({"debug_info": {"retriable": retriable, "type": kind, "message": words}}, code)
