"""The systemd unit that keeps `storyline run` going. Pure, but for the place where units live."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import attrs

_UNIT = """\
[Unit]
Description=Storyline: stories from a library of pictures
After=network-online.target
Wants=network-online.target
# It is never given up: a disk or a network that is missing now may be there in an hour.
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
WorkingDirectory={directory}
{who}Restart=on-failure
RestartSec=10
# Exit code 2: the settings are wrong, and starting again would not help.
RestartPreventExitStatus=2
# An older database is brought level before the daemon is ready.
TimeoutStartSec=15min
# It says three times as often that it is alive.
WatchdogSec=10min
# The step in hand is finished first, within 20 seconds.
KillMode=mixed
TimeoutStopSec=40

{walls}
[Install]
WantedBy={target}
"""

_LOW_WALLS = """\
NoNewPrivileges=true
LockPersonality=true
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictRealtime=true
RestrictSUIDSGID=true
SystemCallArchitectures=native
"""
"""What works in a user's unit as well."""

_HIGH_WALLS = """\
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=true
PrivateDevices=true
ProtectClock=true
ProtectControlGroups=true
ProtectHostname=true
ProtectKernelLogs=true
ProtectKernelModules=true
ProtectKernelTunables=true
CapabilityBoundingSet=
StateDirectory=storyline
# What may be written besides; settle it anew with `storyline service install --force` when folders change.
"""


@attrs.frozen
class Unit:
    """What a unit is made from. `user` is who it runs as, as a unit of the whole machine; None: a unit of one's own.

    `writes` are the folders that must not be behind a wall.
    """

    python: str
    config: Path | None
    directory: Path
    user: str | None = None
    writes: Sequence[Path] = ()

    def text(self) -> str:
        """The unit file."""
        config = ("--config", str(self.config)) if self.config else ()
        words = [self.python, "-m", "storyline_runner", *config, "run"]
        return _UNIT.format(
            command=" ".join(map(_word, words)),
            directory=_path(self.directory),
            who=f"User={self.user}\n" if self.user is not None else "",
            walls=_LOW_WALLS if self.user is None else _LOW_WALLS + _HIGH_WALLS + _holes(self.writes),
            target="default.target" if self.user is None else "multi-user.target",
        )


def home_of_units(environment: Mapping[str, str], *, for_everybody: bool) -> Path:
    """The folder in which units are installed: the first of `SYSTEMD_UNIT_PATH`, if systemd is told to look there."""
    if named := environment.get("SYSTEMD_UNIT_PATH", "").partition(":")[0]:
        return Path(named)
    if for_everybody:
        return Path("/etc/systemd/system")
    home = Path(environment.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return home / "systemd" / "user"


def _holes(writes: Iterable[Path]) -> str:
    # The minus lets the daemon start although a folder is missing: it will say so itself, and better.
    return "".join(f"ReadWritePaths={_quoted(f'-{path}')}\n" for path in sorted(set(writes)))


def _word(text: str) -> str:
    """One word of a command line, as systemd reads it: `$` stands for itself as well."""
    return _quoted(text.replace("$", "$$"))


def _quoted(text: str) -> str:
    """One word of a list: `%` stands for itself, blanks are quoted."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"' if any(sign in text for sign in " \t'\"\\;") else escaped


def _path(path: Path) -> str:
    return str(path).replace("%", "%%")
