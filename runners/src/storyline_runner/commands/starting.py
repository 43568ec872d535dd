"""`storyline init` and `demo`: how people begin."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs
import typer

from storyline_runner import screen
from storyline_runner.commands import asking
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
    _say_next(folder, file, answers.pictures, made=made)


def _answers(folder: Path, pictures: Path | None, environment: Mapping[str, str]) -> Answers:
    zone = local_zone(environment.get("TZ", ""))
    if pictures is None:
        if _holds_pictures(folder):
            raise Misused(
                f"{folder.resolve()} holds pictures itself, and Storyline would post what it writes beside them. "
                f"Choose another folder for the settings: storyline init NEW_FOLDER --pictures {folder}"
            )
        return Answers(home=folder, pictures=PICTURES, timezone=zone)
    return Answers(home=folder, pictures=_elsewhere(folder, pictures.expanduser()), timezone=zone)


def _elsewhere(folder: Path, pictures: Path) -> str:
    """A folder of pictures that is there already, as the settings name it. Raises `Misused` where that cannot be."""
    if not pictures.is_dir():
        raise Misused(f"There is no folder {pictures}. Name the folder that holds your pictures.")
    if pictures.resolve() in (folder.resolve(), *folder.resolve().parents):
        raise Misused(
            f"The settings would lie inside {pictures}, and Storyline would post what it writes there. "
            "Choose a folder for them that is not in it: storyline init NEW_FOLDER --pictures ..."
        )
    return str(pictures.absolute())


def _holds_pictures(folder: Path) -> bool:
    from storyline_core import Role, role_of

    return folder.is_dir() and any(role_of(each.name) is Role.MEDIA for each in folder.iterdir())


def _asked(answers: Answers) -> Answers:
    screen.say("A few questions. Enter takes what stands in [brackets]; nothing is written before the last one.")
    home = answers.home
    pictures = asking.ask_pictures(home, answers.pictures, partial(_elsewhere, home))
    per_day = asking.ask_posts(answers.posts_per_day)
    window = asking.ask_window(answers.window)
    zone = asking.ask_zone(answers.timezone)
    mode = asking.ask_mode(answers.mode, home / "outbox")
    return attrs.evolve(answers, pictures=pictures, posts_per_day=per_day, window=window, timezone=zone, mode=mode)


def _text(answers: Answers) -> str:
    from storyline_core import Mode, starter_toml

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


def _say_next(folder: Path, file: Path, named: str, *, made: bool) -> None:
    screen.say(f"Wrote {file}. What comes next:")
    steps = [("cd " + str(folder), "")] if folder.resolve() != Path.cwd() else []
    if made:
        steps.append((f"put pictures into {named}", "each folder in it is a category"))
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
