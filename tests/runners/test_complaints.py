"""What goes wrong: one or two plain sentences, the right exit code, never a traceback, never a secret."""

from __future__ import annotations

import ctypes
import os
import sqlite3
import sys
from contextlib import closing

import pytest

from tests.runners.conftest import SETTINGS, Project, Said


def plainly(said: Said, code: int, *parts: str) -> None:
    """The exit code, the words, and nothing that only a programmer could read."""
    assert said.code == code, said
    assert "Traceback" not in said.err
    assert "mistake in Storyline" not in said.err
    for part in parts:
        assert part in said.err, said.err
    assert said.out == ""


@pytest.mark.parametrize(
    "words", ["check", "sync", "plan", "queue list", "tick", "run", "db upgrade", "service install"]
)
def test_without_settings(command: Project, words: str) -> None:
    plainly(command(*words.split()), 2, "There is no storyline.toml here", "storyline init", "storyline demo")


def test_a_settings_file_that_is_not_there(command: Project) -> None:
    plainly(command("--config", "other/my.toml", "plan"), 2, "There is no settings file other/my.toml")


def test_three_mistakes_are_told_together_with_their_paths(command: Project) -> None:
    text = SETTINGS.format(database="sqlite:///storyline.db", mode="sometimes")
    command.settings(text.replace("posts_per_day = 2", "posts_per_day = 99").replace('kind = "local"', 'kind = "locl"'))
    (command.folder / "pictures").mkdir()
    said = command("check", "--settings")
    plainly(said, 2, "3 mistakes", "sources.photos.kind", "accounts.main.mode", "accounts.main.posts_per_day")
    assert len(said.err.strip().splitlines()) == 4


def test_settings_that_are_no_toml(command: Project) -> None:
    command.settings("[database\n")
    plainly(command("plan"), 2, "storyline.toml")


def test_names_that_are_not_there(project: Project) -> None:
    plainly(project("sync", "nowhere"), 2, "There is no source nowhere", "photos")
    plainly(project("plan", "--account", "nobody"), 2, "There is no account nobody", "main")
    plainly(project("queue", "list", "--account", "nobody"), 2, "There is no account nobody")
    plainly(project("queue", "show", "zzzz"), 1, "zzzz")
    plainly(project("queue", "posted", "zzzz"), 1, "zzzz")
    plainly(project("media", "show", "4711"), 1, "4711")
    plainly(project("runs", "show", "4711"), 1, "4711")
    plainly(project("users", "deactivate", "telegram:1"), 1, "telegram:1")
    plainly(project("sources", "rename", "nowhere", "somewhere"), 1, "nowhere")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("frobnicate", "No such command"),
        ("queue frobnicate x", "No such command"),
        ("sync --frobnicate", "No such option"),
        ("queue snooze abc", "--for"),
        ("queue snooze abc --for soon", "not a duration"),
        ("queue resolve abc", "--live or --not-live"),
        ("queue add 1 --at someday", "is not a time"),
        ("sync --plan abc", "--accept-removals"),
        ("plan --days 0", "--days"),
        ("media edit 1", "Say what to change"),
        ("media edit 1 --reset colour", "no field"),
        ("media edit 1 --title a --reset title", "set and reset"),
        ("media hold 1 --until never", "not a duration"),
        ("media hold 1 --reason seasonal", "--until"),
        ("media list --limit -1", "negative"),
        ("media validate nothing.jpg", "no file"),
        ("history --since long-ago", "is not a time"),
    ],
)
def test_wrong_usage(project: Project, words: str, part: str) -> None:
    plainly(project(*words.split()), 2, part)


def test_a_stale_decision_is_told_what_happened(project: Project) -> None:
    post_id = project.post_now()
    [post] = project.done("queue", "show", post_id, "--json").rows("posts")
    project.done("queue", "skip", post_id)
    plainly(project("queue", "posted", post_id, "--revision", str(post["revision"])), 1, post_id, "skipped")
    plainly(project("queue", "posted", post_id), 1, post_id)


def test_a_prefix_that_several_posts_share(project: Project) -> None:
    for _ in range(6):
        project.post_now()
    ids = [str(post["id"]) for post in project.done("queue", "list", "--json").rows("posts")]
    plainly(project("queue", "show", ""), 1)
    unique = next(size for size in range(1, 11) if len({each[:size] for each in ids}) == len(ids))
    assert ids[0] in project.done("queue", "show", ids[0][:unique]).out


