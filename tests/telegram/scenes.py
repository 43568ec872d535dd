"""Everything people read, in scenes: `golden/NAME.txt` holds each word for word.

After a wanted change: `python -m tests.telegram.scenes --write`, then read what has changed as somebody who stands in
the street with a phone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import attrs

from storyline_core import (
    Alert,
    AlertLevel,
    ChangeKind,
    ChangeLine,
    Check,
    Description,
    Details,
    Draft,
    FileProblem,
    Foreseen,
    Gate,
    Handle,
    Health,
    Held,
    Message,
    Person,
    PersonStats,
    Post,
    PostEvent,
    PostState,
    PostView,
    Progress,
    Publication,
    Status,
    SyncReport,
    TeamRole,
    advance,
)
from storyline_telegram import answers, commands, replies, reports, standing
from storyline_telegram.buttons import Keyboard, Page, card_keyboard, pages_keyboard, settings_keyboard
from storyline_telegram.cards import Framing, card_text, copy_messages, fitted_note
from storyline_telegram.taps import Action, ListName, place_of
from storyline_telegram.templates import mistakes_in, read_template
from storyline_telegram.views import AccountView, DayView, SourceView
from tests.local.drafts import AT, BERLIN, WORDS, again, draft_of
from tests.telegram.hostile import FAMILY

GOLDEN = Path(__file__).parent / "golden"
NAMES = {"telegram:1": "Ada", "telegram:2": "Grace <Hopper>"}
SOON = AT + timedelta(minutes=5)
READY = again(draft_of(b"0" * 4_200_000, post="k3f9a2bcde"), state=PostState.OFFERED, offered_at=AT)
HOSTILE = "<b>Sale</b> & *50%* \u202egnp.exe"
WILD = Description(
    title=f"{HOSTILE} שלום {FAMILY}",
    caption="First line <br>\r\n\r\n\r\nzero\u200bwidth and שלום & \x1b[31mred\n" + "many words " * 300,
    link_url="https://shop.example/tee?a=1&b=<2>",
    tags=("#summer", "a b", " ", "<i>"),
    custom_metadata={
        "poll": {"question": "Tea <or> coffee?", "options": ["שלום", "b & c"]},
        "music": "Daft Punk – Around the World",
        "location": {"name": "Café <Berlin>"},
        "mention": ["@ada", "@grace"],
        "countdown": {"title": "Sale ends", "ends": "2026-05-03 18:00"},
    },
)

Scene = Iterator[tuple[str, str]]


def decided(
    event: PostEvent, *, by: str = "telegram:1", minutes: int = 5, draft: Draft = READY, **more: object
) -> Draft:
    """The card after somebody's decision."""
    now = AT + timedelta(minutes=minutes)
    details = attrs.evolve(Details(by=by, person=True), **more)  # type: ignore[arg-type]
    return attrs.evolve(draft, post=advance(draft.post, event, now, details))


def worded(words: Description) -> Draft:
    return attrs.evolve(READY, item=attrs.evolve(READY.item, description=words))


def keys(keyboard: Keyboard) -> str:
    """A keyboard as it looks: what copies is marked with a clip, what opens with an arrow."""
    rows = [" ".join(f"[{b.label}{' ⧉' if b.copy_text else ' ↗' if b.url else ''}]" for b in row) for row in keyboard]
    return "\n".join(rows) or "(no buttons)"


def whole(draft: Draft, now: datetime = SOON, page: Page = Page.FRONT) -> str:
    return f"{card_text(draft, now, names=NAMES)}\n\n{keys(card_keyboard(draft, now, page=page, names=NAMES))}"


