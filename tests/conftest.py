"""Databases for every test that wants one, on SQLite and on PostgreSQL, and Hypothesis's budgets."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.databases import Databases

ENVIRONMENT = os.environ  # noqa: TID251 - the tests' own settings are read here and nowhere else

SLOW_MACHINES = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("quick", max_examples=50, deadline=None, suppress_health_check=SLOW_MACHINES)
settings.register_profile("steady", settings.get_profile("quick"), derandomize=True)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=2_000)
settings.load_profile(ENVIRONMENT.get("STORYLINE_TEST_PROFILE", "quick"))

DATABASES = pytest.StashKey[Databases]()


def pytest_configure(config: pytest.Config) -> None:
    """What the session's processes share is settled by the first of them."""
    given = ENVIRONMENT.get("STORYLINE_TEST_POSTGRES")
    worker = getattr(config, "workerinput", None)
    if worker is None:
        folder, token, owner = Path(tempfile.mkdtemp(prefix="storyline-")), secrets.token_hex(4), os.getpid()
    else:
        folder, token, owner = Path(worker["folder"]), worker["token"], worker["owner"]
    config.stash[DATABASES] = Databases(folder, token, owner, given)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: pytest.Session) -> None:
    """pytest-xdist starts a worker: it is told what the session shares."""
    shared = node.config.stash[DATABASES]
    node.workerinput.update(  # type: ignore[attr-defined]
        folder=str(shared.folder), token=shared.token, owner=shared.owner
    )


def pytest_unconfigure(config: pytest.Config) -> None:
    """The process that began the session ends it."""
    if getattr(config, "workerinput", None) is None and DATABASES in config.stash:
        config.stash[DATABASES].end()


@pytest.fixture(scope="session")
def databases(pytestconfig: pytest.Config) -> Databases:
    """Where databases come from."""
    return pytestconfig.stash[DATABASES]


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A database of this test's own with the newest schema, on SQLite and on PostgreSQL."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest) -> str:
    """A database of this test's own with nothing in it, on SQLite and on PostgreSQL."""
    return str(request.getfixturevalue(f"empty_{request.param}_url"))


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh_database(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Makes one new database with the newest schema after the other, on SQLite and on PostgreSQL."""
    with ExitStack() as made:
        if request.param == "sqlite":
            yield lambda: databases.copy_sqlite(tmp_path / f"{secrets.token_hex(6)}.db")
        else:
            yield lambda: made.enter_context(databases.copy_postgresql())


@pytest.fixture
def sqlite_url(databases: Databases, tmp_path: Path) -> str:
    """An embedded database with the newest schema."""
    return databases.copy_sqlite(tmp_path / "storyline.db")


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    """An embedded database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'storyline.db'}"


@pytest.fixture
def postgresql_url(databases: Databases) -> Iterator[str]:
    """A database on a PostgreSQL server with the newest schema."""
    with databases.copy_postgresql() as url:
        yield url


@pytest.fixture
def empty_postgresql_url(databases: Databases) -> Iterator[str]:
    """A database on a PostgreSQL server with nothing in it."""
    with databases.new_postgresql() as url:
        yield url
