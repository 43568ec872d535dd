"""Who a source is in Drive: connecting, validated before anything is stored; how it stands; forgetting it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from enum import Enum

import attrs

from storyline_core import NeedsPerson, PluginFault, Refused, Runtime, hide_from_now_on
from storyline_gdrive.answers import as_object, objects, text, whole
from storyline_gdrive.client import FILES, Drive, Params, Refuses
from storyline_gdrive.consent import Asked, ask_consent
from storyline_gdrive.credentials import SCOPES, SIGNED_IN, Credentials, Given, SignedIn, read_signed_in
from storyline_gdrive.files import FOLDER
from storyline_gdrive.listing import get_file
from storyline_gdrive.plugin import Access, GoogleDrive
from storyline_gdrive.troubles import fault_of

_TRIED = "storing-tried"

Connect = Callable[[Credentials | None], AbstractContextManager[Drive]]
"""Opens a connection: with these credentials, or with those of the settings."""


@attrs.frozen
class Standing:
    """How a source stands: who asks, and the folders' names."""

    account: str
    folders: tuple[str, ...]
    since: str = ""


class Forgotten(Enum):
    """What became of a sign-in that was to be forgotten."""

    NOTHING = "there was none"
    GIVEN_BACK = "Google knows"
    HERE_ONLY = "Google could not be told"


class Connecting:
    """A source's sign-in. `connect` opens connections, so that one can be tried out before it is kept."""

    def __init__(self, settings: GoogleDrive, runtime: Runtime, folders: Sequence[str], connect: Connect) -> None:
        self._settings = settings
        self._runtime = runtime
        self._folders = tuple(folders)
        self._connect = connect

    @property
    def by_key(self) -> bool:
        """Whether a service account is used, so that nobody has to sign in."""
        return self._settings.key is not None

    def ask(self, redirect: str) -> Asked:
        """The question to the person. Raises `NeedsPerson` where nothing could be stored: it would be asked in vain."""
        settings = self._settings
        self._runtime.state.set(_TRIED, "")
        self._runtime.state.delete(_TRIED)
        state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(64)
        return ask_consent(
            settings.consent_url, settings.client_id, self._scope, redirect, state, verifier, picking=self.by_picking
        )

    @property
    def by_picking(self) -> bool:
        """Whether the person picks the folder with the consent, and nothing else is seen."""
        return self._settings.access is Access.PICKED and not self.by_key

    def finish(self, code: str, asked: Asked) -> Standing:
        """Try out what a code gives, and keep it only if all is well.

        Raises `NeedsPerson` with what to do; nothing has changed then.
        """
        settings = self._settings
        secret = settings.client_secret.reveal() if settings.client_secret else ""
        for each in (code, asked.verifier, asked.state):
            hide_from_now_on(each)
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": asked.redirect,
            "client_id": settings.client_id, "client_secret": secret, "code_verifier": asked.verifier,
        }  # fmt: skip
        empty = Given("", "", settings.client_id, secret, settings.token_url)
        with self._connect(empty) as drive:
            told = drive.ask_token(settings.token_url, form)
        granted, refresh = text(told.get("scope")), text(told.get("refresh_token"))
        if self._scope not in granted.split() or not refresh:
            raise NeedsPerson(
                "Google did not grant what Storyline asked for. Nothing was stored.",
                remedy="Run the command again, and leave the box for Google Drive ticked.",
            )
        with self._connect(attrs.evolve(empty, refresh_token=refresh)) as drive:
            standing = self._looked(drive)
        kept = SignedIn(standing.account, refresh, granted, self._runtime.now().isoformat())
        self._runtime.state.set(SIGNED_IN, kept.spelled())
        return standing

    def standing(self) -> Standing:
        """Ask Google whether all is well. Raises what is wrong."""
        with self._connect(None) as drive:
            standing = self._looked(drive)
        kept = None if self.by_key else read_signed_in(self._runtime.state)
        return standing if kept is None else attrs.evolve(standing, since=kept.at)

    def forget(self) -> Forgotten:
        """Give the sign-in back to Google and forget it, whatever Google says. Raises `NeedsPerson` without a key."""
        kept = read_signed_in(self._runtime.state)
        if kept is None:
            return Forgotten.NOTHING
        told = True
        try:
            with self._connect(None) as drive:
                drive.give_back(self._settings.token_url.replace("/token", "/revoke"), kept.refresh_token)
        except PluginFault:
            told = False
        finally:
            self._runtime.state.delete(SIGNED_IN)
        return Forgotten.GIVEN_BACK if told else Forgotten.HERE_ONLY

    def browse(self, folder: str) -> list[tuple[str, str]]:
        """Ids and names of the folders in a folder; for "", of everything that can be chosen. Sorted by name."""
        with self._connect(None) as drive:
            where = f"'{folder}' in parents" if folder else "('root' in parents or sharedWithMe = true)"
            found = _folders(drive, f"mimeType = '{FOLDER}' and {where} and trashed = false")
            if not folder:
                found += _shared_drives(drive)
        return sorted(set(found), key=lambda each: (each[1].casefold(), each[0]))

    @property
    def _scope(self) -> str:
        return SCOPES[self._settings.access.value]

    def _looked(self, drive: Drive) -> Standing:
        try:
            told = drive.json("/drive/v3/about", {"fields": "user(emailAddress)"}, "Google Drive")
        except Refuses as refused:
            raise fault_of(refused.refusal, "Google Drive", "") from None
        account = text(as_object(told.get("user")).get("emailAddress"))
        names: list[str] = []
        for folder in self._folders:
            file = get_file(drive, folder, "The folder")
            if file is None or file.trashed:
                remedy = f"Share it with {account}, then try again."
                if self.by_picking:
                    remedy = 'Run `storyline gdrive connect` again and pick this very folder, or set access = "read".'
                raise NeedsPerson(f"{account} cannot see the folder {folder}.", remedy=remedy)
            if not file.is_folder:
                raise NeedsPerson(f"{file.name} is no folder.", remedy="Name a folder in the settings.")
            names.append(file.name)
        return Standing(account, tuple(names))


def _pages(drive: Drive, path: str, params: Params, key: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    page = ""
    while True:
        asked = {**params, "pageToken": page} if page else params
        try:
            told = drive.json(path, asked, "Google Drive")
        except Refuses as refused:
            raise fault_of(refused.refusal, "The folder", "") from None
        found += [(text(each.get("id")), text(each.get("name"))) for each in objects(told.get(key))]
        page = text(told.get("nextPageToken"))
        if not page or whole(page) == 0:
            return found


def _folders(drive: Drive, query: str) -> list[tuple[str, str]]:
    everywhere: Params = {
        "q": query, "fields": "nextPageToken,files(id,name)", "pageSize": 1000, "supportsAllDrives": True,
        "includeItemsFromAllDrives": True,
    }  # fmt: skip
    return _pages(drive, FILES, everywhere, "files")


def _shared_drives(drive: Drive) -> list[tuple[str, str]]:
    params: Params = {"fields": "nextPageToken,drives(id,name)", "pageSize": 100}
    try:
        return _pages(drive, "/drive/v3/drives", params, "drives")
    except Refused:
        return []
