"""What people write into `metadata.json`, into a sidecar or into an edit; mistakes become part of the answer."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

import attrs

from storyline_core.metadata.plain_json import check_keepable, kind_of, read_json, shown

_MAX_NOTES = 20

T = TypeVar("T")


@attrs.frozen
class Partial:
    """What one place says about one picture. A field that is None says nothing; an empty one says "none"."""

    title: str | None = None
    caption: str | None = None
    link_url: str | None = None
    tags: tuple[str, ...] | None = None
    requires_interaction: bool | None = None
    custom_metadata: Mapping[str, object] | None = None


FIELDS: tuple[str, ...] = tuple(field.name for field in attrs.fields(Partial))
"""The names of the fields a person may edit or reset."""


@attrs.frozen
class FolderDocument:
    """A folder's `metadata.json`: the defaults of its pictures and what it says of each, by file name.

    `problems` are mistakes of which each cost only the field or the item that it names; `warnings` cost nothing.
    """

    defaults: Partial = attrs.field(factory=Partial)
    items: Mapping[str, Partial] = attrs.field(factory=dict)
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def item(self, name: str) -> Partial:
        """What it says of the file with that name, however the name's accents are composed."""
        return self.items.get(_composed(name), Partial())


@attrs.frozen
class SidecarDocument:
    """A sidecar: what it says of the pictures that share its name. `problems` and `warnings` as in a folder's."""

    says: Partial = attrs.field(factory=Partial)
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@attrs.frozen
class BrokenDocument:
    """A document of which nothing can be used, and why, for the person who wrote it."""

    message: str


def is_folder_document(name: str) -> bool:
    """Whether a document of that name speaks for its whole folder; every other one is a sidecar."""
    return name == "metadata.json"


def parse_document(name: str, text: bytes) -> FolderDocument | SidecarDocument | BrokenDocument:
    """Read a document. Never raises for what somebody wrote into it: mistakes are part of the answer."""
    try:
        content = read_json(text)
    except ValueError as error:
        return BrokenDocument(str(error))
    if not isinstance(content, dict):
        return BrokenDocument(f"An object ({{ … }}) is expected, not {kind_of(content)}.")
    reader = _Reader(content)
    if is_folder_document(name):
        defaults, items = _read_folder(reader)
        return FolderDocument(defaults, items, _at_most(reader.problems), _at_most(reader.warnings))
    reader.take("file_name", _any)
    says = _read_fields(reader)
    reader.warn_of_rest()
    return SidecarDocument(says, _at_most(reader.problems), _at_most(reader.warnings))


def partial_to_json(partial: Partial) -> dict[str, object]:
    """The fields of which a partial speaks, as plain JSON values."""
    said = {field: getattr(partial, field) for field in FIELDS}
    if partial.tags is not None:
        said["tags"] = list(partial.tags)
    return {field: value for field, value in said.items() if value is not None}


def partial_from_json(content: Mapping[str, object]) -> Partial:
    """The opposite of `partial_to_json`, and the check of what a person types. Raises ValueError with every mistake."""
    check_keepable(dict(content))
    reader = _Reader(dict(content))
    partial = _read_fields(reader)
    reader.warn_of_rest()
    if mistakes := reader.problems + reader.warnings:
        raise ValueError(" ".join(_at_most(mistakes)))
    return partial


