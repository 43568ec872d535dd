"""Databases for tests: each test gets its own, copied from one that was migrated once per session."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import attrs
import psycopg2
import sqlalchemy

from tests import postgres_server


@attrs.frozen
class Databases:
    """Where a test session keeps its databases.

    `folder` is shared by all workers and removed at the end; `token` begins every name on the server; `owner` is the
    process that outlives all workers; `given` is the server a person named, if any.
    """

    folder: Path
    token: str
    owner: int
    given: str | None

    def copy_sqlite(self, file: Path) -> str:
        """The URL of a new embedded database with the newest schema."""
        template = self.folder / "template.db"
        with postgres_server.exclusively(self.folder / "migrating-sqlite"):
            if not template.exists():
                half_made = template.with_suffix(".half")
                _migrate(f"sqlite:///{half_made}")
                half_made.rename(template)
        shutil.copyfile(template, file)
        return f"sqlite:///{file}"

    @contextmanager
    def copy_postgresql(self) -> Iterator[str]:
        """The URL of a new database on the server with the newest schema; dropped at the end."""
        template, made = f"storyline_{self.token}_template", self.folder / "template-made"
        with postgres_server.exclusively(self.folder / "migrating-postgresql"):
            if not made.exists():
                _execute(self.server_url(), f'DROP DATABASE IF EXISTS "{template}"')
                _execute(self.server_url(), f'CREATE DATABASE "{template}" TEMPLATE template0')
                _migrate(_with_database(self.server_url(), template))
                made.touch()
        with self.new_postgresql(template) as url:
            yield url

    @contextmanager
    def new_postgresql(self, template: str = "template0") -> Iterator[str]:
        """The URL of a new database on the server, empty unless a template is named; dropped at the end."""
        name = f"storyline_{self.token}_{secrets.token_hex(6)}"
        _execute(self.server_url(), f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield _with_database(self.server_url(), name)
        finally:
            _execute(self.server_url(), f'DROP DATABASE "{name}" WITH (FORCE)')

    def server_url(self) -> str:
        """A PostgreSQL on which databases may be created: the given one, or the session's own, started when needed."""
        if self.given is None:
            return postgres_server.start_or_join(self.folder, self.owner)
        given = sqlalchemy.make_url(self.given).set(drivername="postgresql+psycopg2")
        return given.render_as_string(hide_password=False)

    def end(self) -> None:
        """Leaves nothing behind, here or on a given server."""
        if self.given is not None and (self.folder / "template-made").exists():
            _execute(self.server_url(), f'DROP DATABASE IF EXISTS "storyline_{self.token}_template"')
        postgres_server.stop(self.folder)


def _migrate(url: str) -> None:
    from storyline_core.store import open_store

    with closing(open_store(url)) as store:
        store.upgrade()


def _with_database(server: str, name: str) -> str:
    return sqlalchemy.make_url(server).set(database=name).render_as_string(hide_password=False)


def _execute(server: str, statement: str) -> None:
    dsn = sqlalchemy.make_url(server).set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(psycopg2.connect(dsn)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
