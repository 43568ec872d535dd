"""`storyline backup`, `storyline secrets` and `storyline db copy` as people and scripts use them; and the drill."""

from __future__ import annotations

import re
import shlex
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from storyline_core import open_store
from storyline_core.store import PrivateTexts, Vault
from storyline_core.store.schema import migrate
from tests.house.tree import ROOT
from tests.runners.conftest import SETTINGS, Project, furnish

BACKUP = {
    "name", "path", "made_at", "age_s", "size", "usable", "problem", "database", "version", "storyline", "counts",
    "rows", "settings", "media",
}  # fmt: skip
NEW, OLD = "new-key-new-key-new-key-new-key-32", "old-key-old-key-old-key-old-key-32"


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, command: Project) -> Project:
    """A project on an embedded database, and on a server's."""
    url = "sqlite:///storyline.db"
    if request.param == "postgresql":
        url = str(request.getfixturevalue("empty_postgresql_url")).replace("+psycopg2", "")
    return furnish(command, url, "manual")


def test_made_listed_proved_and_pruned(either: Project) -> None:
    assert "There is none in" in either.done("backup", "list").out
    made = either.done("backup", "create", "--json").json()["backup"]
    assert isinstance(made, dict)
    assert set(made) == BACKUP
    assert (made["counts"]["items"], made["usable"], made["settings"], made["media"]) == (6, True, True, None)
    [listed] = either.done("backup", "list", "--json").rows("backups")
    assert set(listed) == BACKUP
    assert listed["name"] == made["name"]
    assert "6 items, 0 posts" in either.done("backup", "list").out
    [proof] = either.done("backup", "verify", "--json").rows("backups")
    assert set(proof) == BACKUP | {"good", "problems"}
    assert (proof["good"], proof["problems"]) == (True, [])
    assert "came back as they were" in either.done("backup", "verify", str(made["name"])).out
    pruned = either.done("backup", "prune", "--json").json()
    assert pruned == {"dry_run": False, "removed": [], "kept": [made["name"]], "spared": []}
    assert "Nothing is older than 30d" in either.done("backup", "prune").out
    [run] = either.done("runs", "--step", "backup", "--json").rows("runs")
    assert (run["status"], run["triggered_by"]) == ("completed", "cli")
    result = run["result"]
    assert isinstance(result, dict)
    assert result["items"] == 6


def test_a_damaged_one_is_told_and_ends_badly(project: Project) -> None:
    made = project.done("backup", "create", "--json").json()["backup"]
    assert isinstance(made, dict)
    path = Path(str(made["path"]))
    path.write_bytes(path.read_bytes()[:-40] + b"x" * 40)
    said = project("backup", "verify")
    assert (said.code, said.out) == (1, "")
    assert said.err == f"{path.name} is damaged: it is not as it was written. Choose another backup.\n"
    assert project("backup", "restore", "--force").code == 1
    path.write_bytes(b"nonsense")
    assert "is not a whole backup" in project.done("backup", "list").out
    assert project("backup", "verify", "--all").code == 1
    said = project("backup", "restore")
    assert said.code == 1
    assert said.err.startswith("There is no backup in ")


def test_restoring_passes_over_a_damaged_newest_and_says_so(project: Project) -> None:
    good, spoilt = (
        Path(str(project.done("backup", "create", "--json").json()["backup"]["path"]))  # type: ignore[index]
        for _ in range(2)
    )
    spoilt.write_bytes(spoilt.read_bytes()[:-40] + b"x" * 40)
    (project.folder / "storyline.db").unlink()
    said = project.done("backup", "restore")
    assert said.out.startswith(f"{good.name} is in the database")
    assert f"{spoilt.name} was passed over: it is damaged, or cannot be read just now.\n" in said.err
    assert project("backup", "restore", "--force", spoilt.name).code == 1, "one that is named is not exchanged"
    assert project("backup", "verify").code == 1, "what is wrong with the newest is not kept quiet"


def test_restore_refuses_and_with_force_keeps_what_was_there(either: Project) -> None:
    either.done("backup", "create")
    post = either.post_now()
    said = either("backup", "restore")
    assert said.code == 1
    assert "is not empty. To replace it, add --force" in said.err
    assert [row["id"] for row in either.done("queue", "list", "--json").rows("posts")] == [post]
    restored = either.done("backup", "restore", "--force", "--json").json()
    assert set(restored) == {"backup", "database", "aside", "files", "skipped"}
    assert restored["aside"]
    assert either.done("queue", "list", "--json").rows("posts") == []
    either.done("sync")
    assert len(either.done("media", "list", "--json").rows("items")) == 6
    assert either.done("tick").code == 0


def test_a_daemon_at_work_is_not_pulled_from_under(automatic: Project) -> None:
    automatic.done("backup", "create")
    process = automatic.start("run")
    deadline = time.monotonic() + 60
    said = automatic("backup", "restore", "--force")
    while said.code == 0 and time.monotonic() < deadline:
        said = automatic("backup", "restore", "--force")
    assert said.code == 1
    assert "Stop Storyline everywhere first" in said.err
    process.terminate()
    assert process.wait(60) == 0
    automatic.done("backup", "restore", "--force")