def cards() -> Scene:
    """One card through its life."""
    bare = attrs.evolve(WORDS, requires_interaction=False, custom_metadata={}, link_url="", tags=())
    plain = attrs.evolve(worded(bare), publishable=True, last_posted_at=AT - timedelta(days=40))
    yield "waiting", whole(READY)
    yield "that Storyline can publish", whole(plain)
    yield "reminder", whole(attrs.evolve(READY, reminder=True), AT + timedelta(hours=2))
    for page in (Page.MORE, Page.REJECT, Page.HOLD):
        yield f"page {page}", keys(card_keyboard(READY, SOON, page=page))
    yield "reserved", whole(decided(PostEvent.RESERVE, by="telegram:2"))
    yield "snoozed", whole(decided(PostEvent.SNOOZE, until=AT + timedelta(hours=3)))
    yield "posted", whole(decided(PostEvent.POSTED))
    yield "posted, the next day", whole(decided(PostEvent.POSTED), AT + timedelta(days=1))
    yield "skipped by a stranger", whole(decided(PostEvent.SKIP, by="telegram:77"))
    yield "rejected", whole(decided(PostEvent.REJECT))
    yield "swapped", whole(decided(PostEvent.SWAP, item_id=8, message=Message("team", "1")))
    yield "to come again", whole(again(READY, state=PostState.SCHEDULED, message=Message("team", "1")))
    approved = decided(PostEvent.APPROVE, draft=plain)
    yield "approved", whole(approved)
    trouble = again(approved, last_error="Instagram answered 500.", next_try_at=AT + timedelta(minutes=10), undo=None)
    yield "approved, and a try failed", whole(trouble)
    yield "publishing", whole(again(approved, state=PostState.PUBLISHING))
    yield "uncertain", whole(again(approved, state=PostState.UNCERTAIN))
    live = {"state": PostState.POSTED, "handle": Handle("brand", "1"), "undo": None}
    yield "published after approval", whole(again(approved, **live, posted_at=AT + timedelta(minutes=7)))
    yield "found live", whole(again(approved, **live, posted_at=SOON))
    yield "published by itself", whole(again(plain, **live, posted_at=SOON))
    gone = {"settled_at": SOON, "decided_by": None}
    yield "missed", whole(again(READY, state=PostState.MISSED, reason="nobody answered", **gone))
    yield "failed", whole(again(READY, state=PostState.FAILED, last_error="The file is broken.", **gone))
    yield "dry run", whole(again(READY, state=PostState.SKIPPED, reason="dry run", **gone))
    yield "handed over", whole(again(READY, by_hand=True, last_error="the token has expired."))


def hostile_cards() -> Scene:
    """Cards that somebody made to break things."""
    yield "everything at once", whole(worded(WILD))
    yield "as a message of its own", card_text(worded(WILD), AT, limit=4096)
    yield "a title of 5,000 characters", whole(worded(attrs.evolve(WORDS, title="endless " * 625)))
    yield "a caption of emoji", whole(worded(attrs.evolve(WORDS, caption=FAMILY * 300)))
    yield "only whitespace", whole(worded(Description(title=" \t\n", caption="\u2003\u200b", link_url=" ")))
    yield (
        "a long poll",
        whole(worded(Description(custom_metadata={"poll": {"question": "Why? " * 300, "options": ["a"]}}))),
    )
    note = Framing(note=fitted_note(62_000_000, 50_000_000), dry_run=True)
    yield "a smaller version in a dry run", card_text(READY, AT, framing=note)
    own = read_template("<u>{title}</u>\n<blockquote>{caption}</blockquote>\nTags: {tags}\nSee {link}\n{stickers}")
    yield "a template of its own", card_text(worded(attrs.evolve(WORDS, tags=(), caption=HOSTILE)), AT, template=own)
    yield "a caption to copy", "\n---\n".join(copy_messages("Two\n\nparagraphs <b> & שלום"))


def templates() -> Scene:
    """What is said about templates that cannot be used."""
    text = "<b>{titel}\n{caption\n<br> & <a href='x'>{link}</a>\n{{ok}}"
    yield text, "\n".join(map(str, mistakes_in(text)))


def seen(draft: Draft, hours: float = 0, /, **post: object) -> PostView:
    draft = again(draft, due_at=draft.post.due_at + timedelta(hours=hours), **post)
    proof = Publication("17", "https://www.instagram.com/stories/shop/17/", AT) if draft.post.handle else None
    return PostView(draft.post, draft.item if draft.post.item_id else None, proof)


def listed(pages: Iterable[str]) -> str:
    return "\n--- next page ---\n".join(pages)


