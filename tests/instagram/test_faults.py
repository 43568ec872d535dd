"""Every code of Meta's table has its remedy, unknown ones go by their class, and no secret gets into a text."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_core import NeedsPerson, PluginFault, Refused, Unavailable, Uncertain
from storyline_instagram.faults import (
    LIMIT_PAUSE,
    THROTTLED_PAUSE,
    Fault,
    Reach,
    Remedy,
    as_core,
    fault_in,
    fault_in_status,
    may_have_happened,
    remedy_of,
    told_of,
)

TABLE = {
    (-2, 2207003): Remedy.NEW_COPY,
    (-2, 2207020): Remedy.NEW_CONTAINER,
    (-2, None): Remedy.NEW_COPY,
    (-1, 2207001): Remedy.AGAIN,
    (-1, 2207032): Remedy.NEW_CONTAINER,
    (-1, 2207053): Remedy.NEW_CONTAINER,
    (-1, None): Remedy.AGAIN,
    (1, 2207057): Remedy.NEVER,
    (1, None): Remedy.AGAIN,
    (2, None): Remedy.AGAIN,
    (3, None): Remedy.PERSON,
    (4, 2207051): Remedy.BLOCKED,
    (4, None): Remedy.LATER,
    (9, 2207042): Remedy.LATER,
    (9, None): Remedy.LATER,
    (10, None): Remedy.PERSON,
    (17, None): Remedy.LATER,
    (24, 2207006): Remedy.NEW_CONTAINER,
    (24, 2207008): Remedy.NEW_CONTAINER,
    (25, 2207050): Remedy.BLOCKED,
    (32, None): Remedy.LATER,
    (100, 2207023): Remedy.NEVER,
    (100, 2207028): Remedy.NEVER,
    (100, 2207035): Remedy.NEVER,
    (100, 2207036): Remedy.NEVER,
    (100, 2207037): Remedy.NEVER,
    (100, 2207040): Remedy.NEVER,
    (100, None): Remedy.NEVER,
    (100, 33): Remedy.PERSON,
    (102, None): Remedy.SIGN_IN,
    (190, None): Remedy.SIGN_IN,
    (190, 458): Remedy.SIGN_IN,
    (190, 459): Remedy.SIGN_IN,
    (190, 460): Remedy.SIGN_IN,
    (190, 463): Remedy.SIGN_IN,
    (190, 464): Remedy.SIGN_IN,
    (190, 467): Remedy.SIGN_IN,
    (190, 492): Remedy.SIGN_IN,
    (200, None): Remedy.PERSON,
    (230, None): Remedy.PERSON,
    (299, None): Remedy.PERSON,
    (341, None): Remedy.LATER,
    (352, 2207026): Remedy.NEVER,
    (368, None): Remedy.BLOCKED,
    (506, None): Remedy.NEVER,
    (613, None): Remedy.LATER,
    (9004, 2207052): Remedy.NEW_COPY,
    (9007, 2207027): Remedy.POLL,
    (36000, 2207004): Remedy.NEVER,
    (36001, 2207005): Remedy.NEVER,
    (36003, 2207009): Remedy.NEVER,
    (36004, 2207010): Remedy.NEVER,
    (80002, None): Remedy.LATER,
}
"""What the documentation of Meta says, by remedy."""

ERRORS = {
    Remedy.AGAIN: Unavailable,
    Remedy.LATER: Unavailable,
    Remedy.NEW_COPY: Unavailable,
    Remedy.NEW_CONTAINER: Unavailable,
    Remedy.POLL: Unavailable,
    Remedy.NEVER: Refused,
    Remedy.SIGN_IN: NeedsPerson,
    Remedy.PERSON: NeedsPerson,
    Remedy.BLOCKED: NeedsPerson,
}

TOKEN = "EAAGm0PX4ZCpsBAKplantedplantedplanted"
IG_TOKEN = "IGAAJplantedplantedplantedplanted"


def answered(code: int, subcode: int | None = None, status: int = 400, **error: object) -> Fault:
    told = {"message": "(#1) words", "type": "OAuthException", "code": code, "fbtrace_id": "Axyz", **error}
    if subcode is not None:
        told["error_subcode"] = subcode
    return fault_in(status, json.dumps({"error": told}).encode())


@pytest.mark.parametrize(("row", "remedy"), TABLE.items(), ids=str)
def test_every_row_of_the_table_has_its_remedy(row: tuple[int, int | None], remedy: Remedy) -> None:
    fault = answered(*row)
    assert remedy_of(fault) is remedy
    error = as_core(fault, "publishing the story", "brand")
    assert type(error) is ERRORS[remedy]
    assert str(row[0]) in str(error), "people look the numbers up"
    assert told_of(fault)[1] in str(error)


@pytest.mark.parametrize("subcode", [458, 459, 460, 463, 464, 467, 492, None])
def test_a_dead_token_names_the_very_command(subcode: int | None) -> None:
    error = as_core(answered(190, subcode), "publishing the story", "brand")
    assert isinstance(error, NeedsPerson)
    assert error.remedy == "Run `storyline instagram login brand`."


def test_a_spam_block_is_no_throttling_whatever_its_code_and_status() -> None:
    error = as_core(answered(4, 2207051, status=403, is_transient=True), "publishing the story", "brand")
    assert isinstance(error, NeedsPerson)
    assert "spam" in str(error)
    assert "limits brand --try-again" in error.remedy


@pytest.mark.parametrize(
    ("code", "status", "transient", "remedy"),
    [
        (77_777, 400, False, Remedy.NEVER),
        (77_777, 400, True, Remedy.AGAIN),
        (77_777, 503, False, Remedy.AGAIN),
        (77_777, 401, False, Remedy.SIGN_IN),
        (77_777, 403, False, Remedy.PERSON),
        (77_777, 429, False, Remedy.LATER),
        (80_014, 400, False, Remedy.LATER),
    ],
)
def test_unknown_codes_go_by_their_class(code: int, status: int, transient: bool, remedy: Remedy) -> None:
    assert remedy_of(answered(code, status=status, is_transient=transient)) is remedy


def test_an_unknown_subcode_of_publishing_is_about_the_file() -> None:
    assert remedy_of(answered(77_777, 2207999)) is Remedy.NEVER


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (302, Remedy.AGAIN),
        (401, Remedy.SIGN_IN),
        (404, Remedy.AGAIN),
        (407, Remedy.PERSON),
        (413, Remedy.NEVER),
        (429, Remedy.LATER),
        (502, Remedy.AGAIN),
    ],
)
def test_an_answer_that_is_not_metas_never_condemns_a_file(status: int, remedy: Remedy) -> None:
    assert remedy_of(fault_in(status, b"<html>Bad Gateway</html>")) is remedy


def test_a_wrong_app_secret_is_for_a_person_who_is_told_where_it_stands() -> None:
    for code, message in (
        (100, "Invalid appsecret_proof provided in the API argument"),
        (1, "Error validating client secret."),
        (101, "Error validating application."),
    ):
        error = as_core(answered(code, message=message), "trying the token", "brand")
        assert isinstance(error, NeedsPerson)
        assert "app_secret" in error.remedy


@pytest.mark.parametrize(("row", "remedy"), TABLE.items(), ids=str)
def test_what_may_have_happened_is_never_called_a_failure(row: tuple[int, int | None], remedy: Remedy) -> None:
    fault = answered(*row)
    error = as_core(fault, "publishing the story", "brand", unrepeatable=True)
    certain = remedy in {
        Remedy.LATER, Remedy.POLL, Remedy.NEVER, Remedy.SIGN_IN, Remedy.PERSON, Remedy.BLOCKED,
    } and row[0] not in {4, 506}  # fmt: skip
    assert may_have_happened(fault) is not certain
    assert isinstance(error, Uncertain) is not certain


def test_what_was_never_sent_has_not_happened_and_what_was_lost_may_have() -> None:
    unsent, lost = Fault(Reach.NOT_SENT, message="ConnectError"), Fault(Reach.LOST, message="ReadTimeout")
    assert not may_have_happened(unsent)
    assert isinstance(as_core(unsent, "publishing", "brand", unrepeatable=True), Unavailable)
    assert may_have_happened(lost)
    assert isinstance(as_core(lost, "publishing", "brand", unrepeatable=True), Uncertain)
    assert isinstance(as_core(lost, "asking", "brand"), Unavailable)


@given(st.integers(-10, 100_000), st.none() | st.integers(1, 2_300_000), st.integers(300, 599), st.booleans())
def test_every_fault_is_one_of_the_four_and_a_servers_trouble_is_never_certain(
    code: int, subcode: int | None, status: int, transient: bool
) -> None:
    fault = answered(code, subcode, status, is_transient=transient)
    assert isinstance(as_core(fault, "publishing", "brand"), PluginFault)
    error = as_core(fault, "publishing", "brand", unrepeatable=True)
    assert isinstance(error, Unavailable | Refused | NeedsPerson | Uncertain)
    if status >= 500:
        assert isinstance(error, Uncertain)


@given(st.binary(max_size=200))
def test_any_body_can_be_read(body: bytes) -> None:
    assert isinstance(fault_in(400, body), Fault)


@pytest.mark.parametrize("error", [None, [], "text", {"code": "x"}, {"code": True}, {"code": 1e400}, {"code": {}}])
def test_a_strange_error_is_no_code(error: object) -> None:
    assert fault_in(400, json.dumps({"error": error}).encode()).code is None


def test_limits_say_how_long_to_wait() -> None:
    def pause(fault: Fault) -> timedelta | None:
        error = as_core(fault, "asking", "brand")
        assert isinstance(error, Unavailable)
        return error.retry_after

    assert pause(answered(4)) == THROTTLED_PAUSE
    assert pause(answered(9, 2207042)) == LIMIT_PAUSE
    told = fault_in(400, json.dumps({"error": {"code": 17}}).encode(), timedelta(minutes=42))
    assert pause(told) == timedelta(minutes=42)
    assert pause(answered(2)) is None


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        ("Error: Media upload has failed with error code 2207026", Remedy.NEVER),
        ("Error: Media upload has failed with error code 2207003", Remedy.NEW_COPY),
        ("Error: 2207053", Remedy.NEW_CONTAINER),
        ("Error: something", Remedy.NEVER),
    ],
)
def test_a_containers_status_names_the_subcode(status: str, remedy: Remedy) -> None:
    assert remedy_of(fault_in_status(status)) is remedy


def test_no_token_gets_into_a_text() -> None:
    words = (
        f"Malformed access token {TOKEN} for https://graph.facebook.com/v26.0/1?access_token={TOKEN}&x=1 "
        f"and {IG_TOKEN}, appsecret_proof=0123456789abcdef, 123456789012345|AbCdEfGhIjKlMnOpQr"
    )
    fault = answered(200, message=words, error_user_msg=words)
    error = as_core(fault, "publishing the story", "brand")
    for text in (str(error), repr(error), repr(fault)):
        for secret in (TOKEN, IG_TOKEN, "0123456789abcdef", "AbCdEfGhIjKlMnOpQr", "x=1"):
            assert secret not in text
