"""Every promised command is there with its options, and whatever changes something can tell it as JSON too."""

from __future__ import annotations

import pytest
import typer.main

from storyline_runner.app import build
from tests.runners.conftest import Project
from tests.runners.test_json import HOLD, ITEM, JOURNAL, POST, RUN, USER

PROMISED = {
    "init": "--interactive", "demo": "--dir", "run": "--dry-run", "tick": "--dry-run",
    "check": "--settings --json", "plugins": "--json",
    "sync": "--dry-run --force --wait --accept-removals --plan --prune-missing --older-than --json",
    "sources list": "--json", "sources pause": "", "sources resume": "", "sources rename": "",
    "media list": "--source --category --tag --state --interaction --limit --json", "media show": "--json",
    "media edit": "--title --caption --link --tag --interaction --no-interaction --reset",
    "media hold": "--until --reason --account", "media release": "", "media holds": "--json",
    "media duplicates": "--json", "media validate": "--json", "plan": "--account --days --json",
    "queue list": "--json", "queue show": "--json", "queue now": "--account --item", "queue add": "--at",
    "queue claim": "", "queue posted": "", "queue skip": "", "queue reject": "", "queue snooze": "--for",
    "queue swap": "", "queue approve": "", "queue undo": "", "queue retry": "", "queue resolve": "--live --not-live",
    "history": "--account --since --limit --json", "history show": "--json", "history stats": "--account --json",
    "pause": "--account", "resume": "--account",
    "users list": "--team --role --json", "users promote": "", "users demote": "", "users deactivate": "",
    "users activate": "", "users team": "", "users stats": "--json",
    "runs": "--step --failed --limit --json", "runs show": "--json", "why": "--json",
    "backup create": "", "backup list": "--json", "backup verify": "", "backup restore": "--force",
    "backup prune": "", "db upgrade": "", "db current": "", "db check": "", "db copy": "--to", "service install": "",
}  # fmt: skip


@pytest.mark.parametrize("name", PROMISED)
def test_it_is_there_with_its_options(name: str) -> None:
    command = typer.main.get_command(build([]))
    for word in name.split():
        below = getattr(command, "commands", {})
        assert word in below, f"there is no {name}"
        command = below[word]
    there = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
    assert set(PROMISED[name].split()) <= there
    assert command.help, "it says what it does"


def test_what_changes_the_library_tells_it(project: Project) -> None:
    [edited] = project.done("media", "edit", "cats/1.jpg", "--title", "New", "--interaction", "--json").rows("items")
    assert set(edited) == ITEM
    assert (edited["title"], edited["requires_interaction"]) == ("New", True)
    [reset] = project.done("media", "edit", "cats/1.jpg", "--reset", "title", "--json").rows("items")
    assert reset["title"] == ""
    [shown] = project.done("media", "show", "cats/1.jpg", "--json").rows("items")
    assert set(shown) == ITEM | {"holds", "twins", "events"}
    [hold] = project.done("media", "hold", "cats/1.jpg", "--account", "main", "--json").rows("holds")
    assert (set(hold), hold["reason"], hold["until"]) == (HOLD, "manual", None)
    assert project.done("media", "holds", "--json").rows("holds") == [hold]
    [released] = project.done("media", "release", "cats/1.jpg", "--json").rows("holds")
    assert released["item"] == hold["item"]


def test_the_library_answers_by_each_of_its_options(project: Project) -> None:
    project.done("media", "edit", "cats/1.jpg", "--tag", "summer", "--interaction")
    (project.folder / "pictures/dogs/0.jpg").unlink()
    project.done("sync")

    def names(*options: str) -> list[object]:
        return [item["key"] for item in project.done("media", "list", "--json", *options).rows("items")]

    everything = ["cats/1.jpg", "cats/3.jpg", "cats/5.jpg", "dogs/0.jpg", "dogs/2.jpg", "dogs/4.jpg"]
    assert sorted(map(str, names())) == everything
    assert names("--tag", "summer") == names("--interaction", "yes") == ["cats/1.jpg"]
    assert sorted(map(str, names("--category", "cats"))) == everything[:3]
    assert names("--state", "removed") == ["dogs/0.jpg"]
    assert names("--state", "broken") == []
    assert len(names("--interaction", "no")) == 5
    assert len(names("--limit", "2")) == 2
    assert len(names("--source", "photos")) == 6


def test_what_changes_the_team_tells_it(project: Project) -> None:
    [ada] = project.done("users", "promote", "telegram:1", "--json").rows("users")
    assert (set(ada), ada["role"], ada["notifier"], ada["active"], ada["posts"]) == (USER, "admin", "telegram", True, 0)
    assert project.done("users", "team", "telegram:1", "red", "--json").rows("users")[0]["team"] == "red"
    assert project.done("users", "deactivate", "telegram:1", "--json").rows("users")[0]["active"] is False
    assert project.done("users", "activate", "telegram:1", "--json").rows("users")[0]["active"] is True
    project.done("users", "promote", "telegram:2")
    assert project.done("users", "demote", "telegram:2", "--json").rows("users")[0]["role"] == "member"

    def ids(*options: str) -> list[object]:
        return [user["id"] for user in project.done("users", "list", "--json", *options).rows("users")]

    assert ids("--team", "red") == ids("--role", "admin") == ["telegram:1"]
    assert ids("--role", "member") == ["telegram:2"]
    assert ids("--team", "blue") == []


def test_records_and_history_answer_by_each_of_their_options(project: Project) -> None:
    post_id = project.post_now("--item", "cats/1.jpg")
    project.done("queue", "skip", post_id, "--why", "too dark")
    (project.folder / "pictures").rename(project.folder / "elsewhere")
    assert project("sync").code == 1

    def steps(*options: str) -> set[object]:
        rows = project.done("runs", "--json", *options).rows("runs")
        assert all(set(row) == RUN for row in rows)
        assert {row["triggered_by"] for row in rows} <= {"user", "scheduler", "cli", "system", "watch", "startup"}
        assert {row["status"] for row in rows} <= {"running", "completed", "failed"}
        return {row["step"] for row in rows}

    assert steps("--step", "sync") == steps("--failed") == {"sync"}
    [failed] = project.done("runs", "--failed", "--json").rows("runs")
    assert failed["error"]
    assert failed["error_type"]
    assert len(project.done("runs", "--limit", "1", "--json").rows("runs")) == 1
    [post] = project.done("history", "--account", "main", "--since", "1d", "--limit", "5", "--json").rows("posts")
    assert (set(post), post["state"], post["decided_by"] is not None) == (POST, "skipped", True)
    assert project.done("history", "--since", "2999-01-01", "--json").rows("posts") == []
    [shown] = project.done("history", "show", post_id, "--json").rows("posts")
    assert set(shown) == POST | {"journal"}
    journal = shown["journal"]
    assert isinstance(journal, list)
    assert set(journal[-1]) == JOURNAL
    assert (journal[-1]["to"], journal[-1]["why"]) == ("skipped", "too dark")
