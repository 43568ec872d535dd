"""What bots are told: the queue of updates, long polling, and pushing to a webhook."""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

import attrs

from tests.telegram.bot_api.chats import Account
from tests.telegram.bot_api.refusals import Json, bad_request, conflict

NOT_BY_DEFAULT = {"chat_member", "message_reaction", "message_reaction_count"}
PORTS = {None, 80, 88, 443, 8443}
LOOPBACK = {"127.0.0.1", "localhost"}
OTHER_POLLER = "terminated by other getUpdates request; make sure that only one bot instance is running"
WEBHOOK_ACTIVE = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"


@attrs.define(eq=False)
class Webhook:
    """Where updates are pushed."""

    url: str
    secret: str | None = None
    connections: int = 40
    last_error: str | None = None
    last_error_at: int | None = None
    ended: bool = False


@attrs.define(eq=False)
class BotState:
    """One bot: its token, its account, and the updates it has not confirmed."""

    token: str
    account: Account
    now: Callable[[], datetime]
    changed: threading.Condition = attrs.field(factory=threading.Condition)
    privacy: bool = True
    next_update: int = 1_000
    queue: list[Json] = attrs.field(factory=list)
    allowed: list[str] | None = None
    poll: int = 0
    webhook: Webhook | None = None
    closing: bool = False
    pushers: list[threading.Thread] = attrs.field(factory=list)

    def wants(self, kind: str) -> bool:
        """Whether the bot asked for a kind of update."""
        return kind in self.allowed if self.allowed else kind not in NOT_BY_DEFAULT

    def hear(self, kind: str, told: Json) -> int | None:
        """Queues an update; its id, or None when the bot does not want the kind."""
        with self.changed:
            if not self.wants(kind):
                return None
            number, self.next_update = self.next_update, self.next_update + 1
            self.queue.append({"update_id": number, kind: told})
            self.changed.notify_all()
            return number

    def allow(self, allowed: object) -> None:
        """Remembers the kinds of updates that the bot wants from now on; None leaves it as it was."""
        if allowed is None:
            return
        if not isinstance(allowed, list):
            raise bad_request("can't parse allowed_updates: expected an Array")
        self.allowed = [str(kind) for kind in allowed] or None

    def poll_for(self, offset: int, limit: int, timeout: float) -> list[Json]:
        """Waits for updates as long as the bot is willing to; the older of two pollers is sent away."""
        with self.changed:
            if self.webhook is not None:
                raise conflict(WEBHOOK_ACTIVE)
            self.poll += 1
            mine = self.poll
            self.changed.notify_all()
            if offset < 0:
                self.queue = self.queue[offset:]
            else:
                self.queue = [one for one in self.queue if int(str(one["update_id"])) >= offset]
            until = time.monotonic() + timeout
            while not self.queue and not self.closing:
                left = until - time.monotonic()
                if left <= 0 or not self.changed.wait(left):
                    break
                if self.webhook is not None:
                    raise conflict("terminated by setWebhook request")
                if self.poll != mine:
                    raise conflict(OTHER_POLLER)
            return self.queue[: limit if 1 <= limit <= 100 else 100]

    def set_webhook(self, url: str, secret: str | None, connections: int) -> None:
        """Pushes from now on; a poller that waits is sent away."""
        parts = urlsplit(url)
        near = parts.hostname in LOOPBACK
        if not near and parts.scheme != "https":
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        if not near and parts.port not in PORTS:
            raise bad_request("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
        if secret is not None and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
            raise bad_request("secret token contains unallowed characters")
        with self.changed:
            self.drop_webhook()
            self.webhook = Webhook(url, secret, connections)
            pusher = threading.Thread(target=self._push, args=(self.webhook,), daemon=True)
            self.pushers.append(pusher)
            self.changed.notify_all()
        pusher.start()

    def drop_webhook(self) -> None:
        """Pushes no more."""
        with self.changed:
            if self.webhook is not None:
                self.webhook.ended = True
            self.webhook = None
            self.changed.notify_all()

    def _push(self, hook: Webhook) -> None:
        pause = 0.05
        while True:
            with self.changed:
                while not self.queue and not hook.ended and not self.closing:
                    self.changed.wait()
                if hook.ended or self.closing:
                    return
                update = self.queue[0]
            failure = _deliver(hook, update)
            with self.changed:
                if failure is None:
                    self.queue = [one for one in self.queue if one is not update]
                    pause = 0.05
                    continue
                hook.last_error, hook.last_error_at = failure, int(self.now().timestamp())
                self.changed.wait(pause)
                pause = min(pause * 2, 5.0)


def _deliver(hook: Webhook, update: Json) -> str | None:
    """Pushes one update; what went wrong, or None."""
    parts = urlsplit(hook.url)
    opened = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = opened(parts.hostname or "", parts.port, timeout=10)
    headers = {"Content-Type": "application/json"}
    headers |= {"X-Telegram-Bot-Api-Secret-Token": hook.secret} if hook.secret else {}
    try:
        connection.request("POST", parts.path or "/", json.dumps(update).encode(), headers)
        answer = connection.getresponse()
        answer.read()
        return (
            None if 200 <= answer.status < 300 else f"Wrong response from the webhook: {answer.status} {answer.reason}"
        )
    except OSError as error:
        return f"Connection refused: {error.__class__.__name__}"
    except http.client.HTTPException as error:
        return f"Wrong response from the webhook: {error.__class__.__name__}"
    finally:
        connection.close()
