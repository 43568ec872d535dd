"""The run-time state of accounts: what people switched, how far slots are filled, and why a line stands still."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import attrs
from sqlalchemy import Connection, func, literal, select, update

from storyline_core.errors import NotAllowed
from storyline_core.store.convert import value_of
from storyline_core.store.tables import accounts, holds, posts, publications
from storyline_core.store.upsert import upsert


@attrs.frozen
class AccountState:
    """`slots_from` is the first fill: slots before it never count. `stopped_until` None with `stopped_why` means until
    somebody or something mends it. `digested_at` is the moment of the last daily digest that was told."""

    name: str
    paused: bool = False
    slots_from: datetime | None = None
    filled_until: datetime | None = None
    filled_at: datetime | None = None
    mix_fingerprint: str | None = None
    mix_since: datetime | None = None
    stopped_until: datetime | None = None
    stopped_why: str = ""
    stopped_needs_person: bool = False
    reminders_off: bool = False
    quiet_off: bool = False
    digested_at: datetime | None = None


@attrs.frozen
class Accounts:
    """The accounts' state, within one unit."""

    connection: Connection

    def state(self, name: str) -> AccountState:
        """The state of an account; a fresh one for an account never seen."""
        row = self.connection.execute(select(accounts).where(accounts.c.name == name)).mappings().one_or_none()
        return AccountState(name) if row is None else value_of(row, AccountState)

    def lock(self, name: str) -> AccountState:
        """The state, once no other unit holds this account's lock, and until this unit ends nobody else gets it.

        An embedded database has one writer at a time anyway.
        """
        fresh = upsert(self.connection, accounts).values(attrs.asdict(AccountState(name)))
        self.connection.execute(fresh.on_conflict_do_nothing())
        row = self.connection.execute(select(accounts).where(accounts.c.name == name).with_for_update())
        return value_of(row.mappings().one(), AccountState)

    def save(self, name: str, **fields: datetime | str | bool | None) -> AccountState:
        """Change some fields of an account's state, and return all of it."""
        state = self.lock(name)
        if not fields:
            return state
        self.connection.execute(update(accounts).where(accounts.c.name == name).values(fields))
        return self.state(name)

    def names(self) -> Sequence[str]:
        """Every account ever seen, configured or not."""
        return list(self.connection.execute(select(accounts.c.name).order_by(accounts.c.name)).scalars())

    def rename(self, old: str, new: str) -> None:
        """Carry state, posts, publications and holds over to a new name; nothing happens once that is done.

        Raises `NotAllowed` when the new name has posts of its own.

        Filled slots take the new name into their keys, so that they are not filled again.
        """
        known = self.connection.execute(select(accounts.c.name).where(accounts.c.name == old)).first()
        if known is None and not self._has_posts(old):
            return
        if self._has_posts(new):
            raise NotAllowed(f"Account {new} has posts of its own; {old} cannot take its name.")
        self.connection.execute(accounts.delete().where(accounts.c.name == new))
        self.connection.execute(update(accounts).where(accounts.c.name == old).values(name=new))
        for table in (posts, publications, holds):
            self.connection.execute(update(table).where(table.c.account == old).values(account=new))
        renamed = literal(new) + func.substr(posts.c.slot_key, len(old) + 1)
        filled = (posts.c.account == new, posts.c.slot_key.startswith(f"{old}/", autoescape=True))
        self.connection.execute(update(posts).where(*filled).values(slot_key=renamed))

    def _has_posts(self, name: str) -> bool:
        return self.connection.execute(select(posts.c.id).where(posts.c.account == name).limit(1)).first() is not None
