"""Stories, numbers and sheets of what happened."""

from __future__ import annotations

import csv
import io

import pytest

from tests.runners.conftest import Project, Said


def sheet(said: Said) -> list[dict[str, str]]:
    """The rows of a sheet."""
    return list(csv.DictReader(io.StringIO(said.out)))


@pytest.fixture
def told(project: Project) -> tuple[Project, str]:
    """A project in which one post went out by hand and one was skipped."""
    project.done("sync")
    first = project.post_now("--item", "cats/1.jpg")
    project.done("queue", "posted", first)
    second = project.post_now("--item", "dogs/2.jpg")
    project.done("queue", "skip", second, "--why", "too dark")
    return project, second


def test_the_story_of_a_post_says_who_did_what_and_why(told: tuple[Project, str]) -> None:
    project, post = told
    said = project.done("why", post).out
    assert said.splitlines()[0].startswith(f"Post {post}")
    assert "Somebody asked for it" in said
    assert "skipped it: too dark" in said
    story = project.done("why", post, "--json").rows("story")
    assert story[0]["text"] == "Somebody asked for it"
    assert story[-1]["why"] == ["too dark"]


def test_the_story_of_an_item_spans_its_posts(told: tuple[Project, str]) -> None:
    project, post = told
    said = project.done("why", "dogs/2.jpg").out
    lines = said.splitlines()
    assert "It was found for the first time" in lines[1]
    assert f"skipped it (main, post {post}): too dark" in said
    assert project("why", "no-such-thing").code == 1


def test_what_became_of_posts_is_counted(told: tuple[Project, str]) -> None:
    project, _ = told
    rows = project.done("history", "stats", "--json").rows("outcomes")
    facts = [(row["account"], row["category"], row["settled"], row["posted"], row["skipped"]) for row in rows]
    assert facts == [("main", "cats", 1, 1, 0), ("main", "dogs", 1, 0, 1)]
    assert "1 (50%)" in project.done("history", "stats").out
    assert project.done("history", "stats", "--since", "2999-01-01", "--json").rows("outcomes") == []


def test_what_people_did_is_counted(told: tuple[Project, str]) -> None:
    project, _ = told
    [row] = project.done("users", "stats", "--json").rows("stats")
    assert row["decisions"] == {"posted": 1, "skip": 1}
    assert isinstance(row["busiest_hours"], list)
    assert len(row["busiest_hours"]) in (1, 2)
    assert "1 posted, 1 skip" in project.done("users", "stats").out
    assert project.done("users", "stats", "--since", "2999-01-01", "--json").rows("stats") == []


def test_somebody_who_was_never_seen_has_no_numbers(told: tuple[Project, str]) -> None:
    project, _ = told
    said = project("users", "stats", "nobdoy")
    assert said.code == 1
    assert "storyline users list" in said.err
    [row] = project.done("users", "stats", "--json").rows("stats")
    assert project.done("users", "stats", str(row["id"]), "--json").rows("stats") == [row]


@pytest.mark.parametrize("words", [("now",), ("add", "cats/1.jpg", "--at", "2999-01-01 12:00")])
def test_whoever_asks_for_a_post_is_known(project: Project, words: tuple[str, ...]) -> None:
    project.done("queue", *words)
    [person] = project.done("users", "list", "--json").rows("users")
    assert str(person["id"]).startswith("cli:")
    assert person["name"] == str(person["id"]).partition(":")[2]
    [row] = project.done("users", "stats", str(person["id"]), "--json").rows("stats")
    assert row["decisions"] == {}


def test_a_sheet_without_rows_is_empty(told: tuple[Project, str]) -> None:
    project, _ = told
    assert project.done("users", "stats", "--since", "2999-01-01", "--csv").out == ""


def test_every_list_is_a_sheet_as_well(told: tuple[Project, str]) -> None:
    project, post = told
    rows = sheet(project.done("history", "--csv"))
    assert {row["state"] for row in rows} == {"posted", "skipped"}
    assert post in {row["id"] for row in rows}
    assert rows[0]["item.name"].endswith(".jpg")
    project.done("media", "edit", "cats/3.jpg", "--title", "=1+1", "--tag", "a", "--tag", "b")
    [item] = [row for row in sheet(project.done("media", "list", "--csv")) if row["key"] == "cats/3.jpg"]
    assert (item["title"], item["tags"]) == ("'=1+1", "a; b")
    assert sheet(project.done("runs", "--csv"))[0]["step"]
    assert sheet(project.done("users", "stats", "--csv"))[0]["decisions.skip"] == "1"
    assert sheet(project.done("users", "list", "--csv"))[0]["role"] == "member"
