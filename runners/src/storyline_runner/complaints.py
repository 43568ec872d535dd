"""What goes wrong, told to the person in front of the screen, and the exit code it ends in."""

from __future__ import annotations

import sys
import traceback

DONE = 0
FAILED = 1
USAGE = 2
UNSAFE = 3
"""Removals were refused as unsafe; everything safe was applied."""
INTERRUPTED = 130
TERMINATED = 143
BROKEN_PIPE = 141


class Misused(Exception):
    """The command line asks for what cannot be: a value that cannot be read, options that exclude each other."""


def complain(error: Exception, *, verbose: bool) -> int:
    """Say on standard error what is wrong and what to do; with `verbose` also where it came from. The exit code."""
    from storyline_core import NotInSettings, SettingsError, StorylineError

    if verbose:
        traceback.print_exception(error)
    if isinstance(error, SettingsError):
        count = len(error.problems)
        print("The settings have a mistake:" if count == 1 else f"The settings have {count} mistakes:", file=sys.stderr)
        for problem in error.problems:
            print(f"  {problem}", file=sys.stderr)
        return USAGE
    if isinstance(error, Misused | NotInSettings):
        print(str(error), file=sys.stderr)
        return USAGE
    if isinstance(error, StorylineError):
        print(str(error), file=sys.stderr)
        return FAILED
    print(_mistake(error, verbose), file=sys.stderr)
    return FAILED


def _mistake(error: Exception, verbose: bool) -> str:
    from storyline_core import scrub

    what = " ".join(str(error).split())
    said = f"{type(error).__name__}: {scrub(what)}" if what else type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        where = f" ({error.filename})" if error.filename else ""
        return f"{error.strerror}{where}. Check the file or folder, then try again."
    hint = "" if verbose else " Run it again with -v to see where, and report that."
    return f"This is a mistake in Storyline ({said}).{hint}"
