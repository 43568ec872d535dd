"""Every JSON document: the keys that scripts rely on, no more than one document, nothing else on standard output."""

from __future__ import annotations

import re
from datetime import datetime

import pytest

from tests.runners.conftest import SETTINGS, Project, furnish

ITEM = {
    "id", "source", "key", "name", "category", "tags", "title", "link_url", "caption", "custom_metadata",
    "requires_interaction", "digest", "size", "media_type", "width", "height", "state", "problem", "times_posted",
    "last_posted_at", "added_by", "instagram_media_id", "backfilled_at",
}  # fmt: skip
POST = {
    "id", "account", "slot", "origin", "due_at", "state", "revision", "item", "created_at", "decided_by", "decided_at",
    "posted_at", "attempts", "next_attempt_at", "last_error", "reason", "metadata", "publication",
}  # fmt: skip
SYNC = {
    "source", "dry_run", "added", "edited", "moved", "restored", "removed", "described", "touched", "unchanged",
    "deferred", "broken", "duplicates", "hashed", "pruned", "held", "plan", "errors", "duration_ms",
}  # fmt: skip
RUN = {
    "id", "step", "subject", "triggered_by", "user", "input", "started_at", "completed_at", "duration_ms", "status",
    "result", "error", "error_type",
}  # fmt: skip
USER = {"id", "notifier", "name", "username", "team", "role", "active", "posts", "first_seen_at", "last_seen_at"}
SOURCE = {
    "name", "kind", "root", "enabled", "watching", "interval_s", "alive", "removed", "broken", "last_run",
    "last_good_at",
}  # fmt: skip
HOLD = {"item", "digest", "account", "reason", "until", "by", "at"}
JOURNAL = {"at", "from", "to", "by", "why"}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, command: Project) -> Project:
    """A project on an embedded database, and on a server's."""
    url = "sqlite:///storyline.db"
    if request.param == "postgresql":
        url = str(request.getfixturevalue("empty_postgresql_url")).replace("+psycopg2", "")
    return furnish(command, url, "manual")


def test_the_library_speaks_the_promised_json(either: Project) -> None:
    project = either
    [run] = project.done("sync", "--json").rows("runs")
    assert set(run) == SYNC
    assert (run["source"], run["unchanged"], run["held"], run["dry_run"]) == ("photos", 6, None, False)

    [source] = project.done("sources", "list", "--json").rows("sources")
    assert set(source) == SOURCE
    assert (source["alive"], source["interval_s"], source["watching"]) == (6, 300, False)
    assert str(source["root"]).endswith("/pictures")
    last_run = source["last_run"]
    assert isinstance(last_run, dict)
    assert set(last_run) == RUN

    items = project.done("media", "list", "--json").rows("items")
    assert all(set(item) == ITEM for item in items)
    assert [item["state"] for item in items] == ["alive"] * 6

    slots = project.done("plan", "--days", "1", "--json").rows("slots")
    assert all(set(slot) == {"account", "slot", "item", "why"} for slot in slots)
    assert all(set(slot["item"]) == {"id", "name", "category"} for slot in slots if isinstance(slot["item"], dict))


def test_posts_and_people_speak_the_promised_json(either: Project) -> None:
    project = either
    post_id = project.post_now()
    [waiting] = project.done("queue", "list", "--json").rows("posts")
    assert set(waiting) == POST
    assert (waiting["id"], waiting["state"], waiting["origin"], waiting["slot"]) == (post_id, "offered", "now", None)

    [shown] = project.done("queue", "show", post_id, "--json").rows("posts")
    assert set(shown) == POST | {"journal"}
    journal = shown["journal"]
    assert isinstance(journal, list)
    assert all(set(entry) == JOURNAL for entry in journal)
    assert [entry["to"] for entry in journal] == ["scheduled", "offering", "offered"]

    project.done("queue", "posted", post_id, "--json")
    [settled] = project.done("history", "--json").rows("posts")
    assert set(settled) == POST
    assert (settled["state"], settled["publication"]) == ("posted", {"remote_id": None, "url": None})
    assert project.done("history", "show", post_id, "--json").rows("posts")[0]["id"] == post_id

    [hold] = project.done("media", "holds", "--json").rows("holds")
    assert set(hold) == HOLD
    assert (hold["reason"], hold["account"]) == ("cooldown", "main")

    users = project.done("users", "list", "--json").rows("users")
    assert [set(user) for user in users] == [USER]
    assert users[0]["posts"] == 1

    runs = project.done("runs", "--json").rows("runs")
    assert all(set(each) == RUN for each in runs)
    assert runs[-1]["triggered_by"] == "cli"
    [one] = project.done("runs", "show", str(runs[-1]["id"]), "--json").rows("runs")
    assert set(one) == RUN | {"traceback"}

    health = project.done("check", "--json").json()
    assert set(health) == {"status", "checks"}
    rows = health["checks"]
    assert isinstance(rows, list)
    assert all(set(row) == {"name", "status", "message", "remedy"} for row in rows)


