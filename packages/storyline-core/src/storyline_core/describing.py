"""Which metadata documents must be read, and what all documents together say about which item. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs

from storyline_core.media import Description, ListedFile, Listing, RememberedDocument
from storyline_core.metadata import (
    BrokenDocument,
    FolderDocument,
    Partial,
    SidecarDocument,
    describe,
    is_folder_document,
    parse_document,
    sidecar_names,
)

MOST_BYTES = 4_000_000
"""Larger documents are not metadata that a person wrote; they are reported and passed over."""


@attrs.frozen
class DocumentPlan:
    """Which documents have to be read, and which of the remembered ones are certainly gone."""

    read: tuple[ListedFile, ...]
    gone: tuple[RememberedDocument, ...]


def documents_to_read(
    remembered: Sequence[RememberedDocument], listing: Listing, *, filters_changed: bool, force: bool = False
) -> DocumentPlan:
    """Tell changed and new documents from unchanged ones, by what a look at the file says."""
    known = {document.key: document for document in remembered}
    listed = {entry.key: entry for entry in listing.documents}
    read = [entry for key, entry in sorted(listed.items()) if force or not _as_known(known.get(key), entry, listing)]
    gone = [
        document
        for key, document in sorted(known.items())
        if key not in listed and not filters_changed and listing.proves_absent(key, document.folder)
    ]
    return DocumentPlan(read=tuple(read), gone=tuple(gone))


def _as_known(document: RememberedDocument | None, entry: ListedFile, listing: Listing) -> bool:
    if document is None:
        return False
    same = (document.size, document.mtime_ns, document.version) == (entry.size, entry.mtime_ns, entry.version)
    return same and document.read_ns - entry.mtime_ns >= listing.racy_margin_ns


Parsed = FolderDocument | SidecarDocument | BrokenDocument


@attrs.frozen
class Documents:
    """All documents of some folders, read and parsed: folder → name → what it says."""

    by_folder: Mapping[str, Mapping[str, Parsed]] = attrs.field(factory=dict)

    @classmethod
    def of(cls, texts: Iterable[tuple[str, str, bytes]]) -> Documents:
        """From (folder, name, text) of each document."""
        folders: dict[str, dict[str, Parsed]] = {}
        for folder, name, text in texts:
            folders.setdefault(folder, {})[name] = parse_document(name, text)
        return cls(folders)

    def describe(
        self, name: str, folder: str, edits: Partial | None = None, origin: Partial | None = None
    ) -> Description:
        """What everything together says of the file of that name in that folder; `origin` where nobody else does."""
        here = self.by_folder.get(folder)
        if not here:
            return describe(name, edits=edits, origin=origin)
        document = next((each for key, each in here.items() if is_folder_document(key)), None)
        beside = next((here[each] for each in sidecar_names(name) if each in here), None)
        return describe(
            name,
            edits=edits,
            sidecar=beside.says if isinstance(beside, SidecarDocument) else None,
            folder=document if isinstance(document, FolderDocument) else None,
            origin=origin,
        )


def notes_of(parsed: Parsed) -> tuple[str, ...]:
    """What is wrong with a document, for the person who wrote it; empty when all is well."""
    return (parsed.message,) if isinstance(parsed, BrokenDocument) else (*parsed.problems, *parsed.warnings)
