"""Backups: made from either database, restored into either, and every way in which one can be bad."""

from __future__ import annotations

import resource
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from storyline_core.backups import backups_in, find_backup, make_backup, restore_backup, verify_backup
from storyline_core.errors import BackupError, SchemaMismatch, StoreError, StoreUnavailable
from storyline_core.settings import Settings
from storyline_core.store import open_store, schema
from storyline_core.store.engines import connect, read_url
from tests.core.backup_samples import LOOKS, backup_of, fill_every_corner, settings_for
from tests.core.store_samples import HOUR, NOW, fill, opened, post_for


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


@pytest.fixture(params=["sqlite", "postgresql"])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Another database, with nothing in it."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("empty_postgresql_url"))
    return f"sqlite:///{tmp_path / 'elsewhere.db'}"


def test_everything_comes_back_in_either_database_and_life_goes_on(
    database_url: str, elsewhere: str, folder: Path
) -> None:
    with opened(database_url) as store:
        fill_every_corner(store)
        backup = backup_of(store, database_url, folder)
        proof = verify_backup(backup.path)
        assert proof.problems == ()
        assert proof.rows == sum(backup.manifest.counts.values() if backup.manifest else ())
        restored = restore_backup(backup.path, elsewhere, NOW)
        assert restored.aside == ""
        with opened(elsewhere) as copy:
            for look in LOOKS:
                with store.read() as there, copy.read() as here:
                    assert look(here) == look(there)
            with store.read() as there, copy.read() as here:
                assert there.leases.held(NOW)
                assert here.leases.held(NOW) == [], "whoever held it then is not at work here"
            assert fill(copy, ["c.jpg"]) == {"c.jpg": 4}
            with copy.begin() as unit:
                unit.queue.add(post_for(2, 1))
                assert unit.runs.start("sync", triggered_by="cli", at=NOW) == 2
    assert [path.name for path in folder.iterdir()] == ["storyline-20260501T120000Z.zip"]


def test_both_databases_give_the_same_bytes(sqlite_url: str, postgresql_url: str, folder: Path) -> None:
    digests = []
    for url in (sqlite_url, postgresql_url):
        with opened(url) as store:
            fill_every_corner(store)
            with store.begin() as unit:
                # Sealed by chance, as it should be.
                unit.secrets.set("o", "n", b"gAAAA")
            manifest = backup_of(store, url, folder).manifest
        assert manifest is not None
        digests.append({each.shape: each.digest for each in manifest.tables})
    assert digests[0] == digests[1]


@pytest.mark.parametrize("version", schema.REVISIONS)
def test_a_database_that_waits_for_its_migrations_is_saved_as_it_is_and_restored_level(
    empty_database_url: str, version: str, folder: Path, tmp_path: Path
) -> None:
    with closing(open_store(empty_database_url)) as store:
        with store.begin() as unit:
            schema.migrate(unit.connection, version)
            columns = "person, notifier, name, role, active"
            unit.connection.execute(text(f"INSERT INTO people ({columns}) VALUES ('a:1', 'a', 'Ann', 'admin', TRUE)"))
        backup = backup_of(store, empty_database_url, folder)
    assert backup.manifest is not None
    assert backup.manifest.version == version
    assert verify_backup(backup.path).good
    restore_backup(backup.path, f"sqlite:///{tmp_path / 'new.db'}", NOW)
    restore_backup(backup.path, empty_database_url, NOW, force=True)
    for url in (f"sqlite:///{tmp_path / 'new.db'}", empty_database_url):
        with opened(url) as restored, restored.read() as unit:
            assert [person.name for person in unit.people.list()] == ["Ann"]


def test_a_later_storyline_is_left_to_itself(database_url: str, folder: Path, tmp_path: Path) -> None:
    with opened(database_url) as store:
        path = backup_of(store, database_url, folder).path
        with store.begin() as unit:
            unit.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(SchemaMismatch, match="written by a later Storyline; only that one knows"):
            backup_of(store, database_url, folder)
    assert [each.path for each in backups_in(folder)] == [path]
    head = schema.REVISIONS[-1].encode()
    later = forged(path, lambda name, content: content.replace(b'"version": "' + head, b'"version": "9999'))
    assert verify_backup(later).problems[0].startswith("This comes from a later Storyline (version 9999")
    with pytest.raises(SchemaMismatch, match="later Storyline"):
        restore_backup(later, f"sqlite:///{tmp_path / 'new.db'}", NOW)
    assert not (tmp_path / "new.db").exists()


