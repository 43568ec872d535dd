"""`storyline service install`: how it goes on by itself."""

from __future__ import annotations

import os
import pwd
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import attrs
import typer

from storyline_runner import screen
from storyline_runner.complaints import Misused
from storyline_runner.session import DOTENV, Session, session_of

if TYPE_CHECKING:
    from storyline_core import Settings

ROOT = "root"
SETTINGS = ("STORYLINE_", "DATABASE_URL")
_QUOTED = re.compile(r"""["']([A-Za-z_][A-Za-z0-9_]*)""")


def install_unit(
    ctx: typer.Context,
    only_print: Annotated[bool, typer.Option("--print", help="Only print the unit.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a unit that says something else.")] = False,
    user: Annotated[
        str | None,
        typer.Option("--user", metavar="NAME", help="As root: who it runs as, if not who called sudo."),
    ] = None,
) -> None:
    """Install a systemd unit that keeps Storyline running.

    For the whole machine as root, otherwise for you.
    """
    from storyline_runner.systemd import home_of_units

    session = session_of(ctx)
    session.settings()
    who = _who(session, user)
    text = _unit_text(session, who)
    missed = _missed(session, who)
    if only_print:
        if missed is not None:
            screen.note(missed.told())
        sys.stdout.write(text)
        return
    if missed is not None and missed.needed:
        raise Misused(missed.told())
    unit = home_of_units(session.environment, for_everybody=who is not None) / "storyline.service"
    if unit.exists() and unit.read_text("utf-8") != text and not force:
        raise Misused(f"{unit} says something else. See what would be written with --print; replace it with --force.")
    unit.parent.mkdir(parents=True, exist_ok=True)
    unit.write_text(text, "utf-8")
    _say_next(unit, who)
    if missed is not None:
        screen.note(missed.told())


def _who(session: Session, named: str | None) -> pwd.struct_passwd | None:
    """Who the unit of the whole machine runs as; None where it is a unit of one's own."""
    if os.geteuid() != 0:
        if named is not None:
            raise Misused("Only root can let it run as somebody else: sudo storyline service install --user NAME")
        return None
    name = named or session.environment.get("SUDO_USER", "")
    if not name or (name == ROOT and named is None):
        raise Misused("Say who Storyline runs as: storyline service install --user NAME  (root only if it has to be).")
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise Misused(f"There is no user {name} on this machine.") from None


def _unit_text(session: Session, who: pwd.struct_passwd | None) -> str:
    from storyline_runner.systemd import Unit

    session = _at_home(session, who)
    settings, file = session.settings(), session.settings_file()
    directory = _folder(file)
    unit = Unit(sys.executable, file.absolute() if file else None, directory)
    if who is not None:
        writes = tuple(_standing(directory / path) for path in (directory, *written(settings)))
        unit = attrs.evolve(unit, user=who.pw_name, writes=writes)
    return unit.text()


def _at_home(session: Session, who: pwd.struct_passwd | None) -> Session:
    """The session of the one who runs it: what begins with `~` means their home."""
    if who is None:
        return session
    return attrs.evolve(session, environment={**session.environment, "HOME": who.pw_dir})


def _folder(file: Path | None) -> Path:
    return file.absolute().parent if file else Path.cwd()


@attrs.frozen
class Missed:
    """The variables that count in this shell and that the unit does not see; `needed`: it cannot start without."""

    names: tuple[str, ...]
    dotenv: Path
    needed: bool

    def told(self) -> str:
        """What that means, and what to do about it: the names, never the values."""
        then = "it could not start" if self.needed else "its settings would be others"
        return (
            f"The unit does not see the variables of this shell. Without {', '.join(self.names)} {then}. "
            f"Write them into {self.dotenv}, one NAME=value a line and readable only by who runs it."
        )


def _missed(session: Session, who: pwd.struct_passwd | None) -> Missed | None:
    """What the unit would miss of this shell's variables; None where it comes out the same without them."""
    from storyline_core import StorylineError

    session = _at_home(session, who)
    plugins, file = session.plugins(), session.settings_file()

    def without(*names: str) -> Settings | None:
        left = {name: value for name, value in session.environment.items() if name not in names}
        try:
            found = attrs.evolve(session, config=file, environment=left).settings(plugins)
        except (StorylineError, Misused):
            return None
        return attrs.evolve(found, notes=())

    shell = _that_may_count(session, file)
    here, there = without(), without(*shell)
    if there == here:
        return None
    names = tuple(name for name in shell if without(name) != here) or shell
    return Missed(names, _folder(file) / DOTENV, needed=there is None)


def _that_may_count(session: Session, file: Path | None) -> tuple[str, ...]:
    """The variables of this shell that may be settings, or that settings may name as a secret's place."""
    settings = {name: value for name, value in session.environment.items() if name.startswith(SETTINGS)}
    files = [each for each in (file, _folder(file) / DOTENV) if each is not None and each.is_file()]
    texts = [*(each.read_text("utf-8", errors="replace") for each in files), *settings.values()]
    # Every unit has a home.
    named = {word for text in texts for word in _QUOTED.findall(text)} - {"HOME"}
    return tuple(sorted(name for name in session.environment if name in settings or name in named))


def written(settings: Settings) -> Iterator[Path]:
    """The folders that Storyline writes into, as far as the settings tell."""
    kind, _, rest = settings.database_url.partition(":///")
    if kind.startswith("sqlite") and rest:
        yield Path(rest.partition("?")[0]).parent
    if settings.log.file is not None:
        yield settings.log.file.parent
    if settings.backups.directory is not None:
        yield settings.backups.directory
    for group in (settings.sources, settings.notifiers, settings.publishers):
        for entry in group.values():
            made = type(entry.options)
            names = [field.name for field in attrs.fields(made)] if attrs.has(made) else []
            values = [getattr(entry.options, name) for name in names]
            yield from (value for value in values if isinstance(value, Path) and not value.is_file())


def _standing(path: Path) -> Path:
    """The folder itself, or the nearest one above it that is there, in which it can be made."""
    return next(each for each in (path, *path.parents) if each.exists())


def _say_next(unit: Path, who: pwd.struct_passwd | None) -> None:
    user = "" if who is not None else "--user "
    screen.say(f"Wrote {unit}. Now:")
    screen.say(f"  systemctl {user}daemon-reload")
    screen.say(f"  systemctl {user}enable --now storyline")
    if who is None:
        screen.say("  loginctl enable-linger    so that it goes on when you log out")
    screen.say(f"After a change of the settings: systemctl {user}reload storyline")
    screen.say(f"What it says: journalctl {user}-u storyline -f")
