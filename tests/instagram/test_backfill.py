"""An account's past from the Graph API into a folder: albums, missing files, old addresses, limits, and a kill."""

from __future__ import annotations

import hashlib
import json
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from storyline_core import PastKind, Refused, Unavailable
from storyline_core.testing.samples import picture
from storyline_instagram.albums import moment_of, parts_of, tags_in
from tests.instagram.accounts import open_account, settings_of
from tests.instagram.console import Console
from tests.instagram.films import film
from tests.instagram.graph_api import Account, GraphApi, Way
from tests.instagram.past_worker import Orders, save, start

HOUR = timedelta(hours=1)


def _digests(folder: Path) -> Counter[str]:
    files = (path for path in folder.rglob("*") if path.suffix in {".jpg", ".mp4"})
    return Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)


def _assert_saved(orders: Orders, wanted: Mapping[str, str], storyline: object) -> None:
    """Every file lies in the folder once, and is an item that knows its id."""
    assert _digests(Path(orders.folder)) == Counter(wanted.values())
    with storyline.read() as unit:  # type: ignore[attr-defined]
        items = unit.library.items(source="archive", state="alive")
    assert {each.instagram_media_id: each.digest for each in items} == dict(wanted)


def test_an_album_is_its_parts_with_its_caption_its_address_and_its_time() -> None:
    post = {
        "id": "10",
        "media_type": "CAROUSEL_ALBUM",
        "caption": "New #Tees, #tees and #Mugs &#039; x#no",
        "permalink": "https://www.instagram.com/p/AbC/",
        "timestamp": "2026-03-01T17:30:05+0000",
        "media_url": "http://x/10",
        "children": {
            "data": [
                {"id": "11", "media_type": "IMAGE", "media_url": "http://x/11"},
                {"id": "12", "media_type": "VIDEO", "media_url": "http://x/12"},
                {"id": "13", "media_type": "IMAGE"},
            ]
        },
    }
    first, second, third = parts_of(post, PastKind.FEED)
    assert (first.media.remote_id, first.media.name) == ("11", "2026-03-01_17-30-05_10_1.jpg")
    assert (second.media.remote_id, second.media.name) == ("12", "2026-03-01_17-30-05_10_2.mp4")
    assert first.media.posted_at == datetime(2026, 3, 1, 17, 30, 5, tzinfo=UTC)
    assert {each.media.permalink for each in (first, second, third)} == {"https://www.instagram.com/p/AbC/"}
    assert {each.media.caption for each in (first, second)} == {post["caption"]}
    assert first.media.tags == ("tees", "mugs")
    assert (first.problem, second.problem) == ("", "")
    assert "copyright" in third.problem
    assert "http://x/11" not in repr(first)


@pytest.mark.parametrize("odd", [{}, {"id": ""}, {"id": "1", "timestamp": "soon"}, {"id": 1, "children": [3]}])
def test_what_meta_tells_oddly_breaks_nothing(odd: dict[str, object]) -> None:
    list(parts_of(odd, PastKind.FEED))
    assert moment_of("soon").year == 1970
    assert tags_in("no tags") == ()


def test_an_address_that_has_expired_is_asked_for_anew(api: GraphApi, brand: Account) -> None:
    ids = api.fill(brand, 3)
    digests = api.past_digests(brand)
    with open_account(api, settings_of(api, brand)) as account:
        page = account.past_media(PastKind.FEED, None, None)
        api.expire_urls()
        for media in page.media:
            with account.open_past(media) as file:
                assert hashlib.sha256(file.read()).hexdigest() == digests[media.remote_id]
        assert api.count("media.get") == len(page.media)
        api.remove(ids[0])
        gone = next(each for each in page.media if each.remote_id == ids[0])
        with pytest.raises(Refused, match="not on Instagram any more"):
            account.open_past(gone)


def test_a_download_that_breaks_goes_on_where_it_was(api: GraphApi, brand: Account) -> None:
    content = picture(3) + bytes(range(256)) * 2000
    api.post(brand, "IMAGE", content=content)
    with open_account(api, settings_of(api, brand)) as account:
        [media] = account.past_media(PastKind.FEED, None, None).media
        api.fault(Way.CUT_BODY, operation="cdn.get", after_bytes=90_000, times=2)
        with account.open_past(media) as file:
            assert file.read() == content
        assert api.count("cdn.get") == 3
        api.fault(Way.CUT_BODY, operation="cdn.get", after_bytes=1_000, times=9)
        with account.open_past(media) as file, pytest.raises(Unavailable, match="broke off"):
            file.read()
        api.mend()


def test_the_past_gives_way_to_publishing_before_a_limit_is_near(api: GraphApi, brand: Account) -> None:
    api.fill(brand, 3)
    api.usage(account=60)
    with open_account(api, settings_of(api, brand)) as account:
        account.past_media(PastKind.FEED, None, None)
        with pytest.raises(Unavailable) as waits:
            account.past_media(PastKind.FEED, None, None)
    assert waits.value.retry_after is not None


def test_where_less_is_told_less_is_asked_for(api: GraphApi, shop: Account) -> None:
    api.fill(shop, 3)
    api.refuse(100, operation="media.list")
    with open_account(api, settings_of(api, shop)) as account:
        page = account.past_media(PastKind.FEED, None, None)
    assert len(page.media) == 3
    assert "caption" not in api.calls("media.list")[-1].query


def test_every_page_is_followed_also_one_that_is_empty(api: GraphApi, brand: Account) -> None:
    api.fill(brand, 30)
    api.behave(page_most=7)
    found, cursor = [], None
    with open_account(api, settings_of(api, brand)) as account:
        while True:
            page = account.past_media(PastKind.FEED, None, cursor)
            found += [media.remote_id for media in page.media]
            cursor = page.cursor
            if cursor is None:
                break
        with pytest.raises(Refused):
            account.past_media(PastKind.FEED, None, "no-cursor-of-theirs")
    assert sorted(found) == sorted(api.past_digests(brand))


