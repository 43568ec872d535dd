"""The library at the command line: syncing, looking, editing, holding, validating."""

from __future__ import annotations

import json
import shutil

from tests.runners.conftest import SETTINGS, Project


def test_a_sync_says_what_happened_and_a_rehearsal_writes_nothing(project: Project) -> None:
    pictures = project.folder / "pictures"
    (pictures / "dogs/0.jpg").rename(pictures / "cats/zero.jpg")
    shutil.copy2(pictures / "cats/1.jpg", pictures / "cats/one.jpg")
    (pictures / "cats/broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and then nothing")
    rehearsed = project.done("sync", "--dry-run")
    assert "nothing written" in rehearsed.out
    assert "> cats/zero.jpg  (was dogs/0.jpg)" in rehearsed.out
    assert "+ cats/one.jpg" in rehearsed.out
    assert len(project.done("media", "list", "--json").rows("items")) == 6
    done = project.done("sync").out
    assert "2 added, 1 moved, 1 copy of another" in done
    assert "1 broken in all" in done
    assert "storyline media list --state broken" in done
    assert "nothing new" in project.done("sync").out
    assert "BROKEN" in project.done("media", "list", "--state", "broken").out
    assert "1 group with the same content: 1 file too many" in project.done("media", "duplicates").out


def test_metadata_reaches_the_item_and_a_person_wins(project: Project) -> None:
    sidecar = {"title": "From the file", "tags": ["a", "b"], "link_url": "https://example.com/file"}
    (project.folder / "pictures/cats/1.json").write_text(json.dumps(sidecar))
    project.done("sync")
    project.done("media", "edit", "cats/1.jpg", "--title", "From me", "--tag", "", "--no-interaction")
    [item] = project.done("media", "show", "cats/1.jpg", "--json").rows("items")
    assert (item["title"], item["tags"], item["requires_interaction"]) == ("From me", [], False)
    assert item["link_url"] == "https://example.com/file"
    project.done("media", "edit", "cats/1.jpg", "--reset", "title", "--reset", "tags", "--reset", "interaction")
    [item] = project.done("media", "show", "cats/1.jpg", "--json").rows("items")
    assert (item["title"], item["tags"], item["requires_interaction"]) == ("From the file", ["a", "b"], True)
    assert [each["name"] for each in project.done("media", "list", "--tag", "a", "--json").rows("items")] == ["1.jpg"]
    assert "1.jpg" in project.done("media", "list", "--interaction", "yes").out
    assert "1.jpg" not in project.done("media", "list", "--interaction", "no").out
    shown = project.done("media", "show", "cats/1.jpg").out
    assert "From the file" in shown
    assert "edited" in shown
    wrong = project("media", "edit", "cats/1.jpg", "--link", "not a link")
    assert wrong.code == 2
    assert "link_url" in wrong.err


def test_broken_metadata_is_told_and_stops_nothing(project: Project) -> None:
    (project.folder / "pictures/cats/metadata.json").write_text("{ not json")
    project.picture("cats/new.jpg", (1, 2, 3))
    said = project.done("sync")
    assert "1 added" in said.out
    assert "! cats/metadata.json" in said.out


def test_holds_keep_copies_back_too(project: Project) -> None:
    pictures = project.folder / "pictures"
    shutil.copy2(pictures / "cats/1.jpg", pictures / "dogs/same.jpg")
    project.done("sync")
    said = project.done("media", "hold", "cats/1.jpg", "--until", "2099-01-02", "--reason", "seasonal")
    assert "until Fri 02 Jan 2099 00:00 Europe/Berlin" in said.out
    [hold] = project.done("media", "holds", "--json").rows("holds")
    assert (hold["reason"], hold["until"], hold["account"]) == ("seasonal", "2099-01-01T23:00:00Z", None)
    planned = project.done("plan", "--days", "2", "--json").rows("slots")
    names = {slot["item"]["name"] for slot in planned if isinstance(slot["item"], dict)}
    assert names
    assert not names & {"1.jpg", "same.jpg"}
    released = project.done("media", "release", "dogs/same.jpg").out
    assert "seasonal ended" in released
    assert "so is its copy cats/1.jpg" in released
    assert "Nothing held" in project.done("media", "release", "cats/1.jpg").out


