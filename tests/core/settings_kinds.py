"""Kinds with settings of every form, for the tests of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Literal

import attrs

from storyline_core import Kind, Runtime, Traits, hookimpl
from storyline_core.plugins import load_plugins
from storyline_core.settings import Secret


class Fit(Enum):
    BLUR = "blur"
    CROP = "crop"


@attrs.frozen
class Folder:
    path: Path
    marker: bool = True


@attrs.frozen
class Chat:
    token: Secret
    chat: int | str
    quiet: timedelta | None = None
    routes: Mapping[str, int] = attrs.field(factory=dict)


@attrs.frozen
class Bell:
    """A notifier that needs nothing."""


@attrs.frozen
class Host:
    api_key: Secret
    kind: Literal["cloudinary", "s3"] = "cloudinary"


@attrs.frozen
class Brand:
    account_id: str
    host: Host | None = None
    fit: Fit = Fit.BLUR
    hashtags: tuple[str, ...] = ()
    share: float = attrs.field(default=1.0, validator=attrs.validators.le(1.0))


@attrs.frozen
class Box:
    path: Path


def _never(options: object, runtime: Runtime) -> AbstractContextManager[object]:
    raise AssertionError("settings open nothing")


SIREN: Kind[object] = Kind("siren", Bell, _never, Traits(only_alerts=True))


class Installed:
    """A plugin with two kinds of everything."""

    @hookimpl
    def storyline_media_source_providers(self) -> list[Kind[object]]:
        return [Kind("local", Folder, _never, Traits(writes=True)), Kind("drive", Folder, _never)]

    @hookimpl
    def storyline_notifiers(self) -> list[Kind[object]]:
        return [Kind("telegram", Chat, _never), Kind("terminal", Bell, _never), SIREN]

    @hookimpl
    def storyline_publishers(self) -> list[Kind[object]]:
        return [Kind("instagram", Brand, _never, Traits(backfills=True)), Kind("outbox", Box, _never)]


KINDS = load_plugins(extra=[Installed()], entry_points=False)
