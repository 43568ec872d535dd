"""A process of its own for tests of the outbox: it forks children that die, or that race, and looks what is left.

Usage: python -m tests.local.killed publish|prepare|race|race-without-locks FOLDER
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from storyline_core import Handle, Published, Ready
from storyline_local.outbox import OutboxPublisher
from storyline_local.staging import STAGING
from tests.local.drafts import draft_of, film

RACERS = 8
TURNS = 30
TOUCHING_FILES = tuple(f"storyline_local/{name}.py" for name in ("outbox", "staging", "durable"))


def outbox_in(path: Path) -> OutboxPublisher:
    return OutboxPublisher(path, name="out", now=lambda: datetime.fromtimestamp(os.getpid(), UTC))


def dies_at(line: int, do: Callable[[], object]) -> bool:
    """Do it in a child that is killed before the given line of what touches files; whether it came so far."""
    child = os.fork()
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    left = line

    def trace(frame: FrameType, event: str, argument: object) -> object:
        nonlocal left
        if not frame.f_code.co_filename.endswith(TOUCHING_FILES):
            return None
        if event == "line":
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
        return trace

    sys.settrace(trace)  # type: ignore[arg-type]
    do()
    os._exit(0)


def left_in(path: Path) -> dict[str, object]:
    """What lies in the outbox, and what waits."""
    names = [name for name in os.listdir(path) if name != STAGING]
    waiting = [name for name in os.listdir(path / STAGING) if name.endswith(".mp4")]
    whole = all((path / name).read_bytes() == film() for name in names if name.endswith(".mp4"))
    return {"shown": sorted(names), "waiting": len(waiting), "whole": whole}


def kill_publish(folder: Path) -> list[dict[str, object]]:
    """Publish, dying at every line; then look and go on as core does."""
    template = folder / "template"
    handle = outbox_in(template).prepare(draft_of(film()))
    reports = []
    for line in range(10_000):
        path = folder / "out"
        shutil.copytree(template, path)
        died = dies_at(line, lambda path=path: outbox_in(path).publish(handle))  # type: ignore[misc]
        between = left_in(path)
        found = outbox_in(path).find(handle)
        if isinstance(found, Ready):
            found = Published(outbox_in(path).publish(handle))
        same = found == outbox_in(path).find(handle) == Published(outbox_in(path).publish(handle))
        reports.append({"between": between, "after": left_in(path), "same": same})
        shutil.rmtree(path)
        if not died:
            return reports
    raise AssertionError("publish never ended")


def kill_prepare(folder: Path) -> list[dict[str, object]]:
    """Prepare, dying at every line; then prepare again and publish, as core does."""
    reports = []
    for line in range(10_000):
        path = folder / "out"
        path.mkdir()
        died = dies_at(line, lambda path=path: outbox_in(path).prepare(draft_of(film())))  # type: ignore[misc]
        outbox = outbox_in(path)
        handle = outbox.prepare(draft_of(film()))
        ready = outbox.find(handle) == Ready()
        outbox.publish(handle)
        reports.append({"after": left_in(path), "same": ready})
        shutil.rmtree(path)
        if not died:
            return reports
    raise AssertionError("prepare never ended")


def race(folder: Path, locks: bool) -> list[dict[str, object]]:
    """Let several processes publish one handle at the same moment."""
    reports = []
    for turn in range(TURNS):
        path = folder / f"race-{turn}"
        handle = outbox_in(path).prepare(draft_of(film()))
        lock = path / STAGING / ".lock"
        if not locks:
            lock.unlink()
            lock.symlink_to(folder / "nowhere/lock")
        answers = _race_once(path, handle)
        reports.append({"after": left_in(path), "answers": sorted(answers), "same": len(set(answers)) == 1})
    return reports


def _race_once(path: Path, handle: Handle) -> list[str]:
    gate, opener = os.pipe()
    told, teller = os.pipe()
    children = []
    for _ in range(RACERS):
        children.append(os.fork())
        if not children[-1]:
            os.close(opener)
            os.read(gate, 1)
            try:
                text = str(outbox_in(path).publish(handle).at)
            except Exception as error:  # noqa: BLE001 - the test wants to see whatever comes
                text = f"{type(error).__name__}: {error}"
            os.write(teller, f"{text}\n".encode())
            os._exit(0)
    os.close(gate)
    os.close(opener)
    os.close(teller)
    for child in children:
        os.waitpid(child, 0)
    with open(told, encoding="utf-8") as answers:
        return answers.read().splitlines()


if __name__ == "__main__":
    way, place = sys.argv[1], Path(sys.argv[2])
    work: dict[str, Callable[[], object]] = {
        "publish": lambda: kill_publish(place),
        "prepare": lambda: kill_prepare(place),
        "race": lambda: race(place, locks=True),
        "race-without-locks": lambda: race(place, locks=False),
    }
    sys.stdout.write(json.dumps(work[way]()))
