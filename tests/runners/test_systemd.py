"""The unit that is installed, and what a daemon and systemd say to each other."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TextIO

import pytest

from storyline_runner.commands.installing import written
from storyline_runner.session import Session
from storyline_runner.systemd import Unit, home_of_units
from tests.runners.conftest import SETTINGS, Project, environment

PATIENCE_S = 90.0
AWKWARD = Unit(sys.executable, Path("/srv/100% mine/a$b.toml"), Path("/srv/100% mine"))
EVERYBODY = Unit(
    sys.executable, Path("/srv/stories/storyline.toml"), Path("/srv/stories"), "nobody", (Path("/srv/a b"),)
)


def test_the_words_of_a_unit_are_quoted() -> None:
    text = Unit("/opt/my python", Path("/srv/100% mine/a$b.toml"), Path("/srv/100% mine")).text()
    assert 'ExecStart="/opt/my python" -m storyline_runner --config "/srv/100%% mine/a$$b.toml" run\n' in text
    assert "WorkingDirectory=/srv/100%% mine\n" in text
    assert "WantedBy=default.target" in text
    assert "User=" not in text


def test_the_unit_of_the_whole_machine_writes_only_where_it_has_to() -> None:
    text = EVERYBODY.text()
    for line in ("User=nobody", "ProtectSystem=strict", "PrivateTmp=true", "NoNewPrivileges=true", "Type=notify"):
        assert f"{line}\n" in text
    assert 'ReadWritePaths="-/srv/a b"\n' in text
    assert "StateDirectory=storyline\n" in text


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")
@pytest.mark.parametrize("unit", [AWKWARD, EVERYBODY], ids=["one's own", "everybody's"])
def test_systemd_finds_nothing_wrong_with_it(unit: Unit, tmp_path: Path) -> None:
    file = tmp_path / "storyline.service"
    file.write_text(unit.text())
    how = ["--user"] if unit.user is None else []
    room = {"XDG_RUNTIME_DIR": str(tmp_path), "PATH": "/usr/bin:/bin", "SYSTEMD_LOG_LEVEL": "warning"}
    done = subprocess.run(
        ["systemd-analyze", "verify", *how, str(file)],
        check=False,
        capture_output=True,
        text=True,
        env=room,
        timeout=60,
    )
    about_it = [line for line in done.stderr.splitlines() if "storyline.service" in line]
    assert about_it == []


def test_the_folders_that_are_written_come_from_the_settings(command: Project) -> None:
    command.done("init")
    settings = Session(config=command.folder / "storyline.toml", environment={}).settings()
    folder = command.folder
    assert {folder / path for path in written(settings)} >= {folder, folder / "pictures", folder / "outbox"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs for everybody")
def test_root_says_who_it_runs_as(command: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    command.done("init")
    said = command("service", "install", "--print")
    assert (said.code, said.out) == (2, "")
    assert "--user NAME" in said.err
    assert "no user nobodyatall" in command("service", "install", "--print", "--user", "nobodyatall").err
    text = command.done("service", "install", "--print", "--user", "nobody").out
    assert "User=nobody\n" in text
    assert f"ReadWritePaths=-{command.folder}\n" in text
    monkeypatch.setenv("SUDO_USER", pwd.getpwuid(65534).pw_name)
    assert "User=nobody\n" in command.done("service", "install", "--print").out


NO_FILE = {
    "STORYLINE_SOURCES_PHOTOS_KIND": "local",
    "STORYLINE_SOURCES_PHOTOS_PATH": "pictures",
    "STORYLINE_NOTIFIERS_TEAM_KIND": "terminal",
    "STORYLINE_ACCOUNTS_MAIN_SOURCES": "photos",
    "STORYLINE_ACCOUNTS_MAIN_NOTIFIER": "team",
}
WHO = ("--user", "nobody") if os.geteuid() == 0 else ()


@pytest.fixture
def units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where units are installed, instead of on this machine."""
    monkeypatch.setenv("SYSTEMD_UNIT_PATH", f"{tmp_path / 'units'}:")
    return tmp_path / "units"


def test_a_unit_that_could_not_start_is_not_installed(
    command: Project, units: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in NO_FILE.items():
        monkeypatch.setenv(name, value)
    said = command("service", "install", *WHO)
    assert said.code == 2
    assert "could not start" in said.err
    assert str(command.folder / ".env") in said.err
    assert all(name in said.err for name in NO_FILE if name != "STORYLINE_NOTIFIERS_TEAM_KIND")
    assert not units.exists()
    assert "could not start" in command.done("service", "install", "--print", *WHO).err

    (command.folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in NO_FILE.items()))
    assert command.done("service", "install", *WHO).err == ""
    for name in NO_FILE:
        monkeypatch.delenv(name)
    command.done("check", "--settings")
    command.done("service", "install", *WHO)


