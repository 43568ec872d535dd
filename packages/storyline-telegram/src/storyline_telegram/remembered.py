"""What the notifier remembers between two starts: files Telegram has, groups that moved, chats it has seen.

Without a key for private state it lasts as long as the process.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable, Mapping

import attrs

from storyline_core import PrivateState, StoreError, StorylineError, scrub
from storyline_telegram.heard import Chat

log = logging.getLogger("storyline.telegram")

MOST_FILES = 500
MOST_CHATS = 200
MOST_TOPICS = 20
MOST_MENUS = 1_000
MOST_HANDLED = 300
MOST_BEGUN = 3


@attrs.frozen
class SeenChat:
    """A chat that the bot has seen: its number, kind and title, the topics seen in it, and whether it is in it."""

    id: int
    kind: str
    title: str
    topics: tuple[int, ...] = ()
    inside: bool = True


class Memory:
    """Small tables of texts, each kept as a whole, oldest entries given up first. Safe from any thread.

    Whoever only looks never waits for the store.
    """

    def __init__(self, state: PrivateState) -> None:
        self._state = state
        self._guard = threading.Lock()
        self._writing = threading.Lock()
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
        if self.get(table, name) != value:
            self.put_all(table, {name: value}, most)

    def put_all(self, table: str, entries: Mapping[str, str | None], most: int) -> bool:
        """Keep several entries, or forget those that are None, in one writing. Whether it will outlive the process."""
        with self._guard:
            known = self._table(table)
            for name, value in entries.items():
                known.pop(name, None)
                if value is not None:
                    known[name] = value
            while len(known) > most:
                del known[next(iter(known))]
        return self._write(table)

    @property
    def lasting(self) -> bool:
        """Whether what is remembered outlives the process, as far as is known."""
        return self._lasting

    def lasts(self) -> bool:
        """Whether what is remembered outlives the process, tried: it does not without a key for private state."""
        return self.put_all("lasting", {"yes": ""}, 1)

    def reread(self, *tables: str) -> None:
        """Believe what is stored, which another process may have changed."""
        with self._guard:
            if self._lasting:
                for table in tables:
                    self._tables.pop(table, None)

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

    def _write(self, table: str) -> bool:
        # One after the other, each with the table as it is by then: the last writing holds everything.
        with self._writing:
            if not self._lasting:
                return False
            text = json.dumps(self.all(table), ensure_ascii=False, separators=(",", ":"))
            try:
                self._state.set(table, text)
            except StoreError as error:
                # A busy database is no missing key: the next writing may well succeed.
                log.warning("Something could not be remembered: %s", scrub(str(error)))
                return False
            except StorylineError as error:
                # Everything works without it: files are uploaded once more, chats are seen again.
                self._lasting = False
                log.info("Nothing can be remembered beyond this run: %s", scrub(str(error)))
                return False
        return True


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


class ShownMenus:
    """For which scopes Telegram was told a list of commands, in words; it keeps them whatever becomes of us."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def all(self) -> frozenset[str] | None:
        """Those of earlier processes; None where nobody can know."""
        self._memory.reread("menus")
        return frozenset(self._memory.all("menus")) if self._memory.lasts() else None

    def keep(self, scopes: Iterable[str]) -> None:
        """These it has been told, or is about to be, and no others."""
        known, wanted = frozenset(self._memory.all("menus")), frozenset(scopes)
        if known != wanted:
            gone: dict[str, str | None] = dict.fromkeys(known - wanted)
            self._memory.put_all("menus", gone | dict.fromkeys(sorted(wanted - known), ""), MOST_MENUS)


class Handled:
    """Which messages were dealt with, so that one that Telegram tells a second time does nothing.

    It tells again whatever was not confirmed: after a crash, a lost answer, or a push that it did not see arrive. What
    was begun and broken off is begun again, but not for ever: it may be what breaks things off.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def begin(self, number: int) -> bool:
        """Note that a message is being dealt with, before anything is done. False if it was, or too often in vain."""
        known = self._memory.get("handled", str(number)) if number else None
        if known is None:
            begun = 0
        elif known.isdigit():
            begun = int(known)
        else:
            return False
        if begun >= MOST_BEGUN:
            log.warning("Message %d was broken off %d times and is passed over.", number, begun)
            return False
        if number:
            self._memory.put("handled", str(number), str(begun + 1), MOST_HANDLED)
        return True

    def done(self, number: int) -> None:
        """It has been dealt with."""
        if number:
            self._memory.put("handled", str(number), "", MOST_HANDLED)

    def reread(self) -> None:
        """Believe what is stored: another process may have listened meanwhile."""
        self._memory.reread("handled")


def _written(chat: SeenChat) -> str:
    return json.dumps([chat.kind, chat.title[:128], list(chat.topics), chat.inside], ensure_ascii=False)


def _read_chat(number: int, text: str) -> SeenChat | None:
    try:
        kind, title, topics, inside = json.loads(text)
        return SeenChat(number, str(kind), str(title), tuple(int(each) for each in topics), bool(inside))
    except (ValueError, TypeError):
        return None
