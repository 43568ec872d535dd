"""No secret in any text: everything goes wrong at every place, and all that is said of it is read."""

from __future__ import annotations

import io
import itertools
import json
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

import attrs
import httpx
import pytest

from storyline_core import (
    PluginFault,
    Refused,
    Secret,
    Settings,
    SourceEntry,
    StorylineError,
    load_plugins,
    open_storyline,
)
from storyline_core.testing import picture
from storyline_gdrive.connecting import Connecting
from storyline_gdrive.consent import code_in
from storyline_gdrive.credentials import SIGNED_IN, read_key, read_signed_in
from storyline_gdrive.opened import connected, credentials_of, opened
from storyline_gdrive.pace import Pace
from storyline_gdrive.plugin import Access
from storyline_gdrive.source import DriveSource
from tests.gdrive.conftest import SECRETS, Eye
from tests.gdrive.drive_api.limits import Way
from tests.gdrive.drive_api.server import DriveApi
from tests.gdrive.test_connecting import ELSEWHERE, Ann

OPERATIONS = ("files.*", "changes.*", "upload.create", "upload.send", "thumbnail", "about.get", "drives.list",
              "oauth.token")  # fmt: skip
REFUSALS = (
    (400, "invalid"), (401, None), (403, "userRateLimitExceeded"), (403, "insufficientFilePermissions"),
    (403, "dailyLimitExceeded"), (404, None), (409, "fileIdInUse"), (410, None), (429, None), (500, None),
)  # fmt: skip
WRONG_CODE = "4/0A" + "x" * 40
WAYS = (Way.CUT_BEFORE, Way.CUT_AFTER, Way.CUT_BODY)


@pytest.fixture
def ann(tmp_path: Path) -> Iterator[Ann]:
    with DriveApi() as server:
        made = Ann(server, tmp_path / "cache")
        made.settings = attrs.evolve(made.settings, patience=timedelta(0))
        yield made


def sign_in(ann: Ann) -> None:
    connecting = ann.connect()
    asked = connecting.ask(ELSEWHERE)
    connecting.finish(code_in(ann.answer(asked), asked), asked)


def everything(ann: Ann) -> list[Callable[[DriveSource, Connecting], object]]:
    """One of each thing that a source is asked to do."""
    return [
        lambda source, _: source.list_media(None),
        lambda source, _: source.list_media(source.list_media(None).cursor),
        lambda source, _: source.identity(True),
        lambda source, _: source.confirm_absent(["1nobodyknowsthisone"]),
        lambda source, _: list(source.fingerprint(source.list_media(None).files)),
        lambda source, _: source.open_media(source.list_media(None).files[0].key).close(),
        lambda source, _: source.open_preview(source.list_media(None).files[0].key).close(),
        lambda source, _: source.store_media("new", "b.jpg", io.BytesIO(picture(3) + bytes(9 << 20))),
        lambda _, connecting: connecting.standing(),
        lambda _, connecting: connecting.browse(""),
        lambda _, connecting: connecting.finish(WRONG_CODE, connecting.ask(ELSEWHERE)),
    ]


def heard(call: Callable[[], object]) -> str:
    """All that is said of what goes wrong: the words, what it is made of, what it came from."""
    try:
        return repr(call())[:100_000]
    except PluginFault as error:
        whole = "".join(traceback.format_exception(error))
        return f"FAULT {error!r} {error.__cause__!r} {error.__context__!r} {vars(error)!r} {whole}"


def test_whatever_goes_wrong_no_secret_is_said(ann: Ann, eye: Eye) -> None:
    ann.settings = attrs.evolve(ann.settings, access=Access.WRITE)
    sign_in(ann)
    wrong: list[Callable[[], object]] = [
        partial(ann.server.refuse, code, reason, operation=op, times=1_000)
        for op in OPERATIONS
        for code, reason in REFUSALS
    ]
    wrong += [partial(ann.server.fault, way, operation=op, times=2) for op in OPERATIONS for way in WAYS]
    faults = 0
    calls = itertools.cycle(everything(ann))
    with opened(ann.settings, ann.runtime, Pace(5.0, 0.0)) as source:
        source.list_media(None)
        for happen in wrong:
            for call in itertools.islice(calls, 2):
                ann.server.expire_access()
                happen()
                said = heard(partial(call, source, source.connecting()))
                faults += said.startswith("FAULT")
                eye.look(said)
                ann.server.mend()
    assert faults > 60
    assert eye.seen > 1_000


def test_nothing_that_is_shown_as_it_is_made_of_holds_one(ann: Ann, eye: Eye) -> None:
    sign_in(ann)
    kept = ann.runtime.state.get(SIGNED_IN)
    assert SECRETS.search(kept or "")
    robot = ann.server.world.robot("other")
    key = json.dumps(ann.server.key_file(robot))
    by_key = attrs.evolve(ann.settings, key=Secret(key), client_id="", client_secret=None)
    connecting = ann.connect()
    asked = connecting.ask(ELSEWHERE)
    with opened(ann.settings, ann.runtime) as source, connected(by_key, ann.runtime, Pace()) as drive:
        source.list_media(None)
        shown = [
            ann.settings, by_key, source, drive, vars(drive), vars(source), connecting, vars(connecting), asked,
            credentials_of(ann.settings, ann.runtime), credentials_of(by_key, ann.runtime),
            read_key(key, "x", ann.runtime.now), read_signed_in(ann.runtime.state),
        ]  # fmt: skip
    for each in shown:
        eye.look(repr(each).replace(asked.address, ""))
        eye.look(str(each).replace(asked.address, ""))


def test_what_a_library_keeps_of_its_runs_holds_none(ann: Ann, tmp_path: Path, eye: Eye) -> None:
    url = f"sqlite:///{tmp_path}/storyline.db"
    wanted = Settings(
        database_url=url, secret_key=Secret("k" * 40), sources=[SourceEntry("team", "gdrive", ann.settings)]
    )
    with open_storyline(wanted, plugins=load_plugins(), clock=ann.server.clock.now) as storyline:
        source = storyline.opened_source("team")
        assert isinstance(source, DriveSource)
        asked = source.connecting().ask(ELSEWHERE)
        source.connecting().finish(code_in(httpx.get(asked.address).headers["Location"], asked), asked)
        storyline.sync("team")
        for code, reason in REFUSALS:
            ann.server.refuse(code, reason, times=1_000)
            with suppress(StorylineError):
                storyline.sync("team")
            ann.server.mend()
        ann.server.revoke(ann.person)
        with suppress(StorylineError):
            storyline.sync("team")
        with storyline.read() as unit:
            runs = unit.runs.list()
            assert len(runs) > len(REFUSALS) / 2
            eye.look(repr(runs) + repr(unit.alerts.open()))
    [token] = ann.server.oauth.refresh
    left = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert token.encode() not in left
    assert asked.verifier.encode() not in left


def test_the_eye_sees(eye: Eye) -> None:
    """The tests of this folder would notice."""
    logging.getLogger("storyline").warning("ya29.%s", "x" * 40)
    logging.getLogger("httpx").info("HTTP Request: PUT http://127.0.0.1/upload?upload_id=PLANTED123 200")
    with suppress(Refused):
        raise Refused("1//0" + "x" * 40)
    assert len(eye.found) == 1 + (eye.raised > 0), eye.found
    eye.found.clear()
