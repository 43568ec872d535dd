"""Secrets at rest: nothing readable in the database's own files, and plain words without the right key."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from storyline_core.errors import NeedsPerson, StoreError
from storyline_core.interfaces import PrivateState
from storyline_core.store import OpenedBy, PrivateTexts, Store, Vault
from tests.core.store_samples import opened

KEY = "first-key-first-key-first-key-first"
OTHER = "other-key-other-key-other-key-other"
SECRET = "EAAG-very-secret-token-of-the-account"


def state_of(store: Store, key: str | None, owner: str = "publishers/brand") -> PrivateTexts:
    return PrivateTexts(owner, Vault(key), store.begin, store.read)


def test_a_plugin_keeps_texts_of_its_own(database_url: str) -> None:
    with opened(database_url) as store:
        state: PrivateState = state_of(store, KEY)
        assert state.get("token") is None
        state.set("token", SECRET)
        state.set("token", SECRET + "ü")
        assert state_of(store, KEY).get("token") == SECRET + "ü"
        assert state_of(store, KEY, "publishers/other").get("token") is None
        with store.begin() as unit:
            assert unit.secrets.names("publishers/brand") == ["token"]
            unit.secrets.rename_owner("publishers/brand", "publishers/new")
        assert state_of(store, KEY, "publishers/new").get("token") == SECRET + "ü"
        state_of(store, KEY, "publishers/new").delete("token")
        state_of(store, KEY, "publishers/new").delete("token")
        assert state_of(store, KEY, "publishers/new").get("token") is None


def test_no_file_of_the_database_holds_the_secret(sqlite_url: str) -> None:
    folder = Path(sqlite_url.removeprefix("sqlite:///")).parent
    with opened(sqlite_url) as store:
        state_of(store, KEY).set("token", SECRET)
        while_open = b"".join(file.read_bytes() for file in folder.iterdir())
    after = b"".join(file.read_bytes() for file in folder.iterdir())
    for raw in (while_open, after):
        assert b"publishers/brand" in raw
        assert SECRET.encode() not in raw
        assert KEY.encode() not in raw


def test_without_a_key_nothing_is_kept_and_the_remedy_is_told(database_url: str) -> None:
    with opened(database_url) as store:
        with pytest.raises(NeedsPerson, match=r"There is no key for stored secrets\. Make a key with"):
            state_of(store, None).set("token", SECRET)
        state_of(store, KEY).set("token", SECRET)
        with pytest.raises(NeedsPerson, match="There is no key"):
            state_of(store, None).get("token")


def test_another_key_does_not_open_it(database_url: str) -> None:
    with opened(database_url) as store:
        state_of(store, KEY).set("token", SECRET)
        with pytest.raises(NeedsPerson, match="was sealed with another key") as refused:
            state_of(store, OTHER).get("token")
    assert SECRET not in str(refused.value)
    assert OTHER not in str(refused.value)


def test_a_change_of_keys(database_url: str) -> None:
    with opened(database_url) as store:
        state_of(store, KEY).set("token", SECRET)
        both = Vault(f"{OTHER}, {KEY}")
        with store.begin() as unit:
            assert unit.secrets.reseal(both) == 1
        assert state_of(store, OTHER).get("token") == SECRET
        with pytest.raises(NeedsPerson):
            state_of(store, KEY).get("token")


def test_only_what_was_sealed_is_kept(database_url: str) -> None:
    with opened(database_url) as store, pytest.raises(StoreError) as refused, store.begin() as unit:
        unit.secrets.set("publishers/brand", "token", SECRET.encode())
    assert SECRET not in str(refused.value)


def test_a_short_key_is_refused_and_no_key_is_ever_shown() -> None:
    with pytest.raises(NeedsPerson, match="shorter than 32 characters") as refused:
        Vault(f"{KEY} hunter2")
    assert "hunter2" not in str(refused.value)
    assert KEY not in repr(Vault(KEY))
    assert Vault("").locked
    assert Vault(KEY).seal("x") != Vault(KEY).seal("x")


def test_which_key_opens_what(database_url: str) -> None:
    with opened(database_url) as store:
        state_of(store, KEY).set("token", SECRET)
        state_of(store, OTHER, "sources/drive").set("token", SECRET)
        for keys, told in (
            (f"{OTHER},{KEY}", [OpenedBy.FORMER, OpenedBy.FIRST]),
            (KEY, [OpenedBy.FIRST, OpenedBy.NONE]),
            (None, [OpenedBy.NONE, OpenedBy.NONE]),
        ):
            with store.read() as unit:
                assert [each.opened_by for each in unit.secrets.kept(Vault(keys))] == told
                assert SECRET not in str(unit.secrets.kept(Vault(keys)))


def test_a_change_of_keys_is_all_or_nothing(database_url: str) -> None:
    with opened(database_url) as store:
        state_of(store, KEY, "a").set("token", SECRET)
        state_of(store, OTHER, "b").set("token", SECRET)
        told = "What b keeps as token was sealed with a key that is not among"
        with pytest.raises(NeedsPerson, match=told), store.begin() as unit:
            unit.secrets.reseal(Vault(f"{'new-' * 10},{KEY}"))
        assert state_of(store, KEY, "a").get("token") == SECRET
        assert state_of(store, OTHER, "b").get("token") == SECRET


def test_a_token_that_is_refreshed_meanwhile_is_not_set_back(database_url: str) -> None:
    keys = f"{OTHER},{KEY}"

    def refresh() -> None:
        with opened(database_url) as beside:
            state_of(beside, keys).set("token", "fresh")

    class Interrupted(Vault):
        """A vault in whose middle somebody else writes."""

        def open(self, sealed: bytes) -> str:
            refreshed.append(other.submit(refresh))
            wait(refreshed, timeout=0.5)
            return super().open(sealed)

    refreshed: list[Future[None]] = []
    with opened(database_url) as store, ThreadPoolExecutor(1) as other:
        state_of(store, KEY).set("token", SECRET)
        with store.begin() as unit:
            assert unit.secrets.reseal(Interrupted(keys)) == 1
        [done] = refreshed
        done.result(60)
        assert state_of(store, OTHER).get("token") == "fresh"
