"""In which form a file goes into a chat: as a photo, a video, an animation, a document, or only as words about it."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import BinaryIO

import attrs

from storyline_core import Draft, MediaItem, PluginFault, Refused, fit, look_file
from storyline_telegram.cards import fitted_note
from storyline_telegram.moments import megabytes

MOST_PHOTO = 10_000_000
"""Bytes of a photo."""

MOST_SIDES = 10_000
"""Pixels of a photo's width and height together."""

MOST_RATIO = 20
"""How many times longer than the other one side of a photo may be."""

MOST_UPLOAD = 50_000_000
"""Bytes of any file, through Telegram's own server."""

MOST_UPLOAD_LOCALLY = 2_000_000_000
"""The same through a Bot API server of one's own."""

_PHOTOS = frozenset({"image/jpeg", "image/png", "image/webp"})


@attrs.frozen
class Parcel:
    """One form of a file. `open` gives its bytes; None is no file at all.

    `reusable` is True where Telegram's id of it stands for the file's own digest. `spare`: when it cannot be opened,
    the next form will do, and nothing is wrong with the item.
    """

    kind: str
    open: Callable[[], BinaryIO] | None = None
    name: str = ""
    sides: tuple[int, int] | None = None
    reusable: bool = True
    spare: bool = False


def previews(draft: Draft, most: int) -> tuple[Parcel, ...]:
    """The forms for a card, best first: what Telegram refuses in one it may take in the next. `most` is in bytes."""
    item = draft.item
    words = Parcel("text", reusable=False)
    if item.media_type in _PHOTOS:
        return *_photos(draft), *_document(draft, most), words
    if item.size > most:
        fitted = (_fitted(draft),) if item.media_type == "image/gif" else ()
        return *_small(draft), *fitted, words
    if item.media_type == "image/gif":
        return Parcel("animation", draft.open_media, item.name, sides=_sides(item)), *_document(draft, most), words
    if item.media_type.startswith("video/"):
        return Parcel("video", draft.open_media, item.name, sides=_sides(item)), *_document(draft, most), words
    return *_document(draft, most), words


def originals(draft: Draft, most: int) -> tuple[Parcel, ...]:
    """The forms of the original, best first: the file itself, or where it is too large a fitted version."""
    item = draft.item
    if item.size <= most:
        return _document(draft, most)
    if item.media_type.startswith("image/"):
        return attrs.evolve(_fitted(draft), kind="document"), Parcel("text", reusable=False)
    return (Parcel("text", reusable=False),)


def _photos(draft: Draft) -> tuple[Parcel, ...]:
    item = draft.item
    if item.size <= MOST_PHOTO and _shows(_measured(draft)):
        return Parcel("photo", draft.open_media, item.name), _fitted(draft)
    return *_small(draft), _fitted(draft)


def note_about(item: MediaItem, most: int, *, shown: bool) -> str:
    """What a card says about its file: why it is missing (`shown` False), or that Telegram cannot carry it whole."""
    if not shown:
        return _left_out(item, most)
    if item.size > most and item.media_type.startswith("video/"):
        return f"Only a picture of the video. {_left_out(item, most)}"
    return fitted_note(item.size, most) if item.size > most else ""


def _small(draft: Draft) -> tuple[Parcel, ...]:
    """The source's own small picture of the file, where it has one: it spares fetching what is not shown anyway."""
    opening = draft.open_preview
    if opening is None:
        return ()

    def small() -> BinaryIO:
        try:
            return opening()
        except PluginFault as fault:
            raise Refused(f"There is no small version of {draft.item.name}: {fault}") from fault

    stem = draft.item.name.rpartition(".")[0] or draft.item.name
    return (Parcel("photo", small, f"{stem}-small.jpg", reusable=False, spare=True),)


def _fitted(draft: Draft) -> Parcel:
    """The picture as a story, which is always small enough."""

    def smaller() -> BinaryIO:
        with draft.open_media() as file:
            try:
                return io.BytesIO(fit(file))
            except OSError as error:
                raise Refused(f"{draft.item.name} could not be read: {error.strerror or error}.") from error

    stem = draft.item.name.rpartition(".")[0] or draft.item.name
    return Parcel("photo", smaller, f"{stem}-story.jpg", reusable=False)


def _document(draft: Draft, most: int) -> tuple[Parcel, ...]:
    if draft.item.size > most:
        return ()
    return (Parcel("document", draft.open_media, draft.item.name),)


def _left_out(item: MediaItem, most: int) -> str:
    """Why there is no file, and where it lies."""
    where = f"{item.folder}/{item.name}" if item.folder else item.name
    if item.size > most:
        why = f"The file ({megabytes(item.size)}) is over Telegram's {megabytes(most)}"
    else:
        why = "Telegram does not take this file"
    return f"{why}. It lies in {item.source}: {where}"


def _measured(draft: Draft) -> tuple[int, int] | None:
    """How large a picture is, looked at where nobody has yet."""
    known = _sides(draft.item)
    if known is not None:
        return known
    with draft.open_media() as file:
        seen = look_file(file)
    return (seen.width, seen.height) if seen.width and seen.height else None


def _sides(item: MediaItem) -> tuple[int, int] | None:
    return (item.width, item.height) if item.width and item.height else None


def _shows(sides: tuple[int, int] | None) -> bool:
    """Whether a picture of this size can be a photo; one of unknown size is tried."""
    if sides is None:
        return True
    return sum(sides) <= MOST_SIDES and max(sides) <= MOST_RATIO * min(sides)
