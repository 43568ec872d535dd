"""What lies on Cloudinary, and what it refuses with."""

from __future__ import annotations

import hashlib
from datetime import datetime

import attrs

from tests.instagram.graph_api.told import Cloud

Key = tuple[str, str, str]


@attrs.define(eq=False)
class CloudRefused(Exception):
    """An error as Cloudinary tells it."""

    code: int
    message: str


@attrs.define(eq=False)
class Stored:
    """A copy."""

    cloud: str
    public_id: str
    resource_type: str
    type: str
    version: int
    content: bytes
    made_at: datetime
    tags: tuple[str, ...]
    format: str
    width: int | None
    height: int | None
    folder: str | None
    context: str

    @property
    def key(self) -> Key:
        """What tells it from others."""
        return (self.resource_type, self.type, self.public_id)

    @property
    def digest(self) -> str:
        """The SHA-256 of its bytes."""
        return hashlib.sha256(self.content).hexdigest()


@attrs.define(eq=False)
class Environment:
    """A product environment: its keys, its copies, and the Admin calls of the running hour."""

    cloud: Cloud
    stored: dict[Key, Stored] = attrs.field(factory=dict)
    pieces: dict[str, bytes] = attrs.field(factory=dict)
    hour: datetime | None = None
    admin_calls: int = 0
