"""The daemon in the hands of an operator: signals at bad moments, long work, databases that are away."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event, Thread
from types import ModuleType

import pytest

from storyline_core import (
    Alert,
    AlertLevel,
    Check,
    Entry,
    Settings,
    Status,
    StoreUnavailable,
    load,
    load_plugins,
    open_storyline,
)
from storyline_core.settings.masking import masked
from storyline_core.testing.memory import MemoryPlugin
from storyline_local import Webhook
from storyline_local.webhook import WebhookNotifier
from storyline_runner.daemon import ACCOUNTS
from storyline_runner.daemon.health import HealthLoop, ask_outside
from storyline_runner.daemon.looking import Looking
from storyline_runner.daemon.loops import Loop
from storyline_runner.daemon.pulse import Pulse
from storyline_runner.daemon.stopping import Stop
from storyline_runner.systemd import Unit
from tests.end_to_end.memory_world import fill_folder, opened_in_memory
from tests.end_to_end.world import START, SetClock
from tests.runners.conftest import Project
from tests.runners.test_daemon import PATIENCE_S, until
from tests.runners.test_daemon import stuck as stuck  # noqa: PLC0414 - a fixture
from tests.runners.test_systemd import Systemd, _under

STUCK_TEAM = """
import threading
from contextlib import contextmanager

import attrs

from storyline_core import Kind, NotifierDefaults, hookimpl


@attrs.frozen
class Nothing:
    pass


class Stuck(NotifierDefaults):
    def alert(self, alert):
        raise NotImplementedError

    offer = update = alert

    def check(self):
        open("asked", "w").close()
        threading.Event().wait()


@contextmanager
def opened(options, runtime):
    yield Stuck()


@hookimpl
def storyline_notifiers():
    return [Kind("stuck-team", Nothing, opened)]
