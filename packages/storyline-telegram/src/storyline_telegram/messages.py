"""What people write and send: commands and files, handed to those who answer them."""

from __future__ import annotations

import logging
import re
import tempfile
from typing import BinaryIO

import attrs

from storyline_core import Controls, Desk, PluginFault, Refused, StorylineError, scrub, trace_of
from storyline_telegram import replies
from storyline_telegram.admission import Admission
from storyline_telegram.asking import Room, answer
from storyline_telegram.asking import tapped as asked_by_tap
from storyline_telegram.faults import Trouble, Why
from storyline_telegram.heard import SentFile, Tapped, Who, Wrote
from storyline_telegram.routes import Place
from storyline_telegram.sending import Sending
from storyline_telegram.speech import MOST_DOWNLOADED, Said, Upload
from storyline_telegram.taps import PageTap, SwitchTap, Tap
from storyline_telegram.uploading import received
from storyline_telegram.voice import TelegramVoice

log = logging.getLogger("storyline.telegram")

_ADDRESSED = re.compile(r"(/[A-Za-z0-9_]{1,32})@([A-Za-z0-9_]{1,64})(?=\s|$)")
_IN_MEMORY = 1_000_000
_MOST_LOCALLY = 2_000_000_000


class Messages:
    """Hands what people write in the configured chats on, each call in any thread."""

    def __init__(
        self, sending: Sending, admission: Admission, *, upload_into: str, local: bool, room: Room | None = None
    ) -> None:
        self._sending = sending
        self._admission = admission
        self._upload_into = upload_into
        self._room = room or Room()
        self._most = _MOST_LOCALLY if local else MOST_DOWNLOADED

    def concerns(self, wrote: Wrote) -> bool:
        """Whether anybody waits for an answer: a command to this bot, or a file in the upload chat."""
        if wrote.who is None or wrote.who.is_bot:
            return False
        if wrote.file is not None and self._sending.places.is_upload(wrote.chat.id):
            return True
        return wrote.text.startswith("/")

    def answer(self, wrote: Wrote, controls: Controls, bot: str) -> None:
        """Answer a message. `bot` is this bot's username. Never raises."""
        text = own_words(wrote.text, bot)
        if wrote.who is None or text is None:
            return
        said = _said(wrote, wrote.who, text)
        voice = TelegramVoice(self._sending, wrote.place, None if said.chat_kind == "private" else wrote.message)
        try:
            if not isinstance(controls, Desk):
                voice.say(replies.said_trouble("commands are not available here"))
            elif wrote.file is not None and self._sending.places.is_upload(wrote.chat.id):
                received(attrs.evolve(self._upload(said, wrote.file), into=self._upload_into), controls, voice)
            else:
                answer(said, controls, voice, self._room)
        except Exception as error:  # noqa: BLE001 - a mistake of ours over one message must not end the listening
            self._failed(error, voice)

    def switch(self, tap: Tap, tapped: Tapped, controls: Controls, voice: TelegramVoice) -> None:
        """Carry out a tap on a switch or on a page of a list."""
        if not isinstance(controls, Desk) or not isinstance(tap, SwitchTap | PageTap):
            voice.explain(replies.tap_unknown())
            return
        assert tapped.card is not None
        assert tapped.chat is not None
        who, card = tapped.who, tapped.card
        said = Said(voice.place, tapped.chat.kind, who.key, who.name, who.username, "", card.message)
        asked_by_tap(tap, said, controls, voice, self._room)

    def _upload(self, said: Said, file: SentFile) -> Upload:
        return Upload(
            said=said, file_name=file.name, size=file.size, media_type=file.media_type,
            open=lambda: self._fetched(file, said.place), as_picture=file.as_picture,
        )  # fmt: skip

    def _fetched(self, file: SentFile, place: Place) -> BinaryIO:
        """The bytes of a file, spooled to disk where they are many."""
        if file.size > self._most:
            raise Refused(f"{file.name} is larger than the {self._most // 1_000_000} MB that a bot can fetch.")
        spool = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - whoever asked for it closes it
        try:
            within = self._sending.connection.line.upload_within
            self._sending.connection.call(lambda client: client.download(file.id, spool), within)  # type: ignore[arg-type]
        except Trouble as trouble:
            spool.close()
            if trouble.why is Why.TOKEN:
                # The token was good enough to hear of the file: the refusal is about the file itself.
                raise Refused(f"{file.name} is not at Telegram any more; send it again.") from None
            raise self._sending.fault(trouble, place) from None
        spool.seek(0)
        return spool  # type: ignore[return-value]

    def _failed(self, error: Exception, voice: TelegramVoice) -> None:
        expected = isinstance(error, StorylineError)
        log.log(logging.INFO if expected else logging.ERROR, "An answer failed: %s",
                scrub(str(error)) if expected else trace_of(error))  # fmt: skip
        try:
            voice.say(replies.said_trouble(scrub(str(error)) if expected else ""))
        except PluginFault as fault:
            log.info("Nor could anybody be told: %s", fault)


def own_words(text: str, bot: str) -> str | None:
    """What was said to this bot, without its name in the command; None where another bot was meant."""
    found = _ADDRESSED.match(text)
    if found is None:
        return text
    return found[1] + text[found.end() :] if not bot or found[2].lower() == bot.lower() else None


def _said(wrote: Wrote, who: Who, text: str) -> Said:
    return Said(
        place=wrote.place, chat_kind=wrote.chat.kind, person=who.key, name=who.name, username=who.username, text=text,
        message_id=wrote.message, reply_to=wrote.reply_to,
    )  # fmt: skip
