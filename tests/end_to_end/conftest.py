"""Many databases for one test: a world's whole life is repeated for every moment at which it may end."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy.engine import make_url


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Makes one new database after the other, on SQLite and on PostgreSQL."""
    numbers = itertools.count()
    if request.param == "sqlite":
        yield lambda: f"sqlite:///{tmp_path / f'{next(numbers)}.db'}"
        return
    template = make_url(str(request.getfixturevalue("postgresql_url")))
    made: list[str] = []
    connection = psycopg2.connect(template.set(drivername="postgresql").render_as_string(hide_password=False))
    connection.autocommit = True

    def another() -> str:
        name = f"{template.database}_{next(numbers)}"
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{name}"')
        made.append(name)
        return template.set(database=name).render_as_string(hide_password=False)

    try:
        yield another
    finally:
        with connection.cursor() as cursor:
            for name in made:
                cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        connection.close()
