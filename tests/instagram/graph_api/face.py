"""The server as tests hold it: on a thread, in a process of its own, or somewhere else."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import attrs
import httpx

from tests.instagram.graph_api.cloudinary_api import Cloudinary
from tests.instagram.graph_api.controls import Controls, converter
from tests.instagram.graph_api.state import State
from tests.instagram.graph_api.told import Account, Call, Cloud, ContainerTold, Copy, StoryTold
from tests.instagram.graph_api.wire import Listener, Site
from tests.loopback.ending import Ending
from tests.loopback.faults import Way

ROOT = Path(__file__).parents[3]
CONVERT = converter()
T = TypeVar("T")


@attrs.frozen
class Plan:
    """A fault that was planned; ask ``hits`` and the like of the server that has it."""

    number: int


class Face:
    """What a test can do to the server. See the package's description for the whole of it."""

    address: str

    def control(self, name: str, given: dict[str, object]) -> object:
        """Runs a control by its name, with plain values."""
        raise NotImplementedError

    def _do(self, name: str, /, **given: object) -> object:
        plain = {key: value.id if isinstance(value, Account) else value for key, value in given.items()}
        return self.control(name, {key: CONVERT.unstructure(value) for key, value in plain.items()})

    def _get(self, kind: type[T], name: str, /, **given: object) -> T:
        return CONVERT.structure(self._do(name, **given), kind)

    @property
    def facebook_url(self) -> str:
        """Instead of ``https://graph.facebook.com``."""
        return f"{self.address}/facebook"

    @property
    def instagram_url(self) -> str:
        """Instead of ``https://graph.instagram.com``."""
        return f"{self.address}/instagram"

    @property
    def rupload_url(self) -> str:
        """Instead of ``https://rupload.facebook.com``."""
        return f"{self.address}/rupload"

    @property
    def cloudinary_url(self) -> str:
        """The SDK's ``upload_prefix``."""
        return f"{self.address}/cloudinary"

    def graph_url(self, login: str) -> str:
        """The Graph API for ``facebook`` or ``instagram``."""
        return f"{self.address}/{login}"

    # Who may ask

    def account(self, username: str, login: str = "facebook", beside: Account | None = None) -> Account:
        """An Instagram account; ``beside`` another, it is of the same person and app."""
        return self._get(Account, "account", username=username, login=login, beside=beside)

    def token(
        self, account: Account, kind: str = "user", life: timedelta | None = timedelta(days=60),
        age: timedelta = timedelta(), scopes: Iterable[str] | None = None,
    ) -> str:  # fmt: skip
        """One more token: ``user``, ``page`` or ``system`` under Facebook Login, ``instagram`` under the other."""
        given = None if scopes is None else list(scopes)
        return self._get(str, "token", account=account, kind=kind, life=life, age=age, scopes=given)

    def kill_token(self, token: str, code: int = 190, subcode: int | None = 460) -> None:
        """The token is refused from now on."""
        self._do("kill_token", token=token, code=code, subcode=subcode)

    def require_proof(self, account: Account, required: bool = True) -> None:
        """Calls of the account's app need a right ``appsecret_proof``."""
        self._do("require_proof", account=account, required=required)

    def cloud(self, name: str = "stories") -> Cloud:
        """A product environment of Cloudinary's."""
        return self._get(Cloud, "cloud", name=name)

    # Time

    def now(self) -> datetime:
        """The server's time."""
        return self._get(datetime, "now")

    def set_time(self, moment: datetime) -> None:
        """Sets the server's time."""
        self._do("set_time", moment=moment)

    def advance(self, span: timedelta) -> None:
        """Moves the server's time."""
        self._do("advance", seconds=span)

    # Faults and behaviour

    def fault(
        self, way: Way, operation: str = "*", *, times: int = 1, skip: int = 0, seconds: float = 0.0,
        after_bytes: int = 0, bytes_per_second: int | None = None,
    ) -> Plan:  # fmt: skip
        """The next calls go wrong in a way."""
        return self._plan(
            way, operation, times, skip, seconds=seconds, after_bytes=after_bytes, bytes_per_second=bytes_per_second
        )

    def refuse(
        self, code: int, subcode: int | None = None, operation: str = "*", *, times: int = 1, skip: int = 0,
        http: int | None = None, transient: bool = False, message: str | None = None,
        headers: Mapping[str, str] | None = None, way: Way = Way.REFUSED,
    ) -> Plan:  # fmt: skip
        """The next calls get an error of the Graph API; with ``Way.REFUSED_AFTER`` after their effect."""
        refusal = {
            "code": code, "subcode": subcode, "message": message, "http": http, "transient": transient,
            "headers": dict(headers or {}),
        }  # fmt: skip
        return self._plan(way, operation, times, skip, refusal=refusal)

    def answer(
        self, http: int, body: str, operation: str = "*", *, times: int = 1, skip: int = 0,
        kind: str = "text/html; charset=utf-8", headers: Mapping[str, str] | None = None, way: Way = Way.REFUSED,
    ) -> Plan:  # fmt: skip
        """The next calls get this answer as it is."""
        raw = {"http": http, "body": body, "kind": kind, "headers": dict(headers or {})}
        return self._plan(way, operation, times, skip, raw=raw)

    def refuse_host(
        self, http: int, message: str, operation: str = "cloudinary.*", *, times: int = 1, skip: int = 0,
        way: Way = Way.REFUSED,
    ) -> Plan:  # fmt: skip
        """The next calls get an error of Cloudinary's."""
        told = json.dumps({"error": {"message": message}})
        return self.answer(http, told, operation, times=times, skip=skip, kind="application/json", way=way)

    def _plan(
        self, way: Way, operation: str, times: int, skip: int, *, seconds: float = 0.0, after_bytes: int = 0,
        bytes_per_second: int | None = None, refusal: object = None, raw: object = None,
    ) -> Plan:  # fmt: skip
        number = self._get(
            int, "plan", way=way, operation=operation, times=times, skip=skip, seconds=seconds, after_bytes=after_bytes,
            bytes_per_second=bytes_per_second, refusal=refusal, raw=raw,
        )  # fmt: skip
        return Plan(number)

    def hits(self, plan: Plan) -> int:
        """How many calls a fault has met."""
        return self._get(dict[str, int], "planned", number=plan.number)["hits"]

    def reached(self, plan: Plan) -> int:
        """How many calls were brought to the fault's own point: before or after the effect."""
        return self._get(dict[str, int], "planned", number=plan.number)["reached"]

    def wait_for(self, plan: Plan, seconds: float = 30.0, times: int = 1) -> bool:
        """Waits until calls were brought to the fault's own point; whether they were in time."""
        deadline = time.monotonic() + seconds
        while self.reached(plan) < times:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True

    def mend(self) -> None:
        """No fault waits any longer."""
        self._do("mend")

    def behave(self, **knobs: object) -> None:
        """Turns knobs: see the package's description, and ``Knobs`` for all of them."""
        self._do("behave", knobs={name: CONVERT.unstructure(value) for name, value in knobs.items()})

    def spoil(self, subcode: int, kind: str = "*", polls: int = 0) -> None:
        """The next container of a kind (``image``, ``video``) ends in ERROR with a subcode after so many looks."""
        self._do("spoil", subcode=subcode, kind=kind, polls=polls)

    def expire_containers(self, account: Account) -> None:
        """Every open container of an account is EXPIRED."""
        self._do("expire_containers", account=account)

    def usage(self, app: int | None = None, account: int | None = None, minutes: int = 0) -> None:
        """What the usage headers tell from now on: percents, and minutes to regain access. None: no header."""
        self._do("usage", app=app, account=account, minutes=minutes)

    def budget(self, calls: int | None, minutes: int = 60, code: int = 4) -> None:
        """After so many Graph calls all are refused with a code, until the clock has moved on. None: any number."""
        self._do("budget", calls=calls, minutes=minutes, code=code)

    # The past

    def post(
        self, account: Account, kind: str = "IMAGE", *, product: str = "FEED", caption: str | None = None,
        at: datetime | None = None, missing: bool = False, content: bytes | None = None, children: Iterable[str] = (),
    ) -> str:  # fmt: skip
        """A post that is out; its id. Children are ``IMAGE`` or ``VIDEO``, ``IMAGE:missing`` has no file."""
        coded = None if content is None else base64.b64encode(content).decode()
        return self._get(
            str, "post", account=account, kind=kind, product=product, caption=caption, at=at, missing=missing,
            content=coded, children=list(children),
        )  # fmt: skip

    def fill(
        self, account: Account, count: int, *, carousels: float = 0.0, videos: float = 0.0, missing: float = 0.0,
        step: timedelta = timedelta(hours=1), seed: int = 1,
    ) -> list[str]:  # fmt: skip
        """Many posts, one every ``step`` back from now; their ids, newest first."""
        return self._get(
            list[str], "fill", account=account, count=count, carousels=carousels, videos=videos, missing=missing,
            step=step, seed=seed,
        )  # fmt: skip

    def remove(self, media: str) -> None:
        """A post is deleted by its owner."""
        self._do("remove", media=media)

    def expire_urls(self) -> None:
        """Every ``media_url`` that is out answers 403."""
        self._do("expire_urls")

    def lose_cursors(self) -> None:
        """Every cursor that is out is refused."""
        self._do("lose_cursors")

    def past_digests(self, account: Account) -> dict[str, str]:
        """What a full backup has, by media or child id; nothing of what is missing, no stories."""
        return self._get(dict[str, str], "past_digests", account=account)

    # Looking

    def stories(self, account: Account) -> list[StoryTold]:
        """Every story that ever came out, oldest first."""
        return self._get(list[StoryTold], "stories", account=account)

    def containers(self, account: Account) -> list[ContainerTold]:
        """Every container that was ever made, oldest first."""
        return self._get(list[ContainerTold], "containers", account=account)

    def copies(self, cloud: Cloud | None = None) -> list[Copy]:
        """What lies on Cloudinary now."""
        return self._get(list[Copy], "copies", cloud=None if cloud is None else cloud.name)

    def uploads(self) -> int:
        """How many copies were ever made."""
        return self._get(int, "uploads")

    def calls(self, operation: str = "*") -> list[Call]:
        """The requests that arrived, in the order in which they were answered."""
        return self._get(list[Call], "calls", operation=operation)

    def count(self, operation: str = "*") -> int:
        """How many requests arrived."""
        return self._get(int, "count", operation=operation)

    def forget_calls(self) -> None:
        """Counts from nothing again."""
        self._do("forget_calls")


