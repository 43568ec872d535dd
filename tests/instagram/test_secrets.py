"""No token, secret or proof in any line, text, record or repr, whatever goes wrong. The whole run is looked at.

`conftest.py` looks at every line that any test of this folder logs and at every file it leaves; here everything that
can go wrong is made to go wrong with secrets in the words of it.
"""

from __future__ import annotations

import logging
import sqlite3
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest
from PIL import Image

from storyline_core import PluginFault, Secret
from storyline_core.testing import draft_of, picture
from storyline_instagram.asking import Reachable
from storyline_instagram.connecting import Tried
from storyline_instagram.discretion import discreet
from storyline_instagram.graph import GraphFault, at
from storyline_instagram.hosting import Hosted
from storyline_instagram.tokens import Held
from tests.instagram.accounts import open_account, runtime_at, settings_of
from tests.instagram.conftest import SECRETS, Eye, secrets_in
from tests.instagram.console import KEY, Console
from tests.instagram.graph_api import Account, GraphApi, Way

EXCHANGES = ("token.exchange", "token.exchange_instagram", "token.refresh", "token.debug")


@contextmanager
def nothing_told(error: type[Exception] | tuple[type[Exception], ...]) -> Iterator[None]:
    """What is raised inside, with its traceback, holds no secret."""
    with pytest.raises(error) as caught:
        yield
    for text in (str(caught.value), repr(caught.value), "".join(traceback.format_exception(caught.value))):
        assert not SECRETS.search(_without_paths(text))


def _without_paths(trace: str) -> str:
    # A traceback quotes lines of this very test.
    return "\n".join(line for line in trace.splitlines() if "PLANTED" not in line or "raise" not in line)


def test_the_eye_sees(tmp_path: Path, brand: Account, shop: Account) -> None:
    """What looks for secrets finds them: in words, in arguments, in tracebacks, in files."""
    eye, log = Eye(), logging.getLogger("storyline.eye-test")
    log.propagate = False
    log.addHandler(eye)
    log.setLevel(logging.DEBUG)
    for secret in (brand.token, brand.user_token, shop.token, brand.app_secret, "appsecret_proof=" + "0a" * 32):
        log.info("told %s", secret)
        log.info("%s hidden", attrs.make_class("Quiet", {"it": attrs.field(default=secret)})())
        try:
            raise ValueError(secret)
        except ValueError:
            log.exception("it broke")
        assert len(eye.found) == 3
        eye.found.clear()
        (tmp_path / "left.log").write_text(f"x{chr(0)} {secret}")
        assert secrets_in(tmp_path)
    (tmp_path / "left.log").unlink()
    log.info("nothing to see")
    assert not eye.found
    log.removeHandler(eye)


def test_the_texts_of_libraries_are_made_discreet(brand: Account, shop: Account) -> None:
    for text in (
        f'HTTP Request: GET https://graph.facebook.com/v26.0/debug_token?input_token={brand.token} "HTTP/1.1 200 OK"',
        f"Malformed access token {brand.token}",
        f"{{'access_token': '{shop.token}', 'x': 1}}",
        f"Authorization: Bearer {brand.token}",
        f"Authorization: OAuth {shop.token}",
        f"123456789012345|{brand.token}",
    ):
        assert not SECRETS.search(discreet(text)), text
    assert discreet("a 100 % plain line of https://example.org/a-b_c") == (
        "a 100 % plain line of https://example.org/a-b_c"
    )


@pytest.mark.parametrize("way", [Way.CUT_BEFORE, Way.CUT_AFTER, Way.CUT_BODY])
def test_nothing_is_told_when_the_line_breaks_anywhere(api: GraphApi, either: Account, way: Way) -> None:
    cloud = api.cloud("stories")
    settings = settings_of(api, either, cloud)
    with open_account(api, settings) as opened:
        for operation in ("limit.get", "media.create", "stories.list", "account.get", "me.get", "token.debug"):
            api.fault(way, operation=operation, times=99)
            for call in (
                lambda: opened.prepare(draft_of(picture(1), publishable=True)),
                opened.check,
                opened.connecting().standing,
                opened.maintain,
            ):
                _quietly(call)
            api.mend()


