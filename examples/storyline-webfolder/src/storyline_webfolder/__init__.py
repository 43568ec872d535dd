"""A folder that a web server lists in an `index.json`, as a source for Storyline: a complete third-party plugin."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, BinaryIO, cast
from urllib.parse import quote

import attrs

from storyline_core import (
    Kind,
    ListedFile,
    Listing,
    NeedsPerson,
    Refused,
    Runtime,
    SourceDefaults,
    SourceKind,
    Unavailable,
    hookimpl,
    media_type_of,
)

if TYPE_CHECKING:
    import httpx


@attrs.frozen
class WebFolder:
    """`[sources.NAME]` with `kind = "webfolder"`: the folder's address, and the deadline of one whole request."""

    url: str = attrs.field(metadata={"help": "the folder's address, without the index.json"})
    timeout: timedelta = attrs.field(
        default=timedelta(seconds=30), metadata={"help": "the deadline of one whole request"}
    )


class WebFolderSource(SourceDefaults):
    """Lists what `index.json` names; hashing, identity and the rest are the defaults."""

    def __init__(self, options: WebFolder, client: httpx.Client) -> None:
        self._options, self._client = options, client

    def list_media(self, cursor: str | None) -> Listing:
        """Everything in the index; a missing or unreadable index is no listing at all."""
        try:
            with self._fetch("index.json") as file:
                return Listing.of(_entry(row) for row in json.load(file))
        except (Refused, LookupError, TypeError, ValueError, AttributeError) as error:
            raise Unavailable(f"{self._options.url}/index.json is not an index of files ({error}).") from error

    def open_media(self, key: str) -> BinaryIO:
        """One file, fetched whole, so that it can be sought in."""
        if not all(part.strip(".") for part in key.split("/")):
            raise Refused(f"{key!r} is not a path in this folder.")
        return self._fetch(key)

    def _fetch(self, path: str) -> BinaryIO:
        import httpx

        address = f"{self._options.url.rstrip('/')}/{quote(path)}"
        deadline = time.monotonic() + self._options.timeout.total_seconds()
        with ExitStack() as cleanup:
            file = cleanup.enter_context(SpooledTemporaryFile(max_size=1 << 22))
            try:
                response = cleanup.enter_context(self._client.stream("GET", address))
                if response.status_code in {401, 403}:
                    raise NeedsPerson(f"{address} wants a login.", remedy="Let this machine read the folder.")
                if response.status_code in {404, 410}:
                    raise Refused(f"{address} is not there.")
                for block in response.raise_for_status().iter_bytes():
                    file.write(block)
                    if time.monotonic() > deadline:
                        raise Unavailable(f"{address} did not arrive within {self._options.timeout}.")
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise Unavailable(f"{address} does not answer as it should ({error}).") from error
            file.seek(0)
            response.close()
            cleanup.pop_all()
        return cast(BinaryIO, file)


def _entry(row: dict[str, object]) -> ListedFile:
    """`{"path": "memes/cat.jpg", "size": 123, "mtime": 1714557600, "sha256": "..."}`; the digest may be missing."""
    path, size, mtime, digest = str(row["path"]), int(str(row["size"])), float(str(row["mtime"])), row.get("sha256")
    folder, _, name = path.rpartition("/")
    known = str(digest) if digest else None
    return ListedFile(path, name, folder, size, int(mtime * 1e9), known or str(mtime), media_type_of(name), known)


@contextmanager
def open_web_folder(options: WebFolder, runtime: Runtime) -> Iterator[WebFolderSource]:
    """One connection pool for as long as the source is open. What is heavy is imported here, not when it is found."""
    import httpx

    with httpx.Client(timeout=options.timeout.total_seconds(), follow_redirects=True) as client:
        yield WebFolderSource(options, client)


@hookimpl
def storyline_media_source_providers() -> list[SourceKind]:
    """The one kind this plugin offers."""
    return [Kind("webfolder", WebFolder, open_web_folder, summary="a folder that a web server lists in an index.json")]
