"""A server that somebody else looks after: it restarts when it likes, drops idle connections and wants TLS."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import create_engine, text

from storyline_core import StoreUnavailable, open_store
from storyline_runner.times import now
from tests import postgres_server
from tests.runners.conftest import Project, furnish

PATIENCE_S = 120.0
POSTS = 12

SILENT = """
import socket, time
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
time.sleep(60)
"""


@pytest.fixture
def server() -> Iterator[Path]:
    """The folder of a PostgreSQL server of its own, which may be restarted."""
    # A socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="storyline-pg-"))
    postgres_server.start_or_join(folder, os.getpid())
    yield folder
    postgres_server.stop(folder)
    shutil.rmtree(folder, ignore_errors=True)


def test_restarts_and_dropped_connections_cost_a_retry_and_nothing_else(server: Path, command: Project) -> None:
    url = f"postgresql://postgres@/postgres?host={server}"
    project = furnish(command, url, "auto")
    _without_slots(project)
    for number in range(6, POSTS):
        project.picture(f"cats/{number}.jpg", (number * 20, 10, 10))
    project.done("sync")
    workers = [project.start("run") for _ in range(2)]
    for number in range(POSTS):
        _ask_for(project, f"{'cats' if number > 5 or number % 2 else 'dogs'}/{number}.jpg")
        if number in (3, 7):
            postgres_server.restart(server)
        if number == 5:
            _drop_everybody(url)
    deadline = time.monotonic() + PATIENCE_S
    while len(list((project.folder / "outbox").glob("*.jpg"))) < POSTS:
        assert time.monotonic() < deadline
        assert [worker.poll() for worker in workers] == [None, None]
        time.sleep(0.1)
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
    for worker in workers:
        _, err = worker.communicate(timeout=PATIENCE_S)
        assert worker.returncode == 0, err[-3000:]
        assert "Traceback" not in err
    posts = project.done("history", "--json").rows("posts")
    by_hand = [post for post in posts if post["origin"] != "schedule"]
    assert len(by_hand) == POSTS
    assert {post["state"] for post in by_hand} == {"posted"}
    assert len(list((project.folder / "outbox").glob("*.jpg"))) == len([p for p in posts if p["state"] == "posted"])


def _without_slots(project: Project) -> None:
    """Let nothing be posted but what is asked for."""
    file = project.folder / "storyline.toml"
    far = now().astimezone(ZoneInfo("Europe/Berlin")) + timedelta(hours=6)
    window = f'window = "{far:%H:%M}-{far + timedelta(minutes=2):%H:%M}"\nfill_ahead = "1h"\n'
    file.write_text(file.read_text().replace('window = "00:00-23:59"\n', window))


def _ask_for(project: Project, item: str) -> None:
    """Ask for a post. In the very moment of a restart the person is told so, and asks again."""
    deadline = time.monotonic() + PATIENCE_S
    while (said := project("queue", "now", "--item", item)).code:
        assert "again" in said.err or "cannot be reached" in said.err, said.err
        assert time.monotonic() < deadline
        time.sleep(0.2)


def _drop_everybody(url: str) -> None:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg2:"))
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"))
    engine.dispose()


def test_a_daemon_waits_for_a_server_that_is_not_there_yet(command: Project) -> None:
    furnish(command, "sqlite:///storyline.db", "auto")
    file = command.folder / "storyline.toml"
    file.write_text(file.read_text().replace("sqlite:///storyline.db", "postgresql://ann@127.0.0.1:1/stories"))
    daemon = command.start("run")
    assert daemon.stderr is not None
    assert "It is tried again in" in daemon.stderr.readline()
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(PATIENCE_S) == 0


def test_a_server_without_tls_where_tls_is_asked_for_is_told(server: Path) -> None:
    store = open_store(f"postgresql://postgres@127.0.0.1:1/postgres?sslmode=require&connect_timeout=2&host={server}")
    with pytest.raises(StoreUnavailable, match="cannot be reached"), store.read():
        pass
    store.close()


def test_a_server_that_never_answers_is_given_up() -> None:
    listener = subprocess.Popen([sys.executable, "-c", SILENT], stdout=subprocess.PIPE, text=True)
    try:
        assert listener.stdout is not None
        port = listener.stdout.readline().strip()
        store = open_store(f"postgresql://ann@127.0.0.1:{port}/stories?connect_timeout=2")
        with pytest.raises(StoreUnavailable, match="cannot be reached"), store.read():
            pass
        store.close()
    finally:
        listener.kill()
        listener.communicate()
