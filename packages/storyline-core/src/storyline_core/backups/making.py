"""Making a backup: one state of every table, the settings without secrets and, if wanted, the media files."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

import attrs

from storyline_core.backups.archive import MANIFEST, Draft, drafting
from storyline_core.backups.manifest import Backup, Manifest, MediaRecord, TableRecord, spell
from storyline_core.errors import BackupError, PluginFault, SchemaMismatch, Unavailable
from storyline_core.media import MediaItem
from storyline_core.redaction import scrub
from storyline_core.settings import Settings, masked
from storyline_core.store import Digesting, SchemaState, Shape, Snapshot, Store

log = logging.getLogger("storyline")

TABLES, MEDIA, MEDIA_LIST, SETTINGS = "tables/", "media/", "media.jsonl", "settings.toml"
_BLOCK = 1 << 20
_LINES_AT_ONCE = 500


@attrs.frozen
class MediaSource:
    """Where media files come from: the sources whose files lie on this machine, and how to open an item of theirs."""

    names: tuple[str, ...]
    open_item: Callable[[MediaItem], BinaryIO]


def make_backup(
    store: Store,
    settings: Settings,
    now: datetime,
    *,
    media: MediaSource | None = None,
    alive: Callable[[], None] = lambda: None,
) -> Backup:
    """Write a backup into the folder that the settings name; other processes may go on writing meanwhile.

    `alive` is called now and then while media files are copied. Raises `BackupError` when there is nowhere to write
    or nothing to save, and `StoreError` when the database cannot be read; nothing is left behind then.
    """
    directory = settings.backups.directory
    if directory is None:
        raise BackupError("No directory for backups is named. Name one under [backups] in the settings.")
    with drafting(directory, f"storyline-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}") as draft:
        with store.snapshot() as seen:
            if seen.version is None:
                raise BackupError(f"The {store.place} holds no tables of Storyline yet, so there is nothing to save.")
            if SchemaState(seen.version).later:
                raise SchemaMismatch(
                    f"The {store.place} was written by a later Storyline; only that one knows all that is in it. "
                    "Install it to make a backup."
                )
            tables = tuple(_table(draft, seen, shape) for shape in seen.tables)
            items = _items(seen, media.names) if media is not None else ()
        told = _settings(draft, settings)
        manifest = Manifest(
            made_at=now,
            storyline=version("storyline-core"),
            place=store.place,
            version=seen.version,
            tables=tables,
            settings=told,
            media=None if media is None else _media(draft, items, media.open_item, alive),
        )
        draft.add(MANIFEST, [spell(manifest)])
    return Backup(draft.path, now, draft.path.stat().st_size, manifest)


def _table(draft: Draft, seen: Snapshot, shape: Shape) -> TableRecord:
    passing = Digesting()
    draft.add(f"{TABLES}{shape.name}.jsonl", _blocks(passing.through(seen.lines(shape))))
    return TableRecord(shape, passing.digest())


def _blocks(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Many lines at once: packing single ones is slow."""
    block: list[bytes] = []
    for line in lines:
        block.append(line)
        if len(block) == _LINES_AT_ONCE:
            yield b"".join(block)
            block.clear()
    yield b"".join(block)


def _settings(draft: Draft, settings: Settings) -> bool:
    if settings.file is None:
        return False
    try:
        text = settings.file.read_text("utf-8-sig")
    except (OSError, UnicodeError) as error:
        log.warning("The backup has no settings: %s cannot be read (%s).", settings.file, error)
        return False
    draft.add(SETTINGS, [masked(text, settings).encode()])
    return True


def _items(seen: Snapshot, sources: Sequence[str]) -> Sequence[MediaItem]:
    return [item for name in sources for item in seen.unit.library.items(source=name, state="alive")]


def _media(
    draft: Draft, items: Sequence[MediaItem], open_item: Callable[[MediaItem], BinaryIO], alive: Callable[[], None]
) -> MediaRecord:
    """Copy the files, twins once, and list which item has which content. A file that cannot be read is noted."""
    written: dict[str, str] = {}
    entries: list[Mapping[str, str]] = []
    missing: list[tuple[str, str]] = []
    total = 0
    for number, item in enumerate(items):
        alive()
        entry = {"source": item.source, "key": item.key}
        if item.digest is not None and item.digest in written:
            entries.append({**entry, "digest": item.digest, "member": written[item.digest]})
            continue
        member = f"{MEDIA}{number:06}"
        try:
            digest, size = _copied(draft, member, item, open_item)
        except PluginFault as error:
            missing.append((f"{item.source}/{item.key}", scrub(str(error))))
            continue
        entries.append({**entry, "digest": digest, "member": member})
        written.setdefault(digest, member)
        total += size
    draft.add(MEDIA_LIST, (json.dumps(entry, ensure_ascii=False).encode() + b"\n" for entry in entries))
    return MediaRecord(len(entries), total, tuple(missing))


def _copied(draft: Draft, name: str, item: MediaItem, open_item: Callable[[MediaItem], BinaryIO]) -> tuple[str, int]:
    """Copy one file as it is now; its digest and its size. Raises a `PluginFault` for what keeps it from being read."""
    digest = hashlib.sha256()

    def blocks(file: BinaryIO) -> Iterator[bytes]:
        while block := _read(file):
            digest.update(block)
            yield block

    with open_item(item) as file:
        size = draft.add(name, blocks(file), packed=False)
    return digest.hexdigest(), size


def _read(file: BinaryIO) -> bytes:
    try:
        return file.read(_BLOCK)
    except OSError as error:
        raise Unavailable(f"It cannot be read ({error.strerror or type(error).__name__}).") from error


def local_media(settings: Settings, open_item: Callable[[MediaItem], BinaryIO]) -> MediaSource:
    """The sources whose settings name a folder of this machine; what lies elsewhere is kept there."""
    names = [
        entry.name for entry in settings.sources.values() if isinstance(getattr(entry.options, "path", None), Path)
    ]
    return MediaSource(tuple(names), open_item)
