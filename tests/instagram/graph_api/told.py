"""What the server tells tests of itself."""

from __future__ import annotations

from datetime import datetime

import attrs


@attrs.frozen
class Account:
    """An Instagram account and the keys to it. ``user_token`` and ``page_id`` are empty under Instagram Login."""

    id: str
    username: str
    login: str
    app_id: str
    app_secret: str
    token: str = attrs.field(repr=False)
    user_token: str = attrs.field(repr=False, default="")
    page_id: str = ""
    user_id: str = ""


@attrs.frozen
class Cloud:
    """A Cloudinary product environment and the keys to it."""

    name: str
    key: str
    secret: str = attrs.field(repr=False)


@attrs.frozen
class StoryTold:
    """A story that came out."""

    id: str
    container: str | None
    kind: str
    at: datetime
    digest: str
    permalink: str
    user_tags: list[str]
    ai_generated: bool
    live: bool


@attrs.frozen
class ContainerTold:
    """A container: its status, how often it was looked at, how often ``media_publish`` was asked for it."""

    id: str
    kind: str
    product: str
    status: str
    subcode: int | None
    made_at: datetime
    polls: int
    publishes: int
    story: str | None


@attrs.frozen
class Copy:
    """A file that lies on Cloudinary."""

    cloud: str
    public_id: str
    resource_type: str
    tags: list[str]
    size: int
    digest: str
    secure_url: str
    made_at: datetime


@attrs.frozen
class Call:
    """A request that arrived: its query without secrets, and how it was answered (code 0: the connection was cut)."""

    number: int
    operation: str
    method: str
    path: str
    query: dict[str, str]
    code: int
    at: datetime
    login: str | None = None
    version: str | None = None
    token_in: str | None = None
    proof: bool = False
    account: str | None = None
    bytes_sent: int = 0
    bytes_taken: int = 0
