"""Where the `storyline` command begins: run what was asked for, and turn every end into an exit code."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType

from storyline_runner.collector import collecting_seldom
from storyline_runner.complaints import BROKEN_PIPE, INTERRUPTED, TERMINATED, complain
from storyline_runner.straight import daemon_asked


def main(words: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; nothing that a person caused ends in a traceback."""
    with collecting_seldom():
        return _main(list(sys.argv[1:] if words is None else words))


def _main(arguments: list[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    terminated: list[int] = []
    before = _on_termination(terminated)
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        _close_quietly()
        return BROKEN_PIPE
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last door: told in words, or with -v as it is
        return complain(error, verbose=bool({"-v", "--verbose"} & set(arguments)))
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)  # type: ignore[arg-type]
    if terminated and code == INTERRUPTED:
        print("Stopped.", file=sys.stderr)
        return TERMINATED
    if code == INTERRUPTED:
        print("\nStopped by Ctrl-C.", file=sys.stderr)
    return code


def _run(arguments: list[str]) -> int:
    if (asked := daemon_asked(arguments)) is not None:
        return asked.run()
    from storyline_runner.app import run

    return run(arguments)


def _on_termination(told: list[int]) -> object:
    """Let the end that systemd, cron or `timeout` asks for be like Ctrl-C: what the command holds is given back."""

    def hear(number: int, frame: FrameType | None) -> None:
        told.append(number)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        return None
    return signal.signal(signal.SIGTERM, hear)


def _close_quietly() -> None:
    """Let the interpreter's last flush go nowhere: whoever read the output has left."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())
