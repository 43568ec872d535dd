"""The demo from beginning to end: pictures, two syncs, a week's plan, a day of stories, and where to look."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from storyline_runner import screen, times
from storyline_runner.lines import path_of
from storyline_runner.commands.planning import show_plan
from storyline_runner.commands.queue import show_posts
from storyline_runner.commands.starting import local_zone
from storyline_runner.commands.syncing import change_line
from storyline_runner.lines import summary
from storyline_runner.contact_sheet import Entry, contact_sheet
from storyline_runner.demo.ground import fresh_folder, remember
from storyline_runner.demo.painting import Painting, paint
from storyline_runner.demo.stock import BROKEN, PAINTINGS, documents
from storyline_runner.progress import bar
from storyline_runner.session import SETTINGS_FILE

if TYPE_CHECKING:
    from storyline_core import PostView, Storyline, Tick

ACCOUNT, SOURCE = "main", "pictures"
PERSON = "cli:you"
BEGINS = time(8, 0)
PLAN_DAYS = 7
SHEET = "contact-sheet.html"

_SETTINGS = """\
# The demo's settings; `storyline init` writes a longer file with everything explained.
[database]
url = "sqlite:///storyline.db"

[sources.pictures]
kind = "local"
path = "pictures"

[notifiers.team]
kind = "terminal"

[publishers.outbox]
kind = "outbox"
path = "outbox"

[accounts.main]
sources = ["pictures"]
notifier = "team"
publisher = "outbox"
mode = "hybrid"
posts_per_day = 3
window = "09:00-21:00"
timezone = "{zone}"
mix = {{ garden = 1, shop = 1, words = 1 }}
"""


class PlayedClock:
    """A clock that runs like the real one, but can be put forward."""

    def __init__(self, at: datetime) -> None:
        self._at = at
        self._since = monotonic()

    def __call__(self) -> datetime:
        """The present instant of the play, in UTC."""
        return self._at + timedelta(seconds=monotonic() - self._since)

    def put_to(self, at: datetime) -> None:
        """Let it be `at`; never back."""
        self._at, self._since = max(at, self()), monotonic()


def give_tour(wanted: Path, now: datetime | None = None) -> Path:
    """Play the whole demo in a fresh folder and return it. `now` is the real present; the day played is yesterday."""
    began = monotonic()
    zone = ZoneInfo(local_zone(os.environ.get("TZ", "")))
    today = (now or times.now()).astimezone(zone).date()
    clock = PlayedClock(datetime.combine(today - timedelta(days=1), BEGINS, zone).astimezone(UTC))
    folder = fresh_folder(wanted)
    _paint_everything(folder / "pictures", before=clock())
    with _opened(folder, zone, clock) as storyline:
        _sync_twice(storyline, folder / "pictures", before=clock())
        _show_week(storyline)
        _post_a_day(storyline, clock)
        _show_what_is(storyline)
        _write_sheet(storyline, folder)
    remember(folder)
    _say_where(folder, monotonic() - began)
    return folder


def _opened(folder: Path, zone: ZoneInfo, clock: PlayedClock) -> AbstractContextManager[Storyline]:
    """The demo's Storyline. No variable of the environment can lead it to a real database."""
    from storyline_core import load, load_plugins, open_storyline

    file = folder / SETTINGS_FILE
    file.write_text(_SETTINGS.format(zone=zone.key), "utf-8")
    plugins = load_plugins(only=["storyline-local"])
    settings = load(file, {}, plugins)
    return open_storyline(settings, plugins=plugins, clock=clock)


def _paint_everything(pictures: Path, *, before: datetime) -> None:
    """Paint all pictures and write what is said about them, each file as old as if it had been there for weeks."""
    _chapter(1, "A folder of pictures, as people have them")
    everything: Sequence[Painting] = (*PAINTINGS, BROKEN)
    with bar() as drawn:
        for number, painting in enumerate(everything):
            drawn.show("painting", number, len(everything))
            _put(pictures / painting.path, paint(painting), before - timedelta(days=number + 1))
    for path, text in documents().items():
        _put(pictures / path, text.encode(), before - timedelta(days=1))
    categories = sorted({painting.path.partition("/")[0] for painting in PAINTINGS})
    screen.say(f"{len(PAINTINGS)} pictures and one broken file, in the folders {', '.join(categories)}:")
    screen.say("upright, wide, square, transparent, grey, CMYK, GIF, WebP, turned by EXIF;")
    screen.say("links and a poll in metadata.json, in a sidecar and in a file name.")


def _put(path: Path, content: bytes, at: datetime) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (at.timestamp(), at.timestamp()))


def _sync_twice(storyline: Storyline, pictures: Path, *, before: datetime) -> None:
    _chapter(2, "Sync: the library gets to know it")
    _sync(storyline)
    with storyline.read() as unit:
        for item in unit.library.items(state="broken"):
            screen.say(f"  broken: {path_of(item)}: {item.problem}")
    _chapter(3, "Somebody tidies up: renames, moves and copies")
    (pictures / "words/tip-1.jpg").rename(pictures / "words/tip-water-early.jpg")
    (pictures / "garden/evening/lamps.jpg").rename(pictures / "garden/lanterns.jpg")
    shutil.copy2(pictures / "garden/roses.jpg", pictures / "garden/roses (copy).jpg")
    _put(pictures / "words/new-today.jpg", paint(Painting("", 26, "new today")), before - timedelta(hours=1))
    _sync(storyline, lines=True)
    screen.say("Nothing was lost: what moved is still itself, and a copy is known as one.")