def test_to_another_database_needs_no_settings(project: Project, tmp_path: Path) -> None:
    made = project.done("backup", "create", "--json").json()["backup"]
    assert isinstance(made, dict)
    (project.folder / "storyline.toml").unlink()
    target = tmp_path / "elsewhere.db"
    said = project.done("backup", "restore", str(made["path"]), "--to", f"sqlite:///{target}")
    assert "6 items" in said.out
    assert "is not in it: look at what was posted since" in said.err
    with closing(sqlite3.connect(target)) as connection:
        assert connection.execute("SELECT count(*) FROM items").fetchone() == (6,)


def test_media_files_are_saved_where_it_is_wanted(command: Project, tmp_path: Path) -> None:
    project = furnish(command, "sqlite:///storyline.db", "manual")
    project.settings(
        SETTINGS.format(database="sqlite:///storyline.db", mode="manual") + "[backups]\ninclude_media = true\n"
    )
    made = project.done("backup", "create", "--json").json()["backup"]
    assert isinstance(made, dict)
    media = made["media"]
    assert isinstance(media, dict)
    assert (media["files"], media["missing"]) == (6, [])
    (project.folder / "pictures/cats/1.jpg").unlink()
    said = project.done("backup", "create")
    assert "Not in it: photos/cats/1.jpg" in said.err
    target = tmp_path / "media"
    project.done("backup", "restore", str(made["path"]), "--force", "--media-to", str(target))
    assert len(list((target / "photos").rglob("*.jpg"))) == 6


def test_before_there_is_a_database_there_is_nothing_to_save(command: Project) -> None:
    command.settings(SETTINGS.format(database="sqlite:///storyline.db", mode="manual"))
    said = command("backup", "create")
    assert said.code == 1
    assert "There is no database" in said.err
    assert not (command.folder / "storyline.db").exists()


def test_a_database_that_waits_for_its_migrations_is_saved_before(command: Project, empty_postgresql_url: str) -> None:
    url = empty_postgresql_url.replace("+psycopg2", "")
    command.settings(SETTINGS.format(database=url, mode="manual"))
    with closing(open_store(url)) as store, store.begin() as unit:
        migrate(unit.connection, "0001")
    assert command("sync").code == 1
    made = command.done("backup", "create", "--json").json()["backup"]
    assert isinstance(made, dict)
    assert made["version"] == "0001"
    command.done("backup", "verify")
    command.done("db", "upgrade")
    command.done("db", "check")


def test_a_database_that_is_not_there_is_not_copied(command: Project) -> None:
    command.settings(SETTINGS.format(database="sqlite:///nowhere.db", mode="manual"))
    (command.folder / "pictures").mkdir()
    said = command("db", "copy", "--to", "sqlite:///copy.db")
    assert said.code == 2
    assert "nowhere.db" in said.err
    assert not (command.folder / "copy.db").exists()


