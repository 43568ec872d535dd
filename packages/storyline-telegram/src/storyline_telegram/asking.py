"""What becomes of a command, of a tap on a list and of a tap on a switch. Runs in a worker; knows no Telegram."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Generic, TypeVar

import attrs

from storyline_core import BackfillProgress, Desk, NotAllowed, Person, Progress, StorylineError, scrub
from storyline_telegram import lists, replies, standing
from storyline_telegram.answers import titled
from storyline_telegram.buttons import settings_keyboard
from storyline_telegram.commands import Call, Command, commands_for, may, read_call
from storyline_telegram.outcomes import brief
from storyline_telegram.pasts import backfill_progress, backfill_result
from storyline_telegram.reports import sync_progress, sync_result
from storyline_telegram.seeing import account_view, admins_of, names_of
from storyline_telegram.speech import HTML, Said, Spoken, Voice
from storyline_telegram.taps import ListName, PageTap, Switch, SwitchTap, place_of
from storyline_telegram.texts import bold, shown

log = logging.getLogger("storyline.telegram")

_MOST_DIGITS = 4


@attrs.frozen
class Room:
    """What an answer must know of the settings: the bot's own username, and its quiet hours as they are written."""

    bot: str = ""
    quiet_hours: str = ""


@attrs.frozen
class Asked:
    """One command of one person, with everything to answer it."""

    said: Said
    call: Call
    person: Person
    desk: Desk
    voice: Voice
    room: Room

    @property
    def command(self) -> Command:
        """The command; there is one."""
        assert self.call.command is not None
        return self.call.command


def answer(said: Said, desk: Desk, voice: Voice, room: Room = Room()) -> None:
    """Answer a message that is a command; one that is none is passed over.

    Raises the errors under `PluginFault` when the answer cannot be sent.
    """
    call = read_call(said.text, room.bot)
    if call is None:
        return
    person = desk.meet(said.person, said.name, said.username)
    if call.command is None or (call.command.needs_backfill and not _backfills(desk)):
        # In a group it may be another bot's.
        if said.chat_kind == "private":
            voice.say(replies.said_unknown(call.name))
        return
    if refusal := _refusal(call.command, person, desk):
        log.info("%s asked for /%s and was refused.", said.person, call.command.name)
        voice.say(refusal)
        return
    _carried_out(lambda: _ANSWERS[call.command.name](Asked(said, call, person, desk, voice, room)), voice.say)  # type: ignore[union-attr]


def tapped(tap: SwitchTap | PageTap, by: Said, desk: Desk, voice: Voice, room: Room = Room()) -> None:
    """Turn a page of a list, or a switch, in the very message that was tapped."""
    person = desk.meet(by.person, by.name, by.username)
    if not person.active:
        voice.toast(replies.tap_deactivated(admins_of(desk.people())), alert=True)
        return
    try:
        if isinstance(tap, PageTap):
            _turn(tap, desk, voice, room)
        else:
            _switch(tap, by.person, desk, voice, room)
    except NotAllowed as error:
        voice.toast(replies.tap_refused(scrub(str(error))), alert=True)
    except StorylineError as error:
        log.warning("A tap of %s could not be carried out: %s", by.person, scrub(str(error)))
        voice.toast(replies.tap_trouble(), alert=True)


def _refusal(command: Command, person: Person, desk: Desk) -> HTML:
    if may(command, str(person.role) if person.active else None):
        return ""
    admins = admins_of(desk.people())
    return replies.said_refused(command, admins) if person.active else shown(replies.tap_deactivated(admins))


def _carried_out(act: Callable[[], None], say: Callable[[HTML], object]) -> None:
    try:
        act()
    except StorylineError as error:
        say(replies.said_trouble(scrub(str(error))))


def _backfills(desk: Desk) -> bool:
    return any(each.backfills for each in desk.accounts())


# Lists