class GraphApi(Ending, Face):
    """A server on a thread of this process."""

    def __init__(self, port: int = 0) -> None:
        state = State()
        cloudinary = Cloudinary(state)
        self._controls = Controls(state, cloudinary)
        self._listener = Listener(Site(state, cloudinary, self._controls.do), port)
        self.address = state.address = self._listener.address
        self._listener.begin()

    def close(self) -> None:
        """Ends every connection."""
        self._listener.end()

    def control(self, name: str, given: dict[str, object]) -> object:
        """Runs a control by its name, with plain values."""
        return self._controls.do(name, given)


class GraphRemote(Ending, Face):
    """A server in another process, by its address."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._client = httpx.Client(trust_env=False, timeout=30)

    def close(self) -> None:
        """Lets go of the server, which goes on."""
        self._client.close()

    def control(self, name: str, given: dict[str, object]) -> object:
        """Runs a control by its name, with plain values. Raises LookupError for what the server finds wrong."""
        told = self._client.post(f"{self.address}/_control", json={"do": name, "with": given}).json()
        if "wrong" in told:
            raise LookupError(told["wrong"])
        gave: object = told["gave"]
        return gave


class GraphProcess(GraphRemote):
    """A server in a process of its own, which ends with this."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.instagram.graph_api"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        super().__init__(self._process.stdout.readline().strip())

    def close(self) -> None:
        """Ends the process."""
        super().close()
        self._process.communicate("", timeout=30)
