"""The straight way into `storyline run`, which works for months.

What reads command lines, typer with what it stands on, weighs twenty megabytes and would stay for as long as the
daemon lives. So the daemon's few options are read here, and everything that is not plainly one of them is left to
typer: help, mistakes, and all other commands.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs

from storyline_runner.session import Session

RUN = "run"
DRY_RUN = "--dry-run"
LOG_JSON = "--log-json"
CONFIG = "--config"
VERBOSE = ("--verbose", "-v")


@attrs.frozen
class DaemonAsked:
    """What a command line asks of the daemon."""

    config: Path | None = None
    verbose: bool = False
    dry_run: bool = False
    log_json: bool = False

    def run(self) -> int:
        """Work until a signal comes, and return the exit code."""
        from storyline_runner.daemon import run_forever

        session = Session(config=self.config, verbose=self.verbose)
        return run_forever(session, dry_run=self.dry_run, log_json=self.log_json)


def daemon_asked(words: Sequence[str]) -> DaemonAsked | None:
    """What these words ask of the daemon; None where they ask for something else, or cannot be understood here."""
    asked, commands, left = DaemonAsked(), 0, list(words)
    while left:
        word = left.pop(0)
        if word == CONFIG and left:
            asked = attrs.evolve(asked, config=Path(left.pop(0)))
        elif word.startswith(f"{CONFIG}="):
            asked = attrs.evolve(asked, config=Path(word.removeprefix(f"{CONFIG}=")))
        elif word in VERBOSE:
            asked = attrs.evolve(asked, verbose=True)
        elif word == RUN and not commands:
            commands += 1
        elif word == DRY_RUN and commands:
            asked = attrs.evolve(asked, dry_run=True)
        elif word == LOG_JSON and commands:
            asked = attrs.evolve(asked, log_json=True)
        else:
            return None
    return asked if commands else None
