"""The methods that ask about bots, chats and files, and those that settle commands and updates."""

from __future__ import annotations

import re

import attrs

from tests.telegram.bot_api.bodies import Parameters
from tests.telegram.bot_api.chats import ADMINS
from tests.telegram.bot_api.files import DOWNLOAD_LIMIT, Kept
from tests.telegram.bot_api.refusals import Json, bad_request
from tests.telegram.bot_api.state import Scope, State
from tests.telegram.bot_api.updates import BotState

ANSWER_LENGTH = 200
LINK_SECONDS = 3600
TOO_OLD = "query is too old and response timeout expired or query ID is invalid"
WIDE = {"default", "all_private_chats", "all_group_chats", "all_chat_administrators"}
NARROW = {"chat", "chat_administrators", "chat_member"}


@attrs.frozen
class Link:
    """Where a file can be fetched from, and until when."""

    file: Kept
    side: int
    until: float


def get_me(state: State, bot: BotState, given: Parameters) -> object:
    """getMe."""
    rights = {
        "can_join_groups": True,
        "can_read_all_group_messages": not bot.privacy,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }
    return bot.account.told() | rights


def get_chat(state: State, bot: BotState, given: Parameters) -> object:
    """getChat."""
    chat = state.chat_for(bot, given.text("chat_id"))
    gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
    told = {"accent_color_id": 1, "max_reaction_count": 11, "accepted_gift_types": dict.fromkeys(gifts, False)}
    if chat.pins:
        told["pinned_message"] = chat.everything[chat.pins[-1]].told(bot.account.id)
    return chat.told() | told


def get_member(state: State, bot: BotState, given: Parameters) -> object:
    """getChatMember."""
    chat = state.chat_for(bot, given.text("chat_id"))
    number = given.number("user_id")
    known = [*state.people.values(), *(one.account for one in state.bots.values())]
    found = next((account for account in known if account.id == number), None)
    if found is None:
        raise bad_request("PARTICIPANT_ID_INVALID" if number else "invalid user_id specified")
    return chat.standing(found).told()


def get_administrators(state: State, bot: BotState, given: Parameters) -> object:
    """getChatAdministrators: people, and the asking bot, but no other bots."""
    chat = state.chat_for(bot, given.text("chat_id"))
    if chat.kind == "private":
        raise bad_request("there are no administrators in the private chat")
    seen = [one for one in chat.members.values() if not one.account.is_bot or one.account is bot.account]
    return [one.told() for one in seen if one.status in ADMINS]


def send_action(state: State, bot: BotState, given: Parameters) -> object:
    """sendChatAction."""
    state.chat_for(bot, given.text("chat_id"))
    if not re.fullmatch(r"typing|find_location|choose_sticker|(?:record|upload)_\w+", given.text("action") or ""):
        raise bad_request("wrong parameter action in request")
    return True


def answer_query(state: State, bot: BotState, given: Parameters) -> object:
    """answerCallbackQuery: the first answer counts; after the window the button has stopped spinning."""
    query = state.queries.get(given.text("callback_query_id") or "")
    now = state.clock.seconds()
    if query is None or query.bot is not bot or now - query.tapped > state.query_window:
        raise bad_request(TOO_OLD)
    text = given.text("text")
    if text is not None and len(text) > ANSWER_LENGTH:
        raise bad_request("MESSAGE_TOO_LONG")
    if query.answered is None:
        query.answered, query.text, query.alert = now, text, given.flag("show_alert")
    return True


def get_file(state: State, bot: BotState, given: Parameters, links: dict[tuple[str, str], Link]) -> object:
    """getFile: a link that works for an hour."""
    file_id = given.text("file_id") or ""
    file, side = state.shelf.find(file_id, bot.account.id)
    if file.size > DOWNLOAD_LIMIT:
        raise bad_request("file is too big")
    ending = ".jpg" if file.kind == "photo" else "".join(re.findall(r"\.\w+$", file.name))
    path = f"{file.kind}s/file_{file.number}_{side}{ending}"
    links[bot.token, path] = Link(file, side, state.clock.seconds() + LINK_SECONDS)
    told: Json = {"file_id": file_id, "file_unique_id": file.unique_id(side), "file_path": path}
    return told | ({} if file.kind == "photo" else {"file_size": file.size})