def _list(listed: ListName) -> Callable[[Asked], None]:
    def shows(asked: Asked) -> None:
        numbers = (word for word in asked.call.words if word.isascii() and word.isdigit())
        days = next((int(word[:_MOST_DIGITS]) for word in numbers), lists.DAYS)
        days = min(max(days, 1), lists.MOST_DAYS)
        words = [word for word in asked.call.words if not word.isdigit()] if listed is ListName.PLAN else None
        for account in _meant(asked, words=words):
            told = lists.pages_of(listed, asked.desk, account, days=days)
            asked.voice.say(told.pages[0], told.keyboard(0))

    return shows


def _stats(asked: Asked) -> None:
    now = asked.desk.now()
    if asked.call.words[:1] == ("me",):
        [own] = asked.desk.stats(asked.said.person)
        asked.voice.say(lists.my_stats(own, asked.person, now))
        return
    asked.voice.say(lists.pages_of(ListName.STATS, asked.desk).pages[0])


def _status(asked: Asked) -> None:
    spoken = asked.voice.say(shown(replies.tap_working()))
    told = lists.pages_of(ListName.STATUS, asked.desk)
    spoken.edit(told.pages[0], told.keyboard(0))


def _turn(tap: PageTap, desk: Desk, voice: Voice, room: Room) -> None:
    message, place = voice.tapped(), lists.find_place(tap, desk)
    if message is None or place is None:
        voice.toast(replies.tap_unknown(), alert=True)
        return
    if tap.listed is ListName.SETTINGS:
        _show_settings(place.account, desk, message, room)
    else:
        told = lists.pages_of(tap.listed, desk, place.account, days=place.days)
        page = min(tap.page, len(told.pages) - 1)
        message.edit(told.pages[page], told.keyboard(page))
    voice.toast("")


# Doing


def _next(asked: Asked) -> None:
    desk = asked.desk
    for account in _meant(asked, one=True):
        # The same message may be heard again after a crash; it is one wish.
        wish = f"telegram/{asked.said.place.chat}/{asked.said.message_id}"
        post = desk.post_now(asked.said.person, account, wish=wish)
        draft = desk.draft(post.id)
        how = brief(draft.post, draft.zone, desk.now(), names_of(desk.people()))
        asked.voice.say(f"{bold(account)}: {shown(titled(draft.item))}, {shown(how)}.")


def _sync(asked: Asked) -> None:
    names = [each.name for each in asked.desk.sources()]
    wanted = _chosen(asked, names)
    for name in wanted:
        spoken = asked.voice.say(sync_progress(Progress(name, "beginning")))
        teller = _Teller(spoken, sync_progress)
        _carried_out(
            lambda name=name, spoken=spoken, teller=teller: spoken.edit(  # type: ignore[misc]
                sync_result(asked.desk.sync(asked.said.person, name, teller))
            ),
            spoken.edit,
        )


Told = TypeVar("Told")


class _Teller(Generic[Told]):
    """Shows how far something is, in these words, each thing once."""

    def __init__(self, spoken: Spoken, words: Callable[[Told], HTML], last: HTML = "") -> None:
        self._spoken = spoken
        self._words = words
        self._last = last

    def __call__(self, progress: Told) -> None:
        text = self._words(progress)
        if text != self._last:
            self._last = text
            self._spoken.edit(text)


def _pause(asked: Asked) -> None:
    for account in _meant(asked, one=True):
        asked.desk.set_paused(asked.said.person, account, True)
        [now_is] = [each for each in asked.desk.accounts() if each.account.name == account]
        asked.voice.say(standing.paused_text(account, now_is.shown))


def _resume(asked: Asked) -> None:
    for account in _meant(asked, one=True):
        asked.desk.set_paused(asked.said.person, account, False)
        [now_is] = [each for each in asked.desk.accounts() if each.account.name == account]
        view = account_view(now_is, asked.desk.sources(), asked.room.quiet_hours)
        asked.voice.say(standing.resumed_text(account, now_is.next_at, view, asked.desk.now()))


