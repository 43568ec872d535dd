"""A Drive v3 server on this machine: Google's protocol for a real client, and a world that tests can act in.

Usage::

    with DriveApi() as server:
        ann = server.world.user("Ann")
        robot = server.world.robot("robot")
        made = server.world.tree(ann.root, {"Stories": {"Food": {"soup.jpg": b"..."}, "Notes": {}}})
        server.world.share(made["Stories"], robot)
        key = server.key_file(robot)              # a real key file: its token_uri is this server's
        token = server.token(robot)               # or an access token at once
        httpx.get(f"{server.address}/drive/v3/files", headers={"Authorization": f"Bearer {token}"})
        assert server.count("files.list") == 1
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from tests.gdrive.drive_api.clock import Clock
from tests.gdrive.drive_api.consent import Client, Grant, OAuth
from tests.gdrive.drive_api.limits import Fault, Way
from tests.gdrive.drive_api.record import Record
from tests.gdrive.drive_api.refusals import Json, Refused, TokenRefused, injected
from tests.gdrive.drive_api.routes import Exchange
from tests.gdrive.drive_api.signing import Key
from tests.gdrive.drive_api.state import API, Call, Knobs, State
from tests.gdrive.drive_api.tree import Node, Person
from tests.gdrive.drive_api.wire import Listener
from tests.gdrive.drive_api.world import World
from tests.loopback.ending import Ending

FULL = API
READONLY = f"{API}.readonly"
PER_FILE = f"{API}.file"
METADATA = f"{API}.metadata.readonly"


class DriveApi(Ending):
    """The server and its world. Every method may be called from any thread while clients are connected."""

    def __init__(self, clock: Callable[[], datetime] | None = None) -> None:
        self.clock = Clock(clock)
        record = Record(self.clock)
        self.state = State(record, self.clock)
        self.world = World(record)
        self.oauth = OAuth(self.clock, record.people)
        self.oauth.hand = lambda client, number: self.state.opened.setdefault(client, set()).add(number)
        self._exchange = Exchange(self.state, self.world, self.oauth)
        self._listener = Listener(self._exchange)
        self.state.address = self.oauth.address = self.address
        self._listener.begin()

    def close(self) -> None:
        """Ends every connection."""
        self._listener.end()

    @property
    def address(self) -> str:
        """``http://127.0.0.1:PORT``: the API, uploads, thumbnails and OAuth are all there."""
        return self._listener.address

    @property
    def knobs(self) -> Knobs:
        """How this Drive behaves where the real one may choose: page sizes, changes told twice, lives of links."""
        return self.state.knobs

    def advance(self, span: timedelta) -> None:
        """Moves the server's clock: tokens, codes, page tokens, links and uploads get old."""
        self.clock.ahead += span

    # Who may ask

    def client(self, number: str = "desktop.apps", secret: str = "GOCSPX-tests", testing: bool = False) -> Client:
        """An app for the desktop. With ``testing`` its refresh tokens end after seven days."""
        self.oauth.clients[number] = client = Client(number, secret, testing)
        return client

    def key_file(self, account: Person, key: Key | None = None) -> Json:
        """A service account's key file (a JSON object), with this server's addresses."""
        return self.oauth.key_file(account, key)

    def token(self, person: Person, scopes: Iterable[str] = (FULL,), client: str | None = None) -> str:
        """An access token, as if the person had agreed just now."""
        number = client or (person.email if person.is_robot else "desktop.apps")
        with self.state.record.lock:
            return self.oauth.access_token(Grant(person.email, number, frozenset(scopes)))

    def refresh_token(self, person: Person, client: Client, scopes: Iterable[str] = (READONLY,)) -> str:
        """A refresh token, as if the person had agreed just now."""
        until = self.clock.now() + timedelta(days=7) if client.testing else None
        with self.state.record.lock:
            return self.oauth.refresh_token(Grant(person.email, client.id, frozenset(scopes), until))

    def revoke(self, person: Person) -> None:
        """The person takes back what they allowed: every token of theirs is refused from now on."""
        with self.state.record.lock:
            self.oauth.end(person)

    def pick(self, node: Node, client: str = "desktop.apps") -> None:
        """Hands a file or folder to a client, as a file picker does: with ``drive.file`` it sees that one, alone."""
        with self.state.record.lock:
            self.state.opened.setdefault(client, set()).add(node.id)

    # Faults

    def refuse(
        self, code: int, reason: str | None = None, *, operation: str | None = None, path: str | None = None,
        method: str | None = None, times: int = 1, skip: int = 0, retry_after: int | None = None, html: bool = False,
    ) -> Fault:  # fmt: skip
        """The next calls are refused without any effect; ``operation`` and ``path`` may have ``*``."""
        refusal = injected(code, reason, retry_after, html)
        return self.fault(
            Way.REFUSED, operation=operation, path=path, method=method, times=times, skip=skip, refusal=refusal
        )

    def refuse_tokens(self, error: str = "invalid_grant", description: str | None = None, times: int = 1) -> Fault:
        """The next requests for tokens are refused: ``invalid_grant`` (400), ``invalid_client`` (401)..."""
        words = description or {"invalid_grant": "Token has been expired or revoked."}.get(error)
        refusal = TokenRefused(401 if error == "invalid_client" else 400, error, words)
        return self.fault(Way.REFUSED, operation="oauth.token", times=times, refusal=refusal)

    def fault(
        self, way: Way, *, operation: str | None = None, path: str | None = None, method: str | None = None,
        times: int = 1, skip: int = 0, seconds: float = 0.0, after_bytes: int = 0,
        bytes_per_second: int | None = None, refusal: Refused | TokenRefused | None = None,
    ) -> Fault:  # fmt: skip
        """The next calls go wrong in a way; what comes back says how many did (``hits``) and will (``left``).

        The first ``skip`` that meet it pass. A slow call waits ``seconds`` before its effect, and answers at
        ``bytes_per_second``. Operations: ``files.list``, ``files.get``, ``files.download``, ``files.create``,
        ``files.update``, ``files.delete``, ``files.generateIds``, ``changes.list``, ``changes.getStartPageToken``,
        ``drives.list``, ``drives.get``, ``about.get``, ``upload.create``, ``upload.update``, ``upload.send``,
        ``upload.cancel``, ``thumbnail``, ``oauth.consent``, ``oauth.token``, ``oauth.revoke``.
        """
        fault = Fault(
            way=way, operation=operation, path=path, method=method, left=times, skip=skip, refusal=refusal,
            seconds=seconds, after_bytes=after_bytes, bytes_per_second=bytes_per_second,
        )  # fmt: skip
        with self.state.record.lock:
            self.state.faults.waiting.append(fault)
        return fault

    def mend(self) -> None:
        """No fault waits any longer."""
        with self.state.record.lock:
            self.state.faults.waiting.clear()

    def lose_change_tokens(self, code: int = 400) -> None:
        """Every token for changes that is out is refused from now on, with 400, 404 or 410."""
        with self.state.record.lock:
            self._exchange.tokens.lose(code)

    def expire_pages(self) -> None:
        """Every ``nextPageToken`` of a listing that is out is refused from now on."""
        with self.state.record.lock:
            self._exchange.pages.rests.clear()

    def expire_uploads(self) -> None:
        """Every resumable upload that is under way is forgotten."""
        with self.state.record.lock:
            self._exchange.uploads.expire()

    def expire_access(self) -> None:
        """Every access token that is out is refused from now on; refresh tokens and keys stay good."""
        with self.state.record.lock:
            self.oauth.access.clear()

    # Looking

    def calls(self, operation: str = "*") -> list[Call]:
        """The calls that arrived, in the order in which they were answered. Code 0: the connection was cut."""
        return [one for one in list(self.state.calls) if fnmatchcase(one.operation, operation)]

    def count(self, operation: str = "*") -> int:
        """How many calls arrived."""
        return len(self.calls(operation))

    def forget_calls(self) -> None:
        """Counts from nothing again."""
        self.state.calls.clear()
