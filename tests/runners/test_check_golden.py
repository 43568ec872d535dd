"""What `storyline check` says of a house where much is wrong, word for word, held in `golden/check.txt`."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import attrs

from storyline_core import AlertLevel, Origin, Post, PostState, Store, open_store
from storyline_core.store import ChannelRecord
from storyline_core.vitals import Worker
from storyline_runner.times import now as utc_now
from tests.runners.conftest import SETTINGS, Project, furnish

GOLDEN = Path(__file__).parent / "golden" / "check.txt"
HOUR = timedelta(hours=1)

MORE = """
[sources.attic]
kind = "local"
path = "pictures"
enabled = false
[sources.cellar]
kind = "local"
path = "pictures"
[notifiers.ops]
kind = "webhook"
url = "http://127.0.0.1:9/x"
[alerts]
notifiers = ["ops"]
"""

_BLURRED = (
    (re.compile(r"\d+ s ago"), "<s> ago"),
    (re.compile(r"\d+\.\d GB free"), "<room> free"),
    (re.compile(r"version \d{4}"), "version <schema>"),
    (re.compile(r" {2,}"), "  "),
    (re.compile(r"\n +→"), "\n  →"),
)


def trouble(store: Store) -> None:
    """Late posts, failed ones, a lost worker, one with a dead loop, a channel that does not answer, an alert."""
    now = utc_now()
    with store.begin() as unit:
        unit.accounts.save("main", slots_from=now - timedelta(days=9))
        items = [item.id for item in unit.library.items()]
        for number in range(6):
            late = _post(f"late{number}", items[number], PostState.SCHEDULED)
            unit.queue.add(attrs.evolve(late, due_at=now - (2 + number) * HOUR))
        for number in range(11):
            failed = _post(f"failed{number}", items[0], PostState.FAILED)
            unit.queue.add(attrs.evolve(failed, settled_at=now - number * HOUR))
        lost = _post("unsure", None, PostState.UNCERTAIN)
        unit.queue.add(lost)
        missed = _post("missed", None, PostState.MISSED)
        unit.queue.add(attrs.evolve(missed, settled_at=now - HOUR, reason="nothing was eligible"))
        turns = {"the accounts": (timedelta(seconds=30), now), "photos": (timedelta(seconds=30), now - HOUR)}
        unit.workers.note(Worker("pi:7", now - 30 * HOUR, now, turns))
        unit.workers.note(Worker("shed:9", now - 30 * HOUR, now - 5 * HOUR))
        unit.tellings.save_channel(ChannelRecord("ops", 4, now + HOUR, "127.0.0.1 does not answer."))
        text = "main: the token expires in 3 days."
        unit.alerts.raise_(
            "publishers/outbox/token/3", level=AlertLevel.WARNING, text=text, remedy="Sign in again.", at=now
        )
        unit.runs.start("sync", triggered_by="cli", at=now - timedelta(days=5))


def _post(name: str, item: int | None, state: PostState) -> Post:
    now = utc_now()
    return Post(
        id=name,
        account="main",
        origin=Origin.SCHEDULE,
        slot_key=f"main/{name}",
        slot_at=now,
        due_at=now,
        created_at=now,
        item_id=item,
        digest=name,
        state=state,
    )


def test_what_check_says(command: Project, tmp_path: Path) -> None:
    furnish(command, "sqlite:///storyline.db", "hybrid")
    command.settings(SETTINGS.format(database="sqlite:///storyline.db", mode="hybrid") + MORE)
    with closing(open_store(f"sqlite:///{command.folder / 'storyline.db'}")) as store:
        trouble(store)
    said = command("check")
    assert said.code == 1
    text = said.out.replace(str(command.folder), "<folder>")
    for pattern, blurred in _BLURRED:
        text = pattern.sub(blurred, text)
    (tmp_path / "check.txt").write_text(text)
    assert text == GOLDEN.read_text(), f"If the change is wanted: cp {tmp_path / 'check.txt'} {GOLDEN}"
