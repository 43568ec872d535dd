"""Chats, the people in them, and the messages they hold: the state, and what of it travels."""

from __future__ import annotations

from datetime import datetime

import attrs

from tests.telegram.bot_api.files import Kept
from tests.telegram.bot_api.formatting import Formatted
from tests.telegram.bot_api.keyboards import Rows, shown
from tests.telegram.bot_api.refusals import Json

PRESENT = {"creator", "administrator", "member", "restricted"}
ADMINS = {"creator", "administrator"}
RIGHTS_OF_ADMINS = (
    "can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members",
    "can_promote_members", "can_change_info", "can_invite_users", "can_post_stories", "can_edit_stories",
    "can_delete_stories", "can_post_messages", "can_edit_messages", "can_pin_messages", "can_manage_topics",
)  # fmt: skip
RIGHTS_OF_MEMBERS = (
    "can_send_messages", "can_send_audios", "can_send_documents", "can_send_photos", "can_send_videos",
    "can_send_video_notes", "can_send_voice_notes", "can_send_polls", "can_send_other_messages",
    "can_add_web_page_previews", "can_change_info", "can_invite_users", "can_pin_messages", "can_manage_topics",
)  # fmt: skip


@attrs.define(eq=False)
class Account:
    """A person or a bot, as Telegram knows them."""

    id: int
    first_name: str
    last_name: str | None = None
    username: str | None = None
    language: str | None = None
    is_bot: bool = False

    def told(self) -> Json:
        """The User object."""
        told: Json = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        optional = {"last_name": self.last_name, "username": self.username, "language_code": self.language}
        return told | {name: value for name, value in optional.items() if value is not None}


@attrs.define(eq=False)
class Member:
    """Somebody's standing in a chat: a status, and the rights they have *not* got."""

    account: Account
    status: str = "member"
    without: frozenset[str] = frozenset()

    def may(self, right: str) -> bool:
        """Whether they have a right."""
        if self.status == "creator":
            return True
        if self.status == "administrator":
            return right not in self.without
        return self.status in PRESENT and right not in RIGHTS_OF_ADMINS and right not in self.without

    def told(self) -> Json:
        """The ChatMember object."""
        told: Json = {"user": self.account.told(), "status": self.status}
        if self.status == "creator":
            return told | {"is_anonymous": False}
        if self.status == "administrator":
            rights = {right: right not in self.without for right in RIGHTS_OF_ADMINS}
            return told | {"can_be_edited": False, "is_anonymous": False} | rights
        if self.status == "restricted":
            rights = {right: right not in self.without for right in RIGHTS_OF_MEMBERS}
            return told | {"is_member": True, "until_date": 0} | rights
        return told | ({"until_date": 0} if self.status == "kicked" else {})


@attrs.frozen
class Content:
    """What a message shows: text or a file with a caption, and a keyboard."""

    said: Formatted = attrs.field(factory=Formatted)
    file: Kept | None = None
    keyboard: Json | None = None
    topmost: bool = False


