"""How the daemon is, by HTTP, asked of a real one; its pulse, and its window when nobody behaves."""

from __future__ import annotations

import json
import re
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from storyline_core import (
    AlertLevel,
    Check,
    Figure,
    Health,
    HealthSettings,
    Status,
    Storyline,
    Unavailable,
    load,
    load_plugins,
    open_store,
    open_storyline,
)
from storyline_runner.daemon.health import HealthLoop, note_pulse
from storyline_runner.daemon.looking import Look, Looking
from storyline_runner.daemon.loops import Loop
from storyline_runner.daemon.metrics import metrics_text
from storyline_runner.daemon.pulse import Pulse
from storyline_runner.daemon.stopping import Stop
from storyline_runner.daemon.window import AT_ONCE, Answers, seen, show
from tests.runners.conftest import SETTINGS, Project, furnish

PATIENCE_S = 90.0
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def until(true: Callable[[], object], *processes: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        for process in processes:
            assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def ask(port: int, path: str, method: str = "GET") -> tuple[int, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def answers(port: int) -> bool:
    try:
        return ask(port, "/health/simple")[0] == 200
    except OSError:
        return False


@contextmanager
def hook() -> Iterator[tuple[int, list[dict[str, object]]]]:
    """Where alerts go: a server that keeps what it is sent."""
    kept: list[dict[str, object]] = []

    class Visitor(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            kept.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with HTTPServer(("127.0.0.1", 0), Visitor) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server.server_address[1], kept
        finally:
            server.shutdown()
            thread.join()


def watched(command: Project, port: int, hooked: int) -> subprocess.Popen[str]:
    """A daemon with a window and two channels, of which one is dead, and an open alert."""
    furnish(command, "sqlite:///storyline.db", "hybrid")
    more = f"""
[health]
port = {port}
[alerts]
notifiers = ["ops", "dead"]
[notifiers.ops]
kind = "webhook"
url = "http://127.0.0.1:{hooked}/s3cr3tpart"
[notifiers.dead]
kind = "webhook"
url = "http://127.0.0.1:{free_port()}/s3cr3tpart"
"""
    command.settings(SETTINGS.format(database="sqlite:///storyline.db", mode="hybrid") + more)
    with closing(open_store(f"sqlite:///{command.folder / 'storyline.db'}")) as store, store.begin() as unit:
        unit.alerts.raise_(
            "uncertain/main/x", level=AlertLevel.ERROR, text="main: nobody knows.", remedy="Look.", at=NOW
        )
    process = command.start("run")
    until(lambda: answers(port), process)
    until(lambda: ask(port, "/health/ready")[0] == 200, process)
    return process


def workers_in(command: Project) -> dict[str, object]:
    return {
        str(row["name"]): row["status"]
        for row in command("check", "--json").rows("checks")
        if str(row["name"]).startswith("worker")
    }


def test_a_real_daemon_shows_how_it_is_and_tells_its_alerts(command: Project) -> None:
    port = free_port()
    with hook() as (hooked, told):
        process = watched(command, port, hooked)
        code, body = ask(port, "/health")
        health = json.loads(body)
        assert set(health) == {"status", "checks"}
        rows = {row["name"]: row for row in health["checks"]}
        assert rows["source photos"]["status"] == "healthy"
        assert rows["notifier dead"]["status"] == "degraded"
        # An open error makes it unhealthy.
        assert (code, health["status"], rows["alert"]["status"]) == (503, "unhealthy", "unhealthy")
        assert ask(port, "/health/live") == (200, '{"status": "alive", "loops": []}\n')
        until(lambda: told, process)
        assert [(each["key"], each["status"]) for each in told] == [("uncertain/main/x", "open")]
        until(lambda: "alerts to dead" in ask(port, "/health")[1], process)
        shows_figures(port)
        assert list(workers_in(command).values()) == ["healthy"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
        assert list(workers_in(command)) == ["worker"], "it said goodbye"


def shows_figures(port: int) -> None:
    code, metrics = ask(port, "/metrics")
    assert code == 200
    assert 'storyline_source_items{source="photos",state="alive"} 6.0' in metrics
    assert 'storyline_alerts_open{level="error"} 1.0' in metrics
    assert re.search(r'storyline_loop_turned_age_seconds\{loop="the accounts",worker="[^"]+"\}', metrics)
    assert "s3cr3tpart" not in metrics + ask(port, "/health")[1]
    assert ask(port, "/elsewhere")[0] == 404
    assert ask(port, "/health/simple", "HEAD") == (200, "")
    assert ask(port, "/health", "POST")[0] == 501


def test_a_daemon_that_was_killed_is_missed_and_its_successor_is_not(project: Project) -> None:
    process = project.start("run")
    store = open_store(f"sqlite:///{project.folder / 'storyline.db'}")

    def known() -> list[str]:
        with store.read() as unit:
            return [worker.name for worker in unit.workers.all()]

    until(known, process)
    [first] = known()
    process.kill()
    process.wait(PATIENCE_S)
    assert known() == [first]
    process = project.start("run")
    until(lambda: len(known()) == 2, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    assert known() == [first]
    store.close()


@pytest.mark.skipif(not Path("/proc/self/net/tcp").exists(), reason="asks Linux what listens")
def test_without_a_port_nothing_listens(project: Project) -> None:
    process = project.start("run")
    assert process.stderr is not None
    assert "Storyline runs" in process.stderr.readline()
    lines = Path(f"/proc/{process.pid}/net/tcp").read_text().splitlines()[1:]
    inodes = {line.split()[9] for line in lines if line.split()[3] == "0A"}
    ours = {str(link.readlink()) for link in Path(f"/proc/{process.pid}/fd").iterdir()}
    assert not {f"socket:[{inode}]" for inode in inodes} & ours
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0


@contextmanager
def window(looking: Looking, pulse: Pulse, stopping: Callable[[], bool] = lambda: False) -> Iterator[int]:
    """A window in this process."""
    port, stop = free_port(), Stop()
    said = Answers(looking, pulse, lambda: NOW, stopping)
    thread = Thread(target=show, args=(HealthSettings(port), said, stop), daemon=True)
    thread.start()
    until(lambda: answers(port))
    try:
        yield port
    finally:
        stop.say()
        thread.join(PATIENCE_S)


def health(status: Status, message: str = "fine") -> Health:
    return Health((Check("database", status, message, "", "", (Figure("pool_days", 2.5, {"account": 'a"b'}),)),))


@pytest.mark.parametrize(("status", "code"), [("healthy", 200), ("degraded", 200), ("unhealthy", 503)])
def test_the_code_says_whether_it_is_unhealthy(status: str, code: int) -> None:
    looking = Looking()
    looking.show(health(Status(status)))
    with window(looking, Pulse()) as port:
        assert ask(port, "/health?x=1")[0] == code
        assert ask(port, "/health/")[0] == code
        assert ask(port, "/health/simple")[0] == 200
        assert ask(port, "/health/ready")[0] == code


def test_an_address_that_is_taken_is_told_in_words() -> None:
    said = r"^127\.0\.0\.1:\d+ cannot be used \(Address already in use\)\. Change \[health\] port or bind, or end"
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings = HealthSettings(port=other.getsockname()[1])
        with pytest.raises(Unavailable, match=said):
            show(settings, Answers(Looking(), Pulse(), lambda: NOW, lambda: False), Stop())


def test_an_address_of_the_newer_kind_is_spelled_as_browsers_read_it(caplog: pytest.LogCaptureFixture) -> None:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
            port = server.getsockname()[1]
    except OSError:
        pytest.skip("there is no IPv6 here")
    caplog.set_level("INFO", "storyline")
    stop = Stop()
    stop.say()
    show(HealthSettings(port=port, bind="::1"), Answers(Looking(), Pulse(), lambda: NOW, lambda: False), stop)
    assert caplog.messages == [f"How it is, by HTTP: http://[::1]:{port}/health"]


def test_before_the_first_look_it_is_not_ready() -> None:
    with window(Looking(), Pulse()) as port:
        assert ask(port, "/health/ready") == (503, '{"status": "not ready"}\n')
        assert "storyline_health 2.0" in ask(port, "/metrics")[1]


def test_once_it_is_to_stop_it_is_not_ready() -> None:
    looking = Looking()
    looking.show(health(Status.HEALTHY))
    with window(looking, Pulse(), lambda: True) as port:
        assert ask(port, "/health/ready")[0] == 503
        assert ask(port, "/health/live")[0] == 200


def test_secrets_are_not_shown() -> None:
    looking = Looking()
    looking.show(health(Status.DEGRADED, "postgresql://ada:hunter2@db/x token=abcdefghijkl"))
    with window(looking, Pulse()) as port:
        for path in ("/health", "/metrics"):
            body = ask(port, path)[1]
            assert "hunter2" not in body
            assert "abcdefghijkl" not in body


def test_visitors_who_say_nothing_keep_nobody_out_for_long() -> None:
    looking = Looking()
    looking.show(health(Status.HEALTHY))
    with window(looking, Pulse()) as port:
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(AT_ONCE + 4)]
        until(lambda: answers(port))
        for each in silent:
            each.close()


def test_a_look_that_is_wanted_is_taken_and_a_fresh_one_is_shared() -> None:
    looking, taken, stop = Looking(), [], Event()

    def look() -> None:
        while not stop.is_set():
            if looking.wait(timedelta(seconds=0.05)):
                taken.append(1)
                looking.show(health(Status.HEALTHY))

    thread = Thread(target=look)
    thread.start()
    for _ in range(20):
        assert looking.ask() is not None
    stop.set()
    thread.join()
    assert len(taken) == 1


def test_a_look_that_hangs_is_not_believed() -> None:
    found = health(Status.HEALTHY)
    fresh = Look(found, time.monotonic())
    assert seen(fresh).status is Status.HEALTHY
    assert seen(Look(found, time.monotonic() - 17 * 60)).status is Status.UNHEALTHY
    assert seen(Look(found, time.monotonic() - 60, timedelta(minutes=3))).status is Status.UNHEALTHY
    assert seen(None).status is Status.UNHEALTHY


def test_metrics_are_spelled_for_prometheus() -> None:
    kind, text = metrics_text(health(Status.DEGRADED), timedelta(seconds=2))
    assert kind.startswith("text/plain")
    assert "# TYPE storyline_pool_days gauge" in text
    assert 'storyline_pool_days{account="a\\"b"} 2.5' in text
    assert 'storyline_check{name="database"} 1.0' in text
    assert "storyline_look_age_seconds 2.0" in text


def test_a_loop_that_asks_whether_to_stop_turns() -> None:
    pulse, stop = Pulse(), Stop()
    own = pulse.stop_of("line", stop, timedelta(minutes=5))
    later = NOW + timedelta(minutes=16)
    assert pulse.dead(NOW) == ()
    every, at = pulse.loops(later)["line"]
    assert (every, at <= later) == (timedelta(minutes=5), True)
    own.sleep(timedelta())
    own.cut_short()
    assert not own()
    own.say()
    assert stop()
    assert own()


def test_a_loop_that_fails_over_and_over_does_not_turn() -> None:
    pulse, stop = Pulse(), Stop()
    failed = Event()

    def body() -> None:
        own()
        failed.set()
        raise ValueError("broken")

    own = pulse.stop_of("line", stop)
    loop = Loop("line", body, stop, pulse)
    loop.start()
    failed.wait(PATIENCE_S)
    stop.say()
    assert loop.ends_within(timedelta(seconds=PATIENCE_S))
    time.sleep(0.2)
    own()
    # The latest turn that is believed is the one before it failed.
    assert pulse.loops(NOW)["line"][1] <= NOW - timedelta(seconds=0.2)


def test_a_database_that_fails_is_shown_at_once_and_so_is_its_return(project: Project) -> None:
    looking, stop = Looking(), Stop()
    with closing(sqlite3.connect(project.folder / "storyline.db")) as database, opened(project) as storyline:
        thread = Thread(target=HealthLoop(storyline, looking, stop))
        thread.start()
        with window(looking, Pulse()) as port:
            until(lambda: ask(port, "/health/ready")[0] == 200)
            database.execute("ALTER TABLE posts RENAME TO elsewhere")
            until(lambda: ask(port, "/health")[0] == 503)
            assert ask(port, "/health/ready")[0] == 503
            database.execute("ALTER TABLE elsewhere RENAME TO posts")
            until(lambda: ask(port, "/health")[0] == 200)
            assert ask(port, "/health/ready")[0] == 200
        stop.say()
        thread.join(PATIENCE_S)


def test_a_daemon_whose_database_file_was_removed_says_so_and_makes_no_other(command: Project) -> None:
    port = free_port()
    furnish(command, "sqlite:///storyline.db", "hybrid")
    text = SETTINGS.format(database="sqlite:///storyline.db", mode="hybrid")
    command.settings(f"{text}[health]\nport = {port}\n")
    file = command.folder / "storyline.db"
    kept = command.folder / "kept"
    kept.mkdir()
    process = command.start("run")
    until(lambda: answers(port), process)
    until(lambda: ask(port, "/health/ready")[0] == 200, process)
    for path in command.folder.glob("storyline.db*"):
        path.rename(kept / path.name)
    until(lambda: ask(port, "/health")[0] == 503, process)
    [row] = [each for each in json.loads(ask(port, "/health")[1])["checks"] if each["name"] == "database"]
    assert row["status"] == "unhealthy"
    assert "was removed or replaced while Storyline works" in row["message"]
    assert "restore a backup" in row["message"] + row["remedy"]
    assert ask(port, "/health/ready")[0] == 503
    assert not file.exists()
    for path in kept.iterdir():
        path.rename(command.folder / path.name)
    until(lambda: ask(port, "/health")[0] == 200, process)
    for path in command.folder.glob("storyline.db*"):
        path.unlink()
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, (out, err)
    assert not file.exists()


@contextmanager
def opened(project: Project) -> Iterator[Storyline]:
    plugins = load_plugins()
    with open_storyline(load(project.folder / "storyline.toml", {}, plugins), plugins=plugins) as storyline:
        yield storyline


def test_notes_outlive_a_failure_and_end_with_goodbye(project: Project) -> None:
    pulse, stop = Pulse(), Stop()
    own = pulse.stop_of("notes", stop)
    with opened(project) as storyline:
        thread = Thread(target=note_pulse, args=(storyline, pulse, own))
        thread.start()

        def noted() -> list[str]:
            with storyline.read() as unit:
                return [loop for worker in unit.workers.all() for loop in worker.loops]

        until(lambda: noted() == ["notes"])
        stop.say()
        thread.join(PATIENCE_S)
        assert noted() == []
