"""Cards in chats: shown once, reminded of, kept level with their posts; and the files and words that they give away."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import attrs

from storyline_core import (
    Alert,
    AlertLevel,
    Controls,
    Desk,
    Draft,
    Message,
    NeedsPerson,
    PluginFault,
    Post,
    PostState,
    StorylineError,
    Unavailable,
)
from storyline_telegram.buttons import Keyboard, Page, card_keyboard, was_replaced
from storyline_telegram.cards import Framing, card_text, copy_messages
from storyline_telegram.faults import Trouble, Why
from storyline_telegram.lanes import Edit
from storyline_telegram.pictures import Parcel, note_about, originals, previews
from storyline_telegram.places import Card, cards_in, token_of, with_card
from storyline_telegram.reports import alert_text
from storyline_telegram.routes import Place, QuietHours, Urgency, delivery
from storyline_telegram.seeing import names_of, people_of
from storyline_telegram.sending import Letter, Sending
from storyline_telegram.taps import Action
from storyline_telegram.templates import Template
from storyline_telegram.texts import CAPTION_LIMIT, TEXT_LIMIT, line, shown
from storyline_telegram.views import Names, Terms

log = logging.getLogger("storyline.telegram")


@attrs.frozen
class Manner:
    """How cards are written: their template, the quiet hours, and how many bytes a file may have."""

    template: Template
    quiet: QuietHours | None
    most_upload: int


class Cards:
    """The cards of one notifier."""

    def __init__(self, sending: Sending, manner: Manner, now: Callable[[], datetime]) -> None:
        self._sending = sending
        self._manner = manner
        self._now = now
        self._unreachable: set[Place] = set()

    def offer(self, draft: Draft, controls: Controls | None) -> Message:
        """Show a post, or remind of it. Raises the errors under `PluginFault`."""
        before = draft.post.message
        place = self._sending.places.for_item(draft.item, draft.post.account)
        try:
            card = self._in_turn(draft, place, controls, before)
        except NeedsPerson as error:
            main = self._sending.places.now(self._sending.places.main)
            if place == main:
                raise
            # A topic or chat for some of the cards that is gone must not keep them from the team.
            card = self._in_turn(draft, main, controls, before)
            self._tell_of_route(place, error)
        if draft.reminder:
            return Message(self._sending.name, with_card(card, before.token if before else None))
        if before is not None:
            self._strip(cards_in(before.token))
        return Message(self._sending.name, token_of([card]))

    def level(self, message: Message, draft: Draft, controls: Controls | None) -> None:
        """Let a post's cards say how it stands, soon."""
        cards = cards_in(message.token)
        if was_replaced(draft.post):
            self._strip(cards)
            return
        names, terms = names_of(people_of(controls)), terms_of(controls, draft.post.account)
        now = self._now()
        keyboard = card_keyboard(draft, now, terms=terms, names=names)
        for card in cards:
            self._edit(card, self._text(draft, now, names, captioned=card.captioned), keyboard)

    def level_roughly(self, message: Message, post: Post) -> None:
        """Take away the buttons of a settled post of which nothing more is known."""
        if post.settled or was_replaced(post):
            self._strip(cards_in(message.token))

    def turn(self, card: Card, draft: Draft, page: Page, controls: Controls) -> None:
        """Show another page of buttons, soon."""
        names, terms = names_of(people_of(controls)), terms_of(controls, draft.post.account)
        self._edit(card, None, card_keyboard(draft, self._now(), page=page, terms=terms, names=names))

    def strip(self, card: Card) -> None:
        """Take away the buttons of a card that counts no more."""
        self._strip([card])

    def original(self, draft: Draft, place: Place, reply_to: int) -> None:
        """Send the original as a file, or why it cannot be. Raises the errors under `PluginFault`."""
        most = self._manner.most_upload

        def letter(form: Parcel) -> Letter:
            note = note_about(draft.item, most, shown=form.open is not None)
            return Letter(shown(line(note)), silent=True, reply_to=reply_to)

        self._sending.show(place, draft, originals(draft, most), letter, card=False)

    def words(self, action: Action, draft: Draft, place: Place, reply_to: int) -> None:
        """Send the link or the caption as a message that one tap copies. Raises the errors under `PluginFault`."""
        said = draft.item.description
        for html in copy_messages(said.link_url if action is Action.LINK else said.caption):
            self._sending.say(place, Letter(html, silent=True, reply_to=reply_to))

    def _in_turn(self, draft: Draft, place: Place, controls: Controls | None, before: Message | None) -> Card:
        """Show it, but not before those that found the same chat full earlier."""
        turns, chat, who = self._sending.connection.turns, place.chat, draft.post.id
        if (wait := turns.wait(chat, who, time.monotonic(), lambda post_id: _comes_again(post_id, controls))) > 0:
            trouble = Trouble(Why.FLOOD, "others wait before it", after=timedelta(seconds=wait))
            turns.later(chat, who, time.monotonic(), wait)
            raise self._sending.fault(trouble, place)
        try:
            card = self._shown(draft, place, controls, before)
        except Unavailable as error:
            if error.only_here and error.retry_after is not None:
                seconds = error.retry_after.total_seconds()
                error.retry_after = timedelta(seconds=turns.later(chat, who, time.monotonic(), seconds))
            raise
        turns.over(chat, who)
        return card

    def _shown(self, draft: Draft, place: Place, controls: Controls | None, before: Message | None) -> Card:
        names, terms = names_of(people_of(controls)), terms_of(controls, draft.post.account)
        now = self._now()
        keyboard = card_keyboard(draft, now, terms=terms, names=names)
        quiet = self._manner.quiet if quiet_kept(controls, draft.post.account) else None
        silent = delivery(Urgency.CARD, quiet, now).silent
        reply_to = next((each.message for each in _oldest_first(before) if each.chat == place.chat), None)

        def letter(form: Parcel) -> Letter:
            text = self._text(draft, now, names, captioned=form.open is not None)
            return Letter(text, keyboard, silent, reply_to if draft.reminder else None)

        forms = previews(draft, self._manner.most_upload)
        return self._sending.show(place, draft, forms, letter, card=True).card

    def _tell_of_route(self, place: Place, error: NeedsPerson) -> None:
        """Say once that a place for some of the cards cannot be reached, and that they come to the usual one."""
        log.warning("A card went to the usual chat: %s", error)
        if place in self._unreachable:
            return
        self._unreachable.add(place)
        text = f"{str(error).removesuffix(error.remedy).rstrip()} Its cards come to the usual chat meanwhile."
        alert = Alert(f"telegram/{self._sending.name}/route", AlertLevel.WARNING, text, error.remedy)
        try:
            self._sending.say(self._sending.places.for_alerts(), Letter(alert_text(alert)))
        except PluginFault as fault:
            log.info("Nobody could be told of it: %s", fault)

    def _text(self, draft: Draft, now: datetime, names: Names, *, captioned: bool) -> str:
        note = note_about(draft.item, self._manner.most_upload, shown=captioned)
        limit = CAPTION_LIMIT if captioned else TEXT_LIMIT
        return card_text(
            draft, now, names=names, template=self._manner.template, framing=Framing(note=note), limit=limit
        )

    def _strip(self, cards: Iterable[Card]) -> None:
        for card in cards:
            self._edit(card, None, ())

    def _edit(self, card: Card, html: str | None, keyboard: Keyboard) -> None:
        try:
            chat = self._sending.places.number(card.chat)
            self._sending.connection.edit(Edit(attrs.evolve(card, chat=chat), html, keyboard))
        except Trouble as trouble:
            raise self._sending.fault(trouble, Place(card.chat)) from None


def _comes_again(post_id: str, controls: Controls | None) -> bool:
    """Whether a post that found its chat full is to be shown still."""
    try:
        return controls is None or controls.post(post_id).state is PostState.SCHEDULED
    except StorylineError:
        return False


def terms_of(controls: Controls | None, account: str) -> Terms:
    """What a card needs of its account's settings."""
    if isinstance(controls, Desk):
        for each in controls.accounts():
            if each.account.name == account:
                return Terms(each.account.schedule.opens, each.account.answer_within)
    return Terms()


def quiet_kept(controls: Controls | None, account: str) -> bool:
    """Whether an account keeps quiet hours just now."""
    if not isinstance(controls, Desk):
        return True
    return all(each.quiet_hours for each in controls.accounts() if each.account.name == account)


def _oldest_first(message: Message | None) -> tuple[Card, ...]:
    return cards_in(message.token)[::-1] if message is not None else ()
