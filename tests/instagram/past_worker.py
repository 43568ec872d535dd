"""A process that backfills an account of the loopback server once, so that it can be killed; it says what it did.

python -m tests.instagram.past_worker ORDERS.json
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, time, timedelta
from pathlib import Path

import attrs

from storyline_core import (
    Account,
    BackfillRequest,
    Entry,
    Mode,
    Schedule,
    Secret,
    Settings,
    SourceEntry,
    Storyline,
    backfill_in_json,
    load_plugins,
    open_storyline,
)
from storyline_instagram.options import Instagram, Login
from storyline_local import LocalFolder
from tests.instagram.graph_api import GraphApi, GraphRemote
from tests.instagram.graph_api.told import Account as Owner

ROOT = Path(__file__).parents[2]
KEY = Secret("0123456789abcdef" * 4)


@attrs.frozen
class Orders:
    """Which account is saved from which server into which folder."""

    address: str
    graph: str
    login: str
    account_id: str
    token: str
    secret: str
    database_url: str
    folder: str

    @classmethod
    def of(cls, api: GraphApi, owner: Owner, database_url: str, folder: Path) -> Orders:
        """For an account of a server."""
        folder.mkdir(exist_ok=True)
        return cls(
            api.address, api.graph_url(owner.login), owner.login, owner.id, owner.token, owner.app_secret,
            database_url, str(folder),
        )  # fmt: skip

    def settings(self) -> Settings:
        """An account that posts from the archive into which its past is saved."""
        options = Instagram(
            login=Login(self.login),
            account_id=self.account_id,
            access_token=Secret(self.token),
            app_secret=Secret(self.secret),
            answer_within=timedelta(seconds=30),
            patience=timedelta(seconds=2),
            graph_url=self.graph,
        )
        return Settings(
            database_url=self.database_url,
            sources=[SourceEntry("archive", "local", LocalFolder(path=Path(self.folder)))],
            publishers=[Entry("brand", "instagram", options)],
            accounts=[
                Account(
                    "main", sources=("archive",), publisher="brand", mode=Mode.AUTO,
                    schedule=Schedule(posts_per_day=3, opens=time(9), closes=time(21)),
                )
            ],
            secret_key=KEY,
        )  # fmt: skip

    def opened(self, clock: Callable[[], datetime]) -> AbstractContextManager[Storyline]:
        """The Storyline of these orders."""
        return open_storyline(self.settings(), plugins=load_plugins(), clock=clock)


def start(orders: Orders, place: Path) -> subprocess.Popen[str]:
    """Start a process that carries them out."""
    file = place / "orders.private"
    file.write_text(json.dumps(attrs.asdict(orders)))
    command = [sys.executable, "-m", "tests.instagram.past_worker", str(file)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def save(storyline: Storyline, **asked: object) -> dict[str, object]:
    """One backfill, as JSON."""
    return backfill_in_json(storyline.backfill("brand", BackfillRequest(into="archive", **asked)))  # type: ignore[arg-type]


def peak_kb() -> int:
    """The most memory that this program has held; what the system counts beside it includes its parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def main() -> None:
    """Carry out the orders."""
    orders = Orders(**json.loads(Path(sys.argv[1]).read_text()))
    remote = GraphRemote(orders.address)
    with orders.opened(remote.now) as storyline:
        told = save(storyline)
    sys.stdout.write(json.dumps({**told, "peak_kb": peak_kb()}))


if __name__ == "__main__":
    main()
