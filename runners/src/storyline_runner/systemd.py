"""The systemd unit that keeps `storyline run` going. Pure, but for the place where units live."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_UNIT = """\
[Unit]
Description=Storyline: stories from a library of pictures
After=network-online.target
Wants=network-online.target

[Service]
Type=simple
ExecStart={command}
WorkingDirectory={directory}
Restart=on-failure
RestartSec=10
# The step in hand is finished before it stops.
KillSignal=SIGTERM
TimeoutStopSec=120
# Exit code 2: the settings are wrong, and starting again would not help.
RestartPreventExitStatus=2
NoNewPrivileges=true

[Install]
WantedBy={target}
"""


def unit_text(python: str, config: Path | None, directory: Path, *, for_everybody: bool) -> str:
    """The unit for this Python and settings file, as a system's unit or a user's."""
    words = [python, "-m", "storyline_runner", *(("--config", str(config)) if config else ()), "run"]
    return _UNIT.format(
        command=" ".join(map(_word, words)),
        directory=_path(config.parent if config else directory),
        target="multi-user.target" if for_everybody else "default.target",
    )


def home_of_units(environment: Mapping[str, str], *, for_everybody: bool) -> Path:
    """The folder in which units are installed."""
    if for_everybody:
        return Path("/etc/systemd/system")
    home = Path(environment.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return home / "systemd" / "user"


def _word(text: str) -> str:
    """One word of a command line, as systemd reads it: `%` and `$` stand for themselves, blanks are quoted."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if any(sign in text for sign in " \t'\"\\;") else escaped


def _path(path: Path) -> str:
    return str(path).replace("%", "%%")
