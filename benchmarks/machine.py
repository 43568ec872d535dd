"""The machine that a measurement ran on, as far as its figures depend on it."""

from __future__ import annotations

import os
import platform
import sqlite3
from pathlib import Path

SHA_FLAG = "sha_ni"
WITHOUT_SHA = "OPENSSL_ia32cap=:~0x20000000"
"""Set in the environment, it keeps OpenSSL from the processor's own instructions for SHA-256."""


def described(postgresql: str | None) -> list[str]:
    """Processor, Python, databases; `postgresql` is the server's version, if there was one."""
    sha = "with" if has_sha_instructions() else "without"
    return [
        f"{cores()} cores of {chip()}, {sha} instructions for SHA-256",
        f"{platform.system()} {platform.release()}, {platform.python_implementation()} {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}, " + (f"PostgreSQL {postgresql}" if postgresql else "no PostgreSQL"),
    ]


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def chip() -> str:
    """Its name, as it gives it itself."""
    for line in _told():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def has_sha_instructions() -> bool:
    """Whether an Intel or AMD processor hashes by itself; False as well where nobody can tell."""
    return any(line.startswith("flags") and SHA_FLAG in line.split() for line in _told())


def _told() -> list[str]:
    place = Path("/proc/cpuinfo")
    return place.read_text(encoding="utf-8").splitlines() if place.exists() else []