def test_validate_says_what_is_wrong(command: Project) -> None:
    folder = command.folder / "pictures"
    command.picture("small.jpg")
    (folder / "text.jpg").write_text("hello")
    said = command("media", "validate", str(folder))
    assert said.code == 1
    assert "ok  " in said.out
    assert "NO  " in said.out
    assert "1080 x 1920 is recommended" in said.out
    assert command("media", "validate", str(folder / "small.jpg")).code == 0


def test_a_long_list_is_cut_for_people_and_not_for_scripts(project: Project) -> None:
    for number in range(60):
        project.picture(f"many/{number:02}.jpg", (number, number, number))
    project.done("sync")
    said = project.done("media", "list", "--category", "many")
    assert len(said.out.splitlines()) == 51
    assert "--limit 0 shows all" in said.err
    assert len(project.done("media", "list", "--category", "many", "--limit", "0").out.splitlines()) == 61
    assert len(project.done("media", "list", "--json").rows("items")) == 66


def test_sources_are_switched_and_renamed(project: Project) -> None:
    project.done("sources", "pause", "photos")
    assert "switched off" in project.done("sources", "list").out
    passed = project.done("sync")
    assert "storyline sources resume photos" in passed.err
    project.done("sources", "resume", "photos")
    early = project("sources", "rename", "photos", "album")
    assert early.code == 2
    assert "[sources.album] with renamed_from" in early.err
    text = (project.folder / "storyline.toml").read_text()
    project.settings(text.replace("sources.photos", "sources.album").replace('"photos"', '"album"'))
    assert "now belongs to album" in project.done("sources", "rename", "photos", "album").out
    assert "nothing new; 6 unchanged" in project.done("sync").out


def test_tombstones_are_pruned_only_when_asked(project: Project) -> None:
    (project.folder / "pictures/cats/1.jpg").unlink()
    assert "1 removed" in project.done("sync").out
    assert project.done("sync", "--prune-missing", "--json").rows("runs")[0]["pruned"] == 0
    rehearsed = project.done("sync", "--prune-missing", "--older-than", "0s", "--dry-run", "--json").rows("runs")
    assert rehearsed[0]["pruned"] == 1
    assert len(project.done("media", "list", "--state", "removed", "--json").rows("items")) == 1
    assert project.done("sync", "--prune-missing", "--older-than", "0s", "--json").rows("runs")[0]["pruned"] == 1
    assert project.done("media", "list", "--state", "removed", "--json").rows("items") == []


def test_names_from_other_encodings_and_terminals(project: Project) -> None:
    odd = "cats/red \x1b[31m line\nbreak.jpg"
    project.picture(odd, (7, 7, 7))
    latin = str(project.folder / "pictures" / "dogs").encode() + b"/caf\xe9.jpg"
    shutil.copyfile(project.folder / "pictures/dogs/0.jpg", latin)
    project.done("sync")
    said = project.done("media", "list").out
    assert "\x1b" not in said
    assert len(said.splitlines()) == 9
    assert len(project.done("media", "list", "--json").rows("items")) == 8
    assert len(project.done("sync", "--dry-run", "--force").out.splitlines()) == 2


def test_everything_moves_to_another_database(project: Project, empty_postgresql_url: str) -> None:
    project.done("queue", "posted", project.post_now())
    address = empty_postgresql_url.replace("+psycopg2", "")
    said = project.done("db", "copy", "--to", address)
    assert "items" in said.out
    full = project("db", "copy", "--to", address)
    assert full.code == 1
    assert "not empty" in full.err
    before = project.done("history", "--json").json()
    items = project.done("media", "list", "--json").json()
    project.settings(SETTINGS.format(database=address, mode="manual"))
    assert project.done("history", "--json").json() == before
    assert project.done("media", "list", "--json").json() == items
    assert "nothing new; 6 unchanged" in project.done("sync").out
    project.done("queue", "posted", project.post_now())
    assert project.done("db", "check").code == 0
    assert project.done("db", "current", "--json").json()["level"] is True


def test_a_rehearsal_knows_a_source_by_its_former_name(project: Project) -> None:
    file = project.folder / "storyline.toml"
    renamed = '[sources.shots]\nrenamed_from = "photos"'
    file.write_text(file.read_text().replace("[sources.photos]", renamed).replace('["photos"]', '["shots"]'))
    [rehearsed] = project.done("sync", "--dry-run", "--json").rows("runs")
    assert (rehearsed["source"], rehearsed["added"], rehearsed["unchanged"]) == ("shots", 0, 6)
    [real] = project.done("sync", "--json").rows("runs")
    assert (real["source"], real["added"], real["unchanged"]) == ("shots", 0, 6)