def set_commands(state: State, bot: BotState, given: Parameters) -> object:
    """setMyCommands."""
    commands = given.records("commands")
    if commands is None:
        raise bad_request('parameter "commands" is required')
    if len(commands) > 100:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    for one in commands:
        if not re.fullmatch(r"/?[a-z0-9_]{1,32}", str(one.get("command", ""))):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(str(one.get("description", ""))) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    kept = [{"command": str(one["command"]).lstrip("/"), "description": one["description"]} for one in commands]
    state.commands.setdefault(bot.account.id, {})[_scope(state, bot, given)] = kept
    return True


def get_commands(state: State, bot: BotState, given: Parameters) -> object:
    """getMyCommands: of exactly that scope and language."""
    return state.commands.get(bot.account.id, {}).get(_scope(state, bot, given), [])


def delete_commands(state: State, bot: BotState, given: Parameters) -> object:
    """deleteMyCommands."""
    state.commands.get(bot.account.id, {}).pop(_scope(state, bot, given), None)
    return True


def _scope(state: State, bot: BotState, given: Parameters) -> tuple[Scope, str]:
    language = given.text("language_code") or ""
    if not re.fullmatch(r"(?:[a-z]{2})?", language):
        raise bad_request("invalid language_code specified")
    told = given.record("scope") or {"type": "default"}
    kind = str(told.get("type"))
    if kind in WIDE:
        return (kind, None, None), language
    if kind not in NARROW:
        raise bad_request("unsupported type specified")
    chat = state.chat_for(bot, str(told.get("chat_id", "")))
    if chat.kind == "channel" or (chat.kind == "private" and kind != "chat"):
        raise bad_request("can't change commands in this chat")
    if kind != "chat_member":
        return (kind, chat.id, None), language
    person = str(told.get("user_id", ""))
    if not person.isdigit() or int(person) not in state.people:
        raise bad_request("invalid user_id specified")
    return (kind, chat.id, int(person)), language


def get_updates(state: State, bot: BotState, given: Parameters) -> object:
    """getUpdates: waits, so it is called without the lock."""
    bot.allow(given.parsed("allowed_updates"))
    timeout = max(0, min(given.number("timeout") or 0, 50))
    limit = given.number("limit")
    return bot.poll_for(given.number("offset") or 0, 100 if limit is None else limit, timeout)


def set_webhook(state: State, bot: BotState, given: Parameters) -> object:
    """setWebhook; an empty address takes it away."""
    bot.allow(given.parsed("allowed_updates"))
    if given.flag("drop_pending_updates"):
        bot.queue.clear()
    url = given.text("url")
    if not url:
        bot.drop_webhook()
        return True
    bot.set_webhook(url, given.text("secret_token"), given.number("max_connections") or 40)
    return True


def delete_webhook(state: State, bot: BotState, given: Parameters) -> object:
    """deleteWebhook."""
    if given.flag("drop_pending_updates"):
        bot.queue.clear()
    bot.drop_webhook()
    return True


def get_webhook(state: State, bot: BotState, given: Parameters) -> object:
    """getWebhookInfo."""
    hook = bot.webhook
    told: Json = {"url": "", "has_custom_certificate": False, "pending_update_count": len(bot.queue)}
    if hook is not None:
        told |= {"url": hook.url, "max_connections": hook.connections}
        if hook.last_error is not None:
            told |= {"last_error_message": hook.last_error, "last_error_date": hook.last_error_at}
    return told | ({"allowed_updates": bot.allowed} if bot.allowed else {})
