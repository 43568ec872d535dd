"""A PostgreSQL that is reached by TLS only, by what the URL says, through something that drops idle connections."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from storyline_core import StoreUnavailable, open_store
from storyline_runner.times import now as utc_now
from tests.local.certificates import certificate
from tests.runners.conftest import Project, furnish
from tests.runners.tls_front import TlsFront, tls_front


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """The certificate that the server shows."""
    return certificate(tmp_path)


@pytest.fixture
def front(postgresql_url: str, ours: Path) -> Iterator[TlsFront]:
    """A server that is reached by TLS only."""
    with tls_front(postgresql_url, ours) as made:
        yield made


@pytest.mark.parametrize("options", ["sslmode=require", "sslmode=verify-full&sslrootcert={ours}"])
def test_the_url_says_how_it_is_reached(front: TlsFront, ours: Path, options: str) -> None:
    with closing(open_store(front.url(options.format(ours=ours)))) as store:
        assert store.schema().level
        with store.begin() as unit:
            unit.runs.start("sync", "photos", triggered_by="cli", at=utc_now())
    assert front.accepted >= 1


def test_one_that_is_not_encrypted_or_not_trusted_is_not_used(front: TlsFront, tmp_path: Path) -> None:
    (tmp_path / "others").mkdir()
    stranger = certificate(tmp_path / "others")
    for options in ("sslmode=disable", f"sslmode=verify-full&sslrootcert={stranger}"):
        store = open_store(front.url(options))
        with closing(store), pytest.raises(StoreUnavailable, match="with that encryption"), store.read():
            pass


def test_a_connection_that_was_dropped_while_nobody_used_it_costs_nothing(front: TlsFront) -> None:
    with closing(open_store(front.url("sslmode=require"))) as store:
        for _ in range(3):
            with store.begin() as unit:
                unit.runs.start("sync", "photos", triggered_by="cli", at=utc_now())
            front.drop_everybody()
        with store.read() as unit:
            assert len(unit.runs.list()) == 3


def test_one_that_is_dropped_in_the_middle_writes_nothing_and_says_so(front: TlsFront) -> None:
    with closing(open_store(front.url("sslmode=require"))) as store:
        with pytest.raises(StoreUnavailable), store.begin() as unit:  # noqa: PT012 - one decision
            unit.runs.start("sync", "photos", triggered_by="cli", at=utc_now())
            front.drop_everybody()
            unit.runs.start("sync", "photos", triggered_by="cli", at=utc_now())
        with store.read() as unit:
            assert unit.runs.list() == []


def test_the_whole_command_line_works_there(command: Project, empty_postgresql_url: str, ours: Path) -> None:
    with tls_front(empty_postgresql_url, ours) as front:
        project = furnish(command, front.url("sslmode=require"), "auto")
        soon = (utc_now() + timedelta(hours=1)).isoformat(timespec="seconds")
        project.done("queue", "add", "cats/1.jpg", "--at", soon)
        front.drop_everybody()
        project.post_now("--item", "cats/3.jpg")
        assert len(list((project.folder / "outbox").glob("*.jpg"))) == 1
