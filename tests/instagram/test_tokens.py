"""Tokens: which one counts, when it is renewed, when people are warned; and what is kept of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_core import AlertLevel, NeedsPerson, Runtime, Secret
from storyline_core.testing import runtime_named
from storyline_instagram.custody import Custody
from storyline_instagram.options import Instagram, Login
from storyline_instagram.tokens import (
    KEPT,
    Held,
    TokenKind,
    chosen,
    days_left,
    ended,
    fingerprint,
    read_held,
    renewal_due,
    token_alerts,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)
times = st.none() | st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
tokens = st.text("ABCdef123", min_size=8, max_size=20)


def user(left: timedelta, **more: object) -> Held:
    return Held("user-token", TokenKind.USER, ends_at=NOW + left, since=NOW - 40 * DAY, **more)  # type: ignore[arg-type]


@given(
    st.builds(
        Held,
        token=tokens,
        kind=st.sampled_from(TokenKind),
        since=times,
        ends_at=times,
        guessed=st.booleans(),
        renewed_at=times,
        looked_at=times,
        reads_until=times,
        scopes=st.lists(st.sampled_from(["instagram_basic", "pages_show_list"]), unique=True).map(tuple),
        account_id=st.text("123456789", max_size=17),
        username=st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=10),
        configured=st.text("0123456789abcdef", max_size=8),
    )
)
def test_what_is_kept_is_read_again(held: Held) -> None:
    assert read_held(held.spelled()) == held


@pytest.mark.parametrize("kept", [None, "", "x", "{}", "[]", '{"token": ""}', '{"token": 5.5}'])
def test_what_is_no_token_is_none(kept: str | None) -> None:
    assert read_held(kept) is None


def test_the_text_of_a_token_is_in_no_repr() -> None:
    held = Held("planted-secret-token", configured=fingerprint("planted-secret-token"))
    assert "planted" not in repr(held)
    assert held.configured not in repr(held)


@given(tokens, tokens, tokens)
def test_a_newly_configured_token_wins_over_everything_older(first: str, refreshed: str, second: str) -> None:
    kept = Held(refreshed, TokenKind.USER, configured=fingerprint(first))
    assert chosen(first, kept) == kept, "a refreshed token outlives the one it came from"
    assert chosen("", kept) == kept, "also when that is taken out of the settings"
    if second != first:
        now = chosen(second, kept)
        assert now is not None
        assert (now.token, now.configured, now.ends_at) == (second, fingerprint(second), None)


def test_what_login_stored_outlives_the_token_that_stood_in_the_settings_then() -> None:
    runtime = runtime_named("brand")
    old = Custody(Instagram(access_token=Secret("settings-token-1")), runtime)
    assert old.token() == "settings-token-1"
    old.keep(Held("login-token", account_id="17841400000000001"))
    assert old.token() == "login-token"
    newer = Custody(Instagram(access_token=Secret("settings-token-2")), runtime)
    assert newer.token() == "settings-token-2"
    assert newer.account_id() == "17841400000000001", "the account stays known"


def test_without_any_token_the_very_command_is_told() -> None:
    custody = Custody(Instagram(), runtime_named("brand"))
    for ask in (custody.token, custody.account_id):
        with pytest.raises(NeedsPerson) as refusal:
            ask()
        assert refusal.value.remedy == "Run `storyline instagram login brand`."


def test_an_ended_token_is_not_even_tried() -> None:
    clock = [NOW]
    runtime = runtime_named("brand", now=lambda: clock[0])
    custody = Custody(Instagram(), runtime)
    custody.keep(user(DAY))
    assert custody.token() == "user-token"
    clock[0] = NOW + DAY
    with pytest.raises(NeedsPerson, match="ended") as refusal:
        custody.token()
    assert "storyline instagram login brand" in refusal.value.remedy


@pytest.mark.parametrize("token", ["EAAB with blanks in it", "tökens-are-ascii-only", "tiny-1", "line\nbreak-in-it-99"])
def test_a_token_that_cannot_be_one_is_told_without_showing_it(token: str) -> None:
    custody = Custody(Instagram(access_token=Secret(token)), runtime_named("brand"))
    with pytest.raises(NeedsPerson, match="no token") as refusal:
        custody.token()
    assert token not in str(refusal.value)


def test_a_renewal_does_not_undo_a_login_of_meanwhile() -> None:
    custody = Custody(Instagram(), runtime_named("brand"))
    old = user(20 * DAY)
    custody.keep(old)
    custody.keep(Held("from-a-new-login"))
    assert not custody.keep(attrs.evolve(old, token="renewed-too-late"), instead_of=old)
    assert custody.token() == "from-a-new-login"


class Locked:
    """A private state whose key is not there."""

    def __init__(self, kept: bool) -> None:
        self.kept = kept

    def get(self, name: str) -> str | None:
        if self.kept:
            raise NeedsPerson("A stored secret was sealed with another key.", remedy="Set the former key again.")
        return None

    def set(self, name: str, value: str) -> None:
        raise NeedsPerson("There is no key for stored secrets.", remedy="Make a key.")

    def delete(self, name: str) -> None:
        pass


def locked(kept: bool) -> Runtime:
    return Runtime("brand", lambda: NOW, Locked(kept))


def test_without_a_key_a_token_in_the_settings_works_all_the_same() -> None:
    for kept in (False, True):
        custody = Custody(Instagram(access_token=Secret("settings-token"), account_id="178414"), locked(kept))
        assert custody.token() == "settings-token"
        assert custody.account_id() == "178414"
    with pytest.raises(NeedsPerson, match="another key"):
        Custody(Instagram(), locked(True)).token()
    with pytest.raises(NeedsPerson, match="no key"):
        Custody(Instagram(), locked(False)).keep(Held("stored-token"))


@pytest.mark.parametrize(
    ("held", "due"),
    [
        (user(31 * DAY), False),
        (user(29 * DAY), True),
        (user(timedelta(0)), False),
        (user(29 * DAY, renewed_at=NOW - timedelta(hours=23)), False),
        (user(29 * DAY, renewed_at=NOW - timedelta(hours=25)), True),
        (user(13 * DAY, renewed_at=NOW - timedelta(hours=1)), True),
        (Held("t", TokenKind.PAGE), False),
        (Held("t", TokenKind.PAGE, ends_at=NOW + DAY), False),
        (Held("t", TokenKind.SYSTEM, ends_at=NOW + DAY), False),
        (Held("t", TokenKind.UNKNOWN), False),
        (Held("t", TokenKind.INSTAGRAM, since=NOW - timedelta(hours=23), ends_at=NOW + 5 * DAY), False),
        (Held("t", TokenKind.INSTAGRAM, since=NOW - timedelta(hours=24), ends_at=NOW + 5 * DAY), True),
        (Held("t", TokenKind.INSTAGRAM, since=NOW - timedelta(hours=24), ends_at=NOW + 59 * DAY), False),
        (Held("t", TokenKind.INSTAGRAM, since=NOW - DAY, ends_at=NOW + 59 * DAY, guessed=True), True),
        (Held("t", TokenKind.INSTAGRAM, since=NOW - 70 * DAY, ends_at=NOW - DAY, guessed=True), True),
    ],
)
def test_tokens_are_renewed_in_time_and_not_before(held: Held, due: bool) -> None:
    assert renewal_due(held, NOW) is due


def test_a_person_may_renew_earlier_but_not_what_instagram_refuses() -> None:
    assert renewal_due(user(59 * DAY, renewed_at=NOW), NOW, asked=True)
    young = Held("t", TokenKind.INSTAGRAM, since=NOW - timedelta(hours=1), ends_at=NOW + 59 * DAY)
    assert not renewal_due(young, NOW, asked=True)
    assert not renewal_due(Held("t", TokenKind.PAGE), NOW, asked=True)


@given(st.integers(-5, 70), st.integers(0, 23))
def test_people_are_warned_14_7_3_and_1_days_before(days: int, hours: int) -> None:
    left = timedelta(days=days, hours=hours)
    told = token_alerts(user(left), NOW, "brand")
    if left > 14 * DAY:
        assert told == []
        return
    [alert] = told
    if left <= timedelta(0):
        assert alert.key == "token/dead"
    else:
        wanted = next(days for days in (1, 3, 7, 14) if left <= days * DAY)
        assert alert.key == f"token/expires-in-{wanted}"
        assert alert.level is (AlertLevel.ERROR if wanted <= 3 else AlertLevel.WARNING)
    assert alert.remedy == "Run `storyline instagram login brand`."


def test_a_warning_says_when_and_why_it_was_not_renewed() -> None:
    [alert] = token_alerts(user(6 * DAY), NOW, "brand", "Meta has trouble.")
    assert alert.text == "The token of brand ends on 27 November 2026. Meta has trouble."


def test_the_end_of_reading_is_told_of_a_token_without_an_end() -> None:
    held = Held("t", TokenKind.PAGE, reads_until=NOW + 2 * DAY)
    [alert] = token_alerts(held, NOW, "brand")
    assert alert.key == "token/reads-for-3"
    assert token_alerts(Held("t", TokenKind.PAGE), NOW, "brand") == []


def test_days_left_are_whole_and_a_guess_is_no_end() -> None:
    assert days_left(user(timedelta(days=3, hours=23)), NOW) == 3
    assert days_left(user(-DAY), NOW) == 0
    assert days_left(Held("t"), NOW) is None
    assert ended(user(timedelta(0)), NOW)
    assert not ended(user(timedelta(0), guessed=True), NOW)


def test_missing_permissions_are_named_where_they_are_known() -> None:
    held = Held("t", scopes=("instagram_basic", "pages_show_list"))
    assert held.missing(Login.FACEBOOK) == ("instagram_content_publish", "pages_read_engagement")
    assert Held("t").missing(Login.FACEBOOK) == ()


def test_what_is_stored_is_under_one_name_and_can_be_forgotten() -> None:
    runtime = runtime_named("brand")
    custody = Custody(Instagram(), runtime)
    custody.keep(Held("stored-token"))
    assert runtime.state.get(KEPT) is not None
    custody.forget()
    assert custody.held() is None