def lists() -> Scene:
    """/queue, /plan, /history, /stats."""
    wild = worded(WILD)
    waiting = [
        seen(READY),
        seen(decided(PostEvent.RESERVE, by="telegram:2"), 4),
        seen(decided(PostEvent.SNOOZE, until=AT + timedelta(hours=9), draft=wild)),
        seen(READY, 12, state=PostState.SCHEDULED),
        seen(wild, 24, state=PostState.UNCERTAIN),
    ]
    yield "/queue", listed(answers.queue_pages("main", BERLIN, waiting, SOON, NAMES))
    yield "/queue, nothing", listed(answers.queue_pages("main", BERLIN, [], SOON, NAMES))
    many = [seen(READY, hours, state=PostState.SCHEDULED) for hours in range(15)]
    yield "/queue, long", listed(answers.queue_pages("<main>", BERLIN, many, SOON, NAMES))
    yield "its buttons", keys(pages_keyboard(ListName.QUEUE, place_of("main"), 1, 3))
    coming = [
        Foreseen(READY.post, "k", AT, READY.item, READY.post.why, filled=True),
        Foreseen(READY.post, "k", AT + timedelta(hours=4), wild.item, (HOSTILE,), filled=False),
        Foreseen(READY.post, "k", AT + timedelta(hours=28), None, ("memes had nothing to post",), filled=False),
    ]
    yield "/plan", listed(answers.plan_pages("main", BERLIN, coming, SOON))
    yield "/plan, nothing", listed(answers.plan_pages("main", BERLIN, [], SOON))
    yield "/history", listed(answers.history_pages("main", BERLIN, settled(), SOON, NAMES))
    yield "/history, nothing", listed(answers.history_pages("main", BERLIN, [], SOON, NAMES))
    ada = PersonStats("telegram:1", {"posted": 12, "skip": 3, "swap": 1, "undo": 1}, 12, AT - timedelta(hours=3))
    grace = PersonStats("telegram:2", {"reject": 2}, 0, AT - timedelta(days=9))
    yield "/stats", answers.team_stats([grace, ada], NAMES, SOON)
    yield "/stats, nobody", answers.team_stats([], NAMES, SOON)
    yield "/stats me", answers.personal_stats(ada, PERSON, SOON)
    yield "/stats me, nothing yet", answers.personal_stats(PersonStats("telegram:9", {}, 0, None), None, SOON)


PERSON = Person("telegram:1", "telegram", "Ada", "ada", "shop <x>", TeamRole.ADMIN, posts=12)


def settled() -> list[PostView]:
    """A day's worth of outcomes, latest first."""
    missed: dict[str, object] = {
        "state": PostState.MISSED,
        "reason": "nobody answered",
        "decided_by": None,
        "settled_at": AT,
    }
    return [
        seen(decided(PostEvent.POSTED)),
        seen(decided(PostEvent.POSTED, by="telegram:2"), handle=Handle("brand", "1")),
        seen(decided(PostEvent.SKIP, draft=worded(WILD))),
        seen(READY, **missed),
        seen(READY, **(missed | {"item_id": None, "reason": HOSTILE, "settled_at": AT - timedelta(days=1)})),
    ]


def shop(**changes: object) -> AccountView:
    view = AccountView(
        "main",
        BERLIN,
        sources=("photos", "drive"),
        mix={"memes": 70, "": 30},
        waiting=3,
        next_at=AT + timedelta(hours=4),
    )
    return attrs.evolve(view, **changes)  # type: ignore[arg-type]


