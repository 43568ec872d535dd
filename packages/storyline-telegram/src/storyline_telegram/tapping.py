"""Taps on cards: checked, carried out through core, answered; what is old, forged or not ours does nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

import attrs

from storyline_core import (
    Controls,
    Decision,
    Desk,
    Draft,
    Message,
    NotAllowed,
    NotFound,
    PluginFault,
    Post,
    PostState,
    Stale,
    StorylineError,
    answerable,
    holder_of,
    scrub,
)
from storyline_telegram import replies
from storyline_telegram.admission import Admission, person_of
from storyline_telegram.buttons import EVENT_OF, PAGE_OF
from storyline_telegram.carding import Cards, terms_of
from storyline_telegram.heard import Chat, Tapped
from storyline_telegram.moments import HoldFor, Snooze, hold_end, snooze_end
from storyline_telegram.places import Card, cards_in, with_card
from storyline_telegram.routes import Place
from storyline_telegram.seeing import admins_of, names_of, people_of
from storyline_telegram.sending import Sending
from storyline_telegram.taps import Action, CardTap, Tap, decoded
from storyline_telegram.voice import TapAnswer, TelegramVoice

log = logging.getLogger("storyline.telegram")

Switching = Callable[[Tap, Tapped, Controls, TelegramVoice], None]
"""What carries out a tap that is not on a card: on a switch or a list's page."""


Later = Callable[[Callable[[], None]], None]
"""What lets something be done soon that takes its time, beside the taps."""


def in_next_turn(job: Callable[[], None]) -> None:
    """Leave it to the next turn, which is near."""


@attrs.frozen
class Hand:
    """One tap that is ours: what it asks, on which card, by whom, and how to answer.

    `later` takes what may follow from it and takes its time.
    """

    tap: CardTap
    tapped: Tapped
    card: Card
    controls: Controls
    voice: TelegramVoice
    later: Later = in_next_turn


