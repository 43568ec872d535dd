"""Plugins' private state, encrypted at rest: useless without the key, which is stored nowhere here."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import TYPE_CHECKING

import attrs
from sqlalchemy import Connection, delete, select, update

from storyline_core.errors import NeedsPerson, StoreError
from storyline_core.store.tables import secrets
from storyline_core.store.upsert import upsert

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

    from storyline_core.store.units import Unit

SHORTEST_KEY = 32
_PURPOSE = b"storyline: plugins' private state, 1"
_REMEDY = (
    "Make a key with `openssl rand -hex 32`, keep it safe, and set it as key under [secrets] in the settings "
    "or as STORYLINE_SECRET_KEY."
)


class OpenedBy(StrEnum):
    """Which key opens a sealed text: the one that seals now, one that did before, or none that is set."""

    FIRST = "first"
    FORMER = "former"
    NONE = "none"


@attrs.frozen
class KeptSecret:
    """One sealed text: whose it is, its name, and which key opens it. Never what it says."""

    owner: str
    name: str
    opened_by: OpenedBy


class Vault:
    """Seals and opens texts with a key: any text of at least 32 characters that nobody can guess.

    Several keys, separated by commas or spaces, allow a change of keys: the first seals, all of them open. Without a
    key nothing can be sealed or opened, and asking for it raises `NeedsPerson` with what to do.
    """

    def __init__(self, key: str | None) -> None:
        self._keys = tuple((key or "").replace(",", " ").split())
        if any(len(one) < SHORTEST_KEY for one in self._keys):
            raise NeedsPerson(f"The key for stored secrets is shorter than {SHORTEST_KEY} characters.", remedy=_REMEDY)

    def __repr__(self) -> str:
        return f"<Vault with {len(self._keys)} keys>"

    @property
    def locked(self) -> bool:
        """True without a key."""
        return not self._keys

    def seal(self, text: str) -> bytes:
        """The text, encrypted. Raises `NeedsPerson` without a key."""
        return self._fernet().encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """The text again. Raises `NeedsPerson` when no key opens it."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet().decrypt(sealed).decode()
        except InvalidToken:
            raise NeedsPerson(
                "A stored secret was sealed with another key.",
                remedy="Set the former key again (or both, separated by a comma), or sign in anew.",
            ) from None

    def opened_by(self, sealed: bytes) -> OpenedBy:
        """Which of the keys opens a sealed text: the first, a former one, or none."""
        if self.locked:
            return OpenedBy.NONE
        try:
            Vault(self._keys[0]).open(sealed)
        except NeedsPerson:
            pass
        else:
            return OpenedBy.FIRST
        try:
            self.open(sealed)
        except NeedsPerson:
            return OpenedBy.NONE
        return OpenedBy.FORMER

    def _fernet(self) -> MultiFernet:
        from cryptography.fernet import Fernet, MultiFernet
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        if self.locked:
            raise NeedsPerson("There is no key for stored secrets.", remedy=_REMEDY)
        derived = [HKDF(SHA256(), 32, salt=None, info=_PURPOSE).derive(key.encode()) for key in self._keys]
        return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in derived])


@attrs.frozen
class Secrets:
    """The sealed texts, within one unit. Only what a `Vault` sealed is ever handed to it."""

    connection: Connection

    def get(self, owner: str, name: str) -> bytes | None:
        """The sealed text that an owner keeps under a name, or None."""
        mine = (secrets.c.owner == owner, secrets.c.name == name)
        return self.connection.execute(select(secrets.c.sealed).where(*mine)).scalar_one_or_none()

    def set(self, owner: str, name: str, sealed: bytes) -> None:
        """Keep a sealed text. Raises `StoreError` for one that is visibly not sealed."""
        if not sealed.startswith(b"gAAAA"):
            raise StoreError(f"What {owner} keeps as {name} was not sealed. This is a mistake in Storyline.")
        statement = upsert(self.connection, secrets).values(owner=owner, name=name, sealed=sealed)
        key = [secrets.c.owner, secrets.c.name]
        self.connection.execute(statement.on_conflict_do_update(index_elements=key, set_={"sealed": sealed}))

    def delete(self, owner: str, name: str) -> None:
        """Forget it; nothing happens if there is nothing."""
        self.connection.execute(delete(secrets).where(secrets.c.owner == owner, secrets.c.name == name))

    def names(self, owner: str) -> Sequence[str]:
        """Under which names an owner keeps something."""
        mine = select(secrets.c.name).where(secrets.c.owner == owner).order_by(secrets.c.name)
        return list(self.connection.execute(mine).scalars())

    def rename_owner(self, old: str, new: str) -> None:
        """Carry everything over to an owner's new name; once that is done, nothing more happens."""
        if not self.names(old):
            return
        self.connection.execute(delete(secrets).where(secrets.c.owner == new))
        self.connection.execute(update(secrets).where(secrets.c.owner == old).values(owner=new))

    def reseal(self, vault: Vault) -> int:
        """Seal everything anew with the vault's first key. Returns how many there were."""
        # Locked, so that a token that is refreshed at this moment is not set back to what it was.
        rows = self.connection.execute(select(secrets).with_for_update()).all()
        for row in rows:
            try:
                text = vault.open(row.sealed)
            except NeedsPerson:
                raise NeedsPerson(
                    f"What {row.owner} keeps as {row.name} was sealed with a key that is not among those given, so "
                    "nothing was changed.",
                    remedy="Set the former key as well, after the new one and a comma, then try again.",
                ) from None
            self.set(row.owner, row.name, vault.seal(text))
        return len(rows)

    def kept(self, vault: Vault) -> Sequence[KeptSecret]:
        """Everything that is kept, by owner and name, and which key opens it. Opens nothing without a key."""
        rows = self.connection.execute(select(secrets).order_by(secrets.c.owner, secrets.c.name)).all()
        return [KeptSecret(row.owner, row.name, vault.opened_by(row.sealed)) for row in rows]


@attrs.frozen
class PrivateTexts:
    """One owner's private state, as core lends it to a plugin: each call is a unit of its own."""

    owner: str
    vault: Vault
    begin: Callable[[], AbstractContextManager[Unit]]
    read: Callable[[], AbstractContextManager[Unit]]

    def get(self, name: str) -> str | None:
        """The stored text, or None. Raises `NeedsPerson` when no key opens it."""
        with self.read() as unit:
            sealed = unit.secrets.get(self.owner, name)
        return None if sealed is None else self.vault.open(sealed)

    def set(self, name: str, value: str) -> None:
        """Keep a text, encrypted. Raises `NeedsPerson` without a key."""
        sealed = self.vault.seal(value)
        with self.begin() as unit:
            unit.secrets.set(self.owner, name, sealed)

    def delete(self, name: str) -> None:
        """Forget it; nothing happens if there is nothing."""
        with self.begin() as unit:
            unit.secrets.delete(self.owner, name)