def standings() -> Scene:
    """/status, /settings, /whoami, /help, /pause, /resume."""
    good = Check("database", Status.HEALTHY, "answers")
    bad = Check("source <drive>", Status.UNHEALTHY, "The token has expired.", "Run: storyline gdrive connect")
    late = Check("queue main", Status.DEGRADED, "A card is 26 h late.", "Answer it or skip it.")
    sources = [SourceView("photos", 2410, 3, AT), SourceView("drive", 1, 0, None), SourceView("old", on=False)]
    stopped = shop(name="<shop>", stopped_why="Instagram wants somebody to log in", waiting=0)
    yield "/status, well", listed(standing.status_pages(Health((good,)), [shop()], sources, SOON))
    trouble = standing.status_pages(Health((good, late, bad)), [shop(paused=True), stopped], sources, SOON)
    yield "/status, trouble", listed(trouble)
    quiet = shop(quiet_hours="22:00-07:00", quiet_on=True, publisher="brand", mode="hybrid")
    for name, view in (("/settings", shop()), ("/settings, more", quiet), ("/settings, off", shop(
        paused=True, sync_on=False, reminders=False, dry_run=True, quiet_hours="22:00-07:00", name=HOSTILE
    ))):  # fmt: skip
        yield name, f"{standing.settings_text(view, SOON)}\n\n{keys(settings_keyboard(view))}"
    yield "/pause", standing.paused_text("main", 1)
    yield "/resume", standing.resumed_text("main", AT + timedelta(hours=26), shop(), SOON)
    yield "/whoami", standing.whoami_text("telegram:1", PERSON, ["main", "shop"])
    yield "/whoami, deactivated", standing.whoami_text("telegram:1", attrs.evolve(PERSON, active=False, team=None), [])
    yield "/whoami, stranger", standing.whoami_text("telegram:9", None, ["main"])
    for role in ("admin", "member", None):
        yield f"/help, {role}", standing.help_text(commands.commands_for(role, backfill=True), ["main", "shop"])


def taps() -> Scene:
    """What a tap is answered, and what a refused command says."""
    after = {
        Action.RESERVE: decided(PostEvent.RESERVE),
        Action.POSTED: decided(PostEvent.POSTED),
        Action.SKIP: decided(PostEvent.SKIP),
        Action.SNOOZE: decided(PostEvent.SNOOZE, until=AT + timedelta(hours=3)),
        Action.SWAP: decided(PostEvent.SWAP, item_id=8),
        Action.REJECT_SURE: decided(PostEvent.REJECT),
        Action.PUBLISH: decided(PostEvent.APPROVE),
        Action.UNDO: decided(PostEvent.UNDO, draft=decided(PostEvent.SKIP), minutes=6),
        Action.RETRY: READY,
        Action.LIVE: READY,
        Action.NOT_LIVE: READY,
    }
    for action, draft in after.items():
        yield f"done: {action.name.lower()}", replies.tap_done(action, draft.post, BERLIN, SOON)
    yield "done: held", replies.tap_held(AT + timedelta(days=30), BERLIN)
    yield "done: held for ever", replies.tap_held(None, BERLIN)
    yield from late_taps()
    for action in (Action.ORIGINAL, Action.CAPTION, Action.LINK):
        yield f"sent: {action.name.lower()}", replies.tap_sent(action)
    for action in (Action.REJECT, Action.HOLD):
        yield f"page: {action.name.lower()}", replies.tap_page(action)
    yield (
        "refused by core",
        replies.tap_refused("Post k3f9a2bcde can be snoozed until 02 May 09:00 CEST at the latest."),
    )
    yield "old button", replies.tap_unknown()
    yield "stranger", replies.tap_stranger()
    yield "deactivated", replies.tap_deactivated(["Ada"])
    yield "working", replies.tap_working()
    yield "trouble", replies.tap_trouble()
    pause = next(each for each in commands.COMMANDS if each.name == "pause")
    yield "refused", replies.said_refused(pause, ["Ada", "Grace <Hopper>"])
    yield "refused, many admins", replies.said_refused(pause, ["Ada", "Grace", "Alan", "Edsger"])
    yield "refused, no admin", replies.said_refused(pause, [])
    yield "unknown command", replies.said_unknown("dance<b>")
    yield "which account", replies.said_which(pause, ["main", "shop"], wrong="<mian>")
    yield "command failed", replies.said_trouble("The database cannot be reached.")


def late_taps() -> Scene:
    """For whoever came second."""

    def late(post: Post) -> str:
        return replies.tap_late(post, BERLIN, AT + timedelta(minutes=9), NAMES, reader="telegram:1")

    missed = again(READY, state=PostState.MISSED, reason="nobody answered", settled_at=AT).post
    published = again(decided(PostEvent.APPROVE, by="telegram:2"), state=PostState.POSTED, handle=Handle("b", "1"))
    yield "late: posted", late(decided(PostEvent.POSTED, by="telegram:2").post)
    yield "late: by oneself", late(decided(PostEvent.SKIP).post)
    yield "late: reserved", late(decided(PostEvent.RESERVE, by="telegram:2").post)
    yield "late: swapped", late(decided(PostEvent.SWAP, by="telegram:2", item_id=8).post)
    yield "late: snoozed", late(decided(PostEvent.SNOOZE, by="telegram:2", until=AT + timedelta(hours=3)).post)
    yield "late: missed", late(missed)
    yield "late: published", late(published.post)
    yield "late: changed", late(READY.post)
    unknown = decided(PostEvent.POSTED, by="x" * 400).post
    yield "late: the next day", replies.tap_late(unknown, BERLIN, AT + timedelta(days=1), NAMES)