class Taps:
    """Carries out taps for one notifier; each call in any thread."""

    def __init__(
        self, sending: Sending, cards: Cards, admission: Admission, now: Callable[[], datetime], switching: Switching
    ) -> None:
        self._sending = sending
        self._cards = cards
        self._admission = admission
        self._now = now
        self._switching = switching

    def carry_out(self, tapped: Tapped, controls: Controls, answer: TapAnswer, later: Later = in_next_turn) -> bool:
        """Do what a tap asks. Whether it asked core for a decision. Never raises."""
        try:
            return self._read(tapped, controls, answer, later)
        except StorylineError as error:
            log.warning("A tap of %s came to nothing: %s", tapped.who.key, scrub(str(error)))
            answer.give(replies.tap_trouble())
        except Exception as error:  # noqa: BLE001 - a mistake of ours over one tap must not end the listening
            log.error("A tap of %s came to nothing: %s: %s", tapped.who.key, type(error).__name__, scrub(str(error)))
            answer.give(replies.tap_trouble())
        return False

    def _read(self, tapped: Tapped, controls: Controls, answer: TapAnswer, later: Later) -> bool:
        chat = tapped.chat
        if chat is None or not self._sending.places.known(chat.id):
            self._admission.turned_away(tapped.who.id, chat or Chat(0, ""), "the chat is not in the settings")
            answer.give("")
            return False
        if not self._admission.admits(tapped.who, chat, controls):
            answer.give("")
            return False
        tap, card = decoded(tapped.text), tapped.card
        if tap is None or card is None or not self._is_ours(tapped, chat):
            log.info("A tap of %s in chat %d is not on a message of this bot.", tapped.who.key, chat.id)
            answer.give(replies.tap_unknown())
            return False
        voice = TelegramVoice(self._sending, Place(chat.id, card.topic), card.message, answer)
        if not isinstance(tap, CardTap):
            # Cards turn their pages in place; lists are themselves, and whatever is not on them was made up.
            if tapped.text in tapped.carried:
                self._switching(tap, tapped, controls, voice)
            else:
                answer.give(replies.tap_unknown())
            return False
        return self._on_card(Hand(tap, tapped, card, controls, voice, later))

    def _is_ours(self, tapped: Tapped, chat: Chat) -> bool:
        """Whether this bot has sent the message, with such a button, into this chat."""
        if tapped.forwarded:
            return False
        mine = int(self._sending.connection.line.token.partition(":")[0] or 0)
        return tapped.author == mine or (tapped.author is None and chat.kind == "channel")

    def _on_card(self, hand: Hand) -> bool:
        try:
            post = hand.controls.post(hand.tap.post_id)
        except NotFound:
            hand.voice.explain(replies.tap_unknown())
            return False
        if not self._stands_for(hand, post):
            log.info("%s tapped a card that does not stand for post %s.", hand.tapped.who.key, post.id)
            self._late(hand, post, stands=False)
            return False
        action = hand.tap.action
        if action in EVENT_OF:
            self._decide(hand, post)
            return True
        person = person_of(hand.tapped.who, hand.controls)
        if person is not None and not person.active:
            hand.voice.explain(replies.tap_deactivated(admins_of(people_of(hand.controls))))
        elif action in PAGE_OF:
            self._turn(hand, post)
        else:
            self._give(hand)
        return False

    def _stands_for(self, hand: Hand, post: Post) -> bool:
        """Whether the card is one that core knows for the post, or the one that nobody saw arrive.

        On a known card the page may have been turned by somebody else a moment ago; on another one only what this bot
        itself has put on it says whose card it is.
        """
        if self._is_known(hand.card, post):
            return True
        if hand.tapped.text not in hand.tapped.carried:
            return False
        unseen = post.state is PostState.OFFERING or post.reminded_at is not None or post.message is None
        return unseen and answerable(post, hand.tap.revision)

    def _is_known(self, card: Card, post: Post) -> bool:
        known = cards_in(post.message.token) if post.message is not None else ()
        number = self._sending.places.number
        return any((number(each.chat), each.message) == card.key for each in known)

    # Deciding

    def _decide(self, hand: Hand, post: Post) -> None:
        if self._lacks_its_hold(hand, post):
            self._hold(hand, hand.controls.draft(post.id), post)
            return
        if not answerable(post, hand.tap.revision):
            self._late(hand, post)
            return
        draft = hand.controls.draft(post.id)
        try:
            after = hand.controls.decide(self._decision(hand, post, draft))
        except Stale:
            self._late(hand, hand.controls.post(post.id))
            return
        except NotAllowed as error:
            self._refused(hand, error)
            return
        except NotFound:
            hand.voice.explain(replies.tap_unknown())
            return
        if hand.tap.action is Action.HOLD_FOR:
            self._hold(hand, draft, after)
        else:
            hand.voice.toast(replies.tap_done(hand.tap.action, after, draft.zone, self._now()))
        if not isinstance(hand.controls, Desk):
            self._level(hand, after)
        elif hand.tap.action is Action.SWAP:
            desk = hand.controls
            hand.later(lambda: _shown_at_once(desk, after))

    def _lacks_its_hold(self, hand: Hand, post: Post) -> bool:
        """Whether this very tap has skipped the post, and was broken off before the picture was held."""
        ours = post.decided_by == hand.tapped.who.key and post.revision == hand.tap.revision + 1
        return hand.tap.action is Action.HOLD_FOR and post.state is PostState.SKIPPED and ours

    def _decision(self, hand: Hand, post: Post, draft: Draft) -> Decision:
        tap, who = hand.tap, hand.tapped.who
        until = None
        if tap.action is Action.SNOOZE:
            terms = terms_of(hand.controls, post.account)
            until = snooze_end(Snooze(tap.argument), self._now(), draft.zone, terms.opens)
        known = post.message.token if post.message is not None else None
        return Decision(
            post_id=post.id, event=EVENT_OF[tap.action], person=who.key, revision=tap.revision, name=who.name,
            username=who.username, until=until, message=Message(self._sending.name, with_card(hand.card, known)),
        )  # fmt: skip

    def _hold(self, hand: Hand, draft: Draft, after: Post) -> None:
        until = hold_end(HoldFor(hand.tap.argument), self._now(), draft.zone)
        if not isinstance(hand.controls, Desk):
            hand.voice.toast(replies.tap_done(Action.SKIP, after, draft.zone, self._now()))
            return
        try:
            hand.controls.hold_item(hand.tapped.who.key, after.id, until)
        except (Stale, NotAllowed) as error:
            log.info("Post %s was skipped, but its picture is not held: %s", after.id, scrub(str(error)))
            hand.voice.toast(replies.tap_done(Action.SKIP, after, draft.zone, self._now()))
            return
        hand.voice.toast(replies.tap_held(until, draft.zone))

    def _refused(self, hand: Hand, error: NotAllowed) -> None:
        person = person_of(hand.tapped.who, hand.controls)
        if person is not None and not person.active:
            hand.voice.explain(replies.tap_deactivated(admins_of(people_of(hand.controls))))
            return
        post = hand.controls.post(hand.tap.post_id)
        held = holder_of(post, self._now()) not in (None, hand.tapped.who.key)
        if held or not answerable(post, hand.tap.revision):
            self._late(hand, post)
            return
        hand.voice.explain(replies.tap_refused(str(error)))

    def _late(self, hand: Hand, post: Post, *, stands: bool = True) -> None:
        """Tell somebody who came too late what has happened, and let their card show it."""
        draft = hand.controls.draft(post.id) if post.item_id is not None else None
        zone = draft.zone if draft is not None else None
        names = names_of(people_of(hand.controls))
        if zone is not None:
            text = replies.tap_late(post, zone, self._now(), names, reader=hand.tapped.who.key)
        else:
            text = replies.tap_unknown()
        hand.voice.explain(text)
        if stands or self._is_known(hand.card, post):
            self._level(hand, post)
        elif hand.tapped.text in hand.tapped.carried:
            self._cards.strip(hand.card)

    def _level(self, hand: Hand, post: Post) -> None:
        try:
            draft = hand.controls.draft(post.id)
            known = post.message.token if post.message is not None else None
            token = with_card(hand.card, known)
            self._cards.level(Message(self._sending.name, token), draft, hand.controls)
        except StorylineError as error:
            log.info("The card of post %s stays as it is: %s", post.id, scrub(str(error)))

    # Looking and taking along

    def _turn(self, hand: Hand, post: Post) -> None:
        if not answerable(post, hand.tap.revision):
            self._late(hand, post)
            return
        hand.voice.toast(replies.tap_page(hand.tap.action))
        self._cards.turn(hand.card, hand.controls.draft(post.id), PAGE_OF[hand.tap.action], hand.controls)

    def _give(self, hand: Hand) -> None:
        action = hand.tap.action
        hand.voice.toast(replies.tap_sent(action))
        try:
            draft = hand.controls.draft(hand.tap.post_id)
            if action is Action.ORIGINAL:
                self._cards.original(draft, hand.voice.place, hand.card.message)
            else:
                self._cards.words(action, draft, hand.voice.place, hand.card.message)
        except PluginFault as error:
            log.warning("What post %s holds could not be sent: %s", hand.tap.post_id, scrub(str(error)))
            try:
                hand.voice.say(replies.said_trouble(scrub(str(error))), silent=True)
            except PluginFault:
                log.info("Nor could anybody be told.")


def _shown_at_once(desk: Desk, post: Post) -> None:
    """Let the card of another picture come now; whatever keeps it back, the next turn brings it."""
    try:
        desk.post_on(post.id)
    except StorylineError as error:
        log.info("The new card of post %s comes with the next turn: %s", post.id, scrub(str(error)))
