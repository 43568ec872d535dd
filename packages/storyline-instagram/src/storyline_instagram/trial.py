"""Trying the host: a small picture of our own put there, fetched as Instagram would, and removed; and tidying it up."""

from __future__ import annotations

import base64
import io
from datetime import datetime

from storyline_core import NeedsPerson, PluginFault, Unavailable
from storyline_instagram.graph import Graph, GraphFault
from storyline_instagram.hosting import DEAD_AFTER, Host

PICTURE = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgICAgMCAgIDAwMDBAYEBAQEBAgGBgUGCQgKCgkICQkKDA8MCgsOCwkJDRENDg8QEBEQCgwSExIQ"
    "Ew8QEBD/yQALCAABAAEBAREA/8wABgAQEAX/2gAIAQEAAD8A0s8g/9k="
)
"""A JPEG of one grey dot."""


def host_standing(host: Host | None) -> str | None:
    """One line about the host; None without one. What is wrong with it is that line as well."""
    if host is None:
        return None
    try:
        return host.check()
    except PluginFault as error:
        return str(error)


def try_host(host: Host | None, graph: Graph, name: str) -> str:
    """Put a picture there, fetch it by its public address, remove it, and say so.

    Raises what is wrong; the picture is removed all the same.
    """
    host = _must_be(host, name)
    hosted = host.put(io.BytesIO(PICTURE), "image/jpeg")
    try:
        _must_be_fetched(graph, hosted.url)
    finally:
        host.remove(hosted.id)
    return f"{host.check()}; a picture was put there, fetched and removed"


def sweep(host: Host | None, name: str, now: datetime, *, everything: bool = False) -> int:
    """Remove what broken runs left at the host; how many copies there were."""
    return _must_be(host, name).sweep(now if everything else now - DEAD_AFTER)


def _must_be_fetched(graph: Graph, url: str) -> None:
    try:
        with graph.download(url) as answer:
            size = sum(len(block) for block in answer.iter_bytes())
            kind = answer.headers.get("Content-Type", "")
    except GraphFault as fault:
        raise Unavailable(f"The host took a picture, and does not give it back ({fault.fault.spelled}).") from None
    if size == 0 or not kind.startswith("image/"):
        raise Unavailable(f"The host took a picture, and gives back something else ({kind or 'of no type'}).")


def _must_be(host: Host | None, name: str) -> Host:
    if host is None:
        raise NeedsPerson(
            f"The publisher {name} has no host.",
            remedy=f'Add [publishers.{name}.host] with kind = "cloudinary" to the settings.',
        )
    return host
