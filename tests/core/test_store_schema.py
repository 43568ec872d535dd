"""Migrations: what they make, who may run them, and several processes at once."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Table, text

import storyline_core.store
from storyline_core.errors import SchemaMismatch
from storyline_core.media import Description, MediaItem, RememberedDocument, RememberedFile
from storyline_core.posts import Post, Publication
from storyline_core.store import (
    AccountState,
    AlertRecord,
    BackfillState,
    Hold,
    Lease,
    PastRecord,
    Person,
    Run,
    SourceRecord,
    StoredDocument,
    open_store,
    tables,
)
from storyline_core.store.schema import REVISIONS, SchemaState
from tests.core.store_samples import in_processes, opened


def test_an_empty_database_is_migrated_and_then_left_alone(empty_database_url: str) -> None:
    store = open_store(empty_database_url)
    assert store.schema() == SchemaState(current=None, empty=True)
    store.ensure_schema()
    assert store.schema() == SchemaState(current=REVISIONS[-1])
    store.ensure_schema()
    store.upgrade()
    store.close()


def test_the_migrations_make_exactly_the_tables_that_the_code_knows(database_url: str) -> None:
    with opened(database_url) as store, store.read() as unit:
        compared = MigrationContext.configure(
            unit.connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(compared, tables.metadata) == []


def test_the_revisions_are_those_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(storyline_core.store.__file__).parent / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    assert [script.revision for script in scripts.walk_revisions()] == list(reversed(REVISIONS))


@pytest.mark.parametrize(
    ("value", "table", "elsewhere"),
    [
        (Post, tables.posts, set()),
        (RememberedFile, tables.items, set()),
        (MediaItem, tables.items, {"description", "times_posted", "last_posted_at"}),
        (Description, tables.items, set()),
        (RememberedDocument, tables.documents, set()),
        (StoredDocument, tables.documents, set()),
        (Publication, tables.publications, set()),
        (Hold, tables.holds, set()),
        (SourceRecord, tables.sources, set()),
        (AccountState, tables.accounts, set()),
        (Person, tables.people, {"posts"}),
        (Run, tables.runs, set()),
        (Lease, tables.leases, set()),
        (AlertRecord, tables.alerts, set()),
        (PastRecord, tables.past_media, set()),
        (BackfillState, tables.backfills, set()),
    ],
)
def test_every_field_has_its_column(value: type[attrs.AttrsInstance], table: Table, elsewhere: set[str]) -> None:
    assert set(attrs.fields_dict(value)) - elsewhere <= set(table.columns.keys())


def test_posts_have_no_column_without_a_field() -> None:
    assert set(tables.posts.columns.keys()) == set(attrs.fields_dict(Post))


def test_a_database_of_a_later_storyline_is_refused(database_url: str) -> None:
    with opened(database_url) as store:
        with store.begin() as unit:
            unit.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        for refused in (store.ensure_schema, store.upgrade):
            with pytest.raises(SchemaMismatch, match=r"written by a later Storyline \(version 9999"):
                refused()


def test_a_database_of_something_else_is_refused_and_left_as_it_is(empty_database_url: str) -> None:
    store = open_store(empty_database_url)
    with store.begin() as unit:
        unit.connection.execute(text("CREATE TABLE guests (name TEXT)"))
    for refused in (store.ensure_schema, store.upgrade):
        with pytest.raises(SchemaMismatch, match="tables of something else"):
            refused()
    assert store.schema() == SchemaState(current=None, empty=False)
    store.close()


def test_tables_that_are_not_there_are_named_as_what_they_are(empty_database_url: str) -> None:
    store = open_store(empty_database_url)
    with pytest.raises(SchemaMismatch, match="storyline db upgrade"), store.read() as unit:
        unit.library.item(1)
    with pytest.raises(SchemaMismatch, match="storyline db upgrade"), store.read() as unit:
        unit.library.remembered("photos")
    store.close()


def _migrate(url: str, number: int) -> str:
    with opened(url) as store:
        return store.schema().current or "none"


def test_four_processes_may_migrate_at_once(empty_database_url: str) -> None:
    assert in_processes(4, _migrate, empty_database_url) == [REVISIONS[-1]] * 4
    with opened(empty_database_url) as store, store.begin() as unit:
        assert unit.connection.execute(text("SELECT count(*) FROM sequences")).scalar_one() == 1
