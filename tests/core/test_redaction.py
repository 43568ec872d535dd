"""No secret in any text: what is known by its form, and what is known by its value."""

from __future__ import annotations

import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_core import Secret, hide_from_now_on, keep_logs_discreet, scrub
from storyline_core.redaction import _MOST_KNOWN, _known


@given(secret=st.text(min_size=8, max_size=60), before=st.text(max_size=20), after=st.text(max_size=20))
def test_a_secret_is_hidden_wherever_it_stands(secret: str, before: str, after: str) -> None:
    Secret(secret)
    assert secret not in scrub(f"{before}{secret}{after}") or secret in before + "[hidden]" + after


def test_it_is_hidden_in_an_address_as_well() -> None:
    hide_from_now_on("p&ss wörd/1")
    assert scrub("GET /?x=p%26ss%20w%C3%B6rd%2F1&y=2") == "GET /?x=[hidden]&y=2"
    assert scrub("q=p%26ss+w%C3%B6rd%2F1") == "q=[hidden]"


def test_a_secret_within_a_longer_one_does_not_uncover_the_rest() -> None:
    hide_from_now_on("beginning")
    hide_from_now_on("beginning-and-end")
    assert scrub("it is beginning-and-end here") == "it is [hidden] here"


def test_short_texts_stay_readable_and_the_memory_is_bounded() -> None:
    hide_from_now_on("on")
    assert scrub("the line goes on") == "the line goes on"
    for number in range(2 * _MOST_KNOWN):
        hide_from_now_on(f"secret number {number}")
    assert len(_known) == _MOST_KNOWN
    assert scrub(f"secret number {2 * _MOST_KNOWN - 1}") == "[hidden]"


def test_what_libraries_log_is_told_without_what_opens_doors(caplog: pytest.LogCaptureFixture) -> None:
    loud = logging.getLogger("a loud library")
    for _ in range(3):
        keep_logs_discreet(("a loud library",), re.compile("seal-[a-z]+"))
    caplog.set_level(logging.DEBUG)
    loud.info("PUT %s with %s", "https://uploads.example/x?upload_id=opens-the-door&n=1", "seal-abc")
    loud.debug("setWebhook with {'secret_token': 'nobody-may-read-this'}")
    assert caplog.messages == [
        "PUT https://uploads.example/x?[hidden] with [hidden]",
        "setWebhook with {'secret_token': '[hidden]'}",
    ]
    assert len(loud.filters) == 1


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer hunter2abcdefghijklmnopqrstuvwxyz",
        "authorization=hunter2",
        "Proxy-Authorization: Basic hunter2=",
        "Authorization: Token hunter2",
        'Authorization: Digest username="ada", response="hunter2"',
        '{"Authorization": "Bearer hunter2", "Accept": "text/html"}',
        "{'Authorization': b'Basic hunter2'}",
        r"{\"Authorization\": \"Bearer hunter2\"}",
        "[(b'Authorization', b'Basic hunter2')]",
        "access_token: Bearer hunter2",
        "sslmode=require sslpassword=hunter2",
        "client_secret_key=hunter2",
        "my_secret_token: 'hunter2'",
        "AWS_SECRET_ACCESS_KEY=hunter2",
        "apiKey: hunter2",
        "postgresql://ada:x@hunter2@db/stories",
        "postgresql://ada:x@y:hunter2@db/stories",
        "redis://:hunter2@cache/0",
    ],
)
def test_a_secret_is_known_by_what_stands_before_it(text: str) -> None:
    said = scrub(text)
    assert "hunter2" not in said
    assert "[hidden]" in said
    assert scrub(said) == said


def test_what_stands_around_a_secret_stays() -> None:
    assert scrub("Authorization: Bearer abcdefghijkl, then") == "Authorization: Bearer [hidden], then"
    assert scrub('{"Authorization": "Bearer abc", "n": 1}') == '{"Authorization": "Bearer [hidden]", "n": 1}'
    assert scrub("postgresql://u:p@ss:w@h/db and a@b") == "postgresql://[hidden]@h/db and a@b"


@pytest.mark.parametrize(
    "text",
    [
        "the key: take it",
        "secrets.key: this is needed and missing.",
        "slot_key=2026-05-01/1",
        "the monkey: a turkey=1",
        "http://127.0.0.1:8795/health asked by ada@example.com",
        "http://ada@example.com:80/x",
        "authorization is needed",
    ],
)
def test_ordinary_words_are_no_secrets(text: str) -> None:
    assert scrub(text) == text
