"""Which version the tables have, and how they get to the one that this Storyline needs (alembic, inside the wheel).

Alembic itself is loaded only when there is something to migrate: every command looks at the version when it starts.
"""

from __future__ import annotations

from pathlib import Path

import attrs
from sqlalchemy import Connection, inspect, text

from storyline_core.errors import SchemaMismatch

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007")
"""Every version of the tables, oldest first, as in `migrations/versions`."""

_ONE_AT_A_TIME = 0x53746F7279
"""PostgreSQL's lock for migrations; it ends with the transaction."""


@attrs.frozen
class SchemaState:
    """The version of the tables now (None: none was ever recorded) and the one that is needed.

    `empty` is True when the database holds no tables at all.
    """

    current: str | None
    head: str = REVISIONS[-1]
    empty: bool = False

    @property
    def level(self) -> bool:
        """True when nothing has to be done."""
        return self.current == self.head

    @property
    def later(self) -> bool:
        """True when a Storyline later than this one wrote the tables."""
        return self.current is not None and self.current not in REVISIONS


def look(connection: Connection) -> SchemaState:
    """The state of the tables behind the connection; changes nothing."""
    tables = inspect(connection).get_table_names()
    if "alembic_version" not in tables:
        return SchemaState(current=None, empty=not tables)
    current = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return SchemaState(current=current)


def upgrade(connection: Connection, place: str) -> None:
    """Bring the tables to the version needed, within the connection's open transaction.

    Processes that do so at once wait for each other; the later ones find nothing to do. Raises `SchemaMismatch` when
    the database is of a later Storyline or holds something else.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _ONE_AT_A_TIME})
    state = look(connection)
    refuse_foreign(state, place)
    if not state.level:
        migrate(connection)


def refuse_foreign(state: SchemaState, place: str) -> None:
    """Raises `SchemaMismatch` when the tables are of a later Storyline, or not Storyline's at all."""
    if state.later:
        raise SchemaMismatch(
            f"The {place} was written by a later Storyline (version {state.current} of the tables; this one knows "
            f"{state.head}). Install that Storyline, or restore an earlier backup."
        )
    if state.current is None and not state.empty:
        raise SchemaMismatch(f"The {place} holds tables of something else. Name another database, one that is empty.")


def migrate(connection: Connection, version: str = "head") -> None:
    """Bring the tables to a version, within the connection's open transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, version)