def test_the_past_of_2500_posts_is_saved_once_through_limits_old_addresses_and_a_kill(
    api: GraphApi, brand: Account, sqlite_url: str, tmp_path: Path
) -> None:
    api.fill(brand, 2500, carousels=0.1, videos=0.2, missing=0.02)
    story = api.post(brand, "IMAGE", product="STORY", content=picture(9))
    wanted = {**api.past_digests(brand), story: hashlib.sha256(picture(9)).hexdigest()}
    assert len(wanted) > 2500
    orders = Orders.of(api, brand, sqlite_url, tmp_path / "archive")
    killed_at = api.fault(Way.SILENT, operation="cdn.get", skip=300)
    with start(orders, tmp_path) as worker:
        assert api.wait_for(killed_at, seconds=240)
        worker.kill()
    assert worker.returncode == -signal.SIGKILL
    assert len(_digests(Path(orders.folder))) == 300
    api.mend()
    api.advance(timedelta(minutes=10))
    with orders.opened(api.now) as storyline:
        api.answer(403, "URL signature expired", operation="cdn.get", skip=100)
        api.budget(20, minutes=30, code=4)
        limited = save(storyline)
        assert limited["again_at"] is not None
        assert limited["failed"] == 0
        api.budget(None)
        api.advance(timedelta(minutes=31))
        after = save(storyline)
        assert (after["stopped"], after["failed"]) == ("", 0)
        _assert_saved(orders, wanted, storyline)
        assert save(storyline)["saved"] == 0


def test_of_a_large_video_little_is_in_memory(
    api: GraphApi, brand: Account, fresh_database: Callable[[], str], tmp_path: Path
) -> None:
    api.post(brand, "IMAGE", content=picture(1))
    small = _peak_kb(api, brand, fresh_database(), tmp_path / "small")
    api.post(brand, "VIDEO", content=film(500) + (48_000_008).to_bytes(4, "big") + b"free" + bytes(48_000_000))
    large = _peak_kb(api, brand, fresh_database(), tmp_path / "large")
    assert large - small < 16_000


def _peak_kb(api: GraphApi, brand: Account, database_url: str, place: Path) -> int:
    place.mkdir()
    orders = Orders.of(api, brand, database_url, place / "archive")
    with start(orders, place) as worker:
        told, _ = worker.communicate()
    assert worker.returncode == 0
    assert len(_digests(Path(orders.folder))) == len(api.past_digests(brand))
    return int(json.loads(told)["peak_kb"])


def test_by_either_login_everything_comes_along(
    api: GraphApi, either: Account, database_url: str, tmp_path: Path
) -> None:
    api.behave(instagram_captions=False)
    api.fill(either, 40, carousels=0.3, videos=0.3)
    orders = Orders.of(api, either, database_url, tmp_path / "archive")
    with orders.opened(api.now) as storyline:
        assert save(storyline)["saved"] == len(api.past_digests(either))
        _assert_saved(orders, api.past_digests(either), storyline)
        with storyline.read() as unit:
            items = unit.library.items(source="archive")
    assert {each.media_type for each in items} == {"image/jpeg", "video/mp4"}
    assert all(each.description.custom_metadata["provenance"]["permalink"] for each in items)  # type: ignore[index]
    assert all(bool(each.description.caption) is (either.login == "facebook") for each in items)


ARCHIVE = """
[sources.archive]
kind = "local"
path = "archive"
"""


def test_the_command_says_what_it_would_save_saves_it_and_shows_how_it_went(
    console: Console, api: GraphApi, brand: Account
) -> None:
    api.fill(brand, 12, missing=0.1)
    lost = 12 - len(api.past_digests(brand))
    (console.folder / "archive").mkdir()
    console.configure(brand, more=f'account_id = "{brand.id}"', token=brand.token)
    file = console.folder / "storyline.toml"
    file.write_text(file.read_text() + ARCHIVE)
    api.usage(app=30, account=30)
    rehearsed = console.done("instagram", "backfill", "--into", "archive", "--dry-run")
    assert not (console.folder / "storyline.db").exists()
    assert f"brand: {12 - lost} would be saved into archive" in rehearsed.out
    assert list((console.folder / "archive").rglob("*.jpg")) == []
    refused = console("instagram", "backfill")
    assert refused.code == 1
    assert "--into SOURCE" in refused.err
    told = console.done("instagram", "backfill", "brand", "--into", "archive", "--limit", "4", "--json").json()
    assert (told["saved"], told["indexed"], told["into"]) == (4, 4, "archive")
    said = console.done("instagram", "backfill", "--into", "archive", "--media", "feed")
    assert f"brand: {8 - lost} saved into archive" in said.out
    stands = console.done("instagram", "backfill", "--status")
    assert f"brand: {12 - lost} saved." in stands.out
    assert stands.out.count("cli  completed") == 2
    scripts: dict[str, Any] = console.done("instagram", "backfill", "--status", "--json").json()
    assert scripts["counts"]["saved"] == 12 - lost
    assert [each["status"] for each in scripts["runs"]] == ["completed", "completed"]
    listed: dict[str, Any] = console.done("media", "list", "--source", "archive", "--json").json()
    items = listed["items"]
    assert {each["instagram_media_id"] for each in items} == set(api.past_digests(brand))
    assert all(each["backfilled_at"] for each in items)
    wrong = console("instagram", "backfill", "--into", "archive", "--since", "yesterday")
    assert (wrong.code, "is no date" in wrong.err) == (1, True)
