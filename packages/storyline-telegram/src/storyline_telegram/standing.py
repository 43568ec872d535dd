"""How things stand: /status, /settings, /whoami, /help, /pause and /resume. Pure; everything is Telegram HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from storyline_core import ago, spoken
from storyline_telegram.commands import Command, Who
from storyline_telegram.moments import near
from storyline_telegram.pages import counted, paged, some
from storyline_telegram.texts import bold, code, cut, line, shown
from storyline_telegram.views import AccountView, SourceView, name_of

if TYPE_CHECKING:
    from storyline_core import Check, Health, Person

_REASON_MOST = 200
_NAME_MOST = 40
_MOST_NAMES = 10
_VERDICT = {
    "healthy": "Everything works.",
    "degraded": "It works, but look at this:",
    "unhealthy": "Something is broken:",
}


def status_pages(
    health: Health, accounts: Sequence[AccountView], sources: Sequence[SourceView], now: datetime
) -> tuple[str, ...]:
    """/status: first what is wrong and what to do, then every account and source in a line."""
    wrong = [_trouble(check) for check in health.checks if str(check.status) != "healthy"]
    rows = [
        *wrong,
        *([""] if wrong else []),
        *(_account(each, now) for each in accounts),
        *(_source(each, now) for each in sources),
    ]
    return paged(f"<b>{_VERDICT[str(health.status)]}</b>", rows, most_rows=20)


def settings_text(view: AccountView, now: datetime) -> str:
    """/settings: what an account is set to. The switches are the buttons below."""
    after = {"missed": "counts as missed", "escalate": "goes to an admin", "publish": "is published"}
    shares = [f"{line(name) or 'no category'} {share}" for name, share in view.mix.items()]
    rows = [
        ("Posting", "paused" if view.paused else _posting(view, now)),
        ("Who posts", _MODES.get(view.mode, view.mode)),
        ("Schedule", f"{view.posts_per_day} a day, {view.window}, {view.zone.key}"),
        ("Pictures from", ", ".join(some([line(each) for each in view.sources], _MOST_NAMES))),
        ("Mix", ", ".join(some(shares, _MOST_NAMES))),
        ("Publisher", line(view.publisher)),
        ("A card waits", f"{spoken(view.answer_within)}, then it {after.get(view.unanswered, view.unanswered)}"),
        ("Reminders", f"after {spoken(view.remind_after)}" if view.reminders else "off"),
        ("Syncing", "on" if view.sync_on else "off"),
        (
            "Quiet hours",
            f"{view.quiet_hours}{'' if view.quiet_on else ', switched off'}" if view.quiet_hours else "none",
        ),
        ("Dry run", "yes: nothing is sent or published" if view.dry_run else ""),
    ]
    said = [f"{label}: {shown(cut(line(value), _REASON_MOST))}" for label, value in rows if value]
    return "\n".join([bold(cut(view.name, _NAME_MOST)), *said, "", "The rest is changed in the settings file."])


def paused_text(account: str, waiting: int) -> str:
    """/pause: what that means for what waits."""
    left = f" {counted(waiting, 'card')} in the chat can still be answered." if waiting else ""
    return f"{bold(cut(account, _NAME_MOST))} is paused: nothing new is sent or published.{left} /resume goes on."


def resumed_text(account: str, next_at: datetime | None, view: AccountView, now: datetime) -> str:
    """/resume: when it goes on."""
    when = f" Next: {near(next_at, view.zone, now)}." if next_at else ""
    return f"{bold(cut(account, _NAME_MOST))} posts again.{when} What was missed meanwhile stays missed."


def whoami_text(person_key: str, person: Person | None, accounts: Iterable[str]) -> str:
    """/whoami: what an admin needs to promote somebody, and what this person is here."""
    called = cut(name_of(person_key, {person_key: person.name} if person else {}), _NAME_MOST)
    role = "not known yet; you will be, once you press a button" if person is None else str(person.role)
    if person is not None and not person.active:
        role = "deactivated: you cannot decide anything until an admin activates you"
    named = [line(each) for each in accounts]
    rows = [f"You are {bold(called)}, {code(person_key)}.", f"Role: {role}."]
    rows += [f"Team: {shown(cut(line(person.team), _NAME_MOST))}."] if person and person.team else []
    rows += [f"Accounts here: {shown(cut(', '.join(some(named, _MOST_NAMES)), _REASON_MOST))}."] if named else []
    rows += [f"Posted so far: {person.posts}."] if person else []
    return "\n".join(rows)


def help_text(commands: Sequence[Command], accounts: Sequence[str]) -> str:
    """/help: exactly what this person may do here, given the commands they may use."""
    rows = [f"/{each.name}{f' {each.usage}' if each.usage else ''} – {each.summary}" for each in commands]
    acts = any(each.who is not Who.ANYBODY for each in commands)
    if not acts:
        return "\n".join(["You cannot decide anything here. An admin can change that: show them /whoami.", "", *rows])
    return "\n".join(
        [
            "<b>Posting a card by hand</b>",
            "1. Press <i>I'll post it</i>, so that nobody else does.",
            "2. Press <i>Original</i> and save the file.",
            "3. Post it in Instagram with the stickers the card names; <i>Copy link</i> and <i>Copy caption</i> help.",
            "4. Press <i>Posted</i>. A wrong tap? <i>Undo</i> works for ten minutes.",
            "",
            "<b>Commands</b>",
            *(shown(row) for row in rows),
            *(["", _which(accounts)] if len(accounts) > 1 else []),
        ]
    )


_MODES = {
    "manual": "the team, by hand",
    "approve": "Storyline, once somebody presses Publish",
    "hybrid": "Storyline, and the team where a sticker is needed",
    "auto": "Storyline",
}


def _which(accounts: Sequence[str]) -> str:
    named = ", ".join(some([cut(line(each), _NAME_MOST) for each in accounts], _MOST_NAMES))
    rule = "Without a name a list shows all of them; whatever changes something asks which."
    return f"Accounts here: {shown(named)}. {rule}"


def _posting(view: AccountView, now: datetime) -> str:
    if view.stopped_why:
        return f"stands still: {view.stopped_why}"
    return f"on, next {near(view.next_at, view.zone, now)}" if view.next_at else "on"


def _trouble(check: Check) -> str:
    remedy = f" {cut(line(check.remedy), _REASON_MOST)}" if check.remedy else ""
    sign = "!!" if str(check.status) == "unhealthy" else "!"
    said = f"{sign} {cut(line(check.name), _NAME_MOST)}: {cut(line(check.message), _REASON_MOST)}{remedy}"
    return shown(said)


def _account(view: AccountView, now: datetime) -> str:
    how = "paused" if view.paused else cut(line(_posting(view, now)), _REASON_MOST)
    return f"{bold(cut(view.name, _NAME_MOST))}: {shown(how)}; {view.waiting} waiting"


def _source(view: SourceView, now: datetime) -> str:
    broken = f", {view.broken} broken" if view.broken else ""
    level = f"synced {ago(view.last_good_at, now)}" if view.last_good_at else "never synced"
    state = level if view.on else "switched off"
    return f"{bold(cut(view.name, _NAME_MOST))}: {counted(view.alive, 'picture')}{broken}, {state}"
