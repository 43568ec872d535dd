"""Who is answered: people of the configured chats, and in channels only those who are known; nobody else at all."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict

from storyline_core import Controls, Person, TeamRole
from storyline_telegram.faults import Trouble, Why
from storyline_telegram.heard import Chat, Tapped, Who
from storyline_telegram.seeing import people_of
from storyline_telegram.sending import Sending

log = logging.getLogger("storyline.telegram")

KNOWN_FOR = 300.0
"""Seconds for which Telegram's word on who is in a chat is believed."""

_MOST_KNOWN = 2_000
_MOST_TOLD = 500


class Admission:
    """Decides who may act in a chat. Safe from any thread."""

    def __init__(self, sending: Sending) -> None:
        self._sending = sending
        self._guard = threading.Lock()
        self._standings: OrderedDict[tuple[int, int], tuple[float, bool, bool]] = OrderedDict()
        self._told: OrderedDict[tuple[int, int], None] = OrderedDict()

    def admits(self, who: Who, chat: Chat, controls: Controls) -> bool:
        """Whether a tap of this person in this configured chat counts; whoever it does not is written down."""
        allowed = not who.is_bot and (chat.kind == "private" or self._belongs(who, chat, controls))
        if not allowed:
            self.turned_away(who.id, chat, "does not belong to it")
        return allowed

    def knows(self, tapped: Tapped) -> bool:
        """Whether the person was found to belong to the chat a while ago, so that they may be answered at once."""
        chat, who = tapped.chat, tapped.who
        if chat is None or not self._sending.places.known(chat.id):
            return False
        with self._guard:
            until, inside, admin = self._standings.get((chat.id, who.id), (0.0, False, False))
        return chat.kind == "private" or (time.monotonic() < until and (admin or (inside and chat.kind != "channel")))

    def turned_away(self, who: int, chat: Chat, why: str) -> None:
        """Write down that somebody gets no answer; once for each person and chat."""
        with self._guard:
            news = (who, chat.id) not in self._told
            self._told[who, chat.id] = None
            while len(self._told) > _MOST_TOLD:
                self._told.popitem(last=False)
        level = logging.WARNING if news else logging.DEBUG
        log.log(level, "No answer for telegram:%d in %s %d: %s.", who, chat.kind or "chat", chat.id, why)

    def _belongs(self, who: Who, chat: Chat, controls: Controls) -> bool:
        person = person_of(who, controls)
        known = person is not None and person.active and person.last_seen_at is not None
        if chat.kind == "channel":
            # Every subscriber can tap there.
            promoted = person is not None and person.active and person.role is TeamRole.ADMIN
            return known or promoted or self._standing(who, chat, unsure=False)[1]
        return self._standing(who, chat, unsure=known)[0]

    def _standing(self, who: Who, chat: Chat, *, unsure: bool) -> tuple[bool, bool]:
        """Whether somebody is in a chat and whether they look after it; `unsure` where Telegram does not say."""
        key, now = (chat.id, who.id), time.monotonic()
        with self._guard:
            until, inside, admin = self._standings.get(key, (0.0, False, False))
        if now < until:
            return inside, admin
        try:
            inside, admin = self._sending.connection.call(lambda client: client.standing(chat.id, who.id))
        except Trouble as trouble:
            if trouble.why is not Why.OTHER:
                log.info("Telegram does not say whether telegram:%d is in chat %d: %s", who.id, chat.id, trouble)
                return unsure, False
            inside, admin = False, False
        with self._guard:
            self._standings[key] = (now + KNOWN_FOR, inside, admin)
            while len(self._standings) > _MOST_KNOWN:
                self._standings.popitem(last=False)
        return inside, admin


def person_of(who: Who, controls: Controls) -> Person | None:
    """Somebody as core knows them."""
    return next((each for each in people_of(controls) if each.person == who.key), None)
