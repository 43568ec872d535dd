"""Inline keyboards: what Telegram accepts, and how a test looks at them."""

from __future__ import annotations

from tests.telegram.bot_api.refusals import Json, bad_request

MOST_BUTTONS = 100
MOST_IN_A_ROW = 8
DATA_BYTES = 64
COPIED_LENGTH = 256
STYLES = {"primary", "success", "danger"}
KINDS = ("callback_data", "url", "copy_text", "web_app", "switch_inline_query", "switch_inline_query_current_chat")

Rows = tuple[tuple[tuple[str, str], ...], ...]
"""Buttons as a test sees them: rows of (label, what it carries)."""


def _button(button: object, private: bool) -> Json:
    if not isinstance(button, dict):
        raise bad_request("can't parse inline keyboard button: expected an Object")
    text, kinds = button.get("text"), [kind for kind in KINDS if button.get(kind) is not None]
    if not isinstance(text, str) or not text.strip():
        raise bad_request("can't parse inline keyboard button: Can't find field \"text\"")
    if len(kinds) != 1:
        raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    value = button[kinds[0]]
    if kinds[0] == "callback_data" and not 1 <= len(str(value).encode()) <= DATA_BYTES:
        raise bad_request("BUTTON_DATA_INVALID")
    if kinds[0] == "url" and not str(value).startswith(("http://", "https://", "tg://")):
        raise bad_request(f"inline keyboard button URL '{value}' is invalid: Unsupported URL protocol")
    if kinds[0] == "copy_text":
        copied = value.get("text") if isinstance(value, dict) else None
        if not isinstance(copied, str) or not 1 <= len(copied) <= COPIED_LENGTH:
            raise bad_request("BUTTON_COPY_TEXT_INVALID")
    if kinds[0] == "web_app" and not private:
        raise bad_request("BUTTON_TYPE_INVALID")
    if button.get("style") not in {None, *STYLES}:
        raise bad_request("can't parse inline keyboard button: invalid button style specified")
    return button


def accepted(markup: Json | None, private: bool) -> Json | None:
    """An inline keyboard as a message keeps it; None for no keyboard, and for what only the client shows."""
    if not markup or "inline_keyboard" not in markup:
        return None
    rows = markup["inline_keyboard"]
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
    kept = [[_button(button, private) for button in row] for row in rows if row]
    if sum(map(len, kept)) > MOST_BUTTONS or any(len(row) > MOST_IN_A_ROW for row in kept):
        raise bad_request("REPLY_MARKUP_TOO_LONG")
    return {"inline_keyboard": kept} if kept else None


def shown(markup: Json | None) -> Rows:
    """Rows of (label, data, address or text to copy)."""
    rows = markup["inline_keyboard"] if markup else []
    assert isinstance(rows, list)
    return tuple(tuple((str(button["text"]), _carried(button)) for button in row) for row in rows)


def _carried(button: Json) -> str:
    value = next(button[kind] for kind in KINDS if button.get(kind) is not None)
    if isinstance(value, dict):
        return str(value.get("text", value.get("url", "")))
    return str(value)
