"""Databases for every test that wants one, on SQLite and on PostgreSQL, and Hypothesis's budgets."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
import sqlalchemy
from hypothesis import HealthCheck, settings

from tests import postgres_server

ENVIRONMENT = os.environ  # noqa: TID251 - the tests' own settings are read here and nowhere else

SLOW_MACHINES = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("quick", max_examples=50, deadline=None, suppress_health_check=SLOW_MACHINES)
settings.register_profile("steady", settings.get_profile("quick"), derandomize=True)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=2_000)
settings.load_profile(ENVIRONMENT.get("STORYLINE_TEST_PROFILE", "quick"))

SESSION = pytest.StashKey[tuple[Path, str, int]]()
"""The folder all workers share, the names' common part, and the process that outlives all workers."""


def pytest_configure(config: pytest.Config) -> None:
    given = getattr(config, "workerinput", None)
    if given is not None:
        config.stash[SESSION] = (Path(given["folder"]), given["token"], given["owner"])
        return
    folder = Path(tempfile.mkdtemp(prefix="storyline-"))
    config.stash[SESSION] = (folder, secrets.token_hex(4), os.getpid())


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: pytest.Session) -> None:
    """pytest-xdist starts a worker: it is told what the session shares."""
    folder, token, owner = node.config.stash[SESSION]
    node.workerinput.update(folder=str(folder), token=token, owner=owner)  # type: ignore[attr-defined]


def pytest_unconfigure(config: pytest.Config) -> None:
    if getattr(config, "workerinput", None) is None and SESSION in config.stash:
        folder, token, _ = config.stash[SESSION]
        given = ENVIRONMENT.get("STORYLINE_TEST_POSTGRES")
        if given and (folder / "template").exists():
            _execute(_given_server(given), f'DROP DATABASE IF EXISTS "{_template_name(token)}"')
        postgres_server.stop(folder)


@pytest.fixture(scope="session")
def postgres_server_url(pytestconfig: pytest.Config) -> str:
    """A PostgreSQL on which databases may be created: `STORYLINE_TEST_POSTGRES`, or the session's own."""
    folder, _, owner = pytestconfig.stash[SESSION]
    given = ENVIRONMENT.get("STORYLINE_TEST_POSTGRES")
    return _given_server(given) if given else postgres_server.start_or_join(folder, owner)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A database of this test's own with the newest schema, on SQLite and on PostgreSQL."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest) -> str:
    """A database of this test's own with nothing in it, on SQLite and on PostgreSQL."""
    return str(request.getfixturevalue(f"empty_{request.param}_url"))


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'storyline.db'}"


@pytest.fixture
def sqlite_url(empty_sqlite_url: str) -> str:
    return empty_sqlite_url


@pytest.fixture
def empty_postgresql_url(postgres_server_url: str, pytestconfig: pytest.Config) -> Iterator[str]:
    yield from _fresh_database(postgres_server_url, pytestconfig.stash[SESSION][1], "template0")


@pytest.fixture
def postgresql_url(postgres_server_url: str, postgres_template: str, pytestconfig: pytest.Config) -> Iterator[str]:
    yield from _fresh_database(postgres_server_url, pytestconfig.stash[SESSION][1], postgres_template)


@pytest.fixture(scope="session")
def postgres_template(postgres_server_url: str, pytestconfig: pytest.Config) -> str:
    """The name of a migrated database that is copied for each test; made once per session."""
    folder, token, _ = pytestconfig.stash[SESSION]
    name = _template_name(token)
    with postgres_server.exclusively(folder / "migrating"):
        if not (folder / "template").exists():
            _execute(postgres_server_url, f'CREATE DATABASE "{name}" TEMPLATE template0')
            (folder / "template").touch()
    return name


def _fresh_database(server: str, token: str, template: str) -> Iterator[str]:
    name = f"storyline_{token}_{secrets.token_hex(6)}"
    _execute(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield _with_database(server, name)
    finally:
        _execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')


def _template_name(token: str) -> str:
    return f"storyline_{token}_template"


def _given_server(url: str) -> str:
    """The URL a person set, as one that names the driver."""
    return sqlalchemy.make_url(url).set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)


def _with_database(server: str, name: str) -> str:
    return sqlalchemy.make_url(server).set(database=name).render_as_string(hide_password=False)


def _execute(server: str, statement: str) -> None:
    dsn = sqlalchemy.make_url(server).set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(psycopg2.connect(dsn)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
