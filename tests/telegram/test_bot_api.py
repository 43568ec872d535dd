"""The Bot API server of these tests answers the real client as Telegram does."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import resource
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import attrs
import httpx
import pytest
from PIL import Image
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeAllGroupChats,
    BotCommandScopeChat,
    BotCommandScopeChatAdministrators,
    BotCommandScopeChatMember,
    CallbackQuery,
    CopyTextButton,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputFile,
    InputMediaDocument,
    InputMediaPhoto,
    Message,
    ReplyParameters,
    Update,
)
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)
from telegram.ext import Application, CallbackQueryHandler, ContextTypes
from telegram.request import HTTPXRequest

from tests.telegram.bot_api.chats import Conversation
from tests.telegram.bot_api.formatting import HtmlReader, as_html, read_markdown, units
from tests.telegram.bot_api.limits import Way
from tests.telegram.bot_api.people import Person
from tests.telegram.bot_api.refusals import Refused
from tests.telegram.bot_api.server import BotApi
from tests.telegram.bot_api.updates import BotState

TOKEN = "77:of-the-tests"
ODD_NAME = "Бен \u202e🦊"


def picture(width: int = 900, height: int = 1600, kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (40, 90, 160)).save(out, kind)
    return out.getvalue()


def keyboard(*rows: list[tuple[str, str]]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(label, callback_data=data) for label, data in row] for row in rows]
    )


@attrs.frozen
class Team:
    """A supergroup with an owner, a member and a bot."""

    server: BotApi
    bot: BotState
    ann: Person
    ben: Person
    chat: Conversation

    @asynccontextmanager
    async def client(self, token: str = TOKEN, read_timeout: float = 20) -> AsyncIterator[Bot]:
        requests = [HTTPXRequest(connection_pool_size=32, read_timeout=read_timeout) for _ in range(2)]
        async with Bot(
            token,
            base_url=self.server.base_url,
            base_file_url=self.server.base_file_url,
            request=requests[0],
            get_updates_request=requests[1],
        ) as client:
            yield client

    def run(self, act: Callable[[Bot], Coroutine[object, object, None]], read_timeout: float = 20) -> None:
        async def whole() -> None:
            async with asyncio.timeout(60), self.client(read_timeout=read_timeout) as client:
                await act(client)

        asyncio.run(whole())


@pytest.fixture
def team() -> Iterator[Team]:
    with BotApi() as server:
        bot = server.bot(TOKEN, "story_bot")
        ann, ben = server.user("Ann", username="ann"), server.user(ODD_NAME, "<b>&")
        yield Team(server, bot, ann, ben, server.chat("supergroup", "Team", members=[ann, ben], bots=[bot]))


async def refused(call: Awaitable[object], words: str, kind: type[TelegramError] = BadRequest) -> None:
    with pytest.raises(kind) as caught:
        await call
    assert words.lower() in str(caught.value).lower()


# Bots, chats and people


def test_a_bot_is_known_by_its_token(team: Team) -> None:
    async def act(client: Bot) -> None:
        me = await client.get_me()
        assert (me.id, me.username, me.is_bot) == (77, "story_bot", True)

    team.run(act)


@pytest.mark.parametrize(
    ("path", "code"),
    [("/bot77:wrong/getMe", 401), ("/botnonsense/getMe", 404), (f"/bot{TOKEN}/noSuchMethod", 404), ("/elsewhere", 404)],
)
def test_wrong_addresses_are_told_apart(team: Team, path: str, code: int) -> None:
    answer = httpx.get(team.server.address + path)
    told = answer.json()
    assert (answer.status_code, told["ok"], told["error_code"]) == (code, False, code)


def test_the_client_says_that_a_token_is_wrong(team: Team) -> None:
    async def act() -> None:
        with pytest.raises(InvalidToken):
            async with team.client("77:wrong"):
                pass

    asyncio.run(act())


def test_parameters_come_as_form_json_or_in_the_address(team: Team) -> None:
    address = f"{team.server.base_url}{TOKEN}/sendMessage"
    for number, way in enumerate(("json", "data", "params")):
        given = {"chat_id": str(team.chat.id), "text": f"{number} é"}
        asked = httpx.Request("POST", address, **{way: given})  # type: ignore[arg-type]
        with httpx.Client() as client:
            assert client.send(asked).json()["ok"] is True
    assert [one.text for one in team.chat.messages] == ["0 é", "1 é", "2 é"]


def test_chats_and_standings_are_told(team: Team) -> None:
    stranger = team.server.user("Zoe", number=2**52 - 1)
    team.server.place(team.ben, team.chat, "administrator", without=["can_pin_messages"])

    async def act(client: Bot) -> None:
        chat = await client.get_chat(team.chat.id)
        assert (chat.type, chat.title, chat.id) == ("supergroup", "Team", team.chat.id)
        admins = await client.get_chat_administrators(team.chat.id)
        assert {(one.user.first_name, one.status) for one in admins} == {
            ("Ann", "creator"),
            (ODD_NAME, "administrator"),
        }
        ben = await client.get_chat_member(team.chat.id, team.ben.id)
        assert ben.to_dict()["can_pin_messages"] is False
        statuses = {who.id: (await client.get_chat_member(team.chat.id, who.id)).status for who in (team.ann, stranger)}
        assert statuses == {team.ann.id: "creator", stranger.id: "left"}
        await refused(client.get_chat_member(team.chat.id, 5), "PARTICIPANT_ID_INVALID")
        await refused(client.get_chat(-100), "chat not found")
        await refused(client.get_chat_administrators(team.ann.starts(team.bot).chat.id), "private chat")

    team.run(act)


def test_a_bot_that_is_not_there_is_refused(team: Team) -> None:
    blocked = team.server.user("Blocker")
    blocked.starts(team.bot)
    blocked.blocks(team.bot)
    channel = team.server.chat("channel", "News", bots=[team.bot])
    team.server.place(team.bot, channel, "member")
    left = team.server.chat("group", "Old", bots=[team.bot])
    team.server.place(team.bot, left, "left")
    team.server.kick(team.bot, team.chat)

    async def act(client: Bot) -> None:
        await refused(client.send_message(team.chat.id, "x"), "bot was kicked from the supergroup chat", Forbidden)
        await refused(client.send_message(left.id, "x"), "bot is not a member of the group chat", Forbidden)
        await refused(client.send_message(team.ann.id, "x"), "can't initiate conversation", Forbidden)
        await refused(client.send_message(blocked.id, "x"), "bot was blocked by the user", Forbidden)
        await refused(client.send_message(channel.id, "x"), "need administrator rights in the channel chat")
        await refused(client.send_message("@nowhere", "x"), "chat not found")
        moved = [one.my_chat_member for one in await client.get_updates() if one.my_chat_member]
        assert moved[-1].new_chat_member.status == "kicked"
        assert moved[0].new_chat_member.status == "kicked"

    team.run(act)


def test_rights_are_asked_for(team: Team) -> None:
    team.server.place(team.bot, team.chat, "restricted", without=["can_send_photos", "can_send_documents"])

    async def act(client: Bot) -> None:
        sent = await client.send_message(team.chat.id, "may")
        await refused(client.send_photo(team.chat.id, picture()), "not enough rights to send photos")
        await refused(client.send_document(team.chat.id, b"x"), "not enough rights to send documents")
        await refused(client.pin_chat_message(team.chat.id, sent.message_id), "not enough rights to manage pinned")
        said = team.ann.says(team.chat, "hello")
        await refused(client.delete_message(team.chat.id, said.id), "message can't be deleted")
        await refused(client.edit_message_text("x", team.chat.id, said.id), "message can't be edited")
        team.server.place(team.bot, team.chat, "administrator")
        assert await client.pin_chat_message(team.chat.id, sent.message_id)
        assert await client.delete_message(team.chat.id, said.id)
        assert team.chat.pins == [sent.message_id]
        await refused(client.pin_chat_message(team.chat.id, 999), "message to pin not found")

    team.run(act)


def test_a_group_becomes_a_supergroup(team: Team) -> None:
    group = team.server.chat("group", "Small", members=[team.ann], bots=[team.bot])
    after = team.server.migrate(group)

    async def act(client: Bot) -> None:
        with pytest.raises(ChatMigrated) as caught:
            await client.send_message(group.id, "x")
        assert caught.value.new_chat_id == after.id
        assert (await client.send_message(after.id, "x")).chat.type == "supergroup"
        told = [one.message for one in await client.get_updates() if one.message]
        assert (told[0].chat_id, told[0].migrate_to_chat_id) == (group.id, after.id)
        assert (told[1].chat_id, told[1].migrate_from_chat_id) == (after.id, group.id)

    team.run(act)


def test_topics(team: Team) -> None:
    forum = team.server.chat("supergroup", "Forum", members=[team.ann], bots=[team.bot], topics={5: "Cards", 6: "Shut"})
    forum.closed_topics.add(6)

    async def act(client: Bot) -> None:
        sent = await client.send_message(forum.id, "in", message_thread_id=5)
        assert (sent.message_thread_id, sent.is_topic_message) == (5, True)
        await refused(client.send_message(forum.id, "x", message_thread_id=9), "message thread not found")
        await refused(client.send_message(team.chat.id, "x", message_thread_id=5), "message thread not found")
        await refused(client.send_message(forum.id, "x", message_thread_id=6), "TOPIC_CLOSED")
        team.ann.says(forum, "/queue@story_bot", thread=5)
        (update,) = await client.get_updates()
        assert update.message is not None
        assert update.message.message_thread_id == 5
        assert update.message.parse_entities(["bot_command"]).popitem()[1] == "/queue@story_bot"

    team.run(act)


# Texts


@pytest.mark.parametrize(
    ("given", "text", "entities"),
    [
        ("a <b>b <i>c</i></b>", "a b c", [("bold", 2, 3), ("italic", 4, 1)]),
        ("🦊<b>é&amp;&lt;&#128520;&nbsp;</b>", "🦊é&<😈&nbsp;", [("bold", 2, 11)]),
        ('<a href="https://x.y/?a=1&amp;b=2">l</a>', "l", [("text_link", 0, 1)]),
        ("<a href='nonsense'>l</a><b></b>", "l", []),
        ('<pre><code class="language-python">x</code></pre>', "x", [("pre", 0, 1)]),
        ('<span class="tg-spoiler">s</span><tg-spoiler>t</tg-spoiler>', "st", [("spoiler", 0, 1), ("spoiler", 1, 1)]),
        ('<blockquote expandable>q</blockquote> > "', 'q > "', [("expandable_blockquote", 0, 1)]),
        ("<B>x</b >", "x", [("bold", 0, 1)]),
    ],
)
def test_html_is_read_as_telegram_reads_it(given: str, text: str, entities: list[tuple[str, int, int]]) -> None:
    read = HtmlReader(given).read()
    assert read.text == text
    assert [(one["type"], one["offset"], one["length"]) for one in read.entities] == entities


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("é <kahn@x.y>", 'Unsupported start tag "kahn@x.y" at byte offset 3'),
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b>x</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("a < b", 'Unsupported start tag "" at byte offset 2'),
        ("a <", "Unclosed start tag at byte offset 2"),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        ('<a href="x>y</a>', "Unclosed start tag at byte offset 0"),
        ("<i =a>", 'Empty attribute name in the tag "i" at byte offset 0'),
        ("<a href=a,b>x</a>", "Unexpected end of name token at byte offset 8"),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ],
)
def test_html_that_is_wrong_is_refused_with_the_place(given: str, words: str) -> None:
    with pytest.raises(Refused) as caught:
        HtmlReader(given).read()
    assert caught.value.description == f"Bad Request: can't parse entities: {words}"


def test_markdown_wants_its_escapes() -> None:
    read = read_markdown(r"*b _i_* `a.b*` [l\.](http://x.y/\)) \!")
    assert read.text == "b i a.b* l. !"
    assert as_html(read.text, read.entities) == ('<b>b <i>i</i></b> <code>a.b*</code> <a href="http://x.y/)">l.</a> !')
    for wrong in ("a.b", "*b", "[l](x", "_a *b_ c*", "-"):
        with pytest.raises(Refused, match="can't parse entities"):
            read_markdown(wrong)


def test_texts_have_limits_in_utf_16_after_parsing(team: Team) -> None:
    async def act(client: Bot) -> None:
        fox = "<b>" + "🦊" * 2048 + "</b>"
        sent = await client.send_message(team.chat.id, fox, parse_mode="HTML")
        assert units(sent.text or "") == 4096
        assert team.chat.messages[-1].html == fox
        await refused(client.send_message(team.chat.id, fox + "x", parse_mode="HTML"), "message is too long")
        for empty in ("", " \n ", "<b></b>"):
            await refused(client.send_message(team.chat.id, empty, parse_mode="HTML"), "message text is empty")
        await refused(client.send_message(team.chat.id, "a<b", parse_mode="HTML"), "can't parse entities")
        await refused(client.send_message(team.chat.id, "x", parse_mode="nonsense"), "unsupported parse_mode")
        await client.send_photo(team.chat.id, picture(), caption="&amp;" * 1024, parse_mode="HTML")
        await refused(client.send_photo(team.chat.id, picture(), caption="x" * 1025), "message caption is too long")

    team.run(act)


def test_keyboards_have_limits(team: Team) -> None:
    def send(client: Bot, *rows: list[InlineKeyboardButton]) -> Coroutine[object, object, Message]:
        return client.send_message(team.chat.id, "x", reply_markup=InlineKeyboardMarkup(rows))

    async def act(client: Bot) -> None:
        copy = InlineKeyboardButton("Copy", copy_text=CopyTextButton("k" * 256))
        link = InlineKeyboardButton("Link", url="https://x.y/")
        sent = await send(client, [copy, link], [InlineKeyboardButton("Do", callback_data="é" * 32)])
        assert team.chat.messages[-1].buttons == ((("Copy", "k" * 256), ("Link", "https://x.y/")), (("Do", "é" * 32),))
        assert sent.reply_markup is not None
        await refused(send(client, [InlineKeyboardButton("x", callback_data="é" * 33)]), "BUTTON_DATA_INVALID")
        await refused(
            send(client, [InlineKeyboardButton("x", copy_text=CopyTextButton("k" * 257))]), "COPY_TEXT_INVALID"
        )
        await refused(send(client, [InlineKeyboardButton("x")]), "Text buttons are unallowed")
        await refused(send(client, [link] * 9), "REPLY_MARKUP_TOO_LONG")
        await refused(send(client, *[[link]] * 101), "REPLY_MARKUP_TOO_LONG")
        await send(client, *[[link] * 8] * 12, [link] * 4)

    team.run(act)


# Files


def test_a_file_is_sent_once_and_reused(team: Team) -> None:
    other = team.server.bot("78:other")
    team.server.add(other, team.chat)
    raw = picture()

    async def act(client: Bot) -> None:
        photo = await client.send_photo(team.chat.id, raw, caption="<i>c</i>", parse_mode="HTML")
        document = await client.send_document(team.chat.id, InputFile(b"original", 'päth "q".bin'))
        video = await client.send_video(team.chat.id, b"moving", width=9, height=16, duration=3)
        animation = await client.send_animation(team.chat.id, InputFile(b"GIF89a", "a.gif"))
        assert document.document is not None
        assert video.video is not None
        assert animation.animation is not None
        assert document.document.file_name == 'päth "q".bin'
        assert [one.kind for one in team.chat.messages] == ["photo", "document", "video", "animation"]
        assert [one.file_bytes for one in team.chat.messages] == [raw, b"original", b"moving", b"GIF89a"]
        assert [size.height for size in photo.photo] == sorted(size.height for size in photo.photo) == [320, 800, 1280]
        again = await client.send_photo(team.chat.id, photo.photo[-1].file_id)
        assert again.photo[-1].file_unique_id == photo.photo[-1].file_unique_id
        assert (await client.send_document(team.chat.id, document.document.file_id)).document == document.document
        assert (await client.send_video(team.chat.id, video.video.file_id)).video == video.video
        await refused(client.send_document(team.chat.id, photo.photo[-1].file_id), "can't use file of type Photo")
        await refused(client.send_photo(team.chat.id, "nonsense"), "wrong file identifier/HTTP URL specified")
        await refused(client.send_photo(team.chat.id, ""), "there is no photo in the request")
        async with team.client("78:other") as stranger:
            await refused(stranger.send_video(team.chat.id, video.video.file_id), "wrong file identifier")
        fetched = await (await client.get_file(photo.photo[0].file_id)).download_as_bytearray()
        with Image.open(io.BytesIO(fetched)) as preview:
            assert preview.size == (180, 320)
        assert await (await client.get_file(document.document.file_id)).download_as_bytearray() == b"original"

    team.run(act)


def test_photos_have_limits(team: Team) -> None:
    async def act(client: Bot) -> None:
        await refused(client.send_photo(team.chat.id, picture(6000, 4001, "PNG")), "PHOTO_INVALID_DIMENSIONS")
        await refused(client.send_photo(team.chat.id, picture(21, 1)), "PHOTO_INVALID_DIMENSIONS")
        await client.send_photo(team.chat.id, picture(20, 1))
        await refused(client.send_photo(team.chat.id, b"not a picture"), "IMAGE_PROCESS_FAILED")
        await refused(client.send_photo(team.chat.id, bytes(10 * 2**20 + 1)), "too big for a photo")
        await refused(client.send_document(team.chat.id, b""), "file must be non-empty")

    team.run(act)


def test_large_files_stream_to_disk(team: Team, tmp_path: Path) -> None:
    large, too_large = tmp_path / "large", tmp_path / "too-large"
    for path, size in ((large, 50 * 2**20), (too_large, 50 * 2**20 + 1)):
        with path.open("wb") as file:
            file.truncate(size)

    async def act(client: Bot) -> None:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with large.open("rb") as file, too_large.open("rb") as more:
            sent = await client.send_document(team.chat.id, InputFile(file, "large", read_file_handle=False))
            over = client.send_document(team.chat.id, InputFile(more, "more", read_file_handle=False))
            await refused(over, "Request Entity Too Large", NetworkError)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown < 40 * 1024, f"{grown} KiB"
        assert sent.document is not None
        assert sent.document.file_size == 50 * 2**20
        await refused(client.get_file(sent.document.file_id), "file is too big")
        assert len(team.chat.messages) == 1

    team.run(act)


# Changing messages


def test_messages_are_edited_in_place(team: Team) -> None:
    async def act(client: Bot) -> None:
        text = await client.send_message(team.chat.id, "one", reply_markup=keyboard([("A", "a")]))
        photo = await client.send_photo(team.chat.id, picture(), caption="two")
        await client.edit_message_text("<b>1</b>", team.chat.id, text.message_id, parse_mode="HTML")
        await client.edit_message_caption(team.chat.id, photo.message_id, caption="2")
        await client.edit_message_reply_markup(team.chat.id, photo.message_id, reply_markup=keyboard([("B", "b")]))
        first, second = team.chat.messages
        assert (first.html, first.buttons, [one.said.text for one in first.edits]) == ("<b>1</b>", (), ["one"])
        assert (second.text, second.labels, len(second.edits)) == ("2", ["B"], 2)
        media = InputMediaPhoto(picture(20, 20), caption="<i>3</i>", parse_mode="HTML")
        edited = await client.edit_message_media(media, team.chat.id, photo.message_id)
        assert isinstance(edited, Message)
        assert (second.file_bytes, second.html, edited.edit_date is not None) == (picture(20, 20), "<i>3</i>", True)
        await client.edit_message_media(InputMediaDocument(b"d"), team.chat.id, photo.message_id)
        assert second.kind == "document"
        same = client.edit_message_text("<b>1</b>", team.chat.id, text.message_id, parse_mode="HTML")
        await refused(same, "message is not modified")
        await refused(client.edit_message_reply_markup(team.chat.id, text.message_id), "message is not modified")
        await refused(client.edit_message_text("x", team.chat.id, photo.message_id), "there is no text in the message")
        await refused(client.edit_message_caption(team.chat.id, text.message_id), "there is no caption in the message")
        await refused(client.edit_message_text("x", team.chat.id, 999), "message to edit not found")
        assert await client.delete_message(team.chat.id, text.message_id)
        await refused(client.delete_message(team.chat.id, text.message_id), "message to delete not found")
        await refused(client.edit_message_text("x", team.chat.id, text.message_id), "message to edit not found")
        team.server.advance(timedelta(hours=49))
        await refused(client.delete_message(team.chat.id, photo.message_id), "message can't be deleted")

    team.run(act)


def test_replies_find_their_message(team: Team) -> None:
    async def act(client: Bot) -> None:
        said = team.ann.says(team.chat, "question")
        sent = await client.send_message(team.chat.id, "answer", reply_parameters=ReplyParameters(said.id))
        assert sent.reply_to_message is not None
        assert sent.reply_to_message.text == "question"
        gone = client.send_message(team.chat.id, "x", reply_parameters=ReplyParameters(999))
        await refused(gone, "message to be replied not found")
        lenient = ReplyParameters(999, allow_sending_without_reply=True)
        assert (await client.send_message(team.chat.id, "x", reply_parameters=lenient)).reply_to_message is None

    team.run(act)


# Taps


async def taps_heard(client: Bot) -> list[CallbackQuery]:
    return [one.callback_query for one in await client.get_updates() if one.callback_query]


def test_taps_reach_the_bot_and_are_answered(team: Team) -> None:
    async def act(client: Bot) -> None:
        await client.send_photo(team.chat.id, picture(), caption="card", reply_markup=keyboard([("Skip", "s:1")]))
        card = team.chat.messages[-1]
        query = team.ben.taps(card, "Skip")
        (heard,) = await taps_heard(client)
        assert (heard.data, heard.from_user.id, heard.id) == ("s:1", team.ben.id, query.id)
        assert isinstance(heard.message, Message)
        assert (heard.message.caption, heard.message.message_id) == ("card", card.id)
        assert query.waited is None
        assert await client.answer_callback_query(heard.id, "Skipped", show_alert=True)
        assert (query.text, query.alert, team.server.answers()) == ("Skipped", True, [query])
        late = team.ben.taps(card, "s:1")
        await refused(client.answer_callback_query(late.id, "x" * 201), "MESSAGE_TOO_LONG")
        team.server.advance(timedelta(seconds=16))
        await refused(client.answer_callback_query(late.id), "query is too old and response timeout expired")
        await refused(client.answer_callback_query("1"), "query ID is invalid")

    team.run(act)


def test_taps_from_where_nobody_should_tap(team: Team) -> None:
    elsewhere = team.server.chat("supergroup", "Elsewhere", members=[team.ben])

    async def act(client: Bot) -> None:
        await client.send_message(team.chat.id, "card", reply_markup=keyboard([("Skip", "s:1")]))
        card = team.chat.messages[-1]
        team.server.place(team.ben, team.chat, "left")
        team.ben.taps(card, "Skip")
        team.ben.taps(team.ben.forwards(card, elsewhere), "Skip")
        team.ben.forges(card, "x" * 500)
        team.ben.taps(card, "Skip", inaccessible=True)
        plain, copied, forged, gone = await taps_heard(client)
        assert plain.message is not None
        assert gone.message is not None
        assert plain.message.chat.id == team.chat.id
        assert isinstance(copied.message, Message)
        assert (copied.message.chat.id, copied.message.forward_origin is not None) == (elsewhere.id, True)
        assert forged.data == "x" * 500
        assert (gone.message.is_accessible, gone.message.message_id) == (False, card.id)
        await refused(client.edit_message_text("x", elsewhere.id, copied.message.message_id), "not a member", Forbidden)

    team.run(act)


def test_a_channel_has_buttons_and_no_authors(team: Team) -> None:
    channel = team.server.chat("channel", "News", members=[team.ann], bots=[team.bot])

    async def act(client: Bot) -> None:
        sent = await client.send_message(channel.id, "card", reply_markup=keyboard([("Skip", "s")]))
        assert (sent.from_user, sent.sender_chat.id if sent.sender_chat else None) == (None, channel.id)
        team.ben.taps(channel.messages[-1], "Skip")
        team.ann.says(channel, "/queue")
        tap, post = await client.get_updates()
        assert tap.callback_query is not None
        assert tap.callback_query.from_user.id == team.ben.id
        assert post.channel_post is not None
        assert post.channel_post.from_user is None

    team.run(act)


# Commands


def test_commands_are_kept_per_scope_and_language(team: Team) -> None:
    def named(*names: str) -> list[BotCommand]:
        return [BotCommand(name, f"Does {name}") for name in names]

    async def act(client: Bot) -> None:
        chat = team.chat.id
        await client.set_my_commands(named("help"))
        await client.set_my_commands(named("queue"), BotCommandScopeAllGroupChats())
        await client.set_my_commands(named("warteschlange"), BotCommandScopeAllGroupChats(), language_code="de")
        await client.set_my_commands(named("queue", "sync"), BotCommandScopeChatAdministrators(chat))
        await client.set_my_commands(named("queue", "stats"), BotCommandScopeChat(chat))
        assert [one.command for one in await client.get_my_commands(BotCommandScopeChat(chat))] == ["queue", "stats"]
        assert team.ann.sees_commands(team.bot, team.chat) == ["queue", "sync"]
        assert team.ben.sees_commands(team.bot, team.chat) == ["queue", "stats"]
        await client.set_my_commands(named("whoami"), BotCommandScopeChatMember(chat, team.ben.id))
        assert team.ben.sees_commands(team.bot, team.chat) == ["whoami"]
        assert team.ben.sees_commands(team.bot, team.ben.chat) == ["help"]
        elsewhere = team.server.chat("group", bots=[team.bot])
        german = team.server.user("Uli", language="de")
        assert german.sees_commands(team.bot, elsewhere) == ["warteschlange"]
        assert await client.delete_my_commands(BotCommandScopeChat(chat))
        assert await client.get_my_commands(BotCommandScopeChat(chat)) == ()
        await refused(client.set_my_commands([("Wrong", "x")]), "BOT_COMMAND_INVALID")
        await refused(client.set_my_commands([("ok", "x" * 257)]), "BOT_COMMAND_DESCRIPTION_INVALID")
        await refused(client.set_my_commands(named("a"), BotCommandScopeChat(-5)), "chat not found")

    team.run(act)


# Updates


def test_updates_wait_until_they_are_confirmed(team: Team) -> None:
    async def act(client: Bot) -> None:
        team.ann.says(team.chat, "idle talk")
        for number in range(3):
            team.ann.says(team.chat, f"/c{number}")
        first = await client.get_updates(limit=2)
        assert [one.message.text for one in first if one.message] == ["/c0", "/c1"]
        rest = await client.get_updates(offset=first[0].update_id + 1)
        assert [one.message.text for one in rest if one.message] == ["/c1", "/c2"]
        assert await client.get_updates(offset=rest[-1].update_id + 1) == ()
        await client.get_updates(allowed_updates=["callback_query"])
        team.ann.says(team.chat, "/unheard")
        assert await client.get_updates() == ()
        await client.get_updates(allowed_updates=[])
        team.ann.says(team.chat, "/heard")
        assert len(await client.get_updates()) == 1

    team.run(act)


def test_files_of_people_reach_the_bot(team: Team) -> None:
    team.ann.starts(team.bot)

    async def act(client: Bot) -> None:
        team.ann.sends_document(team.ann.chat, "holiday.jpg", picture(), caption="from me")
        team.ann.sends_photo(team.ann.chat, picture())
        _, document, photo = [one.message for one in await client.get_updates()]
        assert document is not None
        assert document.document is not None
        assert photo is not None
        assert (document.document.mime_type, document.caption) == ("image/jpeg", "from me")
        assert await (await client.get_file(document.document.file_id)).download_as_bytearray() == picture()
        assert photo.photo[-1].height == 1280

    team.run(act)


def test_a_long_poll_wakes_up_and_ends(team: Team) -> None:
    async def act(client: Bot) -> None:
        assert await client.get_updates(timeout=1) == ()
        waiting = asyncio.create_task(client.get_updates(timeout=30))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        team.ann.says(team.chat, "/wake")
        assert len(await asyncio.wait_for(waiting, 10)) == 1

    team.run(act)


def test_the_older_of_two_pollers_is_sent_away(team: Team) -> None:
    async def act(client: Bot) -> None:
        older = asyncio.create_task(client.get_updates(timeout=30))
        await asyncio.sleep(0.2)
        async with team.client() as second:
            newer = asyncio.create_task(second.get_updates(timeout=30))
            await refused(older, "make sure that only one bot instance is running", Conflict)
            team.ann.says(team.chat, "/x")
            assert len(await asyncio.wait_for(newer, 10)) == 1

    team.run(act)


def test_a_whole_application_polls_answers_and_stops(team: Team) -> None:
    async def tapped(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.callback_query is not None
        await update.callback_query.answer("Noted")
        await update.callback_query.edit_message_text("done")

    async def act() -> None:
        building = Application.builder().token(TOKEN)
        whole = building.base_url(team.server.base_url).base_file_url(team.server.base_file_url).build()
        whole.add_handler(CallbackQueryHandler(tapped))
        async with whole:
            await whole.start()
            assert whole.updater is not None
            await whole.updater.start_polling()
            await whole.bot.send_message(team.chat.id, "card", reply_markup=keyboard([("Posted", "p:1")]))
            card = team.chat.messages[-1]
            query = team.ann.taps(card, "Posted")
            while card.text != "done":
                await asyncio.sleep(0.01)
            assert query.text == "Noted"
            await whole.updater.stop()
            await whole.stop()

    asyncio.run(asyncio.wait_for(act(), 60))
    assert [one.method for one in team.server.calls()][:2] == ["getMe", "deleteWebhook"]


class Hook(BaseHTTPRequestHandler):
    """A bot's own endpoint: it fails once, then takes everything."""

    heard: list[tuple[str | None, int]] = []
    codes: Iterator[int] = iter(())

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.heard.append((self.headers["X-Telegram-Bot-Api-Secret-Token"], body["update_id"]))
        self.send_response(next(self.codes))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the class it overrides
        """Nothing."""