@pytest.mark.parametrize("code", [1, 10, 100, 190, 200, 368, 2500, 77_777])
def test_words_of_metas_that_hold_a_token_are_not_repeated(api: GraphApi, either: Account, code: int) -> None:
    settings = settings_of(api, either, api.cloud("stories"))
    words = f"Malformed access token {either.token} appsecret_proof={'0a' * 32} {either.app_id}|{either.app_secret}"
    with open_account(api, settings) as opened:
        api.refuse(code, operation="limit.get media.create account.get me.get token.debug", times=99, message=words)
        with nothing_told(PluginFault):
            opened.prepare(draft_of(picture(1), publishable=True))
        with nothing_told(PluginFault):
            opened.connecting().standing()
        with nothing_told(GraphFault):
            opened.graph.get(at(either.id), {"fields": "id"})
        for alert in opened.maintain():
            assert not SECRETS.search(repr(alert))


def test_a_token_that_is_pasted_wrong_is_not_repeated(api: GraphApi, either: Account) -> None:
    with open_account(api, settings_of(api, either)) as opened:
        for wrong in (
            either.token[:-4],
            either.token + "PLANTED",
            f"{either.token}\x00",
            f'"{either.token}"',
            "PLANTED",
        ):
            with nothing_told(PluginFault):
                opened.connecting().try_out(wrong)


def test_no_repr_shows_a_secret(api: GraphApi, either: Account) -> None:
    cloud = api.cloud("stories")
    settings = settings_of(api, either, cloud)
    runtime = runtime_at(api)
    with open_account(api, settings, runtime) as opened:
        standing = opened.connecting().standing()
        held = Held(either.token, configured="x")
        hosted = Hosted("https://host/x.jpg?signature=PLANTED", "image/x")
        tried = Tried(held, (Reachable("1", page_token=either.token),))
        for thing in (
            settings, settings.host, opened, opened.graph, opened.care(), opened.connecting(), opened._connection,
            opened.host, standing, held, hosted, tried, opened._connection.allowance, Secret(either.token),
        ):  # fmt: skip
            assert not SECRETS.search(f"{thing!r} {thing!s}"), type(thing).__name__


def test_tokens_travel_in_the_header_but_where_meta_documents_nothing_else(api: GraphApi, either: Account) -> None:
    settings = settings_of(api, either, api.cloud("stories"))
    kind = "user" if either.login == "facebook" else "instagram"
    with open_account(api, settings) as opened:
        tried = opened.connecting().try_out(api.token(either, kind=kind))
        opened.connecting().keep(tried, either.id)
        opened.maintain()
        opened.publish(opened.prepare(draft_of(picture(1), publishable=True)))
    said = {call.operation: call.token_in for call in api.calls("*") if call.version or call.login}
    wrong = {name: where for name, where in said.items() if where not in ("header", None) and name not in EXCHANGES}
    assert not wrong
    assert said["media.publish"] == "header"


def test_a_whole_life_leaves_no_secret_anywhere(console: Console, api: GraphApi, either: Account) -> None:
    """Connected, published, renewed, refused, cut off, dead: the database, the records and every word are clean."""
    cloud = api.cloud("stories")
    console.configure(either, cloud=cloud)
    kind = "user" if either.login == "facebook" else "instagram"
    console.done("-v", "instagram", "login", "brand", typed=api.token(either, kind=kind) + "\n")
    for number in range(4):
        Image.new("RGB", (108, 192), (number * 50, 90, 40)).save(console.folder / "pictures" / f"{number}.jpg")
    console.done("-v", "sync")
    words = f"Malformed access token {either.token}"
    for upset in (
        lambda: None,
        lambda: api.refuse(1, operation="media.publish", message=words, times=99),
        lambda: api.refuse(190, 463, operation="limit.get", message=words, times=99),
        lambda: api.fault(Way.CUT_AFTER, operation="media.create", times=99),
        lambda: api.refuse(4, 2207051, http=403, operation="media.create", message=words, times=99),
    ):
        api.mend()
        upset()
        console("-v", "queue", "now", "--account", "main")
        for command in ("tick", "check", "queue list", "history", "runs", "instagram limits brand", "plugins"):
            console("-v", *command.split())
    assert [story.live for story in api.stories(either)][:1] == [True], "something really came out"
    told = "".join(console.shown)
    assert KEY not in told
    database = console.folder / "storyline.db"
    with sqlite3.connect(database) as connection:
        everything = "\n".join(connection.iterdump())
    assert "instagram" in everything
    assert not SECRETS.search(everything)
    assert KEY not in everything


def _quietly(call: Callable[[], object]) -> None:
    told = ""
    try:
        call()
    except (PluginFault, GraphFault) as error:
        told = "".join(traceback.format_exception(error))
    assert not SECRETS.search(told)
