"""What the notifier remembers between two starts: files Telegram has, groups that moved, chats it has seen.

Without a key for private state it lasts as long as the process.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping

import attrs

from storyline_core import PrivateState, StorylineError, scrub
from storyline_telegram.heard import Chat

log = logging.getLogger("storyline.telegram")

MOST_FILES = 500
MOST_CHATS = 200
MOST_TOPICS = 20
MOST_HANDLED = 300


@attrs.frozen
class SeenChat:
    """A chat that the bot has seen: its number, kind and title, the topics seen in it, and whether it is in it."""

    id: int
    kind: str
    title: str
    topics: tuple[int, ...] = ()
    inside: bool = True


class Memory:
    """Small tables of texts, each kept as a whole, oldest entries given up first. Safe from any thread."""

    def __init__(self, state: PrivateState) -> None:
        self._state = state
        self._guard = threading.RLock()
        self._tables: dict[str, dict[str, str]] = {}
        self._lasting = True

    def get(self, table: str, name: str) -> str | None:
        """An entry, or None."""
        with self._guard:
            return self._table(table).get(name)

    def all(self, table: str) -> Mapping[str, str]:
        """Every entry of a table, oldest first."""
        with self._guard:
            return dict(self._table(table))

    def put(self, table: str, name: str, value: str | None, most: int) -> None:
        """Keep an entry, or forget it (None). Nothing is written where nothing changes."""
        with self._guard:
            known = self._table(table)
            if known.get(name) == value:
                return
            known.pop(name, None)
            if value is not None:
                known[name] = value
            while len(known) > most:
                del known[next(iter(known))]
            self._write(table, known)

    def add(self, table: str, name: str, most: int) -> bool:
        """Keep a name without a value. Whether it is new."""
        with self._guard:
            if name in self._table(table):
                return False
            self.put(table, name, "", most)
            return True

    def _table(self, table: str) -> dict[str, str]:
        if table not in self._tables:
            self._tables[table] = self._read(table)
        return self._tables[table]

    def _read(self, table: str) -> dict[str, str]:
        try:
            found = json.loads(self._state.get(table) or "{}")
        except (StorylineError, ValueError) as error:
            log.info("What was remembered as %s cannot be read: %s", table, scrub(str(error)))
            return {}
        return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}

    def _write(self, table: str, known: Mapping[str, str]) -> None:
        if not self._lasting:
            return
        try:
            self._state.set(table, json.dumps(known, ensure_ascii=False, separators=(",", ":")))
        except StorylineError as error:
            # Everything works without it: files are uploaded once more, chats are seen again.
            self._lasting = False
            log.info("Nothing can be remembered beyond this run: %s", scrub(str(error)))


class FileIds:
    """Which id Telegram has for the bytes of a file, sent as a photo, a video or a document."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def of(self, digest: str | None, kind: str) -> str | None:
        """The id, if these bytes were sent so before."""
        return self._memory.get("files", f"{kind}/{digest}") if digest else None

    def keep(self, digest: str | None, kind: str, file_id: str) -> None:
        """They were sent, and Telegram calls them so."""
        if digest and file_id:
            self._memory.put("files", f"{kind}/{digest}", file_id, MOST_FILES)

    def forget(self, digest: str | None, kind: str) -> None:
        """Telegram does not know them any more."""
        if digest:
            self._memory.put("files", f"{kind}/{digest}", None, MOST_FILES)


class Chats:
    """The chats that the bot has seen, and the groups that moved."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def seen(self, chat: Chat, topic: int | None = None, *, inside: bool = True) -> None:
        """Something came from a chat, or the bot was added to it or removed."""
        known = _read_chat(chat.id, self._memory.get("chats", str(chat.id)) or "")
        topics = known.topics if known else ()
        if topic is not None and topic not in topics:
            topics = (*topics, topic)[-MOST_TOPICS:]
        self._memory.put("chats", str(chat.id), _written(SeenChat(chat.id, chat.kind, chat.title, topics, inside)),
                         MOST_CHATS)  # fmt: skip

    def all(self) -> tuple[SeenChat, ...]:
        """Every chat that was seen, the one first heard of first."""
        found = [_read_chat(int(number), text) for number, text in self._memory.all("chats").items()]
        return tuple(each for each in found if each is not None)

    def moved(self) -> dict[int, int]:
        """Groups by their old number, with the one they have now."""
        return {int(old): int(new) for old, new in self._memory.all("moved").items()}

    def move(self, old: int, new: int) -> bool:
        """A group has another number now. Whether that is news."""
        news = self.moved().get(old) != new and old != new
        if news:
            self._memory.put("moved", str(old), str(new), MOST_CHATS)
        return news


class Handled:
    """Which messages were dealt with, so that one that Telegram tells a second time does nothing.

    It tells again whatever was not confirmed: after a crash, a lost answer, or a push that it did not see arrive.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def begin(self, number: int) -> bool:
        """Note that a message is being dealt with, before anything is done. False if it was noted before."""
        return not number or self._memory.add("handled", str(number), MOST_HANDLED)


def _written(chat: SeenChat) -> str:
    return json.dumps([chat.kind, chat.title[:128], list(chat.topics), chat.inside], ensure_ascii=False)


def _read_chat(number: int, text: str) -> SeenChat | None:
    try:
        kind, title, topics, inside = json.loads(text)
        return SeenChat(number, str(kind), str(title), tuple(int(each) for each in topics), bool(inside))
    except (ValueError, TypeError):
        return None
