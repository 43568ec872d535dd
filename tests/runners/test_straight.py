"""The straight way into the daemon reads what typer would read, and leaves everything else to it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import typer
from hypothesis import example, given
from hypothesis import strategies as st

from storyline_runner.app import build, in_order
from storyline_runner.straight import DaemonAsked, daemon_asked
from tests.runners.conftest import Project, environment

WORDS = ["run", "sync", "--dry-run", "--log-json", "-v", "--verbose", "--config", "--config=a.toml", "b.toml", "--help",
         "--", "--config=", ""]  # fmt: skip

WHICH_MODULES = """
import os, signal, sys, threading, time
from storyline_runner.__main__ import main

def end_it_once_it_works():
    while not any(thread.name == "storyline the accounts" for thread in threading.enumerate()):
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=end_it_once_it_works, daemon=True).start()
code = main(["run"])
heavy = {"typer", "pydantic", "alembic", "storyline_core.testing"} & set(sys.modules)
print(code, sorted(heavy))
"""


def as_typer_reads(words: Sequence[str]) -> DaemonAsked:
    """What the command line as a whole makes of words that begin the daemon."""
    group = typer.main.get_command(build(words))
    with group.make_context("storyline", in_order(words)) as outer:
        name, command, rest = group.resolve_command(outer, [*outer._protected_args, *outer.args])  # type: ignore[attr-defined]
        assert name == "run"
        assert command is not None
        with command.make_context(name, rest, parent=outer) as inner:
            own = inner.params
        return DaemonAsked(outer.params["config"], outer.params["verbose"], own["dry_run"], own["log_json"])


@given(st.lists(st.sampled_from(WORDS), max_size=6))
@example(["run", "--config", "--dry-run"])
@example(["--config", "run", "run"])
@example(["--config", "b.toml", "run", "-v"])
@example(["--config", "--config", "run", "-v"])
@example(["--config", "sync", "run", "--config", "b.toml"])
def test_what_is_read_straight_is_what_typer_reads(words: list[str]) -> None:
    asked = daemon_asked(words)
    if asked is not None:
        assert asked == as_typer_reads(words)


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["run"], DaemonAsked()),
        (["-v", "run", "--dry-run"], DaemonAsked(verbose=True, dry_run=True)),
        (["run", "--log-json", "--verbose"], DaemonAsked(verbose=True, log_json=True)),
        (["--config", "/etc/storyline.toml", "run"], DaemonAsked(Path("/etc/storyline.toml"))),
        (["--config", "a.toml", "run", "-v"], DaemonAsked(Path("a.toml"), verbose=True)),
        (["--config", "sync", "run", "--dry-run", "-v"], DaemonAsked(Path("sync"), verbose=True, dry_run=True)),
        (["run", "--config=mine.toml", "--log-json"], DaemonAsked(Path("mine.toml"), log_json=True)),
    ],
)
def test_every_option_of_the_daemon_is_read_straight(words: list[str], meant: DaemonAsked) -> None:
    assert daemon_asked(words) == meant == as_typer_reads(words)


@pytest.mark.parametrize(
    "words",
    ["", "sync", "--version", "run --help", "run now", "run --dry", "--dry-run run", "run --config"],
)
def test_everything_else_is_left_to_typer(words: str) -> None:
    assert daemon_asked(words.split()) is None


def test_options_may_stand_behind_every_command(project: Project) -> None:
    (project.folder / "storyline.toml").rename(project.folder / "other.toml")
    project.done("--config", "other.toml", "sync", "-v")
    project.done("--config", "other.toml", "queue", "list", "--verbose", "--json")


def test_the_daemon_carries_nothing_that_reads_command_lines(project: Project) -> None:
    command = [sys.executable, "-c", WHICH_MODULES]
    ended = subprocess.run(
        command, cwd=project.folder, env=environment(), capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.stdout.splitlines()[-1:] == ["0 []"], ended.stderr