def test_a_database_of_the_future(project: Project) -> None:
    with closing(sqlite3.connect(project.folder / "storyline.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    plainly(project("sync"), 1, "later Storyline")
    plainly(project("db", "upgrade"), 1, "later Storyline")
    assert project("db", "check").code == 1
    said = project("check", "--json")
    assert said.code == 1
    assert said.json()["status"] == "unhealthy"


def test_a_database_that_is_something_else(command: Project) -> None:
    command.settings(SETTINGS.format(database="sqlite:///storyline.db", mode="manual"))
    command.picture("a.jpg")
    (command.folder / "storyline.db").write_text(
        "just some text, and quite a lot of it, more than a header's worth " * 9
    )
    plainly(command("sync"), 1, "storyline.db")
    plainly(command("queue", "list"), 1, "storyline.db")


def test_a_database_of_another_program(command: Project) -> None:
    command.settings(SETTINGS.format(database="sqlite:///storyline.db", mode="manual"))
    with closing(sqlite3.connect(command.folder / "storyline.db")) as database:
        database.execute("CREATE TABLE recipes (name TEXT)")
    plainly(command("sync"), 1, "something else")


def test_a_read_only_database(project: Project) -> None:
    with closing(sqlite3.connect(project.folder / "storyline.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    guarded = [project.folder, *project.folder.glob("storyline.db*")]
    for path in guarded:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        for words in ("sync", "pause", "check"):
            process = project.start(words, preexec_fn=obey_permissions)
            out, err = process.communicate(timeout=60)
            assert process.returncode == 1, (words, out, err)
            assert "read-only" in out + err, (words, out, err)
            assert "Traceback" not in err
    finally:
        for path in guarded:
            path.chmod(0o755 if path.is_dir() else 0o644)


def obey_permissions() -> None:
    """Let even root, who runs the tests in containers, be refused what a file's mode refuses."""
    if sys.platform == "linux" and os.geteuid() == 0:
        drop_from_bounding_set = 24
        for capability in (1, 2, 3):  # dac_override, dac_read_search, fowner
            ctypes.CDLL(None).prctl(drop_from_bounding_set, capability, 0, 0, 0)


def test_a_server_that_is_not_there_and_its_password_stays_secret(command: Project) -> None:
    address = "postgresql://storyline:hunter2@127.0.0.1:1/storyline"
    command.settings(SETTINGS.format(database=address, mode="manual"))
    command.picture("a.jpg")
    for words in (("sync",), ("check",), ("db", "current"), ("-v", "queue", "list")):
        said = command(*words)
        assert said.code == 1
        assert "hunter2" not in said.out + said.err


def test_verbose_shows_where_an_error_comes_from(project: Project) -> None:
    assert "Traceback" not in project("media", "show", "4711").err
    for words in (("-v", "media", "show", "4711"), ("media", "show", "4711", "-v")):
        said = project(*words)
        assert said.code == 1
        assert "Traceback" in said.err
        assert "There is no item 4711" in said.err


def test_a_source_that_is_down_fails_and_the_others_go_on(project: Project) -> None:
    settings = (project.folder / "storyline.toml").read_text()
    project.settings(f'{settings}\n[sources.usb]\nkind = "local"\npath = "usb"\n')
    (project.folder / "usb").mkdir()
    project.done("sync", "usb")
    (project.folder / "usb").rename(project.folder / "unplugged")
    said = project("sync")
    assert said.code == 1
    assert "nothing new; 6 unchanged" in said.out
    assert "usb:" in said.err
    assert "Nothing was changed." in said.err
    assert "usb" not in said.out, "the terminal is the notifier as well, and it is told once"
    runs = project("sync", "--json").rows("runs")
    errors = runs[1]["errors"]
    assert isinstance(errors, list)
    assert errors[0]["key"] == ""
    assert "usb" in errors[0]["message"]


def test_an_emptied_folder_is_refused_with_exit_code_three(project: Project) -> None:
    for file in (project.folder / "pictures").rglob("*.jpg"):
        file.unlink()
    said = project("sync")
    assert said.code == 3
    assert "photos:" in said.err
    [run] = project("sync", "--json").rows("runs")
    assert run["held"]
    assert run["removed"] == 0
    assert len(project.done("media", "list", "--json").rows("items")) == 6
    accepted = project("sync", "--accept-removals", "--plan", str(run["plan"]), "--json")
    assert accepted.code == 0, accepted
    assert accepted.rows("runs")[0]["removed"] == 6
