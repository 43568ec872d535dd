"""The metadata documents of a sync: read the changed ones, and find out whose description they change."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import BinaryIO

import attrs

from storyline_core.describing import MOST_BYTES, Documents, notes_of
from storyline_core.errors import PluginFault, Unavailable
from storyline_core.media import Description, FileProblem, ListedFile, RememberedDocument
from storyline_core.metadata import (
    UNDESCRIBED,
    BrokenDocument,
    Partial,
    parse_document,
    partial_from_json,
    said_by_provenance,
)
from storyline_core.reconcile import Change, ChangeKind, ChangeSet
from storyline_core.steps.line import guarded
from storyline_core.store import Store, StoredDocument, Unit

_DESCRIBED_ANEW = (
    ChangeKind.ADDED,
    ChangeKind.EDITED,
    ChangeKind.MOVED,
    ChangeKind.RESTORED,
    ChangeKind.TOUCHED,
)


@attrs.frozen
class ReadDocuments:
    """The documents that were read in this run, those that are gone, and what went wrong with any."""

    stored: tuple[StoredDocument, ...] = ()
    gone: tuple[RememberedDocument, ...] = ()
    problems: tuple[FileProblem, ...] = ()


@attrs.frozen
class Redescribed:
    """New descriptions: by key for items that the change set touches, by id for items it leaves alone."""

    by_key: Mapping[str, Description] = attrs.field(factory=dict)
    by_id: Mapping[int, Description] = attrs.field(factory=dict)
    keys: tuple[str, ...] = ()


def read_documents(
    open_media: Callable[[str], BinaryIO],
    entries: Sequence[ListedFile],
    gone: Sequence[RememberedDocument],
    read_ns: int,
) -> ReadDocuments:
    """Read documents; one that cannot be read is reported, and what it said before stands."""
    stored, problems = [], []
    for entry in entries:
        try:
            text = guarded(lambda entry=entry: _read(open_media, entry), "Reading metadata", otherwise=Unavailable)  # type: ignore[misc]
        except (OSError, PluginFault) as error:
            problems.append(FileProblem(entry.key, f"The metadata could not be read: {error}"))
            continue
        document, notes = _stored(entry, text, read_ns)
        stored.append(document)
        problems.extend(FileProblem(entry.key, note) for note in notes)
    return ReadDocuments(tuple(stored), tuple(gone), tuple(problems))


def with_last_good(store: Store, source: str, read: ReadDocuments) -> ReadDocuments:
    """Let a document that cannot be understood just now say what it said when it last could be.

    Somebody may be in the middle of saving it; a poll must not lose its question over that.
    """
    broken = [document.key for document in read.stored if document.problem]
    if not broken:
        return read
    with store.read() as unit:
        texts = unit.library.document_texts(source, broken)
    kept = tuple(
        attrs.evolve(document, text=texts.get(document.key, "")) if document.problem else document
        for document in read.stored
    )
    return attrs.evolve(read, stored=kept)


def _read(open_media: Callable[[str], BinaryIO], entry: ListedFile) -> bytes:
    with open_media(entry.key) as file:
        return file.read(MOST_BYTES + 1)


def _stored(entry: ListedFile, text: bytes, read_ns: int) -> tuple[StoredDocument, tuple[str, ...]]:
    if len(text) > MOST_BYTES:
        parsed: object = BrokenDocument(f"It is larger than {MOST_BYTES // 1_000_000} MB.")
        notes: tuple[str, ...] = (f"It is larger than {MOST_BYTES // 1_000_000} MB, and was passed over.",)
    else:
        parsed = (document := parse_document(entry.name, text))
        notes = notes_of(document)
    broken = isinstance(parsed, BrokenDocument)
    stored = StoredDocument(
        key=entry.key,
        name=entry.name,
        folder=entry.folder,
        size=entry.size,
        mtime_ns=entry.mtime_ns,
        version=entry.version,
        digest=hashlib.sha256(text).hexdigest(),
        read_ns=read_ns,
        text="" if broken else text.decode("utf-8-sig"),
        problem=" ".join(notes) if broken else "",
    )
    return stored, notes


def unfinished(read: ReadDocuments) -> tuple[StoredDocument, ...]:
    """The documents that were read, as a run notes them that is not done: the next run takes them for changed."""
    return tuple(attrs.evolve(document, digest="", version="") for document in read.stored)


@attrs.frozen
class FolderDocuments:
    """What the documents of some folders say, for files that are new in them."""

    documents: Documents

    @classmethod
    def of(
        cls,
        unit: Unit,
        source: str,
        folders: Collection[str],
        read: ReadDocuments,
        remembered: Sequence[RememberedDocument],
    ) -> FolderDocuments:
        """From what is remembered and what was read in this run."""
        return cls(_documents(unit.library.document_texts, source, folders, read, remembered))

    def describe(self, added: Iterable[Change]) -> dict[str, Description]:
        """What they say of new files, by key; those of which nobody says anything are left out."""
        files = [change.now for change in added if change.now is not None]
        said = ((file.key, self.documents.describe(file.name, file.folder)) for file in files)
        return {key: description for key, description in said if description is not UNDESCRIBED}


def redescribe(
    store: Store,
    source: str,
    changes: ChangeSet,
    read: ReadDocuments,
    remembered: Sequence[RememberedDocument],
    *,
    older_than: int | None = None,
) -> Redescribed:
    """What every affected item is described as now: those the plan touches, and those whose documents changed.

    Items with ids from `older_than` on were added in this very run, and are described already.
    """
    before = {document.key: document for document in remembered}
    changed = [each for each in read.stored if each.key not in before or before[each.key].digest != each.digest]
    touched_folders = {each.folder for each in changed} | {each.folder for each in read.gone}
    touched_folders |= {before[each.key].folder for each in changed if each.key in before}
    renewed = [change for change in changes.changes if change.kind in _DESCRIBED_ANEW and change.now is not None]
    folders = touched_folders | {change.now.folder for change in renewed if change.now is not None}
    if not folders:
        return Redescribed()
    handled = {change.was.id for change in changes.changes if change.was is not None}
    with store.read() as unit:
        documents = _documents(unit.library.document_texts, source, folders, read, remembered)
        ids = [change.was.id for change in renewed if change.was is not None]
        edits, origins = unit.library.edits_of(ids), unit.library.provenances_of(ids)
        others = unit.library.by_folder(source, touched_folders, older_than=older_than) if touched_folders else []
    by_key = {
        change.now.key: documents.describe(
            change.now.name,
            change.now.folder,
            _partial(edits.get(change.was.id)) if change.was is not None else None,
            said_by_provenance(origins.get(change.was.id)) if change.was is not None else None,
        )
        for change in renewed
        if change.now is not None
    }
    by_id, keys = {}, []
    for item in others:
        if item.id in handled:
            continue
        origin = said_by_provenance(item.provenance)
        description = documents.describe(item.name, item.folder, _partial(item.edits), origin)
        if description != item.description:
            by_id[item.id] = description
            keys.append(item.key)
    return Redescribed(by_key, by_id, tuple(sorted(keys)))


def _documents(
    texts_of: Callable[[str, Collection[str]], Mapping[str, str]],
    source: str,
    folders: Iterable[str],
    read: ReadDocuments,
    remembered: Sequence[RememberedDocument],
) -> Documents:
    wanted = set(folders)
    fresh = {each.key for each in read.stored} | {each.key for each in read.gone}
    kept = [each for each in remembered if each.folder in wanted and each.key not in fresh]
    texts = texts_of(source, {each.key for each in kept}) if kept else {}
    old = [(each.folder, each.name, texts.get(each.key, "").encode()) for each in kept]
    new = [(each.folder, each.name, each.text.encode()) for each in read.stored if each.folder in wanted]
    return Documents.of([*old, *new])


def _partial(edits: Mapping[str, object] | None) -> Partial | None:
    return partial_from_json(edits) if edits else None
