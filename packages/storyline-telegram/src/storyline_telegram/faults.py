"""What Telegram refuses, sorted by what is to be done about it, and as core's errors with a remedy. Pure."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from storyline_core import NeedsPerson, PluginFault, Refused, Unavailable, Uncertain, scrub


class Why(StrEnum):
    """What kind of trouble it is."""

    UNSENT = "it was never sent"
    UNSEEN = "nobody saw how it ended"
    DOWN = "Telegram is out of order"
    FLOOD = "too many messages"
    TOKEN = "the token is wrong"
    PLACE = "the chat cannot be written to"
    MOVED = "the group has another number now"
    SAME = "nothing would change"
    GONE = "the message is gone"
    SHAPE = "the message has no such part"
    FILE = "the file is not accepted"
    FILE_ID = "the file is not known any more"
    RIVAL = "somebody else polls"
    HOOKED = "a webhook is set"
    OLD = "the tap is too old"
    OTHER = "refused"


class Trouble(Exception):
    """A call to Telegram that did not go well. `after` is how long to wait, `moved_to` a group's new number."""

    def __init__(self, why: Why, text: str, *, after: timedelta | None = None, moved_to: int | None = None) -> None:
        self.why = why
        self.text = scrub(text)
        self.after = after
        self.moved_to = moved_to
        super().__init__(f"{why}: {self.text}")


_WORDS = (
    (Why.SAME, ("message is not modified",)),
    (Why.GONE, ("message to edit not found", "message to delete not found", "message can't be edited",
                "message_id_invalid", "message can't be deleted")),
    (Why.SHAPE, ("there is no caption in the message", "there is no text in the message")),
    (Why.FILE_ID, ("wrong file identifier", "wrong remote file", "can't use file of type", "file reference",
                   "wrong file_id", "file_reference")),
    (Why.FILE, ("image_process_failed", "photo_invalid", "photo_ext_invalid", "photo_save_file_invalid",
                "is too big", "too large", "file must be non-empty", "failed to get http url", "video_",
                "animation_", "media_empty", "media_invalid", "wrong type of the web page content")),
    (Why.PLACE, ("chat not found", "not enough rights", "need administrator rights", "have no rights",
                 "chat_write_forbidden", "chat_send_", "chat_restricted", "thread not found", "topic_closed",
                 "topic_deleted", "topic_id_invalid", "channel_private", "peer_id_invalid", "user_is_blocked",
                 "bot is not a member", "group chat was deactivated", "chat_admin_required")),
    (Why.OLD, ("query is too old", "query_id_invalid")),
)  # fmt: skip


def sorted_out(code: int, text: str) -> Why:
    """What a refusal with this code and these words is."""
    words = text.lower()
    if code in (401, 404):
        return Why.TOKEN
    if code == 403:
        return Why.PLACE
    if code == 409:
        return Why.HOOKED if "webhook is active" in words else Why.RIVAL
    if code == 413:
        return Why.FILE
    if code == 504:
        return Why.UNSEEN
    if code >= 500:
        return Why.DOWN
    return next((why for why, signs in _WORDS if any(sign in words for sign in signs)), Why.OTHER)


def fault_of(
    trouble: Trouble, *, notifier: str, chat: int | None = None, topic: int | None = None, one_of_several: bool = False
) -> PluginFault:
    """The trouble as what core expects: by remedy, in words for a person.

    `one_of_several`: cards go to other chats as well, which need not wait for this one.
    """
    text = trouble.text.rstrip(".")
    match trouble.why:
        case Why.FLOOD:
            seconds = round(trouble.after.total_seconds()) if trouble.after else 0
            said = f"Telegram takes no more messages in chat {chat} for {seconds} s"
            return Unavailable(f"{said}; it goes on by itself.", retry_after=trouble.after, only_here=one_of_several)
        case Why.UNSENT:
            return Unavailable(f"Telegram cannot be reached: {text}. It goes on by itself once it can.")
        case Why.DOWN:
            return Unavailable(f"Telegram is out of order just now: {text}.", retry_after=trouble.after)
        case Why.UNSEEN:
            return Uncertain(f"Telegram did not say whether it took it: {text}.")
        case Why.TOKEN:
            return NeedsPerson(
                f"Telegram does not accept the token of [notifiers.{notifier}].",
                remedy="Ask @BotFather for the bot's token (/mybots, API Token) and set it where `token` in the "
                "settings says.",
            )
        case Why.PLACE:
            return _unreachable(text, notifier, chat, topic)
        case Why.RIVAL | Why.HOOKED:
            return Unavailable(f"Somebody else takes this bot's updates: {text}.")
        case _:
            return Refused(f"Telegram refused it: {text}.")


def _unreachable(text: str, notifier: str, chat: int | None, topic: int | None) -> NeedsPerson:
    """A chat that cannot be written to until somebody does something: what, exactly."""
    words = text.lower()
    where = f"chat {chat}"
    if "thread not found" in words or "topic_" in words:
        closed = "closed" in words
        return NeedsPerson(
            f"Topic {topic} of {where} is {'closed' if closed else 'not there (any more)'}.",
            remedy=f"{'Open it again, or correct' if closed else 'Correct'} `topic` under [notifiers.{notifier}]; "
            "`storyline telegram chats` shows the topics seen.",
        )
    if "blocked by the user" in words or "initiate conversation" in words or "user_is_blocked" in words:
        return NeedsPerson(
            f"The bot may not write to the person {chat}.", remedy="They open their chat with the bot and press Start."
        )
    if "rights" in words or "forbidden" in words.replace("forbidden:", "") or "chat_send_" in words:
        return NeedsPerson(
            f"The bot may not post in {where}: {text}.",
            remedy="Make the bot an administrator there who may post messages, or let members send media.",
        )
    if "kicked" in words or "not a member" in words:
        return NeedsPerson(f"The bot was removed from {where}.", remedy="Add it to the chat again.")
    return NeedsPerson(
        f"Telegram knows no {where} that the bot is in: {text}.",
        remedy="Add the bot to the chat, write /start@ and the bot's name there, and put the number that "
        f"`storyline telegram chats` shows under [notifiers.{notifier}].",
    )
