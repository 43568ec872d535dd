"""The daemon in processes of its own: isolated loops, a real watcher, kills and take-overs."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image

from storyline_core import Store, open_store
from storyline_runner.times import now as utc_now
from tests.runners.conftest import SETTINGS, Project

PATIENCE_S = 90.0

STUCK = """
import threading
from contextlib import contextmanager

import attrs

from storyline_core import Kind, SourceDefaults, hookimpl


@attrs.frozen
class Nothing:
    pass


class Stuck(SourceDefaults):
    def list_media(self, cursor):
        open("stuck", "w").close()
        threading.Event().wait()

    def open_media(self, key):
        raise NotImplementedError


@contextmanager
def opened(options, runtime):
    yield Stuck()


@hookimpl
def storyline_media_source_providers():
    return [Kind("stuck", Nothing, opened)]
"""


def until(true: Callable[[], object], *processes: subprocess.Popen[str]) -> None:
    """Wait until something is so; it fails when a process ends before."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        for process in processes:
            assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def store_of(project: Project) -> Store:
    """The project's database."""
    return open_store(f"sqlite:///{project.folder / 'storyline.db'}")


def alive(store: Store, source: str = "photos") -> set[str]:
    """The keys of its living items."""
    with store.read() as unit:
        return {item.key for item in unit.library.items(source=source, state="alive")}


def held(store: Store) -> dict[str, str]:
    """Who holds which lease."""
    with store.read() as unit:
        return {lease.subject: lease.holder for lease in unit.leases.held(utc_now())}


def start(project: Project, name: str, *more: str) -> tuple[subprocess.Popen[str], Path]:
    """A daemon with settings of its own that logs where a test can read it while it runs, and that log."""
    text = (project.folder / "storyline.toml").read_text()
    log = project.folder / f"{name}.log"
    lines = (text, *more, "[log]", 'level = "debug"', f'file = "{log}"', "")
    (project.folder / f"{name}.toml").write_text("\n".join(lines))
    return project.start("--config", f"{name}.toml", "run"), log


def picture(path: Path, number: int) -> None:
    """A picture that was dropped just now."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (108, 192), (number * 7 % 256, number * 31 % 256, 99)).save(path)


@pytest.fixture
def stuck(automatic: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with a second source that never answers."""
    plugins = tmp_path / "plugins"
    record = plugins / "stuck-1.0.dist-info"
    record.mkdir(parents=True)
    (plugins / "storyline_stuck.py").write_text(STUCK)
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: stuck\nVersion: 1.0\n")
    (record / "entry_points.txt").write_text("[storyline]\nstuck = storyline_stuck\n")
    monkeypatch.syspath_prepend(str(plugins))
    earlier = os.environ.get("PYTHONPATH")  # noqa: TID251 - handed on to the daemon
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(plugins), earlier))))
    return automatic


def test_a_stuck_source_delays_neither_the_other_nor_the_posts_nor_the_end(stuck: Project) -> None:
    process, log = start(stuck, "daemon", "[sources.dead]", 'kind = "stuck"')
    store = store_of(stuck)
    until((stuck.folder / "stuck").exists, process)
    stuck.done("queue", "now", "--item", "cats/3.jpg")
    until(lambda: any((stuck.folder / "outbox").glob("*.jpg")), process)
    stuck.picture("cats/later.jpg", (1, 2, 3))
    assert stuck("sync", "photos").code == 0
    assert "sync/dead" in held(store)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    assert "Left in the middle of something: dead." in log.read_text()
    assert log.read_text().rstrip().endswith("Stopped.")
    assert held(store) == {}, "whoever starts next need not wait"
    store.close()


def test_a_second_signal_ends_it_at_once_even_if_something_is_stuck(stuck: Project) -> None:
    process, log = start(stuck, "daemon", "[sources.dead]", 'kind = "stuck"')
    until((stuck.folder / "stuck").exists, process)
    process.send_signal(signal.SIGINT)
    until(lambda: "Stopping" in log.read_text(), process)
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 130


