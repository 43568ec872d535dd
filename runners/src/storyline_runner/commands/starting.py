"""`storyline init`, `demo` and `service install`: how people begin, and how it goes on by itself."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs
import typer

from storyline_runner import screen
from storyline_runner.complaints import Misused
from storyline_runner.session import SETTINGS_FILE, session_of

PICTURES = "pictures"
_UTC = frozenset({"Etc/UTC", "Etc/UCT", "UCT", "Zulu", "Etc/Zulu", "Universal", "Etc/Universal"})


@attrs.frozen
class Answers:
    """What the settings file is made from. `home` gets the file, `pictures` is written into it as given."""

    home: Path
    pictures: str
    timezone: str
    mode: str = "hybrid"
    posts_per_day: int = 3
    window: str = "09:00-21:00"


def init(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the settings file goes.")] = Path(),
    pictures: Annotated[
        Path | None, typer.Option("--pictures", metavar="DIR", help="Where your pictures are, if not in DIR/pictures.")
    ] = None,
    interactive: Annotated[bool, typer.Option("--interactive", help="Ask a few questions first.")] = False,
) -> None:
    """Write a settings file for a folder of pictures.

    It is commented, never overwrites another one, and what comes next is said.
    """
    file = folder / SETTINGS_FILE
    if file.exists():
        raise Misused(f"There is a {file} already, and it stays as it is. Look at it with: storyline check --settings")
    answers = _answers(folder, pictures, session_of(ctx).environment)
    if interactive:
        answers = _asked(answers)
    text = _text(answers)
    folder.mkdir(parents=True, exist_ok=True)
    where = folder / answers.pictures
    made = not where.exists()
    where.mkdir(parents=True, exist_ok=True)
    with file.open("x", encoding="utf-8") as written:
        written.write(text)
    _say_next(folder, file, where, made=made)


def _answers(folder: Path, pictures: Path | None, environment: dict[str, str] | object) -> Answers:
    zone = local_zone(environment.get("TZ", "") if isinstance(environment, dict) else "")
    if pictures is None:
        if _holds_pictures(folder):
            raise Misused(
                f"{folder.resolve()} holds pictures itself, and Storyline would post what it writes beside them. "
                f"Choose another folder for the settings: storyline init NEW_FOLDER --pictures {folder}"
            )
        return Answers(home=folder, pictures=PICTURES, timezone=zone)
    if not pictures.expanduser().is_dir():
        raise Misused(f"There is no folder {pictures}. Name the folder that holds your pictures.")
    if pictures.resolve() in (folder.resolve(), *folder.resolve().parents):
        raise Misused(
            f"The settings would lie inside {pictures}, and Storyline would post what it writes there. "
            "Choose a folder for them that is not in it: storyline init NEW_FOLDER --pictures ..."
        )
    return Answers(home=folder, pictures=str(pictures.expanduser().absolute()), timezone=zone)


def _holds_pictures(folder: Path) -> bool:
    from storyline_core import Role, role_of

    return folder.is_dir() and any(role_of(each.name) is Role.MEDIA for each in folder.iterdir())


def _asked(answers: Answers) -> Answers:
    pictures = typer.prompt("Where are your pictures?", default=answers.pictures)
    per_day = typer.prompt("How many stories a day?", default=answers.posts_per_day, type=int)
    window = typer.prompt("Between which hours?", default=answers.window)
    zone = typer.prompt("In which time zone?", default=answers.timezone)
    screen.say("Who posts? manual: you, by hand. hybrid: you, where a sticker is needed. auto: nobody has to.")
    mode = typer.prompt("Mode", default=answers.mode)
    return attrs.evolve(
        answers, pictures=str(pictures), posts_per_day=per_day, window=str(window), timezone=str(zone), mode=str(mode)
    )


def _text(answers: Answers) -> str:
    from storyline_core import Mode, starter_toml

    if answers.mode not in set(Mode):
        raise Misused(f"{answers.mode!r} is not a mode. Choose one of: {', '.join(Mode)}.")
    if not 1 <= answers.posts_per_day <= 50:
        raise Misused("Between 1 and 50 stories a day, please.")
    try:
        return starter_toml(
            answers.pictures,
            mode=Mode(answers.mode),
            posts_per_day=answers.posts_per_day,
            window=answers.window,
            timezone=answers.timezone,
        )
    except ValueError as error:
        raise Misused(str(error)) from None


def _say_next(folder: Path, file: Path, pictures: Path, *, made: bool) -> None:
    screen.say(f"Wrote {file}. What comes next:")
    steps = [("cd " + str(folder), "")] if folder.resolve() != Path.cwd() else []
    if made:
        steps.append((f"put pictures into {pictures}", "each folder in it is a category"))
    steps += [
        ("storyline sync", "look at the pictures"),
        ("storyline plan", "what would be posted when, and why"),
        ("storyline run", "go; or `storyline tick` from cron"),
    ]
    for number, (what, why) in enumerate(steps, start=1):
        screen.say(f"  {number}. {what}" + (f"  ({why})" if why else ""))
    screen.say("Stories go into the folder outbox until you choose another publisher; the file explains how.")


def local_zone(named: str) -> str:
    """The name of this machine's time zone: what TZ says, otherwise what /etc says, otherwise UTC."""
    candidates = [named.lstrip(":")]
    localtime = Path("/etc/localtime")
    if localtime.is_symlink():
        candidates.append(str(localtime.readlink()).partition("zoneinfo/")[2])
    try:
        candidates.append(Path("/etc/timezone").read_text("utf-8").strip())
    except (OSError, UnicodeDecodeError):
        pass
    for name in candidates:
        try:
            if name:
                return "UTC" if name in _UTC else ZoneInfo(name).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return "UTC"


def demo(
    ctx: typer.Context,
    folder: Annotated[
        Path | None, typer.Option("--dir", metavar="DIR", help="Where; otherwise ./storyline-demo.")
    ] = None,
) -> None:
    """See the main job with nothing configured.

    Makes pictures, syncs, plans and posts a day of stories into a folder, in under half a minute.
    """
    from storyline_runner.demo.tour import give_tour

    give_tour(folder or Path("storyline-demo"))


def install_unit(
    ctx: typer.Context,
    only_print: Annotated[bool, typer.Option("--print", help="Only print the unit.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a unit that says something else.")] = False,
) -> None:
    """Install a systemd unit that keeps Storyline running.

    For the whole machine as root, otherwise for you.
    """
    from storyline_runner.systemd import home_of_units, unit_text

    session = session_of(ctx)
    session.settings()
    file = session.settings_file()
    as_root = os.geteuid() == 0
    text = unit_text(sys.executable, file.absolute() if file else None, Path.cwd(), for_everybody=as_root)
    if only_print:
        sys.stdout.write(text)
        return
    unit = home_of_units(session.environment, for_everybody=as_root) / "storyline.service"
    if unit.exists() and unit.read_text("utf-8") != text and not force:
        raise Misused(f"{unit} says something else. See what would be written with --print; replace it with --force.")
    unit.parent.mkdir(parents=True, exist_ok=True)
    unit.write_text(text, "utf-8")
    user = "" if as_root else "--user "
    screen.say(f"Wrote {unit}. Now:")
    screen.say(f"  systemctl {user}daemon-reload")
    screen.say(f"  systemctl {user}enable --now storyline")
    if not as_root:
        screen.say("  loginctl enable-linger    so that it goes on when you log out")
    screen.say(f"What it says: journalctl {user}-u storyline -f")
