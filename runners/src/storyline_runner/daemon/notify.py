"""What systemd is told: that the daemon is ready, reloads, stops, and that it is alive.

The protocol is one datagram a message to the socket that NOTIFY_SOCKET names (man 3 sd_notify). Without systemd
nothing is sent.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from datetime import timedelta

import attrs


@attrs.frozen
class Herald:
    """Tells systemd how the daemon stands. `every`: how often it wants to hear that the daemon is alive, if it does."""

    address: str = ""
    every: timedelta | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Herald:
        """The herald to whoever started this process; a silent one if that was not systemd."""
        meant = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        limit = environment.get("WATCHDOG_USEC", "")
        # Twice within the limit, as its manual advises, and once more for a machine that is busy.
        every = timedelta(microseconds=int(limit)) / 3 if meant and limit.isascii() and limit.isdigit() else None
        return cls(environment.get("NOTIFY_SOCKET", ""), every or None)

    def ready(self, status: str) -> None:
        """Everything has started, or goes on after a reload."""
        self._tell("READY=1", f"STATUS={_line(status)}")

    def reloading(self) -> None:
        """The settings are being read again; `ready` ends it."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """The wish to stop was heard."""
        self._tell("STOPPING=1", "STATUS=Finishing the step in hand")

    def alive(self) -> None:
        """Nothing hangs."""
        self._tell("WATCHDOG=1")

    def _tell(self, *lines: str) -> None:
        if not self.address:
            return
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
                out.settimeout(1)
                out.sendto("\n".join(lines).encode(), address)
        except OSError:
            # Whoever listened is gone, and nothing here depends on it.
            return


def _line(text: str) -> str:
    return " ".join(text.split())