def test_a_secret_that_only_the_shell_knows_is_named_and_not_shown(
    command: Project, units: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooked = '[notifiers.ops]\nkind = "webhook"\nurl = "http://127.0.0.1:9/x"\ntoken = { env = "OPS_SECRET" }\n'
    command.settings(SETTINGS.format(database="sqlite:///storyline.db", mode="manual") + hooked)
    (command.folder / "pictures").mkdir()
    monkeypatch.setenv("OPS_SECRET", "nobody-may-read-this-here")
    said = command("service", "install", *WHO)
    assert said.code == 2
    assert "Without OPS_SECRET it could not start." in said.err
    assert "nobody-may-read" not in said.err
    (command.folder / ".env").write_text("OPS_SECRET=nobody-may-read-this-here\n")
    assert command.done("service", "install", *WHO).err == ""


def test_a_setting_that_only_the_shell_knows_is_a_remark(
    command: Project, units: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.settings(SETTINGS.format(database="sqlite:///storyline.db", mode="manual"))
    monkeypatch.setenv("STORYLINE_ACCOUNTS_MAIN_POSTS_PER_DAY", "7")
    monkeypatch.setenv("STORYLINE_LOG_LEVEL", "info")
    said = command.done("service", "install", *WHO)
    assert "Without STORYLINE_ACCOUNTS_MAIN_POSTS_PER_DAY its settings would be others." in said.err
    assert (units / "storyline.service").is_file()


def test_where_units_live(tmp_path: Path) -> None:
    assert home_of_units({}, for_everybody=True) == Path("/etc/systemd/system")
    assert home_of_units({"XDG_CONFIG_HOME": str(tmp_path)}, for_everybody=False) == tmp_path / "systemd" / "user"


class Systemd:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, place: Path) -> None:
        self.address = str(place / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.settimeout(PATIENCE_S)

    def hears(self) -> dict[str, str]:
        """The next message."""
        lines = self._socket.recv(4096).decode().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def hears_at_last(self, name: str) -> dict[str, str]:
        """The next message with this in it; whatever comes before is a sign of life."""
        while name not in (message := self.hears()):
            assert message == {"WATCHDOG": "1"}
        return message

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    with closing(Systemd(tmp_path)) as other:
        yield other


def _under(systemd: Systemd, project: Project, *words: str) -> subprocess.Popen[str]:
    told = {"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "600000"}
    with (project.folder / "log").open("a") as log:
        return _started(project, told, log, *words)


def _started(project: Project, told: dict[str, str], log: TextIO, *words: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "storyline_runner", *words],
        cwd=project.folder,
        env=environment() | told,
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=log,
    )
    project.started.append(process)
    return process


def test_systemd_hears_how_it_stands_and_new_settings_are_taken_over(systemd: Systemd, automatic: Project) -> None:
    process = _under(systemd, automatic, "run", "--log-json")
    assert "Accounts: main" in systemd.hears_at_last("READY")["STATUS"]
    assert systemd.hears() == {"WATCHDOG": "1"}

    file = automatic.folder / "storyline.toml"
    right = file.read_text()
    file.write_text(right.replace("posts_per_day = 2", "posts_per_day = 0"))
    process.send_signal(signal.SIGHUP)
    # It goes on with the old ones, and says what is wrong.
    assert systemd.hears() == {"WATCHDOG": "1"}
    assert systemd.hears() == {"WATCHDOG": "1"}
    assert "posts_per_day" in (automatic.folder / "log").read_text()

    file.write_text(right.replace("[accounts.main]", "[accounts.other]"))
    process.send_signal(signal.SIGHUP)
    assert systemd.hears_at_last("RELOADING")["MONOTONIC_USEC"].isdigit()
    assert "Accounts: other" in systemd.hears_at_last("READY")["STATUS"]
    assert process.poll() is None

    process.send_signal(signal.SIGTERM)
    systemd.hears_at_last("STOPPING")
    assert process.wait(PATIENCE_S) == 0
    log = (automatic.folder / "log").read_text()
    assert "Traceback" not in log
    assert all(line.startswith("{") for line in log.splitlines())


def test_the_journal_gets_each_line_with_its_urgency(automatic: Project) -> None:
    file = automatic.folder / "log"
    with file.open("w") as log:
        here = os.fstat(log.fileno())
        process = _started(automatic, {"JOURNAL_STREAM": f"{here.st_dev}:{here.st_ino}"}, log, "run")
    while "Storyline runs" not in file.read_text():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    assert file.read_text().startswith("<6>Storyline runs")