@attrs.define(eq=False)
class ChatMessage:
    """One message in a chat, with its life."""

    chat: Conversation
    id: int
    at: datetime
    sender: Account | None
    content: Content
    thread: int | None = None
    reply_to: ChatMessage | None = None
    forwarded_from: ChatMessage | None = None
    silent: bool = False
    protected: bool = False
    special: Json = attrs.field(factory=dict)
    edited_at: datetime | None = None
    deleted: bool = False
    edits: list[Content] = attrs.field(factory=list)

    @property
    def text(self) -> str:
        """The text or caption, without formatting."""
        return self.content.said.text

    @property
    def html(self) -> str:
        """The text or caption with its formatting as HTML."""
        return self.content.said.html()

    @property
    def kind(self) -> str:
        """``text``, ``photo``, ``video``, ``animation``, ``document``, or ``special`` for Telegram's own messages."""
        return "special" if self.special else self.content.file.kind if self.content.file else "text"

    @property
    def buttons(self) -> Rows:
        """Rows of (label, data, address or text to copy)."""
        return shown(self.content.keyboard)

    @property
    def labels(self) -> list[str]:
        """The labels of all buttons, in reading order."""
        return [label for row in self.buttons for label, _ in row]

    @property
    def file_bytes(self) -> bytes:
        """The file exactly as it was sent."""
        if self.content.file is None:
            raise AssertionError(f"Message {self.id} carries no file.")
        return self.content.file.content()

    def data_of(self, data_or_label: str) -> str:
        """The callback data of a button named by its label or its data."""
        rows = self.content.keyboard["inline_keyboard"] if self.content.keyboard else []
        assert isinstance(rows, list)
        for button in [button for row in rows for button in row if "callback_data" in button]:
            if data_or_label in {button["text"], button["callback_data"]}:
                return str(button["callback_data"])
        raise AssertionError(f"No button {data_or_label!r} to tap; there are {self.buttons}.")

    def told(self, bot_id: int, deep: bool = True) -> Json:
        """The Message object as one bot gets it."""
        told: Json = {"message_id": self.id, "date": int(self.at.timestamp()), "chat": self.chat.told()}
        if self.sender is not None and self.chat.kind != "channel":
            told["from"] = self.sender.told()
        elif self.chat.kind == "channel":
            told["sender_chat"] = self.chat.told()
        if self.thread is not None:
            told["message_thread_id"] = self.thread
            told |= {"is_topic_message": True} if self.chat.topics else {}
        if self.edited_at is not None:
            told["edit_date"] = int(self.edited_at.timestamp())
        if deep and self.reply_to is not None:
            told["reply_to_message"] = self.reply_to.told(bot_id, deep=False)
        told |= {"forward_origin": self.forwarded_from.origin()} if self.forwarded_from else {}
        told |= {"has_protected_content": True} if self.protected else {}
        return told | self._shown(bot_id) | self.special

    def origin(self) -> Json:
        """Where a forwarded message comes from."""
        date = int(self.at.timestamp())
        if self.chat.kind == "channel":
            return {"type": "channel", "date": date, "chat": self.chat.told(), "message_id": self.id}
        assert self.sender is not None
        return {"type": "user", "date": date, "sender_user": self.sender.told()}

    def _shown(self, bot_id: int) -> Json:
        told: Json = {}
        said, file = self.content.said, self.content.file
        if file is not None:
            told[file.kind] = file.told(bot_id)
            if file.kind == "animation":
                told["document"] = file.told(bot_id)
        if said.text:
            told["caption" if file else "text"] = said.text
        if said.entities:
            told["caption_entities" if file else "entities"] = list(said.entities)
        if self.content.topmost:
            told["show_caption_above_media"] = True
        if self.content.keyboard is not None:
            told["reply_markup"] = self.content.keyboard
        return told


@attrs.define(eq=False)
class Conversation:
    """A private chat, group, supergroup or channel."""

    id: int
    kind: str
    title: str
    username: str | None = None
    person: Account | None = None
    members: dict[int, Member] = attrs.field(factory=dict)
    topics: dict[int, str] = attrs.field(factory=dict)
    closed_topics: set[int] = attrs.field(factory=set)
    everything: dict[int, ChatMessage] = attrs.field(factory=dict)
    pins: list[int] = attrs.field(factory=list)
    migrated_to: int | None = None
    deleted: bool = False
    next_id: int = 1

    @property
    def messages(self) -> list[ChatMessage]:
        """What somebody who opens the chat sees, oldest first; Telegram's own messages left out."""
        return [one for one in self.everything.values() if not one.deleted and not one.special]

    def told(self) -> Json:
        """The Chat object."""
        told: Json = {"id": self.id, "type": self.kind}
        if self.person is not None:
            person = self.person.told()
            return told | {name: person[name] for name in ("first_name", "last_name", "username") if name in person}
        told["title"] = self.title
        told |= {"username": self.username} if self.username else {}
        return told | ({"is_forum": True} if self.topics else {})

    def standing(self, account: Account) -> Member:
        """Somebody's standing; whoever was never here has left."""
        return self.members.get(account.id, Member(account, "left"))