"""

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    with closing(Systemd(tmp_path)) as other:
        yield other


def log_of(project: Project) -> str:
    return (project.folder / "log").read_text()


def reloading(systemd: Systemd, project: Project) -> subprocess.Popen[str]:
    """A daemon with a loop that hangs, in the middle of taking over new settings."""
    process = _under(systemd, project, "run")
    systemd.hears_at_last("READY")
    until((project.folder / "stuck").exists, process)
    process.send_signal(signal.SIGHUP)
    systemd.hears_at_last("RELOADING")
    return process


def with_stuck(project: Project) -> Path:
    file = project.folder / "storyline.toml"
    file.write_text(file.read_text() + '\n[sources.slow]\nkind = "stuck"\n')
    return file


def test_the_wish_to_stop_is_heard_while_new_settings_are_taken_over(systemd: Systemd, stuck: Project) -> None:
    with_stuck(stuck)
    process = reloading(systemd, stuck)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) in (0, -signal.SIGTERM)
    assert "Starting again" not in log_of(stuck)


def test_settings_that_broke_while_they_were_taken_over_end_nothing(systemd: Systemd, stuck: Project) -> None:
    file = with_stuck(stuck)
    process = reloading(systemd, stuck)
    right = file.read_text()
    file.write_text(right.replace("posts_per_day = 2", "posts_per_day = 0"))
    # It goes on with those that it has.
    assert "Accounts: main" in systemd.hears_at_last("READY")["STATUS"]
    assert "posts_per_day" in log_of(stuck)
    assert "Starting again" not in log_of(stuck)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0


def test_a_database_that_is_away_is_no_reason_to_start_again() -> None:
    pulse, stop = Pulse(), Stop()
    tried = 0

    def body() -> None:
        nonlocal tried
        tried += 1
        raise StoreUnavailable("The database cannot be reached.")

    pulse.stop_of(ACCOUNTS, stop)
    pulse._beats[ACCOUNTS].at -= 3600  # an hour of it
    pulse._beats[ACCOUNTS].alive_at -= 3600
    assert pulse.hanging(NOW) == (ACCOUNTS,)
    loop = Loop(ACCOUNTS, body, stop, pulse)
    loop.start()
    deadline = time.monotonic() + PATIENCE_S
    while pulse.hanging(NOW):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    stop.say()
    assert loop.ends_within(timedelta(seconds=PATIENCE_S))
    # It does not turn, which `check` says; but it does not hang either.
    assert pulse.dead(NOW) == (ACCOUNTS,)


def test_a_long_turn_turns_and_ends_when_it_is_to_stop(sqlite_url: str) -> None:
    plugin, clock = MemoryPlugin(), SetClock(START)
    fill_folder(plugin, 8)
    with opened_in_memory(sqlite_url, plugin, clock, grace=timedelta(days=1)) as storyline:
        storyline.tick()
        clock.at = START + timedelta(hours=16)
        asked = 0

        def stop() -> bool:
            nonlocal asked
            asked += 1
            return plugin.stage().published() >= 1

        storyline.turn_accounts(stop)
        assert plugin.stage().published() == 1
        assert asked > 5
        storyline.turn_accounts()
        assert plugin.stage().published() == 3


def test_a_folder_with_a_dollar_is_no_variable() -> None:
    unit = Unit(
        "/usr/bin/python", Path("/srv/a$b/c.toml"), Path("/srv/a$b"), "ann", [Path("/srv/a$b"), Path("/srv/c d")]
    )
    text = unit.text()
    assert "ReadWritePaths=-/srv/a$b\n" in text
    assert 'ReadWritePaths="-/srv/c d"\n' in text
    assert "--config /srv/a$$b/c.toml run" in text


def test_an_address_that_is_as_good_as_a_password_is_not_saved() -> None:
    url = "https://hooks.slack.example/services/T0/B0/very-private"
    settings = Settings("sqlite:///a.db", notifiers=[Entry("ops", "webhook", Webhook(url))])
    assert "very-private" not in masked(f'url = "{url}"\n', settings)


def test_the_newest_backup_of_another_project_in_the_folder_is_not_restored(automatic: Project, tmp_path: Path) -> None:
    file = automatic.folder / "storyline.toml"
    text = file.read_text() + f'\n[backups]\ndirectory = "{tmp_path / "shared"}"\n'
    file.write_text(text)
    automatic.done("backup", "create")
    time.sleep(1.1)
    file.write_text(text.replace("storyline.db", "other.db"))
    automatic.done("db", "upgrade")
    automatic.done("backup", "create")
    file.write_text(text)
    said = automatic.done("backup", "restore", "--force", "--json").json()
    assert said["backup"]["counts"]["items"] == 6  # type: ignore[index]
    assert "6" in automatic.done("backup", "verify").out


def test_a_notifier_that_does_not_answer_keeps_nobody_from_looking(automatic: Project) -> None:
    looking, stop = Looking(), Stop()
    plugin = ModuleType("storyline_stuck_team")
    exec(STUCK_TEAM, plugin.__dict__)  # noqa: S102 - ours
    plugins = load_plugins(extra=[plugin])
    file = automatic.folder / "storyline.toml"
    file.write_text(file.read_text() + '\n[notifiers.slow]\nkind = "stuck-team"\n')
    with open_storyline(load(file, {}, plugins), plugins=plugins) as storyline:
        bodies: list[Callable[[], None]] = [
            HealthLoop(storyline, looking, stop),
            partial(ask_outside, storyline, looking, stop),
        ]
        threads = [Thread(target=body, daemon=True) for body in bodies]
        for thread in threads:
            thread.start()
        until((automatic.folder / "asked").exists)
        until(lambda: looking.latest() is not None)
        looking.answered([Check("notifier team", Status.HEALTHY, "answers")])
        found = looking.ask()
        assert found is not None
        assert "notifier team" in {each.name for each in found.health.checks}
        stop.say()
        threads[0].join(PATIENCE_S)
        assert not threads[0].is_alive()


def test_a_webhook_that_has_taken_an_alert_is_not_told_it_again(tmp_path: Path) -> None:
    taken: list[bytes] = []

    def serve(server: socket.socket) -> None:
        visitor, _ = server.accept()
        with visitor:
            taken.append(visitor.recv(65_536))
            # It says yes, and never says the rest.
            visitor.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
            visitor.settimeout(PATIENCE_S)
            visitor.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        hook = Webhook(f"http://127.0.0.1:{server.getsockname()[1]}/")
        WebhookNotifier(hook, name="ops", now=lambda: NOW).alert(Alert("health/backup", AlertLevel.WARNING, "old"))
        thread.join(PATIENCE_S)
    assert len(taken) == 1


def test_a_plugin_that_wants_to_end_the_process_ends_not_even_its_loop() -> None:
    stop, again = Stop(), Event()

    def body() -> None:
        if tried:
            again.set()
        tried.append(1)
        raise SystemExit(3)

    tried: list[int] = []
    loop = Loop("photos", body, stop)
    loop.start()
    came = again.wait(20)
    stop.say()
    assert loop.ends_within(timedelta(seconds=PATIENCE_S))
    assert came
