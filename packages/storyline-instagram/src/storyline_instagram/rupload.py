"""Sending a video straight to Instagram, under Facebook Login: it goes on where a broken connection stopped."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

from storyline_core import Refused, Unavailable
from storyline_instagram.answers import as_object, text, whole
from storyline_instagram.discretion import discreet
from storyline_instagram.faults import Remedy
from storyline_instagram.graph import Graph, GraphFault, at

ANSWER_S = 200.0
"""How long one upload may take: a worker's right to the post lasts five minutes."""

_BLOCK = 1 << 18
_TRIES = 4
_NOT_THIS_FILE = "ProcessingFailedError"


def send_video(graph: Graph, container: str, content: BinaryIO) -> None:
    """Send the file into its container. Raises `Refused` when Instagram cannot use it, `Unavailable` otherwise."""
    size = content.seek(0, io.SEEK_END)
    offset = 0
    for attempt in range(_TRIES):
        try:
            told = graph.upload(
                f"/ig-api-upload{at(container)}",
                {"offset": str(offset), "file_size": str(size), "Content-Length": str(size - offset)},
                _blocks(content, offset),
                answer_s=ANSWER_S,
            )
        except GraphFault as fault:
            if fault.remedy is not Remedy.AGAIN or attempt == _TRIES - 1:
                raise fault.as_core("uploading the video") from None
        else:
            if told.get("success") is True:
                return
            problem = as_object(told.get("debug_info"))
            said = discreet(text(problem.get("message")) or text(problem.get("type")) or "no reason given")
            if text(problem.get("type")) == _NOT_THIS_FILE and problem.get("retriable") is not True:
                raise Refused(f"Instagram cannot use the video: {said}.")
            if attempt == _TRIES - 1:
                raise Unavailable(f"Instagram does not take the video just now: {said}. It is tried again by itself.")
        offset = min(_sent(graph, container), size)


def _sent(graph: Graph, container: str) -> int:
    """How many bytes have arrived, as far as Instagram tells."""
    try:
        told = as_object(graph.upload_status(container).get("video_status"))
    except GraphFault as fault:
        raise fault.as_core("uploading the video") from None
    return max(whole(as_object(told.get("uploading_phase")).get("bytes_transferred")) or 0, 0)


def _blocks(content: BinaryIO, offset: int) -> Iterator[bytes]:
    content.seek(offset)
    while block := content.read(_BLOCK):
        yield block
