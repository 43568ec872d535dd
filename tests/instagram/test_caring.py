"""Tokens renew themselves in time, both kinds, and a dead one stops the line and loses nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from storyline_core import AlertLevel, NeedsPerson, PrivateState, Runtime, Secret
from storyline_instagram.custody import Custody
from storyline_instagram.tokens import TokenKind, days_left
from tests.instagram.accounts import open_account, runtime_at, settings_of
from tests.instagram.graph_api import Account, GraphApi, Way

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
LONG = timedelta(seconds=5_183_944)
"""How long Meta makes a token last: a little less than sixty days."""


def maintained(api: GraphApi, account: Account, runtime: Runtime, **more: object) -> list[str]:
    """One round of looking after an account; the keys of what people are told."""
    with open_account(api, settings_of(api, account, **more), runtime) as opened:
        return [alert.key for alert in opened.maintain()]


def left(api: GraphApi, account: Account, runtime: Runtime, **more: object) -> int | None:
    held = Custody(settings_of(api, account, **more), runtime).held()
    assert held is not None
    return days_left(held, api.now())


def user_token(api: GraphApi, brand: Account, life: timedelta = 60 * DAY) -> dict[str, object]:
    return {"access_token": Secret(api.token(brand, kind="user", life=life))}


def test_a_persons_token_lives_for_years_without_anybody(api: GraphApi, brand: Account) -> None:
    runtime, more = runtime_at(api), user_token(api, brand)
    for _ in range(40):
        assert maintained(api, brand, runtime, **more) == []
        api.advance(20 * DAY)
        assert (left(api, brand, runtime, **more) or 0) >= 9
    assert api.count("token.exchange") == pytest.approx(20, abs=8)


def test_an_instagram_token_lives_for_years_without_anybody(api: GraphApi, shop: Account) -> None:
    api.behave(refreshed_token_ends=True)
    runtime = runtime_at(api)
    for _ in range(40):
        assert maintained(api, shop, runtime) == []
        api.advance(20 * DAY)
        assert (left(api, shop, runtime) or 0) >= 9
    with open_account(api, settings_of(api, shop), runtime) as opened:
        assert opened.connecting().limits().quota is not None


def test_an_instagram_token_is_not_renewed_on_its_first_day_and_then_its_end_is_known(
    api: GraphApi, shop: Account
) -> None:
    runtime = runtime_at(api)
    more = {"access_token": Secret(api.token(shop, kind="instagram", life=60 * DAY))}
    maintained(api, shop, runtime, **more)
    api.advance(23 * HOUR)
    maintained(api, shop, runtime, **more)
    assert api.count("token.refresh") == 0
    api.advance(2 * HOUR)
    maintained(api, shop, runtime, **more)
    assert api.count("token.refresh") == 1
    held = Custody(settings_of(api, shop, **more), runtime).held()
    assert held is not None
    assert (held.guessed, held.ends_at, held.kind) == (False, api.now() + LONG, TokenKind.INSTAGRAM)
    assert "instagram_business_content_publish" in held.scopes


@pytest.mark.parametrize("kind", ["page", "system"])
def test_tokens_without_an_end_are_left_alone(api: GraphApi, brand: Account, kind: str) -> None:
    runtime, more = runtime_at(api), {"access_token": Secret(api.token(brand, kind=kind, life=None))}
    for _ in range(10):
        assert maintained(api, brand, runtime, **more) == []
        api.advance(7 * DAY)
    assert api.count("token.exchange") == 0
    assert left(api, brand, runtime, **more) is None


def test_meta_is_asked_about_a_token_once_a_day(api: GraphApi, brand: Account) -> None:
    runtime, more = runtime_at(api), user_token(api, brand)
    for _ in range(24):
        maintained(api, brand, runtime, **more)
        api.advance(HOUR)
    assert api.count("token.debug") == 1
    maintained(api, brand, runtime, **more)
    assert api.count("token.debug") == 2


def test_what_cannot_be_renewed_is_told_14_7_3_and_1_days_before_and_works_until_then(
    api: GraphApi, brand: Account
) -> None:
    runtime, more = runtime_at(api), {**user_token(api, brand), "app_secret": None}
    told: dict[str, int] = {}
    for _ in range(59):
        [*keys] = maintained(api, brand, runtime, **more)
        for key in keys:
            told[key] = told.get(key, 0) + 1
        api.advance(DAY)
    assert told == {
        "token/expires-in-14": 7,
        "token/expires-in-7": 4,
        "token/expires-in-3": 2,
    }, told
    assert maintained(api, brand, runtime, **more) == ["token/expires-in-1"]
    with open_account(api, settings_of(api, brand, **more), runtime) as opened:
        [alert] = opened.maintain()
        assert "app_secret" in alert.text
        assert alert.remedy == "Run `storyline instagram login brand`."
    api.advance(DAY)
    assert maintained(api, brand, runtime, **more) == ["token/dead"]


def test_trouble_of_metas_is_waited_out_hour_by_hour(api: GraphApi, brand: Account) -> None:
    runtime, more = runtime_at(api), user_token(api, brand, 20 * DAY)
    api.refuse(2, operation="token.exchange", times=10_000)
    assert maintained(api, brand, runtime, **more) == []
    assert left(api, brand, runtime, **more) == 20
    api.mend()
    api.advance(HOUR)
    assert maintained(api, brand, runtime, **more) == []
    assert left(api, brand, runtime, **more) == 59


@pytest.mark.parametrize("way", [Way.CUT_AFTER, Way.CUT_BODY])
def test_a_lost_answer_to_a_renewal_loses_nothing(api: GraphApi, either: Account, way: Way) -> None:
    runtime = runtime_at(api)
    kind = "user" if either.login == "facebook" else "instagram"
    more = {"access_token": Secret(api.token(either, kind=kind, life=20 * DAY, age=2 * DAY))}
    for operation in ("token.exchange", "token.refresh"):
        api.fault(way, operation=operation, times=2)
    api.advance(25 * HOUR)
    assert maintained(api, either, runtime, **more) == []
    api.advance(25 * HOUR)
    assert maintained(api, either, runtime, **more) == []
    assert (left(api, either, runtime, **more) or 0) >= 58


@pytest.mark.parametrize("subcode", [458, 460, 463, 467])
def test_a_dead_token_is_told_with_the_very_command_and_stops_the_line(
    api: GraphApi, either: Account, subcode: int
) -> None:
    runtime = runtime_at(api)
    maintained(api, either, runtime)
    api.kill_token(either.token, subcode=subcode)
    api.advance(25 * HOUR)
    with open_account(api, settings_of(api, either), runtime) as opened:
        [alert] = opened.maintain()
        assert (alert.key, alert.level) == ("token/dead", AlertLevel.ERROR)
        assert alert.remedy == "Run `storyline instagram login brand`."
        with pytest.raises(NeedsPerson) as refusal:
            opened.check()
        assert refusal.value.remedy == alert.remedy


def test_nobody_connected_is_told(api: GraphApi, brand: Account) -> None:
    assert maintained(api, brand, runtime_at(api), access_token=None) == ["token/none"]


class WithoutKey:
    """A private state for which there is no key."""

    def get(self, name: str) -> str | None:
        return None

    def set(self, name: str, value: str) -> None:
        raise NeedsPerson("There is no key for stored secrets.", remedy="Make one.")

    def delete(self, name: str) -> None:
        pass


def test_without_a_key_for_secrets_it_works_and_says_so_in_time(api: GraphApi, brand: Account) -> None:
    state: PrivateState = WithoutKey()
    runtime, more = runtime_at(api, state), user_token(api, brand, 10 * DAY)
    with open_account(api, settings_of(api, brand, **more), runtime) as opened:
        [alert] = opened.maintain()
        assert alert.key == "token/expires-in-14"
        assert "There is no key for stored secrets. Make one." in alert.text
        assert opened.check()
    assert api.count("token.exchange") == 0, "what cannot be stored would be lost"


def test_a_refused_renewal_names_what_is_wrong(api: GraphApi, brand: Account) -> None:
    runtime, more = runtime_at(api), user_token(api, brand, 20 * DAY)
    more["app_secret"] = Secret("not-the-app-secret")
    with open_account(api, settings_of(api, brand, **more), runtime) as opened:
        [alert] = opened.maintain()
    assert alert.key == "token/refused"
    assert "app_secret" in alert.remedy


def test_a_renewal_on_demand(api: GraphApi, brand: Account, shop: Account) -> None:
    runtime = runtime_at(api)
    with open_account(api, settings_of(api, brand, **user_token(api, brand)), runtime) as opened:
        api.advance(DAY)
        assert opened.care().renew_now().ends_at == api.now() + LONG
    with (
        open_account(api, settings_of(api, brand), runtime_at(api)) as opened,
        pytest.raises(NeedsPerson, match="no end"),
    ):
        opened.care().renew_now()
    with (
        open_account(api, settings_of(api, shop), runtime_at(api)) as opened,
        pytest.raises(NeedsPerson, match="younger than a day"),
    ):
        opened.care().renew_now()