def told() -> Scene:
    """Syncs, digests and alerts."""
    yield "sync, at work", reports.sync_progress(Progress("photos", "reading files", 1200, 2410))
    yield "sync, beginning", reports.sync_progress(Progress("<photos>", "listing", 77))
    report = SyncReport("photos", added=2, moved=1, removed=1, unchanged=2400, duplicates=1, changes=(
        ChangeLine(ChangeKind.ADDED, "memes/new <1>.jpg"),
        ChangeLine(ChangeKind.ADDED, "memes/" + "deep/" * 40 + "cat.jpg"),
        ChangeLine(ChangeKind.MOVED, "merch/tee.jpg", "old/tee.jpg"),
        ChangeLine(ChangeKind.REMOVED, "memes/שלום\u202egnp.exe"),
    ))  # fmt: skip
    yield "sync, done", reports.sync_result(report)
    yield "sync, nothing new", reports.sync_result(SyncReport("photos", unchanged=2410))
    held = (Held(Gate.REMOVALS, 900, "900 of 2410 items would be removed; that is more than 20 %."),)
    errors = (FileProblem("memes/x.jpg", "It cannot be read."),)
    refused = SyncReport("photos", unchanged=1510, held=held, plan="4f2a", errors=errors, broken=1, deferred=2)
    yield "sync, removals refused", reports.sync_result(refused)
    yield "sync, failed", reports.sync_result(SyncReport("photos", failed="The disk is not there."))
    grown = [ChangeLine(ChangeKind.ADDED, f"memes/{number}.jpg") for number in range(32)]
    yield "sync, much", reports.sync_result(SyncReport("photos", added=32, changes=tuple(grown)))
    alert = Alert("token", AlertLevel.ERROR, "The Instagram token has expired.", "Run: storyline instagram login")
    day = DayView("main", BERLIN, AT, tuple(settled()), (seen(READY, 26), seen(worded(WILD), 30)), (alert,))
    yield "digest", reports.digest(day, SOON, NAMES)
    yield "digest, nothing", reports.digest(DayView("main", BERLIN, AT), SOON, NAMES)
    yield "alert", reports.alert_text(alert)
    yield "alert, warning", reports.alert_text(Alert("x", AlertLevel.WARNING, f"Only 9 pictures are left: {HOSTILE}"))
    yield "alert, mended", reports.alert_text(attrs.evolve(alert, cleared=True))
    yield "started", reports.started_text(["main", "shop"], "0.1.0")
    yield "stopped", reports.stopped_text("the machine restarts.")
    yield "uploaded", reports.uploaded_text("tee <1>.jpg", "photos")
    yield "uploaded, known", reports.uploaded_text("tee.jpg", "photos", "merch/tee.jpg")
    yield "not uploaded", reports.not_uploaded_text("tee.heic", "HEIC files cannot be posted. Send a JPEG.")
    yield "compressed", reports.send_as_file_text()


SCENES: dict[str, Callable[[], Scene]] = {
    "cards": cards,
    "hostile_cards": hostile_cards,
    "templates": templates,
    "lists": lists,
    "standings": standings,
    "taps": taps,
    "told": told,
}


def played(name: str) -> str:
    """A scene as its golden file holds it. What steers writing is spelt out, so that one can see it."""
    text = "".join(f"## {title}\n{said}\n\n" for title, said in SCENES[name]())
    return text.replace("\u2068", "⟦").replace("\u2069", "⟧")


if __name__ == "__main__" and "--write" in sys.argv:
    GOLDEN.mkdir(exist_ok=True)
    for scene in SCENES:
        (GOLDEN / f"{scene}.txt").write_text(played(scene), encoding="utf-8")
