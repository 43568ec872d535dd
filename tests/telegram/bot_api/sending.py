"""The methods that put messages into chats, change them and take them away."""

from __future__ import annotations

from datetime import timedelta

import attrs

from tests.telegram.bot_api.bodies import Parameters, Upload
from tests.telegram.bot_api.chats import ChatMessage, Content, Conversation
from tests.telegram.bot_api.files import WRONG, Kept
from tests.telegram.bot_api.formatting import Formatted, understood, units
from tests.telegram.bot_api.keyboards import accepted
from tests.telegram.bot_api.refusals import Json, bad_request
from tests.telegram.bot_api.state import State
from tests.telegram.bot_api.updates import BotState

TEXT_LENGTH = 4096
CAPTION_LENGTH = 1024
DELETABLE = timedelta(hours=48)
RIGHTS = {
    "text": ("can_send_messages", "text messages"),
    "photo": ("can_send_photos", "photos"),
    "video": ("can_send_videos", "videos"),
    "animation": ("can_send_other_messages", "animations"),
    "document": ("can_send_documents", "documents"),
}
UNCHANGED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)


def send_message(state: State, bot: BotState, given: Parameters) -> object:
    """sendMessage."""
    chat = _open(state, bot, given, "text")
    return _put(state, bot, given, chat, Content(_text(given), keyboard=_keyboard(given, chat)))


def send_file(kind: str, state: State, bot: BotState, given: Parameters) -> object:
    """sendPhoto, sendVideo, sendAnimation, sendDocument."""
    chat = _open(state, bot, given, kind)
    said, keyboard = _caption(given), _keyboard(given, chat)
    upload, value = given.upload(kind), given.text(kind)
    if upload is None and not value:
        raise bad_request(f"there is no {kind} in the request")
    file = _file(state, bot, kind, upload, value, _sides(given))
    return _put(state, bot, given, chat, Content(said, file, keyboard, given.flag("show_caption_above_media")))


def edit_text(state: State, bot: BotState, given: Parameters) -> object:
    """editMessageText."""
    message = _own(state, bot, given)
    if message.kind != "text":
        raise bad_request("there is no text in the message to edit")
    return _change(state, bot, message, Content(_text(given), keyboard=_keyboard(given, message.chat)))


def edit_caption(state: State, bot: BotState, given: Parameters) -> object:
    """editMessageCaption."""
    message = _own(state, bot, given)
    if message.content.file is None:
        raise bad_request("there is no caption in the message to edit")
    topmost = given.flag("show_caption_above_media")
    keyboard = _keyboard(given, message.chat)
    return _change(state, bot, message, Content(_caption(given), message.content.file, keyboard, topmost))


def edit_keyboard(state: State, bot: BotState, given: Parameters) -> object:
    """editMessageReplyMarkup."""
    message = _own(state, bot, given)
    return _change(state, bot, message, attrs.evolve(message.content, keyboard=_keyboard(given, message.chat)))


def edit_media(state: State, bot: BotState, given: Parameters) -> object:
    """editMessageMedia."""
    message = _own(state, bot, given)
    media = given.record("media")
    if media is None or media.get("type") not in {"photo", "video", "animation", "document"}:
        raise bad_request("can't parse InputMedia: type of the media isn't supported")
    kind, value = str(media["type"]), str(media.get("media", ""))
    told = Parameters({name: given for name, given in media.items() if given is not None}, given.uploads)
    file = _file(state, bot, kind, given.attached(value), value, _sides(told))
    keyboard, topmost = _keyboard(given, message.chat), told.flag("show_caption_above_media")
    return _change(state, bot, message, Content(_caption(told), file, keyboard, topmost))


def delete_message(state: State, bot: BotState, given: Parameters) -> object:
    """deleteMessage."""
    chat = state.chat_for(bot, given.text("chat_id"))
    message = state.message_for(chat, given.number("message_id"), "delete")
    standing = chat.standing(bot.account)
    ruling = chat.kind != "private" and standing.may("can_delete_messages")
    own = message.sender is bot.account or chat.kind == "private"
    if not ruling and (not own or state.clock.now() - message.at > DELETABLE):
        raise bad_request("message can't be deleted for everyone" if own else "message can't be deleted")
    message.deleted = True
    chat.pins = [number for number in chat.pins if number != message.id]
    return True


def pin_message(state: State, bot: BotState, given: Parameters) -> object:
    """pinChatMessage."""
    chat = _ruled(state, bot, given)
    message = state.message_for(chat, given.number("message_id"), "pin")
    if message.id not in chat.pins:
        chat.pins.append(message.id)
        if chat.kind != "channel":
            state.announce(chat, {"pinned_message": message.told(bot.account.id, deep=False)}, bot.account)
    return True


