"""Database errors as plain sentences: what is wrong with which database, and what to do. Never a password."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from storyline_core.errors import SchemaMismatch, StoreError, StoreUnavailable

_SQLITE = (
    ("locked", "Another process has been writing to the {place} for too long. Wait for it to finish, then try again."),
    ("readonly", "The {place} is read-only. Make the file and its folder writable for this user, then try again."),
    ("is full", "There is no room left on the disk of the {place}. Free some space, then try again."),
    (
        "unable to open",
        "The {place} cannot be opened. Check that its folder exists and that this user may write there.",
    ),
    ("not a database", "The {place} is not a database file. Name another file, or restore it from a backup."),
    ("malformed", "The {place} is damaged. Restore it from a backup."),
    ("disk i/o", "The disk of the {place} fails. Check the disk, and restore the database from a backup if needed."),
)

_POSTGRESQL = (
    ("53100", "There is no room left on the disk of the {place}. Free some space there, then try again."),
    ("25006", "The {place} is read-only just now. Connect to the server that may be written to."),
    ("42501", "The database user may not do this in the {place}. Grant it the right to create and change tables."),
    ("28", "The {place} does not accept this user or password. Check the database URL."),
    ("3D000", "There is no {place}. Create it, or check the database URL."),
    ("40", "Two processes were in each other's way in the {place}. Nothing was written; try again."),
    ("53", "The {place} has no connection or memory to spare. Close other programs that use it, then try again."),
    ("55P03", "Another process has been writing to the {place} for too long. Try again."),
)

_NO_TABLES = ("42P01", "42703")

_ENCRYPTION = ("does not support ssl", "certificate", "no encryption", "ssl off")
"""What the driver says where it and the server do not agree on how to encrypt."""


@contextmanager
def plainly(place: str) -> Iterator[None]:
    """Whatever the database complains of inside the block comes out as an error of `storyline_core.errors`.

    Raises `StoreUnavailable`, `SchemaMismatch`, or `StoreError` for what only a mistake in Storyline can cause.
    """
    try:
        yield
    except NoConnectionFree:
        raise StoreUnavailable(f"All connections to the {place} are in use. Wait a moment, then try again.") from None
    except DBAPIError as error:
        raise _said(error.orig or error, place) from error
    except sqlite3.Error as error:
        raise _said(error, place) from error
    except Exception as error:
        if type(error).__module__.startswith("psycopg2"):
            raise _said(error, place) from error
        raise


def _said(error: BaseException, place: str) -> StoreError:
    said = str(error).strip()
    if isinstance(error, sqlite3.Error):
        return _by_sqlite(said, place)
    code = getattr(error, "pgcode", None)
    if code is None:
        return _by_connecting(said, type(error).__name__, place)
    if code in _NO_TABLES:
        return _without_tables(place)
    for start, sentence in _POSTGRESQL:
        if code.startswith(start):
            return StoreUnavailable(sentence.format(place=place))
    if code.startswith(("08", "57", "58")):
        return StoreUnavailable(f"The {place} broke the connection. Nothing was written; try again.")
    return StoreError(
        f"The {place} refused a statement ({type(error).__name__}, {code}). This is a mistake in Storyline."
    )


def _by_sqlite(said: str, place: str) -> StoreError:
    lower = said.lower()
    for part, sentence in _SQLITE:
        if part in lower:
            return StoreUnavailable(sentence.format(place=place))
    if "no such table" in lower or "no such column" in lower:
        return _without_tables(place)
    return StoreError(f"The {place} refused a statement ({said}). This is a mistake in Storyline.")


def _by_connecting(said: str, kind: str, place: str) -> StoreError:
    lower = said.lower()
    if kind != "OperationalError" and kind != "InterfaceError":
        return StoreError(f"The {place} refused a statement ({kind}). This is a mistake in Storyline.")
    if any(words in lower for words in _ENCRYPTION):
        return StoreUnavailable(
            f"The {place} cannot be reached with that encryption. Check sslmode (and sslrootcert) in the database URL."
        )
    if "authentication failed" in lower or "no password supplied" in lower:
        return StoreUnavailable(f"The {place} does not accept this user or password. Check the database URL.")
    if "does not exist" in lower:
        return StoreUnavailable(f"There is no {place}, or it does not know this user. Check the database URL.")
    if "too many clients" in lower or "remaining connection slots" in lower:
        return StoreUnavailable(f"The {place} has no connection to spare. Close other programs that use it.")
    return StoreUnavailable(f"The {place} cannot be reached. Check that it runs and that the database URL is right.")


def _without_tables(place: str) -> SchemaMismatch:
    return SchemaMismatch(f"The {place} lacks tables or columns. Run: storyline db upgrade")
