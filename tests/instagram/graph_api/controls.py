"""What tests do to the server, by name and with plain values, so that they can from any process."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime, timedelta

import attrs
import cattrs
from cattrs.preconf.json import make_converter

from tests.instagram.graph_api import cdn
from tests.instagram.graph_api.cloudinary_api import Cloudinary
from tests.instagram.graph_api.containers import digest
from tests.instagram.graph_api.errors import GraphRefused
from tests.instagram.graph_api.limits import Budget, Fault, Raw, Usage
from tests.instagram.graph_api.media import is_live
from tests.instagram.graph_api.seeding import Seeding
from tests.instagram.graph_api.state import (
    FACEBOOK_SCOPES,
    INSTAGRAM_SCOPES,
    LONG_LIFE,
    App,
    Knobs,
    Owner,
    State,
)
from tests.instagram.graph_api.told import Account, Call, Cloud, ContainerTold, Copy, StoryTold
from tests.loopback.faults import Way


def converter() -> cattrs.Converter:
    """How values travel: times as ISO, spans as seconds, bytes in base64, ways by name."""
    made = make_converter()
    made.register_unstructure_hook(timedelta, lambda span: span.total_seconds())
    made.register_structure_hook(timedelta, lambda value, _: timedelta(seconds=value))
    made.register_unstructure_hook(bytes, lambda value: base64.b64encode(value).decode())
    made.register_structure_hook(bytes, lambda value, _: base64.b64decode(value))
    made.register_unstructure_hook(Way, lambda way: way.name)
    made.register_structure_hook(Way, lambda value, _: Way[value])
    return made


@attrs.define(eq=False)
class Controls:
    """Every public method is a control; arguments and results are plain values, times are ISO texts."""

    state: State
    cloudinary: Cloudinary
    seeding: Seeding = attrs.field(init=False)
    _convert: cattrs.Converter = attrs.field(factory=converter)

    def __attrs_post_init__(self) -> None:
        self.seeding = Seeding(self.state)

    def do(self, name: str, given: dict[str, object]) -> object:
        """Runs a control. Raises KeyError for one that is not there, TypeError for wrong arguments."""
        found: Callable[..., object] | None = None
        for holder in (self, self.seeding):
            if not name.startswith("_") and name != "do":
                found = found or getattr(holder, name, None)
        if found is None:
            raise KeyError(name)
        with self.state.lock:
            return self._convert.unstructure(found(**given))

    # Who may ask

    def account(self, username: str, login: str, beside: str | None) -> Account:
        """A new account, beside another one of the same person and app, or with its own."""
        state = self.state
        number = len(state.owners) + 1
        near = state.owners[beside] if beside is not None else None
        app = near.app if near is not None else App(f"33{number:013d}", f"app-secret-{number:02d}-" + "5e" * 10)
        facebook = login == "facebook"
        user = "" if not facebook else near.user_id if near is not None else f"12{number:013d}"
        page = f"10{number:013d}" if facebook else ""
        owner = Owner(f"17841{number:012d}", username, login, app, f"29{number:015d}", user, page)
        state.owners[owner.id] = owner
        scopes = frozenset(FACEBOOK_SCOPES if facebook else INSTAGRAM_SCOPES)
        kind, life = ("page", None) if facebook else ("instagram", LONG_LIFE)
        token = state.new_token(kind, owner, scopes, life, timedelta(days=1))
        owner.page_token = token.text if facebook else ""
        users = state.new_token("user", owner, scopes, LONG_LIFE, timedelta(days=1)).text if facebook else ""
        return Account(owner.id, username, login, app.id, app.secret, token.text, users, page, user)

    def token(
        self, account: str, kind: str, life: float | None, age: float, scopes: list[str] | None
    ) -> str:  # fmt: skip
        """One more token."""
        owner = self.state.owners[account]
        known = FACEBOOK_SCOPES if owner.login == "facebook" else INSTAGRAM_SCOPES
        span = None if life is None else timedelta(seconds=life)
        made = self.state.new_token(
            kind, owner, frozenset(known if scopes is None else scopes), span, timedelta(seconds=age)
        )
        return made.text

    def kill_token(self, token: str, code: int, subcode: int | None) -> None:
        """Refused from now on."""
        self.state.tokens[token].dead = (code, subcode)

    def require_proof(self, account: str, required: bool) -> None:
        """Whether calls of this app need ``appsecret_proof``."""
        self.state.owners[account].app.require_proof = required

    def cloud(self, name: str) -> Cloud:
        """A product environment of Cloudinary's."""
        return self.cloudinary.open(name)

    # Time

    def now(self) -> datetime:
        """The server's time."""
        return self.state.clock.now()

    def set_time(self, moment: str) -> None:
        """Sets the server's time."""
        self.state.clock.moment = datetime.fromisoformat(moment)

    def advance(self, seconds: float) -> None:
        """Moves the server's time."""
        self.state.clock.moment += timedelta(seconds=seconds)

    # Faults and behaviour

    def plan(
        self, way: str, operation: str, times: int, skip: int, seconds: float, after_bytes: int,
        bytes_per_second: int | None, refusal: dict[str, object] | None, raw: dict[str, object] | None,
    ) -> int:  # fmt: skip
        """A fault; its number."""
        number = len(self.state.faults.planned) + 1
        fault = Fault(
            number=number, way=Way[way], operation=operation, left=times, skip=skip, seconds=seconds,
            after_bytes=after_bytes, bytes_per_second=bytes_per_second,
            refusal=None if refusal is None else self._convert.structure(refusal, Refusal).made(),
            raw=None if raw is None else self._convert.structure(raw, Raw),
        )  # fmt: skip
        self.state.faults.plan(fault)
        return number

    def planned(self, number: int) -> dict[str, int]:
        """How many calls a fault has met (``hits``), brought to its point (``reached``), and will meet (``left``)."""
        fault = self.state.faults.planned[number]
        return {"hits": fault.hits, "reached": fault.reached, "left": fault.left}

    def mend(self) -> None:
        """No fault waits any longer."""
        self.state.faults.waiting.clear()

    def behave(self, knobs: dict[str, object]) -> None:
        """Turns knobs. Raises KeyError for one that is not there."""
        types = {one.name: one.type for one in attrs.fields(Knobs)}
        for name, value in knobs.items():
            span = "timedelta" in str(types[name])
            setattr(self.state.knobs, name, timedelta(seconds=float(str(value))) if span else value)

    def spoil(self, subcode: int, kind: str, polls: int) -> None:
        """The next container of a kind ends in ERROR."""
        self.state.spoilers.append((kind, subcode, polls))

    def expire_containers(self, account: str) -> None:
        """Every open container of an account is EXPIRED."""
        for one in self.state.containers.values():
            if one.owner.id == account and one.status in {"IN_PROGRESS", "FINISHED"}:
                one.status = "EXPIRED"

    def usage(self, app: int | None, account: int | None, minutes: int) -> None:
        """What the usage headers tell."""
        self.state.usage = Usage(app, account, minutes)

    def budget(self, calls: int | None, minutes: int, code: int) -> None:
        """How many Graph calls pass from now on."""
        self.state.budget = Budget(calls, minutes, code)

    def expire_urls(self) -> None:
        """Every address of a file that is out is old."""
        self.state.url_epoch += 1

    def lose_cursors(self) -> None:
        """Every cursor that is out is refused."""
        self.state.cursor_epoch += 1

    # Looking

    def stories(self, account: str) -> list[StoryTold]:
        """Every story that ever came out, oldest first."""
        return [
            StoryTold(
                one.id, one.container, one.kind, one.at, digest(cdn.content_of(one)), one.permalink, one.user_tags,
                one.ai_generated, is_live(self.state, one),
            )
            for one in self.state.stories_of(self.state.owners[account])
        ]  # fmt: skip

    def containers(self, account: str) -> list[ContainerTold]:
        """Every container that was ever made, oldest first."""
        return [
            ContainerTold(
                one.id, one.kind, one.product, one.status, one.subcode, one.made_at, one.polls, one.publishes, one.story
            )
            for one in self.state.containers.values()
            if one.owner.id == account
        ]

    def copies(self, cloud: str | None) -> list[Copy]:
        """What lies on Cloudinary now, oldest first."""
        return self.cloudinary.copies(cloud)

    def uploads(self) -> int:
        """How many copies were ever made."""
        return self.cloudinary.made

    def calls(self, operation: str) -> list[Call]:
        """The requests that arrived, in the order in which they were answered."""
        return self.state.calls.of(operation)

    def count(self, operation: str) -> int:
        """How many requests arrived."""
        return len(self.state.calls.of(operation))

    def forget_calls(self) -> None:
        """Counts from nothing again."""
        self.state.calls.clear()


@attrs.frozen
class Refusal:
    """An error to refuse with, as a plain value."""

    code: int
    subcode: int | None = None
    message: str | None = None
    http: int | None = None
    transient: bool = False
    headers: dict[str, str] = attrs.field(factory=dict)

    def made(self) -> GraphRefused:
        """The error itself."""
        return GraphRefused(self.code, self.subcode, self.message, self.http, self.transient, self.headers)