def unpin_message(state: State, bot: BotState, given: Parameters) -> object:
    """unpinChatMessage: a given message, or the newest pin."""
    chat = _ruled(state, bot, given)
    number = given.number("message_id") or (chat.pins[-1] if chat.pins else None)
    if number not in chat.pins:
        raise bad_request("message to unpin not found")
    chat.pins.remove(number)
    return True


def _ruled(state: State, bot: BotState, given: Parameters) -> Conversation:
    chat = state.chat_for(bot, given.text("chat_id"))
    right = "can_edit_messages" if chat.kind == "channel" else "can_pin_messages"
    if chat.kind != "private" and not chat.standing(bot.account).may(right):
        raise bad_request("not enough rights to manage pinned messages in the chat")
    return chat


def _open(state: State, bot: BotState, given: Parameters, kind: str) -> Conversation:
    """The chat, if the bot may send this kind of message there now."""
    chat = state.chat_for(bot, given.text("chat_id"))
    standing = chat.standing(bot.account)
    right, named = RIGHTS[kind]
    if chat.kind == "channel" and not standing.may("can_post_messages"):
        raise bad_request("need administrator rights in the channel chat")
    if chat.kind in {"group", "supergroup"} and standing.status != "administrator" and not standing.may(right):
        raise bad_request(f"not enough rights to send {named} to the chat")
    thread = given.number("message_thread_id")
    if thread:
        if thread not in chat.topics:
            raise bad_request("message thread not found")
        if thread in chat.closed_topics and not standing.may("can_manage_topics"):
            raise bad_request("TOPIC_CLOSED")
    state.floods.admit(bot.account.id, chat.id, state.clock.seconds())
    return chat


def _put(state: State, bot: BotState, given: Parameters, chat: Conversation, content: Content) -> object:
    reply = given.record("reply_parameters") or {"message_id": given.number("reply_to_message_id")}
    to = chat.everything.get(int(str(reply["message_id"]))) if reply.get("message_id") is not None else None
    lenient = reply.get("allow_sending_without_reply") or given.flag("allow_sending_without_reply")
    if reply.get("message_id") is not None and (to is None or to.deleted) and not lenient:
        raise bad_request("message to be replied not found")
    message = state.put(chat, bot.account, content, given.number("message_thread_id") or None)
    message.reply_to = None if to is None or to.deleted else to
    if message.thread is None and message.reply_to is not None:
        message.thread = message.reply_to.thread
    message.silent, message.protected = given.flag("disable_notification"), given.flag("protect_content")
    return message.told(bot.account.id)


def _own(state: State, bot: BotState, given: Parameters) -> ChatMessage:
    """The message to edit, if it is the bot's to edit."""
    chat = state.chat_for(bot, given.text("chat_id"))
    number = given.number("message_id")
    if number is None:
        raise bad_request("message identifier is not specified")
    message = state.message_for(chat, number, "edit")
    other = chat.kind == "channel" and chat.standing(bot.account).may("can_edit_messages")
    if message.special or message.forwarded_from or not (other or message.sender is bot.account):
        raise bad_request("message can't be edited")
    state.floods.admit(bot.account.id, chat.id, state.clock.seconds())
    return message


def _change(state: State, bot: BotState, message: ChatMessage, content: Content) -> Json:
    if content == message.content:
        raise bad_request(UNCHANGED)
    message.edits.append(message.content)
    message.content, message.edited_at = content, state.clock.now()
    return message.told(bot.account.id)


def _keyboard(given: Parameters, chat: Conversation) -> Json | None:
    return accepted(given.record("reply_markup"), chat.kind == "private")


def _text(given: Parameters) -> Formatted:
    said = understood(given.text("text") or "", given.text("parse_mode"), given.records("entities"))
    if not said.text:
        raise bad_request("message text is empty")
    if units(said.text) > TEXT_LENGTH:
        raise bad_request("message is too long")
    return said


def _caption(given: Parameters) -> Formatted:
    said = understood(given.text("caption") or "", given.text("parse_mode"), given.records("caption_entities"))
    if units(said.text) > CAPTION_LENGTH:
        raise bad_request("message caption is too long")
    return said


def _sides(given: Parameters) -> tuple[int, int, int]:
    return given.number("width") or 0, given.number("height") or 0, given.number("duration") or 0


def _file(
    state: State, bot: BotState, kind: str, upload: Upload | None, value: str | None, sides: tuple[int, int, int]
) -> Kept:
    """What was uploaded, or what a file id means."""
    if upload is not None:
        moving = kind == "document" and upload.mime_type == "image/gif"
        return state.shelf.keep("animation" if moving else kind, upload, *sides)
    if not value:
        raise bad_request(WRONG)
    if value.startswith(("http://", "https://")):
        raise bad_request("failed to get HTTP URL content")
    file, _ = state.shelf.find(value, bot.account.id)
    if file.kind != kind:
        raise bad_request(f"can't use file of type {file.kind.capitalize()} as {kind.capitalize()}")
    return file
