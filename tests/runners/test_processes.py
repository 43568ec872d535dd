"""The command in a process of its own: start-up, streams, signals, the daemon, plugins' commands."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from storyline_core import open_store
from storyline_runner.app import in_order
from storyline_runner.times import now as utc_now
from tests.runners.conftest import Project, environment

PATIENCE_S = 90.0


def until(true: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait until something is so; it fails when the process ends before."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["queue", "--help"], ["init", "--help"]])
def test_starting_loads_nothing_heavy(words: list[str]) -> None:
    code = f"import sys\nfrom storyline_runner.__main__ import main\nmain({words!r})\n"
    code += "print([name for name in ('sqlalchemy', 'PIL', 'alembic', 'rich.table') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment())
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_version(command: Project) -> None:
    assert command.done("--version").out.startswith("storyline 0.")


@pytest.mark.parametrize(
    ("words", "ordered"),
    [
        ("queue list -v", "-v queue list"),
        ("queue list --config a.toml --json", "--config a.toml queue list --json"),
        ("plan --config=a.toml", "--config=a.toml plan"),
        ("media edit 1 -- -v", "media edit 1 -- -v"),
        ("strange sub -v", "strange sub -v"),
        ("--config", "--config"),
    ],
)
def test_global_options_may_stand_anywhere(words: str, ordered: str) -> None:
    assert in_order(words.split()) == ordered.split()


def test_a_reader_that_leaves_early(project: Project) -> None:
    for number in range(80):
        project.picture(f"many/{number:03}.jpg", (number, 10, 10))
    project.done("sync")
    process = project.start("media", "list", "--json")
    assert process.stdout is not None
    process.stdout.read(1)
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(PATIENCE_S) == 141


def test_ctrl_c_while_waiting_for_another_sync(project: Project) -> None:
    store = open_store(f"sqlite:///{project.folder / 'storyline.db'}")
    now = utc_now()
    with store.begin() as unit:
        unit.leases.take("sync/photos", "another-machine:7", until=now + timedelta(minutes=30), now=now)
    busy = project("sync")
    assert busy.code == 1
    assert "another-machine:7" in busy.err
    process = project.start("sync", "--wait")
    assert process.stderr is not None
    assert "another-machine:7" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 130
    assert process.stderr.read().strip() == "Stopped by Ctrl-C."
    with store.begin() as unit:
        unit.leases.release(unit.leases.held(now)[0])
    store.close()
    assert "6 unchanged" in project.done("sync", "--wait").out


def test_a_sync_that_is_told_to_end_gives_back_its_right(project: Project) -> None:
    for number in range(300):
        (project.folder / f"pictures/large-{number}.jpg").write_bytes(os.urandom(1 << 20))
    store = open_store(f"sqlite:///{project.folder / 'storyline.db'}")

    def at_work() -> bool:
        with store.read() as unit:
            return bool(unit.leases.held(utc_now()))

    process = project.start("sync")
    until(at_work, process)
    process.send_signal(signal.SIGTERM)
    # It may have been done a moment before.
    assert process.wait(PATIENCE_S) in (0, 143)
    assert not at_work()
    store.close()
    assert "306 unchanged" in project.done("sync").out + project.done("sync").out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_daemon_posts_in_time_and_stops_when_asked(automatic: Project, number: signal.Signals) -> None:
    process = automatic.start("run")
    assert process.stderr is not None
    assert "Storyline runs" in process.stderr.readline()
    soon = (utc_now() + timedelta(seconds=2)).isoformat(timespec="seconds")
    automatic("queue", "add", "cats/1.jpg", "--at", soon)
    automatic("queue", "now", "--item", "cats/3.jpg")
    until(lambda: any((automatic.folder / "outbox").glob("*.jpg")), process)
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert "the step in hand is finished first" in err
    assert err.rstrip().endswith("Stopped.")
    assert "Traceback" not in err


def test_a_rehearsing_daemon_writes_nothing(automatic: Project) -> None:
    before = automatic.done("runs", "--json").json()
    process = automatic.start("run", "--dry-run")
    assert process.stderr is not None
    assert "rehearsal" in process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    assert not (automatic.folder / "outbox").exists()
    assert automatic.done("runs", "--json").json() == before
    assert automatic.done("queue", "list", "--json").rows("posts") == []


def test_a_terminal_gets_colours_and_its_own_width(project: Project) -> None:
    ours, theirs = pty.openpty()
    where = environment() | {"TERM": "xterm-256color", "COLUMNS": "60", "LINES": "40"}
    words = [sys.executable, "-m", "storyline_runner", "plan", "--days", "1"]
    process = subprocess.Popen(words, cwd=project.folder, stdout=theirs, stderr=subprocess.DEVNULL, env=where)
    os.close(theirs)
    shown = b""
    while select.select([ours], [], [], PATIENCE_S)[0]:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(ours)
    assert process.wait(PATIENCE_S) == 0
    assert b"\x1b[" in shown
    lines = [_bare(line) for line in shown.decode().splitlines()]
    assert max(map(len, lines)) <= 60


def _bare(line: str) -> str:
    import re

    return re.sub(r"\x1b\[[0-9;]*m", "", line)


def test_plugins_bring_their_own_commands(tmp_path: Path) -> None:
    _plugin(tmp_path, "fine", "import typer\napp = typer.Typer(help='Fine things.')\n"
            "@app.command()\ndef wave(name: str, v: bool = False) -> None:\n    print('waves to', name, v)\n"
            "@app.command()\ndef other() -> None:\n    pass\n")  # fmt: skip
    _plugin(tmp_path, "broken", "raise RuntimeError('no luck')\n")
    _plugin(tmp_path, "strange", "app = 3\n")
    where = environment() | {"PYTHONPATH": str(tmp_path)}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "storyline_runner", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=where, cwd=tmp_path)

    waved = run("fine", "wave", "you", "--v")
    assert (waved.returncode, waved.stdout, waved.stderr) == (0, "waves to you True\n", "")
    listed = run("--help")
    assert "fine " in listed.stdout
    assert "Fine things." in listed.stdout
    assert "The commands of broken cannot be used (RuntimeError: no luck)" in listed.stderr
    assert "not a typer.Typer" in listed.stderr
    assert run("broken", "x").returncode == 2
    assert run("plugins").stderr.count("commands") == 0


def _plugin(folder: Path, name: str, code: str) -> None:
    (folder / f"storyline_{name}.py").write_text(code)
    record = folder / f"{name}-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (record / "entry_points.txt").write_text(f"[storyline.commands]\n{name} = storyline_{name}:app\n")


def test_the_log_can_be_lines_of_json_in_a_file(automatic: Project) -> None:
    text = (automatic.folder / "storyline.toml").read_text()
    automatic.settings(f'{text}\n[log]\nformat = "json"\nfile = "logs/storyline.log"\n')
    process = automatic.start("run")
    log = automatic.folder / "logs/storyline.log"
    until(lambda: log.exists() and "Storyline runs" in log.read_text(), process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {"at", "level", "logger", "message"} <= set(lines[0])
    assert lines[-1]["message"] == "Stopped."