# What is bad is found.


def small(tmp_path: Path) -> Path:
    url = f"sqlite:///{tmp_path / 'small.db'}"
    with opened(url) as store:
        fill(store, ["a.jpg"])
        return backup_of(store, url, tmp_path / "backups").path


def test_a_single_changed_byte_is_found_wherever_it_is(tmp_path: Path) -> None:
    path = small(tmp_path)
    whole = path.read_bytes()
    for place in range(0, len(whole), 13):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert not verify_backup(path).good, place
    path.write_bytes(whole)
    assert verify_backup(path).good


def test_half_a_backup_is_found(tmp_path: Path) -> None:
    path = small(tmp_path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        proof = verify_backup(path)
        assert not proof.good, length
        assert path.name in proof.problems[0]
        with pytest.raises(BackupError):
            restore_backup(path, f"sqlite:///{tmp_path / 'new.db'}", NOW)
    assert not (tmp_path / "new.db").exists()
    path.write_bytes(whole + b"more")
    assert not verify_backup(path).good


def forged(path: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """The same archive with other content under a seal of its own, as a mistake of ours would make it."""
    from storyline_core.backups.archive import drafting

    with zipfile.ZipFile(path) as old, drafting(path.parent, "storyline-20200101T000000Z") as draft:
        for name in old.namelist():
            draft.add(name, [change(name, old.read(name))])
    return draft.path


def test_rows_that_are_not_those_of_the_manifest_are_found(tmp_path: Path) -> None:
    path = small(tmp_path)

    def lose(name: str, content: bytes) -> bytes:
        return b"" if name == "tables/items.jsonl" else content

    def alter(name: str, content: bytes) -> bytes:
        return content.replace(b"a.jpg", b"b.jpg") if name == "tables/items.jsonl" else content

    assert "items came out with 0 rows instead of 1" in verify_backup(forged(path, lose)).problems[0]
    [problem] = verify_backup(forged(path, alter)).problems
    assert "items came out with 1 rows instead of 1, or with other content" in problem
    target = f"sqlite:///{tmp_path / 'new.db'}"
    with pytest.raises(StoreError, match="Nothing was kept"):
        restore_backup(find_backup(path.parent, "storyline-20200101T000000Z").path, target, NOW)
    assert list(tmp_path.glob("*new.db*")) == []


def test_what_is_no_backup_at_all(tmp_path: Path) -> None:
    (tmp_path / "storyline-20260101T000000Z.zip").write_bytes(b"hello")
    with zipfile.ZipFile(tmp_path / "storyline-20260102T000000Z.zip", "w") as archive:
        archive.writestr("manifest.json", "[]")
    with zipfile.ZipFile(tmp_path / "storyline-20260103T000000Z.zip", "w") as archive:
        archive.writestr("manifest.json", '{"format": 99}')
    (tmp_path / "notes.zip").write_bytes(b"")
    listed = backups_in(tmp_path)
    assert [each.damaged for each in listed] == [True, True, True]
    assert [each.problem.rpartition(".zip ")[2] for each in listed] == [
        "was made by a later Storyline. Install that one to use it.",
        "is not a backup of Storyline, or it is damaged. Choose another one.",
        "is not a whole backup (File is not a zip file). Choose another one.",
    ]
    with pytest.raises(BackupError, match=r"There is no backup in .* yet"):
        find_backup(tmp_path, None)
    with pytest.raises(BackupError, match="There is no backup nonsense"):
        find_backup(tmp_path, "nonsense")


# Making one.


def test_two_of_one_moment_stand_beside_each_other(sqlite_url: str, folder: Path) -> None:
    with opened(sqlite_url) as store:
        names = [backup_of(store, sqlite_url, folder).path.name for _ in range(3)]
    assert names == [f"storyline-20260501T120000Z{more}.zip" for more in ("", "-2", "-3")]
    assert len(backups_in(folder)) == 3


def test_nothing_is_left_of_one_that_could_not_be_made(sqlite_url: str, folder: Path) -> None:
    with opened(sqlite_url) as store:
        fill(store, [f"{number}.jpg" for number in range(3_000)])
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
        try:
            with pytest.raises(BackupError, match=r"No backup could be written to .*File too large"):
                backup_of(store, sqlite_url, folder)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert list(folder.iterdir()) == []
        folder.rmdir()
        folder.write_text("a file")
        with pytest.raises(BackupError, match="No backup could be written to"):
            backup_of(store, sqlite_url, folder)
        with pytest.raises(BackupError, match="No directory for backups is named"):
            make_backup(store, Settings(database_url=sqlite_url), NOW)


def test_a_database_without_tables_and_a_damaged_one_are_not_saved(tmp_path: Path, folder: Path) -> None:
    empty = closing(open_store(f"sqlite:///{tmp_path / 'empty.db'}"))
    with empty as store, pytest.raises(BackupError, match="holds no tables of Storyline yet"):
        backup_of(store, "", folder)
    file = tmp_path / "damaged.db"
    with opened(f"sqlite:///{file}") as store:
        fill(store, [f"{number}.jpg" for number in range(2_000)])
    damage(file)
    with closing(open_store(f"sqlite:///{file}")) as store, pytest.raises(StoreError, match="damaged"):
        backup_of(store, "", folder)
    assert list(folder.iterdir()) == []


def damage(file: Path) -> None:
    """Overwrite the middle of a database, page by page."""
    raw = bytearray(file.read_bytes())
    for page in range(len(raw) // 4096 // 4, len(raw) // 4096):
        raw[page * 4096 : page * 4096 + 512] = b"\xff" * 512
    file.write_bytes(raw)


# Restoring into a database that holds something.


def changed(url: str) -> None:
    with opened(url) as store, store.begin() as unit:
        unit.people.seen("cli:late", "Late", None, NOW)


def people(url: str) -> set[str]:
    with opened(url) as store, store.read() as unit:
        return {each.name for each in unit.people.list()}


def test_it_refuses_to_overwrite_and_keeps_what_was_there(database_url: str, folder: Path) -> None:
    with opened(database_url) as store:
        fill_every_corner(store)
        path = backup_of(store, database_url, folder).path
    changed(database_url)
    with pytest.raises(BackupError, match=r"is not empty\. To replace it, add --force"):
        restore_backup(path, database_url, NOW)
    assert people(database_url) == {"Ann", "Late"}
    restored = restore_backup(path, database_url, NOW, force=True)
    assert people(database_url) == {"Ann"}
    assert people_aside(database_url, restored.aside) == {"Ann", "Late"}
    changed(database_url)
    again = restore_backup(path, database_url, NOW + HOUR, force=True)
    assert again.aside != restored.aside
    assert people(database_url) == {"Ann"}
    with opened(database_url) as store, store.begin() as unit:
        assert unit.runs.start("sync", triggered_by="cli", at=NOW) == 2


def people_aside(url: str, aside: str) -> set[str]:
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(aside)) as connection:
            return {name for (name,) in connection.execute("SELECT name FROM people")}
    name = aside.removeprefix("schema ")
    with opened(url) as store, store.read() as unit:
        return set(unit.connection.execute(text(f"SELECT name FROM {name}.people")).scalars())


def test_an_empty_database_needs_no_force_and_leaves_nothing_aside(database_url: str, folder: Path) -> None:
    with opened(database_url) as store:
        path = backup_of(store, database_url, folder).path
    assert restore_backup(path, database_url, NOW).aside == ""
    with opened(database_url) as store:
        assert store.schema().level
        if not store.embedded:
            with store.read() as unit:
                names = unit.connection.execute(text("SELECT nspname FROM pg_namespace")).scalars()
                assert [name for name in names if name.startswith("storyline")] == []


def test_a_database_in_use_is_not_replaced(database_url: str, folder: Path) -> None:
    with opened(database_url) as store:
        fill_every_corner(store)
        path = backup_of(store, database_url, folder).path
        with pytest.raises(StoreUnavailable, match="Stop Storyline"):
            restore_backup(path, database_url, NOW, force=True)
        with store.read() as unit:
            assert unit.people.list()
    assert restore_backup(path, database_url, NOW, force=True).aside


def test_a_restore_that_fails_in_the_middle_changes_nothing(database_url: str, folder: Path, tmp_path: Path) -> None:
    with opened(database_url) as store:
        fill_every_corner(store)
        path = backup_of(store, database_url, folder).path
    bad = forged(path, lambda name, content: b"" if name == "tables/publications.jsonl" else content)
    before = sorted(each.name for each in tmp_path.iterdir())
    with pytest.raises(StoreError, match="publications came out with 0 rows"):
        restore_backup(bad, database_url, NOW, force=True)
    assert people(database_url) == {"Ann"}
    assert sorted(each.name for each in tmp_path.iterdir()) == before


@pytest.mark.parametrize("how", ["pages", "everything"])
def test_a_damaged_database_is_replaced_and_kept(how: str, tmp_path: Path, folder: Path) -> None:
    file = tmp_path / "storyline.db"
    url = f"sqlite:///{file}"
    with opened(url) as store:
        fill(store, [f"{number}.jpg" for number in range(2_000)])
        path = backup_of(store, url, folder).path
    if how == "pages":
        damage(file)
    else:
        file.write_bytes(b"nonsense" * 1_000)
    Path(f"{file}-wal").write_bytes(b"left by a crash")
    raw = file.read_bytes()
    with pytest.raises(BackupError, match="is not empty"):
        restore_backup(path, url, NOW)
    restored = restore_backup(path, url, NOW, force=True)
    # The two bytes of the header that say how it is written may differ.
    assert Path(restored.aside).read_bytes()[100:] == raw[100:]
    assert not Path(f"{file}-wal").exists()
    with opened(url) as store, store.read() as unit:
        assert len(unit.library.items()) == 2_000


def test_what_else_lives_in_the_database_stays(postgresql_url: str, folder: Path) -> None:
    engine = connect(read_url(postgresql_url), read_only=False, patience=timedelta(seconds=5))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE theirs (id integer)"))
        connection.execute(text("CREATE VIEW of_theirs AS SELECT * FROM theirs"))
    with opened(postgresql_url) as store:
        fill(store, ["a.jpg"])
        path = backup_of(store, postgresql_url, folder).path
    engine.dispose()
    manifest = find_backup(None, str(path)).manifest
    assert manifest is not None
    assert "theirs" not in manifest.counts
    with opened(postgresql_url) as store, store.begin() as unit:
        unit.connection.execute(text("INSERT INTO theirs VALUES (1)"))
    restore_backup(path, postgresql_url, NOW, force=True)
    with opened(postgresql_url) as store, store.read() as unit:
        assert unit.connection.execute(text("SELECT id FROM of_theirs")).scalars().all() == [1]
        assert unit.connection.execute(text("SELECT count(*) FROM posting_queue")).scalar_one() == 0


def test_every_view_of_the_migrations_moves_with_its_tables(postgresql_url: str) -> None:
    from sqlalchemy import inspect

    from storyline_core.store.rebuilding import VIEWS

    with opened(postgresql_url) as store, store.read() as unit:
        assert sorted(inspect(unit.connection).get_view_names()) == sorted(VIEWS)


def test_the_settings_are_in_it_without_secrets(sqlite_url: str, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "storyline.toml"
    file.write_text('[log]\nlevel = "info"\n')
    settings = settings_for(sqlite_url, folder)
    with opened(sqlite_url) as store:
        without = make_backup(store, settings, NOW)
        within = make_backup(store, Settings(sqlite_url, backups=settings.backups, file=file), NOW)
    assert without.manifest is not None
    assert not without.manifest.settings
    with zipfile.ZipFile(within.path) as archive:
        assert archive.read("settings.toml").decode() == file.read_text()
