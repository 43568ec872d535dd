"""The opened account looks after its host; its settings are checked before anything opens."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest

from storyline_core import AlertLevel, Secret
from storyline_instagram.options import Cloudinary, Instagram
from storyline_instagram.trial import PICTURE
from tests.instagram.accounts import open_account, runtime_at, settings_of
from tests.instagram.console import Console
from tests.instagram.graph_api import Account, GraphApi, Way

HOUR = timedelta(hours=1)


def test_what_dead_runs_left_is_swept_at_the_start_and_once_a_day(api: GraphApi, brand: Account) -> None:
    settings, runtime = settings_of(api, brand, api.cloud("stories")), runtime_at(api)
    with open_account(api, settings, runtime) as opened:
        assert opened.host is not None
        opened.host.put(io.BytesIO(PICTURE), "image/jpeg")
        assert opened.maintain() == []
        assert len(api.copies()) == 1, "a copy that is an hour old at most may be in use"
        for _ in range(23):
            api.advance(HOUR)
            assert opened.maintain() == []
        assert len(api.copies()) == 1
        api.advance(HOUR)
        assert opened.maintain() == []
        assert api.copies() == []
        opened.host.put(io.BytesIO(PICTURE), "image/jpeg")
    api.advance(2 * HOUR)
    with open_account(api, settings, runtime) as opened:
        opened.maintain()
        assert api.copies() == []


def test_a_host_that_cannot_be_swept_is_told_when_it_fails_again(api: GraphApi, brand: Account) -> None:
    with open_account(api, settings_of(api, brand, api.cloud("stories"))) as opened:
        api.fault(Way.CUT_BEFORE, operation="cloudinary.*", times=99)
        assert opened.maintain() == []
        [alert] = opened.maintain()
        assert (alert.key, alert.level) == ("host/sweep", AlertLevel.WARNING)
        api.mend()
        assert opened.maintain() == []


def test_a_host_that_refuses_its_key_is_told_at_once(api: GraphApi, brand: Account) -> None:
    cloud = api.cloud("stories")
    host = Cloudinary(
        cloud_name=cloud.name, api_key=Secret(cloud.key), api_secret=Secret("wrong"), api_url=api.cloudinary_url
    )
    with open_account(api, settings_of(api, brand, host=host)) as opened:
        [alert] = opened.maintain()
    assert (alert.key, alert.level) == ("host/refused", AlertLevel.ERROR)
    assert "api_secret" in alert.remedy


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"account_id": "brand"}, "long number"),
        ({"app_id": "my app"}, "long number"),
        ({"graph_url": "http://graph.facebook.com"}, "no https address"),
        ({"answer_within": timedelta(0)}, "longer than nothing"),
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Instagram(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ('account_id = "brand"', "publishers.brand: account_id"),
        ('logn = "facebook"', "publishers.brand.logn"),
        ('[publishers.brand.host]\ncloud_name = "my-cloud"', "publishers.brand.host.api_key"),
        ('[publishers.brand.host]\nkind = "s3"', "publishers.brand.host.kind"),
    ],
)
def test_mistakes_in_the_settings_are_told_by_their_path(
    console: Console, brand: Account, more: str, path: str
) -> None:
    console.configure(brand, app=False, more=more)
    said = console("check", "--settings")
    assert said.code == 2
    assert path in said.err


def test_an_account_is_checked_with_the_others(console: Console, api: GraphApi, brand: Account) -> None:
    console.configure(brand, token=brand.token, more=f'account_id = "{brand.id}"', cloud=api.cloud("stories"))
    console.done("sync")
    said = console("check", "--json")
    rows = {str(row["name"]): row for row in said.json()["checks"]}  # type: ignore[attr-defined]
    assert rows["publisher brand"]["status"] == "healthy"
    assert "@brand" in str(rows["publisher brand"]["message"])
    api.kill_token(brand.token)
    rows = {str(row["name"]): row for row in console("check", "--json").json()["checks"]}  # type: ignore[attr-defined]
    assert rows["publisher brand"]["status"] != "healthy"
    assert "storyline instagram login brand" in str(rows["publisher brand"])