def test_updates_are_pushed_to_a_webhook_until_it_takes_them(team: Team) -> None:
    Hook.heard, Hook.codes = [], itertools.chain([500], itertools.repeat(200))

    async def act(client: Bot) -> None:
        address = f"http://127.0.0.1:{listener.server_port}/hook"
        await refused(client.set_webhook("http://example.com/"), "HTTPS URL must be provided")
        await refused(client.set_webhook(address, secret_token="a b"), "unallowed characters")
        waiting = asyncio.create_task(client.get_updates(timeout=30))
        await asyncio.sleep(0.2)
        await client.set_webhook(address, secret_token="s3cret")
        await refused(waiting, "terminated by setWebhook", Conflict)
        team.ann.says(team.chat, "/one")
        team.ann.says(team.chat, "/two")
        while len(Hook.heard) < 3 or team.bot.queue:
            await asyncio.sleep(0.01)
        assert Hook.heard == [("s3cret", 1000), ("s3cret", 1000), ("s3cret", 1001)]
        told = await client.get_webhook_info()
        assert (told.url, told.pending_update_count) == (address, 0)
        assert "500" in (told.last_error_message or "")
        await refused(client.get_updates(), "while webhook is active", Conflict)
        await client.delete_webhook()
        assert await client.get_updates() == ()

    with HTTPServer(("127.0.0.1", 0), Hook) as listener:
        thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
        thread.start()
        team.run(act)
        listener.shutdown()
        thread.join()