def test_a_rehearsed_sync_also_lists_its_changes(project: Project) -> None:
    project.picture("cats/new.jpg", (9, 9, 9))
    (project.folder / "pictures/dogs/0.jpg").rename(project.folder / "pictures/dogs/zero.jpg")
    [run] = project.done("sync", "--dry-run", "--json").rows("runs")
    assert set(run) == SYNC | {"changes"}
    assert run["changes"] == [
        {"kind": "moved", "key": "dogs/zero.jpg", "was": "dogs/0.jpg"},
        {"kind": "added", "key": "cats/new.jpg", "was": None},
    ]
    [again] = project.done("sync", "--json").rows("runs")
    assert (again["added"], again["moved"]) == (1, 1)


def test_what_notifiers_print_does_not_reach_the_document(project: Project) -> None:
    said = project.done("queue", "now", "--json")
    [post] = said.rows("posts")
    assert "storyline queue posted" not in said.out
    assert f"storyline queue posted {post['id']}" in said.err
    ticked = project.done("tick", "--json").json()
    assert {"syncs", "decisions", "accounts", "posts", "errors"} <= set(ticked)


def test_kinds_and_validation(command: Project) -> None:
    kinds = command.done("plugins", "--json").rows("kinds")
    assert all(set(kind) == {"kind", "contract", "package", "version"} for kind in kinds)
    named = {(kind["contract"], kind["kind"]) for kind in kinds}
    assert {("source", "local"), ("publisher", "outbox"), ("notifier", "terminal")} <= named

    good, bad = command.picture("good.jpg"), command.folder / "bad.jpg"
    bad.write_text("not a picture")
    said = command("media", "validate", str(good), str(bad), "--json")
    assert said.code == 1
    keys = {"path", "valid", "errors", "warnings", "width", "height", "aspect_ratio", "size_mb", "format"}
    assert [(set(file), file["valid"]) for file in said.rows("files")] == [(keys, True), (keys, False)]


def test_instants_are_utc_with_z(project: Project) -> None:
    post_id = project.post_now()
    project.done("queue", "posted", post_id)
    [post] = project.done("history", "--json").rows("posts")
    for key in ("due_at", "created_at", "decided_at", "posted_at"):
        assert INSTANT.fullmatch(str(post[key])), (key, post[key])
        datetime.fromisoformat(str(post[key]))


def test_the_metadata_is_what_it_went_out_with(automatic: Project) -> None:
    automatic.done("media", "edit", "cats/1.jpg", "--title", "As it was", "--tag", "cat")
    post_id = automatic.post_now("--item", "cats/1.jpg")
    automatic.done("media", "edit", "cats/1.jpg", "--title", "As it is")
    [post] = automatic.done("history", "show", post_id, "--json").rows("posts")
    metadata, item, publication = post["metadata"], post["item"], post["publication"]
    assert isinstance(metadata, dict)
    assert isinstance(item, dict)
    assert isinstance(publication, dict)
    assert (metadata["title"], metadata["tags"], item["title"]) == ("As it was", ["cat"], "As it is")
    assert str(publication["url"]).startswith("file:///")
    assert str(publication["remote_id"]).endswith(".jpg")


def test_lists_are_empty_before_anything_happened_and_nothing_is_made(command: Project) -> None:
    command.settings(SETTINGS.format(database="sqlite:///storyline.db", mode="manual"))
    (command.folder / "pictures").mkdir()
    for words, name in (
        (("queue", "list"), "posts"), (("history",), "posts"), (("media", "list"), "items"),
        (("media", "holds"), "holds"),
        (("media", "duplicates"), "groups"), (("users", "list"), "users"), (("users", "stats"), "stats"),
        (("runs",), "runs"),
    ):  # fmt: skip
        assert command.done(*words, "--json").rows(name) == []
        assert command.done(*words).out.strip()
    assert not (command.folder / "storyline.db").exists()