def _backfill(asked: Asked) -> None:
    able = {each.account.name: each.account for each in asked.desk.accounts() if each.backfills}
    for name in _chosen(asked, [*able], one=True):
        first = backfill_progress(name, BackfillProgress(name, "beginning"))
        spoken = asked.voice.say(first)
        teller = _Teller(spoken, partial(backfill_progress, name), first)
        zone = able[name].schedule.zone
        _carried_out(
            lambda name=name, spoken=spoken, teller=teller, zone=zone: spoken.edit(  # type: ignore[misc]
                backfill_result(name, asked.desk.backfill(asked.said.person, name, teller), zone)
            ),
            spoken.edit,
        )


# Settings


def _settings(asked: Asked) -> None:
    for each in asked.desk.accounts():
        if each.account.name in _meant(asked):
            view = account_view(each, asked.desk.sources(), asked.room.quiet_hours)
            asked.voice.say(standing.settings_text(view, asked.desk.now()), settings_keyboard(view))


def _switch(tap: SwitchTap, person: str, desk: Desk, voice: Voice, room: Room) -> None:
    found = next((each.account for each in desk.accounts() if place_of(each.account.name) == tap.place), None)
    message = voice.tapped()
    if found is None or message is None:
        voice.toast(replies.tap_unknown(), alert=True)
        return
    match tap.switch:
        case Switch.PAUSED:
            desk.set_paused(person, found.name, tap.on)
        case Switch.REMINDERS:
            desk.set_reminders(person, found.name, tap.on)
        case Switch.QUIET:
            desk.set_quiet_hours(person, found.name, tap.on)
        case Switch.SYNC:
            for source in found.sources:
                desk.set_source_paused(person, source, not tap.on)
    _show_settings(found.name, desk, message, room)
    voice.toast("Done.")


def _show_settings(account: str, desk: Desk, message: Spoken, room: Room) -> None:
    for each in desk.accounts():
        if each.account.name == account:
            view = account_view(each, desk.sources(), room.quiet_hours)
            message.edit(standing.settings_text(view, desk.now()), settings_keyboard(view))


# Oneself


def _whoami(asked: Asked) -> None:
    accounts = [each.account.name for each in asked.desk.accounts()] if asked.person.active else []
    asked.voice.say(standing.whoami_text(asked.said.person, asked.person, accounts))


def _help(asked: Asked) -> None:
    role = str(asked.person.role) if asked.person.active else None
    accounts = [each.account.name for each in asked.desk.accounts()] if asked.person.active else []
    asked.voice.say(standing.help_text(commands_for(role, backfill=_backfills(asked.desk)), accounts))


# Which


def _meant(asked: Asked, *, one: bool = False, words: list[str] | None = None) -> list[str]:
    """The accounts that a command means; none, once it was asked which. `one`: without a name, only a single one."""
    names = [each.account.name for each in asked.desk.accounts()]
    return _chosen(asked, names, one=one, words=words)


def _chosen(asked: Asked, names: list[str], *, one: bool = False, words: list[str] | None = None) -> list[str]:
    wanted = " ".join(asked.call.words if words is None else words)
    found = [name for name in names if name.casefold() == wanted.casefold()] if wanted else names
    if not found or (one and len(found) > 1):
        asked.voice.say(replies.said_which(asked.command, names, wrong=wanted))
        return []
    return found


_ANSWERS: Mapping[str, Callable[[Asked], None]] = MappingProxyType(
    {
        "queue": _list(ListName.QUEUE),
        "plan": _list(ListName.PLAN),
        "history": _list(ListName.HISTORY),
        "next": _next,
        "stats": _stats,
        "status": _status,
        "settings": _settings,
        "sync": _sync,
        "pause": _pause,
        "resume": _resume,
        "backfill": _backfill,
        "whoami": _whoami,
        "help": _help,
    }
)
