"""Pictures and videos that an admin sends to the upload chat: into the library, or known already."""

from __future__ import annotations

import logging

from storyline_core import Deed, Desk, MediaItem, NotAllowed, StorylineError, scrub
from storyline_telegram.moments import megabytes
from storyline_telegram.reports import not_uploaded_text, send_as_file_text, uploaded_text
from storyline_telegram.speech import HTML, MOST_DOWNLOADED, Upload, Voice
from storyline_telegram.texts import shown

log = logging.getLogger("storyline.telegram")


def received(upload: Upload, desk: Desk, voice: Voice) -> None:
    """Take one file and say what became of it. Raises the errors under `PluginFault` when that cannot be said.

    `upload.into` may name a folder in the source as well: `photos/incoming`.
    """
    said = upload.said
    desk.meet(said.person, said.name, said.username)
    try:
        desk.refuse(said.person, Deed.UPLOAD)
    except NotAllowed as error:
        voice.say(shown(str(error)))
        return
    voice.say(_outcome(upload, desk))


def _outcome(upload: Upload, desk: Desk) -> HTML:
    name = upload.file_name
    source, _, folder = upload.into.partition("/")
    if not source:
        return not_uploaded_text(name, "no source for uploads is named. The settings key is upload_into.")
    if upload.as_picture:
        return send_as_file_text()
    if upload.size > MOST_DOWNLOADED:
        most = megabytes(MOST_DOWNLOADED)
        return not_uploaded_text(
            name, f"it has {megabytes(upload.size)}, and Telegram gives bots {most} at most. Put it into the folder."
        )
    try:
        with upload.open() as content:
            got = desk.receive(upload.said.person, source, name, content, folder)
    except StorylineError as error:
        log.info("An upload of %s was not taken: %s", upload.said.person, scrub(str(error)))
        return not_uploaded_text(name, scrub(str(error)))
    if got.known and got.item is not None:
        return uploaded_text(name, got.source, known_as=f"{got.item.source}: {_path(got.item)}")
    stored = _path(got.item) if got.item else got.key
    return uploaded_text(stored, got.source)


def _path(item: MediaItem) -> str:
    return f"{item.folder}/{item.name}" if item.folder else item.name