def test_a_database_of_a_later_storyline_is_told_as_such_and_not_copied(project: Project) -> None:
    with closing(sqlite3.connect(project.folder / "storyline.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    said = project("db", "copy", "--to", "sqlite:///copy.db")
    assert (said.code, said.out) == (1, "")
    assert "was written by a later Storyline (version 9999 of the tables" in said.err
    assert "db upgrade" not in said.err
    assert not (project.folder / "copy.db").exists()
    said = project("db", "current")
    assert said.code == project("db", "check").code == 1
    assert "was written by a later Storyline (version 9999 of the tables" in said.out
    said = project("db", "current", "--json")
    assert (said.code, said.json()["current"], said.json()["level"]) == (1, "9999", False)


def test_a_database_of_an_earlier_storyline_is_upgraded_before_it_is_copied(command: Project) -> None:
    command.settings(SETTINGS.format(database="sqlite:///storyline.db", mode="manual"))
    (command.folder / "pictures").mkdir()
    with closing(open_store(f"sqlite:///{command.folder / 'storyline.db'}")) as store, store.begin() as unit:
        migrate(unit.connection, "0001")
    said = command("db", "copy", "--to", "sqlite:///copy.db")
    assert said.code == 1
    assert "Make a backup, then run: storyline db upgrade" in said.err
    command.done("db", "current")
    command.done("db", "upgrade")
    command.done("db", "copy", "--to", "sqlite:///copy.db")


def test_everything_moves_to_the_other_database_and_back(project: Project, empty_postgresql_url: str) -> None:
    post = project.post_now()
    url = empty_postgresql_url.replace("+psycopg2", "")
    rows = project.done("db", "copy", "--to", url, "--json").rows("tables")
    counts = {row["table"]: row["rows"] for row in rows}
    assert (counts["items"], counts["posts"]) == (6, 1)
    said = project("db", "copy", "--to", url)
    assert said.code == 1
    assert "is not empty" in said.err
    project.settings(SETTINGS.format(database=url, mode="manual"))
    assert [row["id"] for row in project.done("queue", "list", "--json").rows("posts")] == [post]
    project.done("queue", "skip", post)
    assert "compared" in project.done("db", "copy", "--to", "sqlite:///back.db").out
    project.settings(SETTINGS.format(database="sqlite:///back.db", mode="manual"))
    assert [row["state"] for row in project.done("history", "--json").rows("posts")] == ["skipped"]
    project.post_now()


# The key.


def keep(project: Project, key: str, owner: str = "publishers/brand") -> None:
    with closing(open_store(f"sqlite:///{project.folder / 'storyline.db'}")) as store:
        PrivateTexts(owner, Vault(key), store.begin, store.read).set("token", "very-secret")


def test_a_change_of_keys(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Nothing is kept encrypted yet." in project.done("secrets", "list").out
    keep(project, OLD)
    keep(project, OLD, "sources/drive")
    said = project("secrets", "list")
    assert said.code == 1
    assert "no key that is set" in said.out
    said = project("secrets", "rotate")
    assert said.code == 1
    assert "There is no key for stored secrets. Make one with" in said.err
    monkeypatch.setenv("STORYLINE_SECRET_KEY", NEW)
    said = project("secrets", "rotate")
    assert said.code == 1
    assert "What publishers/brand keeps as token was sealed with a key that is not among those given" in said.err
    assert project("check").code == 1
    monkeypatch.setenv("STORYLINE_SECRET_KEY", f"{NEW},{OLD}")
    assert row(project, "secrets") == (
        "degraded",
        "2 of 2 secrets still need the former key",
        "storyline secrets rotate",
    )
    assert project.done("secrets", "rotate", "--json").json() == {"rotated": 2}
    monkeypatch.setenv("STORYLINE_SECRET_KEY", NEW)
    shown = project.done("secrets", "list", "--json").rows("secrets")
    assert [set(each) for each in shown] == [{"owner", "name", "opened_by"}] * 2
    assert {each["opened_by"] for each in shown} == {"first"}
    assert row(project, "secrets")[0] == "healthy"
    with closing(open_store(f"sqlite:///{project.folder / 'storyline.db'}")) as store:
        assert PrivateTexts("sources/drive", Vault(NEW), store.begin, store.read).get("token") == "very-secret"


def row(project: Project, name: str) -> tuple[object, object, object]:
    rows = project("check", "--json").rows("checks")
    return next((each["status"], each["message"], each["remedy"]) for each in rows if each["name"] == name)


def test_a_new_key_can_be_used_as_it_is_printed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    key = project.done("secrets", "new").out.strip()
    assert re.fullmatch(r"[0-9a-f]{64}", key)
    assert project.done("secrets", "new").out.strip() != key
    monkeypatch.setenv("STORYLINE_SECRET_KEY", key)
    keep(project, key)
    project.done("secrets", "list")


def test_a_lost_key_loses_nothing_else(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(project, OLD)
    monkeypatch.setenv("STORYLINE_SECRET_KEY", NEW)
    assert row(project, "secrets")[0] == "unhealthy"
    project.done("backup", "create")
    project.done("backup", "verify")
    project.done("backup", "restore", "--force")
    monkeypatch.setenv("STORYLINE_SECRET_KEY", OLD)
    assert project.done("secrets", "list", "--json").rows("secrets")[0]["opened_by"] == "first"


# The drill, as docs/backups.md describes it.


def drill() -> list[list[str]]:
    """The lines of each block of the drill in the documentation."""
    page = (ROOT / "docs/backups.md").read_text("utf-8")
    section = page.partition("## The drill")[2].partition("\n## ")[0]
    blocks = re.findall(r"```console\n(.*?)```", section, re.DOTALL)
    return [[line.removeprefix("$ ") for line in block.splitlines()] for block in blocks]


def test_the_drill(automatic: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    automatic.done("tick")
    before = known(automatic)
    beside, whole = drill()
    assert "storyline backup restore --to sqlite:///drill.db" in beside
    assert "mv storyline.db lost.db" in whole
    for line in (*beside, *whole):
        if line.startswith("mv"):
            assert known(automatic) == before, "the drill beside it has touched nothing"
        carry_out(automatic, line, monkeypatch)
    assert known(automatic) == before
    assert not (automatic.folder / "drill.db").exists()


def carry_out(project: Project, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line as a person types it in the folder of the settings."""
    words = shlex.split(line)
    with monkeypatch.context() as around:
        while "=" in words[0]:
            around.setenv(*words.pop(0).split("=", 1))
        if words[0] == "storyline":
            said = project.done(*words[1:])
            assert "0.jpg" in said.out or words[1:3] != ["media", "list"]
        elif words[0] == "mv":
            (project.folder / words[1]).rename(project.folder / words[2])
        else:
            assert words[0] == "rm"
            (project.folder / words[1]).unlink()


def known(project: Project) -> tuple[str, str]:
    """The items and the posts."""
    return project.done("media", "list", "--json").out, project.done("queue", "list", "--json").out
