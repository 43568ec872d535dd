"""The terminal as a team: cards and alerts are printed; decisions come from `storyline queue …`."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from typing import TextIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from storyline_core import Alert, Draft, Message, NotifierDefaults, PluginFault, Post, Unavailable
from storyline_local.cards import alert_text, card, clean, folded, outcome

_PLAIN_WIDTH = 80
_BOLD, _USUAL = "\x1b[1m", "\x1b[0m"


class TerminalNotifier(NotifierDefaults):
    """Prints to `stream`. `width` is in columns; None is as wide as the terminal, or 80 where there is none."""

    def __init__(self, stream: TextIO, *, name: str, width: int | None = None) -> None:
        self._stream = stream
        self._name = name
        self._width = width

    def offer(self, draft: Draft) -> Message:
        """Print the card. Raises `Unavailable` when nobody reads the output any more."""
        heading, _, rest = card(draft, where_is(draft), self._columns()).partition("\n")
        self._print(f"{self._loud(heading)}\n{rest}")
        # The zone travels with the card: whoever brings it level later, perhaps in another process, has only that.
        return Message(notifier=self._name, token=f"{draft.post.id}@{draft.zone.key}")

    def update(self, message: Message, post: Post) -> None:
        """Print one line on what has become of the post."""
        self._print(self._fitted(outcome(post, _zone_of(message))))

    def alert(self, alert: Alert) -> None:
        """Print the alert and what to do."""
        level, colon, text = self._fitted(alert_text(alert)).partition(":")
        self._print(f"{self._loud(level + colon)}{text}")

    def check(self) -> str:
        """Whether anything can be printed. Raises `Unavailable`."""
        self._write("")
        return "prints to the terminal" if self._stream.isatty() else "prints to a file or pipe"

    def _loud(self, text: str) -> str:
        return f"{_BOLD}{text}{_USUAL}" if self._stream.isatty() else text

    def _fitted(self, text: str) -> str:
        """Folded where a person looks at it; in a file or pipe one line stays one line."""
        return folded(text, self._columns()) if self._width is not None or self._stream.isatty() else text

    def _columns(self) -> int:
        if self._width is not None:
            return self._width
        return shutil.get_terminal_size((_PLAIN_WIDTH, 24)).columns if self._stream.isatty() else _PLAIN_WIDTH

    def _print(self, text: str) -> None:
        self._write(f"{text}\n")

    def _write(self, text: str) -> None:
        encoding = self._stream.encoding or "utf-8"
        try:
            self._stream.write(text.encode(encoding, "replace").decode(encoding))
            self._stream.flush()
        except (OSError, ValueError) as error:
            raise Unavailable(f"The card cannot be printed: {error}.") from error


def _zone_of(message: Message) -> ZoneInfo:
    """The zone that the card was shown in; UTC if this machine does not know it."""
    try:
        return ZoneInfo(message.token.partition("@")[2])
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def where_is(draft: Draft) -> str:
    """The file's whole path where it lies on this machine, otherwise its source and its path there."""
    item = draft.item
    with suppress(PluginFault, OSError), draft.open_media() as media:
        name = getattr(media, "name", None)
        if isinstance(name, str | bytes):
            path = os.fsdecode(name)
            if os.path.isabs(path):
                return clean(path)
    inside = f"{item.folder}/{item.name}" if item.folder else item.name
    return f"{inside} (source {item.source})"
