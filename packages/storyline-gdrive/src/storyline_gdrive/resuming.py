"""A listing that can be broken off at any moment, by a crash as well: what was answered is written down as it comes.

A listing asks the same questions in the same order as long as the answers are the same. So the one that goes on is
given the answers that the one before it got, and Drive is only asked for the rest.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Protocol

from storyline_core import Refused
from storyline_gdrive.answers import Json, as_object, parsed, text, whole
from storyline_gdrive.client import Params, Refuses
from storyline_gdrive.troubles import Refusal

LASTS = timedelta(hours=2)
"""So long after its beginning a listing can be gone on with; what changed since is told by the changes from then on."""

_FORMAT = 1


class Asks(Protocol):
    """What a listing needs of Drive."""

    def json(self, path: str, params: Params, what: str) -> Json:
        """One answer. Raises `Refuses` for what only the caller can judge, otherwise an error of the contract."""


class Notebook:
    """The answers of the listing under way, in a file. What cannot be written or read there is asked again.

    `went_on`: the last listing was given answers of one before it, so that it may not tell what happened since.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.went_on = False

    def discard(self) -> None:
        """The next listing begins anew."""
        with suppress(OSError):
            self._path.unlink()

    @contextmanager
    def resumed(self, drive: Asks, rules: str, now: datetime) -> Iterator[Asks]:
        """Drive for one listing by these rules. The notes of a listing that comes to its end are thrown away."""
        self.went_on = False
        file = self._open()
        if file is None:
            yield drive
            return
        with file:
            notes = _Notes(file, rules, now)
            try:
                yield _Remembering(drive, notes)
                self.went_on = notes.used
            except Refused:
                # The next one is not to fail by what was said to this one.
                self.discard()
                raise
            self.discard()

    def _open(self) -> BinaryIO | None:
        """The file, for this process alone; None where that cannot be."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = open(self._path, "a+b")  # noqa: SIM115 - the caller closes it
        except OSError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return None
        return file


class _Notes:
    """The answers in the file: those that are to be given again, and then one more with each `add`."""

    def __init__(self, file: BinaryIO, rules: str, now: datetime) -> None:
        self._file = file
        self._good = True
        self.used = False
        file.seek(0)
        if not self._fits(rules, now):
            file.seek(0)
            file.truncate()
            self.add({"v": _FORMAT, "rules": rules, "begun": now.isoformat()})
            file.seek(0)
            self._line()
        self._replaying = True

    def _fits(self, rules: str, now: datetime) -> bool:
        first = self._line()
        if first is None or first.get("v") != _FORMAT or first.get("rules") != rules:
            return False
        try:
            begun = datetime.fromisoformat(text(first.get("begun")))
        except ValueError:
            return False
        return timedelta() <= now - begun < LASTS

    def _line(self) -> Json | None:
        """The next line; None at the end, or where the last writer was interrupted."""
        line = self._file.readline()
        if not line.endswith(b"\n"):
            return None
        try:
            return parsed(zlib.decompress(base64.b64decode(line[:-1], validate=True)))
        except (ValueError, zlib.error):
            return None

    def given(self, question: str) -> Json | None:
        """What was answered to this question at this place, or None: from here on nothing is known any more."""
        if not self._replaying:
            return None
        place = self._file.tell()
        noted = self._line()
        if noted is None or noted.get("asked") != question:
            self._replaying = False
            self._file.seek(place)
            self._file.truncate()
            return None
        self.used = True
        return noted

    def add(self, noted: Json) -> None:
        """One more line. What cannot be written ends the notes, and not the listing."""
        if not self._good:
            return
        spelled = zlib.compress(json.dumps(noted, separators=(",", ":")).encode(), 1)
        try:
            self._file.write(base64.b64encode(spelled) + b"\n")
            self._file.flush()
        except OSError:
            self._good = False


class _Remembering:
    """Drive, and what it said before."""

    def __init__(self, drive: Asks, notes: _Notes) -> None:
        self._drive = drive
        self._notes = notes

    def json(self, path: str, params: Params, what: str) -> Json:
        """As Drive answers, or answered."""
        question = _name_of(path, params)
        noted = self._notes.given(question)
        if noted is None:
            return self._asked(question, lambda: self._drive.json(path, params, what))
        if "refused" in noted:
            refused = as_object(noted["refused"])
            raise Refuses(Refusal(whole(refused.get("status")) or 0, text(refused.get("reason"))))
        return as_object(noted.get("answer"))

    def _asked(self, question: str, ask: Callable[[], Json]) -> Json:
        try:
            answer = ask()
        except Refuses as refused:
            refusal = refused.refusal
            self._notes.add({"asked": question, "refused": {"status": refusal.status, "reason": refusal.reason}})
            raise
        self._notes.add({"asked": question, "answer": answer})
        return answer


def _name_of(path: str, params: Params) -> str:
    return hashlib.sha256(json.dumps([path, sorted(params.items())]).encode()).hexdigest()[:24]
