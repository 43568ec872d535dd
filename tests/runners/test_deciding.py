"""What a person does about posts at the command line, from the card to the history."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta

from storyline_runner.session import who
from storyline_runner.times import now as utc_now
from tests.runners.conftest import Project


def state_of(project: Project, post_id: str) -> str:
    return str(project.done("queue", "show", post_id, "--json").rows("posts")[0]["state"])


def test_a_story_posted_by_hand(project: Project) -> None:
    card = project.done("queue", "now", "--item", "cats/1.jpg").out
    [post] = project.done("queue", "list", "--json").rows("posts")
    post_id = str(post["id"])
    assert f"storyline queue posted {post_id}" in card
    assert "1.jpg" in card
    start = post_id[:6]
    assert f"reserved for {who()}" in project.done("queue", "claim", start).out
    said = project.done("queue", "posted", start, "--why", "with a sticker").out.splitlines()
    assert len(said) == 2
    assert said[0].startswith(f"{post_id} for main: posted, at ")
    assert said[0].endswith(f"Europe/Berlin, by {who()}, with a sticker. cats/1.jpg")
    assert said[1].endswith(f"storyline queue undo {post_id}")
    assert state_of(project, post_id) == "posted"
    assert "1.jpg" in project.done("history").out
    assert "cooldown" in project.done("media", "holds").out
    shown = project.done("history", "show", start).out
    assert "by hand, so somebody said" in shown
    assert "with a sticker" in shown


def test_what_a_paused_account_is_asked_to_post_now_waits(project: Project) -> None:
    project.done("pause")
    said = project.done("queue", "now")
    assert "scheduled" in said.out
    assert "main is paused, so it waits. Go on with: storyline resume --account main" in said.err


def test_undo_takes_everything_back(project: Project) -> None:
    post_id = project.post_now()
    project.done("queue", "reject", post_id)
    assert "rejected" in project.done("media", "holds").out
    project.done("queue", "undo", post_id)
    assert state_of(project, post_id) == "offered"
    assert "Nothing is held" in project.done("media", "holds").out
    again = project("queue", "undo", post_id)
    assert again.code == 1
    assert "`queue undo` is not possible" in again.err
    assert "What you can do with it: posted, skip, reject" in again.err


def test_snooze_swap_and_skip(project: Project) -> None:
    post_id = project.post_now()
    first = project.done("queue", "show", post_id, "--json").rows("posts")[0]["item"]
    swapped = project.done("queue", "swap", post_id)
    assert f"storyline queue posted {post_id}" in swapped.out, "the new card is shown at once"
    assert "snoozed" in project.done("queue", "snooze", post_id, "--for", "2h").out
    second = project.done("queue", "show", post_id, "--json").rows("posts")[0]["item"]
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert first["id"] != second["id"]
    project.done("queue", "skip", post_id)
    assert state_of(project, post_id) == "skipped"
    too_long = project("queue", "snooze", project.post_now(), "--for", "10d")
    assert too_long.code == 1
    assert "at the latest" in too_long.err


def test_the_outbox_gets_what_needs_nobody_and_the_team_the_rest(automatic: Project) -> None:
    automatic.done("media", "edit", "dogs/0.jpg", "--link", "https://shop.example.com/tee", "--interaction")
    by_itself = automatic.done("queue", "now", "--item", "cats/1.jpg").out
    assert "posted" in by_itself
    by_hand = automatic.post_now("--item", "dogs/0.jpg")
    assert state_of(automatic, by_hand) == "offered"
    automatic.done("queue", "approve", by_hand)
    assert state_of(automatic, by_hand) == "posted"
    assert len(list((automatic.folder / "outbox").glob("*.jpg"))) == 2
    undone = automatic("queue", "undo", by_hand)
    assert undone.code == 1, "what was published cannot be taken back"


def test_a_chosen_item_at_a_chosen_time(project: Project) -> None:
    said = project.done("queue", "add", "cats/3.jpg", "--at", "tomorrow 18:00").out
    assert "18:00 Europe/Berlin" in said
    [post] = project.done("queue", "list", "--json").rows("posts")
    assert (post["origin"], post["state"], post["slot"]) == ("chosen", "scheduled", None)
    twice = project("queue", "add", "cats/3.jpg", "--at", "tomorrow 19:00")
    assert twice.code == 1
    assert "waiting" in twice.err
    past = project("queue", "add", "cats/5.jpg", "--at", "2020-01-01 10:00")
    assert past.code == 2
    assert "storyline queue now --item cats/5.jpg" in past.err


def test_what_nobody_saw_is_asked_and_resolved(automatic: Project) -> None:
    for answer, becomes in (("--live", "posted"), ("--not-live", "approved")):
        post_id = automatic.post_now("--item", "dogs/0.jpg" if answer == "--live" else "dogs/2.jpg")
        with closing(sqlite3.connect(automatic.folder / "storyline.db")) as database:
            database.execute("DELETE FROM holds")
            database.execute("DELETE FROM publications")
            database.execute(
                "UPDATE posts SET state = 'uncertain', posted_at = NULL, settled_at = NULL WHERE id = ?", (post_id,)
            )
            database.commit()
        assert f"storyline queue resolve {post_id} --live" in automatic.done("queue", "list").out
        automatic.done("queue", "resolve", post_id, answer)
        assert state_of(automatic, post_id) == becomes


def test_a_failed_post_is_tried_again(automatic: Project) -> None:
    post_id = automatic.post_now("--item", "dogs/0.jpg")
    with closing(sqlite3.connect(automatic.folder / "storyline.db")) as database:
        database.execute("DELETE FROM holds")
        database.execute("DELETE FROM publications")
        database.execute("UPDATE posts SET state = 'failed', posted_at = NULL, handle = NULL WHERE id = ?", (post_id,))
        database.commit()
    for file in (automatic.folder / "outbox").iterdir():
        if file.is_file():
            file.unlink()
    automatic.done("queue", "retry", post_id)
    assert state_of(automatic, post_id) == "posted"
    assert len(list((automatic.folder / "outbox").glob("*.jpg"))) == 1


def test_a_paused_account_stands_still(project: Project) -> None:
    assert "paused" in project.done("pause").out
    assert "the account is paused" in project.done("tick").out
    said = project.done("check")
    assert "degraded" in said.out
    assert "storyline resume --account main" in said.out
    project.done("resume", "--account", "main")
    assert "stands still" not in project.done("tick").out


def test_tick_does_what_its_rehearsal_said(automatic: Project) -> None:
    soon = (utc_now() + timedelta(seconds=1)).isoformat(timespec="seconds")
    automatic("queue", "add", "cats/1.jpg", "--at", soon)
    rehearsed = automatic.done("tick", "--dry-run", "--json").json()
    assert not (automatic.folder / "outbox").exists()
    assert rehearsed["dry_run"] is True
    would = rehearsed["would_do"]
    assert isinstance(would, list)
    automatic.done("tick")
    posted = automatic.done("history", "--json").rows("posts")
    assert {row["post"] for row in would} <= {post["id"] for post in posted}


def test_the_plan_is_what_happens(automatic: Project) -> None:
    planned = automatic.done("plan", "--days", "1", "--json").rows("slots")
    automatic.done("tick")
    waiting = automatic.done("queue", "list", "--json").rows("posts")
    picked = [(slot["slot"], slot["item"]["id"]) for slot in planned if isinstance(slot["item"], dict)]
    filled = [(post["slot"], post["item"]["id"]) for post in waiting if isinstance(post["item"], dict)]
    assert filled
    assert filled == picked[: len(filled)]
    shown = automatic.done("plan", "--days", "1").out
    assert "never posted before" in shown
    assert "Europe/Berlin" in shown


def test_the_team(project: Project) -> None:
    assert "is an admin" in project.done("users", "promote", "telegram:123").out
    assert project("users", "promote", "123").code == 1
    project.done("users", "team", "telegram:123", "berlin")
    [user] = project.done("users", "list", "--team", "berlin", "--role", "admin", "--json").rows("users")
    assert (user["id"], user["notifier"], user["role"], user["active"]) == ("telegram:123", "telegram", "admin", True)
    project.done("users", "deactivate", "telegram:123")
    assert "(deactivated)" in project.done("users", "list").out
    project.done("users", "activate", "telegram:123")
    project.done("users", "demote", "telegram:123")
    [user] = project.done("users", "list", "--json").rows("users")
    assert (user["role"], user["active"]) == ("member", True)
    post_id = project.post_now()
    project.done("queue", "skip", post_id)
    assert "1 skip" in project.done("users", "stats").out
    project.done("users", "deactivate", who())
    refused = project("queue", "skip", project.post_now())
    assert refused.code == 1
    assert "deactivated" in refused.err
