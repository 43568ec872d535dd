"""Where a card lies: a message's token, and the places that the settings name. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import attrs

from storyline_core import MediaItem
from storyline_telegram.routes import Place, Route, place_for

MOST_CARDS = 4
"""How many cards of one post are kept level: the first, and its reminders."""

_CARD = re.compile(r"(-?\d{1,19})/(\d{1,10}|-)/(\d{1,10})([ct])")


@attrs.frozen
class Card:
    """One message that shows a post. `captioned` is True where its text stands below a file."""

    chat: int
    message: int
    topic: int | None = None
    captioned: bool = True

    @property
    def key(self) -> tuple[int, int]:
        """What identifies it: chat and message."""
        return self.chat, self.message


def token_of(cards: Sequence[Card]) -> str:
    """The cards of a post, newest first, as the text that core keeps."""
    return ",".join(
        f"{card.chat}/{card.topic or '-'}/{card.message}{'c' if card.captioned else 't'}" for card in cards[:MOST_CARDS]
    )


def cards_in(token: str) -> tuple[Card, ...]:
    """The cards of a token; none where it is not one of ours."""
    found = [_CARD.fullmatch(part) for part in token.split(",")]
    return tuple(
        Card(int(each[1]), int(each[3]), None if each[2] == "-" else int(each[2]), each[4] == "c")
        for each in found
        if each is not None
    )


def with_card(card: Card, token: str | None) -> str:
    """The token with this card first: what a tap on it makes of what was known before."""
    known = cards_in(token or "")
    own = next((each for each in known if each.key == card.key), card)
    return token_of((own, *(each for each in known if each.key != card.key)))


@attrs.frozen
class Places:
    """The chats that the settings name. `moved` are groups that have another number now."""

    main: Place
    admin: Place | None = None
    upload: Place | None = None
    routes: tuple[Route, ...] = ()
    moved: Mapping[int, int] = attrs.field(factory=dict)

    def for_item(self, item: MediaItem, account: str) -> Place:
        """Where the card of an account's item goes."""
        return self.now(place_for(item, self.routes, self.main, account))

    def for_alerts(self) -> Place:
        """Where those are who look after Storyline."""
        return self.now(self.admin or self.main)

    def now(self, place: Place) -> Place:
        """The place by the number that its group has now."""
        return attrs.evolve(place, chat=self.number(place.chat))

    def number(self, chat: int) -> int:
        """The number that a chat has now."""
        for _ in range(len(self.moved)):
            if chat not in self.moved:
                break
            chat = self.moved[chat]
        return chat

    def known(self, chat: int) -> bool:
        """Whether a chat is one of those that are answered."""
        return chat in self.chats()

    def chats(self) -> tuple[int, ...]:
        """Every configured chat by its number now, the main one first."""
        named = (self.main, self.admin, self.upload, *self.routes)
        return unique(self.number(each.chat) for each in named if each is not None)

    def everywhere(self) -> tuple[Place, ...]:
        """Every configured place once, the main one first."""
        named = (self.main, self.admin, self.upload, *(Place(each.chat, each.topic) for each in self.routes))
        return tuple(dict.fromkeys(self.now(each) for each in named if each is not None))

    def is_upload(self, chat: int) -> bool:
        """Whether files that come to this chat are meant for the library."""
        return self.upload is not None and self.number(self.upload.chat) == chat


def unique(numbers: Iterable[int]) -> tuple[int, ...]:
    """Each number once, in the order of their first coming."""
    return tuple(dict.fromkeys(numbers))