# Limits, faults and many at once


def test_flood_control_is_off_until_it_is_on(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")
    group = team.server.chat("group", bots=[team.bot])

    async def act(client: Bot) -> None:
        await asyncio.gather(*(client.send_message(team.chat.id, str(number)) for number in range(40)))
        team.server.floods.on()
        await client.send_message(team.chat.id, "first")
        with pytest.raises(RetryAfter) as caught:
            await client.send_message(team.chat.id, "too soon")
        assert caught.value.retry_after == timedelta(seconds=1)
        await client.send_message(group.id, "another chat")
        for _ in range(19):
            team.server.advance(timedelta(seconds=1.01))
            await client.send_message(group.id, "one a second")
        team.server.advance(timedelta(seconds=1.01))
        with pytest.raises(RetryAfter) as caught:
            await client.send_message(group.id, "the 21st in a minute")
        wait = caught.value.retry_after
        assert isinstance(wait, timedelta)
        assert timedelta(seconds=30) < wait <= timedelta(seconds=60)
        assert team.server.floods.refused == 2

    team.run(act)


def test_injected_faults(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")
    server, other = team.server, team.server.chat("group", bots=[team.bot])

    async def act(client: Bot) -> None:
        async def send(words: str, chat: Conversation = team.chat) -> Message:
            return await client.send_message(chat.id, words)

        first = server.refuse(502, method="sendMessage", chat=team.chat, times=2)
        await send("elsewhere", other)
        await refused(send("lost"), "Bad Gateway", NetworkError)
        await refused(send("lost"), "Bad Gateway", NetworkError)
        assert (first.hits, first.left) == (2, 0)
        server.refuse(429, retry_after=7)
        with pytest.raises(RetryAfter):
            await send("lost")
        server.refuse(403, "Forbidden: bot was kicked from the group chat")
        await refused(send("lost"), "kicked", Forbidden)
        server.fault(Way.CUT_BEFORE)
        await refused(send("lost"), "httpx.ReadError", NetworkError)
        server.fault(Way.CUT_AFTER)
        await refused(send("kept 1"), "httpx.ReadError", NetworkError)
        server.fault(Way.SILENT_AFTER)
        await refused(send("kept 2"), "Timed out", TimedOut)
        server.fault(Way.SLOW, seconds=60)
        await refused(send("still on its way"), "Timed out", TimedOut)
        server.fault(Way.SLOW, bytes_per_second=20)
        trickling = asyncio.create_task(send("kept 3"))
        while len(team.chat.messages) < 3:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert not trickling.done()
        trickling.cancel()
        await send("kept 4")
        assert [one.text for one in team.chat.messages] == [f"kept {number}" for number in (1, 2, 3, 4)]

    team.run(act, read_timeout=1)


def test_calls_are_logged_without_the_token(team: Team) -> None:
    async def act(client: Bot) -> None:
        await client.send_photo(team.chat.id, InputFile(picture(), "p.jpg"), caption="c")
        await refused(client.send_message(-1, "x"), "chat not found")

    team.run(act)
    photo, message = team.server.calls("sendPhoto"), team.server.calls("sendmessage")
    assert photo[0].parameters["photo"] == f"<p.jpg, {len(picture())} bytes>"
    assert [(one.code, one.chat_id, one.bot) for one in (*photo, *message)] == [
        (200, team.chat.id, "story_bot"),
        (400, -1, "story_bot"),
    ]
    assert TOKEN not in repr(team.server.calls())


def test_ten_clients_at_once(team: Team) -> None:
    bots = [team.server.bot(f"{number}:many") for number in range(100, 110)]
    for bot in bots:
        team.server.add(bot, team.chat)

    async def talk(token: str) -> None:
        async with team.client(token) as client:
            sent = [await client.send_message(team.chat.id, f"{token} {number}") for number in range(10)]
            await asyncio.gather(
                *(client.edit_message_text(f"{one.text}!", team.chat.id, one.message_id) for one in sent)
            )

    async def act() -> None:
        await asyncio.gather(*(talk(bot.token) for bot in bots))

    asyncio.run(act())
    assert sorted(one.text for one in team.chat.messages) == sorted(
        f"{n}:many {i}!" for n in range(100, 110) for i in range(10)
    )
    assert [one.id for one in team.chat.messages] == list(range(1, 101))