@pytest.mark.parametrize(("words", "begins"), [((), r"\d{4}-\d\d-\d\d "), (("--log-json",), r'\{"at": ')])
def test_while_the_server_is_away_it_logs_as_it_always_does(
    command: Project, words: tuple[str, ...], begins: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    command.settings(SETTINGS.format(database=f"postgresql://ada@127.0.0.1:{port}/stories", mode="manual"))
    process = command.start("run", *words)
    assert process.stderr is not None
    lines = [process.stderr.readline()]
    process.send_signal(signal.SIGTERM)
    lines += process.communicate(timeout=PATIENCE_S)[1].splitlines()
    assert process.returncode == 0
    assert "tried again" in lines[0]
    assert [line for line in lines if re.match(begins, line) is None] == []


def test_it_picks_up_what_is_dropped(automatic: Project) -> None:
    store = store_of(automatic)
    process, _ = start(automatic, "daemon")
    until(lambda: "watch/photos" in held(store), process)
    picture(automatic.folder / "pictures/cats/dropped.jpg", 1)
    picture(automatic.folder / "pictures/new/folder/deep.jpg", 2)
    until(lambda: {"cats/dropped.jpg", "new/folder/deep.jpg"} <= alive(store), process)
    (automatic.folder / "pictures/cats/dropped.jpg").unlink()
    until(lambda: "cats/dropped.jpg" not in alive(store), process)
    [row] = automatic.done("sources", "list", "--json").rows("sources")
    assert row["watching"] is True
    assert "(watched)" in automatic.done("sources", "list").out
    assert {run["triggered_by"] for run in automatic.done("runs", "--step", "sync", "--json").rows("runs")} >= {"watch"}
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    assert held(store) == {}
    store.close()


def test_more_young_files_than_can_be_named_are_all_looked_at_again(automatic: Project) -> None:
    file = automatic.picture("cats/0.jpg")
    content = file.read_bytes()
    soon = utc_now().timestamp() + 2
    for number in range(700):
        young = file.parent / f"young-{number}.jpg"
        young.write_bytes(content + number.to_bytes(4, "big"))
        os.utime(young, (soon, soon))
    store = store_of(automatic)
    process, log = start(automatic, "daemon")
    until(lambda: "700 deferred" in _read(log), process)
    until(lambda: len(alive(store)) >= 700, process)
    store.close()


def test_another_process_takes_over_when_the_watching_one_is_killed(automatic: Project) -> None:
    store = store_of(automatic)
    first, _ = start(automatic, "first")
    until(lambda: "watch/photos" in held(store), first)
    second, log = start(automatic, "second")
    until(lambda: "is being worked on by" in _read(log), first, second)
    assert "WARNING" not in _read(log), "that somebody else watches is no trouble"
    first.kill()
    first.wait()
    picture(automatic.folder / "pictures/cats/unheard.jpg", 3)
    with store.begin() as unit:
        # As if the minute were over.
        [lease] = [each for each in unit.leases.held(utc_now()) if each.subject == "watch/photos"]
        assert lease.holder.endswith(f":{first.pid}")
        unit.leases.renew(lease, until=utc_now() + timedelta(milliseconds=1))
    until(lambda: held(store).get("watch/photos", "").endswith(f":{second.pid}"), second)
    until(lambda: "cats/unheard.jpg" in alive(store), second)
    store.close()


def _read(log: Path) -> str:
    return log.read_text() if log.exists() else ""


def test_a_source_taken_out_of_the_settings_keeps_everything(automatic: Project) -> None:
    text = (automatic.folder / "storyline.toml").read_text()
    automatic.done("media", "hold", "cats/1.jpg")
    automatic.settings(
        text.replace("[sources.photos]", "[sources.other]")
        .replace('sources = ["photos"]', 'sources = ["other"]')
        .replace('path = "pictures"', 'path = "elsewhere"')
    )
    (automatic.folder / "elsewhere").mkdir()
    automatic.done("tick")
    listed = automatic.done("sources", "list").out
    assert "not in the settings" in listed
    [other, photos] = automatic.done("sources", "list", "--json").rows("sources")
    assert (photos["name"], photos["kind"], photos["enabled"], photos["alive"]) == ("photos", None, False, 6)
    assert other["kind"] == "local"
    assert len(automatic.done("media", "list", "--source", "photos", "--json").rows("items")) == 6
    assert automatic("media", "list", "--source", "nowhere").code == 2
    automatic.settings(text)
    automatic.done("tick")
    [row] = automatic.done("sources", "list", "--json").rows("sources")
    assert (row["enabled"], row["alive"]) == (True, 6)
    assert len(automatic.done("media", "holds", "--json").rows("holds")) == 1


def test_a_source_renamed_while_it_was_off_is_the_same(automatic: Project) -> None:
    before = {item["digest"]: item["id"] for item in automatic.done("media", "list", "--json").rows("items")}
    automatic.done("sources", "pause", "photos")
    text = (automatic.folder / "storyline.toml").read_text()
    automatic.settings(
        text.replace("[sources.photos]", '[sources.album]\nrenamed_from = "photos"').replace(
            'sources = ["photos"]', 'sources = ["album"]'
        )
    )
    [row] = [each for each in automatic.done("check", "--json").rows("checks") if each["name"] == "source album"]
    assert row["message"] == "is switched off"
    automatic.done("sources", "resume", "album")
    assert "6 unchanged" in automatic.done("sync").out
    after = {item["digest"]: item["id"] for item in automatic.done("media", "list", "--json").rows("items")}
    assert after == before
