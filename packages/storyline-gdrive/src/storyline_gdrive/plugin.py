"""What storyline-gdrive offers: the source `gdrive`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import attrs

from storyline_core import Kind, MediaSourceProvider, Runtime, Secret, SourceKind, Traits, hookimpl


def _help(text: str) -> dict[str, str]:
    return {"help": text}


def _folder(instance: object, field: attrs.Attribute[str], value: str) -> None:
    from storyline_gdrive.addresses import folder_id

    folder_id(value)


def _folders(instance: object, field: attrs.Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
    from storyline_gdrive.addresses import folder_id

    for each in value:
        folder_id(each)


def _server(instance: object, field: attrs.Attribute[str], value: str) -> None:
    parts = urlsplit(value)
    near = parts.hostname in ("127.0.0.1", "localhost")
    if not parts.hostname or (parts.scheme != "https" and not near):
        raise ValueError(f"{value!r} is no https address.")


def _one_way(instance: GoogleDrive, field: attrs.Attribute[Secret | None], value: Secret | None) -> None:
    if (value is not None) == bool(instance.client_id):
        raise ValueError("give either `key` (a service account) or `client_id` and `client_secret` (a person).")
    if value is None and instance.client_secret is None:
        raise ValueError("`client_id` needs its `client_secret`.")


class Access(StrEnum):
    """What Storyline may do in Drive."""

    READ = "read"
    PICKED = "picked"
    WRITE = "write"


@attrs.frozen
class GoogleDrive:
    """A folder in Google Drive as a source."""

    folder: str = attrs.field(validator=_folder, metadata=_help("the folder's address in the browser, or its id"))
    more_folders: tuple[str, ...] = attrs.field(
        default=(), validator=_folders, metadata=_help("further folders that belong to the same source")
    )
    client_id: str = attrs.field(default="", metadata=_help("the OAuth client's id, for a person who signs in"))
    client_secret: Secret | None = attrs.field(default=None, metadata=_help("the OAuth client's secret"))
    key: Secret | None = attrs.field(
        default=None, validator=_one_way, metadata=_help("a service account's JSON key file: { file = ... }")
    )
    access: Access = attrs.field(
        default=Access.READ,
        metadata=_help("read (everything shared), picked (only what was picked for this app) or write"),
    )
    cache: Path = attrs.field(
        default=Path("~/.cache/storyline/gdrive"), metadata=_help("where downloads are kept for a while")
    )
    cache_megabytes: int = attrs.field(
        default=1024, validator=attrs.validators.ge(0), metadata=_help("how much of them is kept")
    )
    answer_within: timedelta = attrs.field(
        default=timedelta(seconds=60), metadata=_help("how long one answer of Google's may take")
    )
    patience: timedelta = attrs.field(
        default=timedelta(minutes=2), metadata=_help("how long a call is tried again while Google has trouble")
    )
    api_url: str = attrs.field(
        default="https://www.googleapis.com", validator=_server, metadata=_help("where Drive answers")
    )
    token_url: str = attrs.field(
        default="https://oauth2.googleapis.com/token", validator=_server, metadata=_help("where tokens are given")
    )
    consent_url: str = attrs.field(
        default="https://accounts.google.com/o/oauth2/v2/auth", validator=_server, metadata=_help("where people agree")
    )


@contextmanager
def open_drive(settings: GoogleDrive, runtime: Runtime) -> Iterator[MediaSourceProvider]:
    """Open a Drive folder as a source."""
    from storyline_gdrive.opened import opened

    with opened(settings, runtime) as source:
        yield source


@hookimpl
def storyline_media_source_providers() -> Sequence[SourceKind]:
    """The source `gdrive`."""
    traits = Traits(keys_survive_renames=True, lists_changes=True, writes=True, previews=True)
    summary = "a folder in Google Drive"
    return [Kind(name="gdrive", settings=GoogleDrive, open=open_drive, traits=traits, summary=summary)]