class _Reader:
    """One JSON object that is being read: gives its keys one by one and notes what is wrong, with the path to it."""

    def __init__(self, content: dict[str, object], path: str = "", notes: _Reader | None = None) -> None:
        self._rest = dict(content)
        self._path = path
        self._asked: list[str] = []
        self.problems: list[str] = notes.problems if notes else []
        self.warnings: list[str] = notes.warnings if notes else []

    def take(self, key: str, read: Callable[[object], T]) -> T | None:
        """The value of a key as `read` understands it; None if it is absent, null or wrong (which is noted)."""
        self._asked.append(key)
        value = self._rest.pop(key, None)
        if value is None:
            return None
        try:
            return read(value)
        except ValueError as error:
            self.problems.append(f"{self._path}{key}: {error}")
            return None

    def below(self, content: object, path: str) -> _Reader | None:
        """A reader for an object inside this one, which notes in the same place; None if it is no object."""
        if isinstance(content, dict):
            return _Reader(content, f"{self._path}{path}.", self)
        self.problems.append(f"{self._path}{path}: an object ({{ … }}) is expected, not {kind_of(content)}.")
        return None

    def warn_of_rest(self) -> None:
        """Note the keys that nobody asked for; they are most often misspelt."""
        for key in self._rest:
            self.warnings.append(f"{self._path}{shown(key)}: not a known key; there are {', '.join(self._asked)}.")


def _read_folder(reader: _Reader) -> tuple[Partial, dict[str, Partial]]:
    defaults = Partial(
        requires_interaction=reader.take("default_requires_interaction", _yes_or_no),
        tags=reader.take("default_tags", _tags),
    )
    items: dict[str, Partial] = {}
    for index, content in enumerate(reader.take("items", _list) or []):
        inner = reader.below(content, f"items[{index}]")
        if inner is None:
            continue
        name = inner.take("file_name", _file_name)
        partial = _read_fields(inner)
        inner.warn_of_rest()
        if name is None:
            reader.problems.append(f"items[{index}]: a file_name is needed to say which picture is meant.")
            continue
        if name in items:
            reader.warnings.append(f"items[{index}]: {shown(name)} is described twice; the later one counts.")
        items[name] = partial
    reader.warn_of_rest()
    return defaults, items


def _read_fields(reader: _Reader) -> Partial:
    return Partial(
        title=reader.take("title", _text),
        caption=reader.take("caption", _text),
        link_url=reader.take("link_url", _link),
        tags=reader.take("tags", _tags),
        requires_interaction=reader.take("requires_interaction", _yes_or_no),
        custom_metadata=reader.take("custom_metadata", _object),
    )


def _any(value: object) -> object:
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f'a text in quotes ("…") is expected, not {kind_of(value)}.')
    return value


def _file_name(value: object) -> str:
    name = _composed(_text(value))
    if not name or "/" in name:
        raise ValueError("the name of a file in this very folder is expected, without a path.")
    return name


def _yes_or_no(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"true or false is expected, without quotes, not {kind_of(value)}.")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise ValueError(f"a list ([ … ]) is expected, not {kind_of(value)}.")
    return value


def _tags(value: object) -> tuple[str, ...]:
    expected = 'a list of words (["sale", "summer"]) is expected'
    if not isinstance(value, list | tuple):
        raise ValueError(f"{expected}, not {kind_of(value)}.")
    words: list[str] = []
    for word in value:
        if not isinstance(word, str):
            raise ValueError(f"{expected}; one of these is {kind_of(word)}.")
        words.append(word.strip())
    return tuple(dict.fromkeys(word for word in words if word))


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise ValueError(f"an object ({{ … }}) is expected, not {kind_of(value)}.")
    return dict(value)


def _link(value: object) -> str:
    link = _text(value).strip()
    if link and not _is_web_address(link):
        raise ValueError("a web address is expected that begins with https:// or http:// and has no spaces.")
    return link


def _is_web_address(link: str) -> bool:
    try:
        parts = urlsplit(link)
        port = parts.port
    except ValueError:
        return False
    plain = link.isprintable() and " " not in link
    return plain and parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0


def _at_most(notes: list[str]) -> tuple[str, ...]:
    """The notes, the tail of a very long list counted rather than told."""
    if len(notes) <= _MAX_NOTES:
        return tuple(notes)
    return (*notes[:_MAX_NOTES], f"and {len(notes) - _MAX_NOTES} more like these.")


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)
