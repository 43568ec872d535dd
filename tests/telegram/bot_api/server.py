"""A Bot API server on this machine: Telegram's protocol for a real client, and a world that tests can act in.

Usage::

    with BotApi() as server:
        bot = server.bot("1:secret")
        ann = server.user("Ann")
        group = server.chat("group", "Team", members=[ann], bots=[bot])
        client = Bot(bot.token, base_url=server.base_url, base_file_url=server.base_file_url)
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path

from tests.loopback.ending import Ending
from tests.telegram.bot_api.chats import Account, Conversation, Member
from tests.telegram.bot_api.files import Shelf
from tests.telegram.bot_api.limits import Fault, FloodControl, Way
from tests.telegram.bot_api.people import Person
from tests.telegram.bot_api.refusals import Json, Refused, flooded
from tests.telegram.bot_api.state import Call, Clock, Query, State
from tests.telegram.bot_api.updates import BotState
from tests.telegram.bot_api.wire import Exchange, Listener

WORDS = {
    400: "Bad Request: rejected", 401: "Unauthorized", 403: "Forbidden: rejected", 409: "Conflict: rejected",
    500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
}  # fmt: skip


class BotApi(Ending):
    """The server and its world. Every method may be called from any thread while clients are connected."""

    def __init__(self, clock: Callable[[], datetime] | None = None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="bot-api-"))
        self.state = State(Shelf(self._folder), Clock(clock))
        self._exchange = Exchange(self.state)
        self._listener = Listener(self._exchange)
        self._ids = itertools.count(7_000_000_001)
        self._chat_ids = itertools.count(1)
        self._listener.begin()

    def close(self) -> None:
        """Ends every connection, poll and push, and removes the files."""
        self._exchange.closing.set()
        for bot in self.state.bots.values():
            with bot.changed:
                bot.closing = True
                bot.changed.notify_all()
        self._listener.end()
        for bot in self.state.bots.values():
            for pusher in bot.pushers:
                pusher.join()
        shutil.rmtree(self._folder)

    @property
    def address(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return self._listener.address

    @property
    def base_url(self) -> str:
        """What a client's ``base_url`` is."""
        return f"{self.address}/bot"

    @property
    def base_file_url(self) -> str:
        """What a client's ``base_file_url`` is."""
        return f"{self.address}/file/bot"

    # Who and where

    def bot(self, token: str, username: str | None = None, name: str = "Storyline", privacy: bool = True) -> BotState:
        """A bot. Its id is the number before the colon; with ``privacy`` it hears only commands in groups."""
        number = int(token.partition(":")[0])
        account = Account(number, name, username=username or f"bot{number}_bot", is_bot=True)
        with self.state.lock:
            self.state.bots[token] = bot = BotState(token, account, self.state.clock.now, privacy=privacy)
        return bot

    def user(
        self, first_name: str, last_name: str | None = None, username: str | None = None, number: int | None = None,
        language: str | None = None,
    ) -> Person:  # fmt: skip
        """A person, with a private chat that no bot may write to until they start it."""
        account = Account(number if number is not None else next(self._ids), first_name, last_name, username, language)
        with self.state.lock:
            self.state.people[account.id] = account
            private = Conversation(account.id, "private", first_name, username, account)
            private.members[account.id] = Member(account, "member")
            self.state.chats[account.id] = private
        return Person(self.state, account)

    def chat(
        self, kind: str, title: str = "Team", members: Iterable[Person] = (), bots: Iterable[BotState] = (),
        topics: dict[int, str] | None = None, username: str | None = None, number: int | None = None,
    ) -> Conversation:  # fmt: skip
        """A group, supergroup or channel. The first member owns it; bots are members, in a channel administrators."""
        next_id = (-4_000_000_000 if kind == "group" else -1_002_000_000_000) - next(self._chat_ids)
        chat = Conversation(next_id if number is None else number, kind, title, username, topics=dict(topics or {}))
        for place, person in enumerate(members):
            chat.members[person.id] = Member(person.account, "member" if place else "creator")
        for bot in bots:
            chat.members[bot.account.id] = Member(bot.account, "administrator" if kind == "channel" else "member")
        with self.state.lock:
            self.state.chats[chat.id] = chat
        return chat

    def place(
        self, who: Person | BotState, chat: Conversation, status: str, without: Iterable[str] = (),
        by: Person | None = None,
    ) -> None:  # fmt: skip
        """Gives somebody a status (``administrator``, ``member``, ``restricted``, ``left``, ``kicked``) in a chat.

        ``without`` names the rights they do not get (``can_send_photos``, ``can_pin_messages``...). A bot hears
        of its own change as ``my_chat_member``; administrators that ask for it hear of others' as ``chat_member``.
        """
        with self.state.lock:
            before = chat.standing(who.account).told()
            after = Member(who.account, status, frozenset(without))
            chat.members[who.account.id] = after
            owner = next((one.account for one in chat.members.values() if one.status == "creator"), who.account)
            date = int(self.state.clock.now().timestamp())
            told: Json = {"chat": chat.told(), "from": (by.account if by else owner).told(), "date": date}
            told |= {"old_chat_member": before, "new_chat_member": after.told()}
            for bot in self.state.bots.values():
                if bot.account is who.account:
                    bot.hear("my_chat_member", told)
                elif chat.standing(bot.account).status == "administrator":
                    bot.hear("chat_member", told)

    def kick(self, who: Person | BotState, chat: Conversation) -> None:
        """Somebody is thrown out."""
        self.place(who, chat, "kicked")

    def add(self, who: Person | BotState, chat: Conversation) -> None:
        """Somebody joins."""
        self.place(who, chat, "member")

    def migrate(self, group: Conversation) -> Conversation:
        """A group becomes a supergroup: calls to the old id are refused with the new one, and both chats are told."""
        with self.state.lock:
            after = self.chat("supergroup", group.title)
            after.members = dict(group.members)
            self.state.announce(group, {"migrate_to_chat_id": after.id})
            self.state.announce(after, {"migrate_from_chat_id": group.id})
            group.migrated_to = after.id
        return after

    # Time, limits and faults

    @property
    def floods(self) -> FloodControl:
        """Flood control; ``on()`` turns it on."""
        return self.state.floods

    def advance(self, span: timedelta) -> None:
        """Moves the server's clock: taps and links get old, flood windows empty. A poll still waits its own time."""
        self.state.clock.ahead += span.total_seconds()

    def refuse(
        self, code: int, description: str | None = None, *, method: str | None = None,
        chat: Conversation | None = None, times: int = 1, retry_after: int = 1,
    ) -> Fault:  # fmt: skip
        """The next calls are refused without any effect."""
        refused = flooded(retry_after) if code == 429 else Refused(code, description or WORDS[code])
        return self.fault(Way.REFUSED, method=method, chat=chat, times=times, refusal=refused)

    def fault(
        self, way: Way, *, method: str | None = None, chat: Conversation | None = None, times: int = 1,
        seconds: float = 0.0, bytes_per_second: int | None = None, refusal: Refused | None = None,
    ) -> Fault:  # fmt: skip
        """The next calls go wrong in a way; what comes back says how many did (``hits``) and will (``left``).

        A slow call waits ``seconds`` before its effect, and answers at ``bytes_per_second``. Downloads are the
        method ``download``, of any chat.
        """
        chat_id = chat.id if chat is not None else None
        fault = Fault(
            way=way, method=method, chat_id=chat_id, left=times, refusal=refusal, seconds=seconds,
            bytes_per_second=bytes_per_second,
        )  # fmt: skip
        with self.state.lock:
            self.state.faults.waiting.append(fault)
        return fault

    # Looking

    def calls(self, method: str | None = None, chat: Conversation | None = None) -> list[Call]:
        """The calls that arrived, in the order in which they were answered."""
        named = [one for one in list(self.state.calls) if method is None or one.method.lower() == method.lower()]
        return [one for one in named if chat is None or one.chat_id == chat.id]

    def answers(self) -> list[Query]:
        """The taps that were answered, in the order of the taps."""
        return [one for one in list(self.state.queries.values()) if one.answered is not None]