def _sync(storyline: Storyline, *, lines: bool = False) -> None:
    from storyline_core import SyncRequest

    report = storyline.sync(SOURCE, SyncRequest(user=PERSON))
    screen.say(summary(report))
    for line in report.changes if lines else ():
        screen.say(f"  {change_line(line)}")


def _show_week(storyline: Storyline) -> None:
    _chapter(4, "The plan for a week, and why")
    show_plan(storyline.settings.accounts[ACCOUNT], storyline.plan(ACCOUNT, PLAN_DAYS))


def _post_a_day(storyline: Storyline, clock: PlayedClock) -> None:
    """Put the clock from post to post through one day; where a card asks for a person, be that person."""
    _chapter(5, "One day, with the clock put forward")
    ends = clock() + timedelta(days=1)
    storyline.tick()
    while (due := _next_due(storyline)) is not None and due < ends:
        clock.put_to(due)
        screen.say()
        screen.say(times.named(clock(), _zone(storyline)), style="bold")
        _tell(storyline, storyline.tick())
        _answer(storyline, clock)
    clock.put_to(ends)


def _next_due(storyline: Storyline) -> datetime | None:
    with storyline.read() as unit:
        return min((post.due_at for post in unit.queue.unsettled() if post.state == "scheduled"), default=None)


def _answer(storyline: Storyline, clock: PlayedClock) -> None:
    """Post by hand whatever was shown, seven minutes later."""
    from storyline_core import Decision, PostEvent

    with storyline.read() as unit:
        shown = [post for post in unit.queue.unsettled() if post.state == "offered"]
    for post in shown:
        clock.put_to(clock() + timedelta(minutes=7))
        screen.say(f"  … seven minutes later, you: storyline queue posted {post.id}")
        storyline.decide(Decision(post_id=post.id, event=PostEvent.POSTED, person=PERSON, revision=post.revision))


def _tell(storyline: Storyline, ticked: Tick) -> None:
    """Say what went out; a card has spoken for itself."""
    done = {each.post.id: each.post for turned in ticked.turns for each in turned.done}
    with storyline.read() as unit:
        views = unit.views.posts(post for post in done.values() if post.settled)
    for view in views:
        screen.say(f"  {view.post.state}: {path_of(view.item) if view.item else view.post.id}")
        if view.publication is not None and view.publication.remote_id:
            screen.under(f"as outbox/{view.publication.remote_id}", indent=2)


def _zone(storyline: Storyline) -> ZoneInfo:
    return storyline.settings.accounts[ACCOUNT].schedule.zone


def _show_what_is(storyline: Storyline) -> None:
    with storyline.read() as unit:
        waiting = unit.views.posts(unit.queue.unsettled())
        settled = unit.views.posts(unit.queue.history())
    _chapter(6, "What waits now: storyline queue list")
    show_posts(storyline.settings, ACCOUNT, waiting)
    _chapter(7, "What went out: storyline history")
    for view in settled:
        by = f"by hand, {view.post.decided_by}" if view.post.decided_by else "published"
        screen.say(f"{times.shown(view.post.posted_at, _zone(storyline))}  {view.post.state}, {by}")
        screen.under(path_of(view.item) if view.item else "", indent=2)


def _write_sheet(storyline: Storyline, folder: Path) -> None:
    with storyline.read() as unit:
        settled = unit.views.posts(reversed(unit.queue.history()))
    entries = [_entry(view, folder) for view in settled if view.post.posted_at is not None]
    page = contact_sheet(entries, title="Storyline demo: a day of stories", zone=_zone(storyline))
    (folder / SHEET).write_text(page, "utf-8")


def _entry(view: PostView, folder: Path) -> Entry:
    post, item, proof = view.post, view.item, view.publication
    published = urlsplit(proof.url).path if proof is not None and proof.url else ""
    original = f"pictures/{path_of(item)}" if item else ""
    picture = Path(os.path.relpath(unquote(published), folder)).as_posix() if published else original
    words = item.description if item else None
    return Entry(
        picture=picture,
        at=post.posted_at or post.due_at,
        name=item.name if item else post.id,
        title=words.title if words else "",
        caption=words.caption if words else "",
        link=words.link_url if words else "",
        tags=words.tags if words else (),
        why=post.why,
        by=post.decided_by or "",
    )


def _say_where(folder: Path, took: float) -> None:
    shown = os.path.relpath(folder)
    screen.say()
    screen.say(f"That was the main job, in {took:.0f} seconds. Look at it:", style="bold")
    screen.facts(
        [
            ("the stories", f"{shown}/outbox"),
            ("on one page", f"{shown}/{SHEET}"),
            ("the pictures", f"{shown}/pictures"),
            ("the settings", f"{shown}/{SETTINGS_FILE}"),
        ]
    )
    screen.say(f"Go on playing:   storyline --config {shown}/{SETTINGS_FILE} plan")
    screen.say("Your own folder: storyline init")


def _chapter(number: int, title: str) -> None:
    screen.say()
    screen.say(f"{number}. {title}", style="bold cyan")
