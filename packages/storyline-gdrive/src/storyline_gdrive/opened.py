"""A source made of its settings: who asks, what of Drive it is, where downloads are kept."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

from storyline_core import NeedsPerson, Runtime
from storyline_gdrive.addresses import folder_id
from storyline_gdrive.cache import Cache
from storyline_gdrive.client import Drive
from storyline_gdrive.connecting import Connecting
from storyline_gdrive.credentials import SCOPES, Credentials, Person, read_key
from storyline_gdrive.keeping import Trees
from storyline_gdrive.pace import Pace
from storyline_gdrive.plugin import Access, GoogleDrive
from storyline_gdrive.resuming import Notebook
from storyline_gdrive.source import DriveSource, Place


@contextmanager
def opened(settings: GoogleDrive, runtime: Runtime, pace: Pace | None = None) -> Iterator[DriveSource]:
    """The source; its connections are closed in the end. `pace` overrides what the settings say of time."""
    drive_pace = pace or pace_of(settings)
    with connected(settings, runtime, drive_pace) as drive:
        connecting = Connecting(
            settings, runtime, folders_of(settings), lambda who: connected(settings, runtime, drive_pace, who)
        )
        place = Place(
            runtime.name, folders_of(settings), settings.access is not Access.READ, settings.access is Access.PICKED
        )
        name = hashlib.sha256(runtime.name.encode()).hexdigest()[:12]
        folder = settings.cache.expanduser().absolute() / name
        cache = Cache(folder / "files", settings.cache_megabytes << 20, runtime.now)
        trees, notebook = Trees(folder / "trees"), Notebook(folder / "listing")
        yield DriveSource(drive, place, cache, trees, notebook, runtime.now, connecting)


@contextmanager
def connected(
    settings: GoogleDrive, runtime: Runtime, pace: Pace, credentials: Credentials | None = None
) -> Iterator[Drive]:  # fmt: skip
    """The connection to Drive."""
    drive = Drive(
        credentials or credentials_of(settings, runtime),
        api_url=settings.api_url,
        sign_in=sign_in_of(settings, runtime.name),
        now=runtime.now,
        pace=pace,
    )
    try:
        yield drive
    finally:
        drive.close()


def pace_of(settings: GoogleDrive) -> Pace:
    """As patient as the settings say."""
    chance = random.Random()
    return Pace(settings.answer_within.total_seconds(), settings.patience.total_seconds(), chance=chance.random)


def folders_of(settings: GoogleDrive) -> tuple[str, ...]:
    """The folders' ids, each once, in the settings' order."""
    return tuple(dict.fromkeys(folder_id(each) for each in (settings.folder, *settings.more_folders)))


def credentials_of(settings: GoogleDrive, runtime: Runtime) -> Credentials:
    """Who asks. Raises `NeedsPerson` for a key that is none."""
    if settings.key is None:
        secret = settings.client_secret.reveal() if settings.client_secret else ""
        sign_in = sign_in_of(settings, runtime.name)
        return Person(runtime.state, settings.client_id, secret, settings.token_url, sign_in)
    try:
        found = read_key(settings.key.reveal(), SCOPES[settings.access.value], runtime.now)
    except ValueError as error:
        raise NeedsPerson(f"The source {runtime.name} cannot use its key: {error}") from None
    return found


def sign_in_of(settings: GoogleDrive, name: str) -> str:
    """What a person does about a sign-in that is refused."""
    if settings.key is None:
        return f"Run `storyline gdrive connect {name}`."
    return (
        f"Make a new key for the service account, put it into the settings, and run `storyline gdrive status {name}`."
    )
