"""`storyline gdrive` as people run it: a process of its own, a browser that opens, an answer that is pasted."""

from __future__ import annotations

import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from queue import Queue

import attrs
import httpx
import pytest

from storyline_runner.__main__ import main
from tests.gdrive.conftest import LIBRARIES, SECRETS
from tests.gdrive.drive_api.limits import Way
from tests.gdrive.drive_api.server import PER_FILE, DriveApi
from tests.gdrive.drive_api.tree import Node, Person

SETTINGS = """\
[database]
url = "sqlite:///storyline.db"

[sources.team]
kind = "gdrive"
folder = "https://drive.google.com/drive/folders/{folder}?usp=sharing"
{who}
{more}
cache = "cache"
patience = "0s"
answer_within = "10s"
api_url = "{server}"
token_url = "{server}/token"
consent_url = "{server}/auth"
"""
ROBOT = 'key = { file = "key.json" }'
PERSON = 'client_id = "desktop.apps"\nclient_secret = { env = "DRIVE_CLIENT_SECRET" }'
BROWSER = """\
#!{python}
import sys, urllib.request
urllib.request.urlopen(sys.argv[-1]).read()
"""
Ran = tuple[int, str, str]


@attrs.define(eq=False)
class Desk:
    """A folder with settings, the command line in it, and a Drive."""

    place: Path
    server: DriveApi
    ann: Person
    robot: Person
    root: Node
    call: Callable[..., Ran]
    environment: dict[str, str]

    def write(self, who: str, more: str = "", folder: str = "") -> None:
        text = SETTINGS.format(folder=folder or self.root.id, who=who, more=more, server=self.server.address)
        (self.place / "storyline.toml").write_text(text)

    def key(self) -> None:
        (self.place / "key.json").write_text(json.dumps(self.server.key_file(self.robot)))

    def process(self, *words: str) -> subprocess.Popen[str]:
        return self.started("gdrive", *words)

    def started(self, *words: str) -> subprocess.Popen[str]:
        line = [sys.executable, "-m", "storyline_runner", *words]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            line, cwd=self.place, env=self.environment, text=True, stdin=pipe, stdout=pipe, stderr=pipe
        )  # fmt: skip

    def pasted(self, *more: str, answer: Callable[[str], str] | None = None) -> Ran:
        """Connect by what the browser of another machine ends up with."""
        process = self.process("connect", "team", "--paste", *more)
        assert process.stdout is not None
        assert process.stdin is not None
        said = ""
        for line in process.stdout:
            said += line
            if "whole." in line:
                break
        [address] = [line for line in said.splitlines() if line.startswith("http")] or [""]
        pasted = (answer or self.agreed)(address) if address else ""
        rest, wrong = process.communicate(f"{pasted}\n", timeout=60)
        assert not SECRETS.search(said + rest + wrong)
        return process.returncode, said + rest, wrong

    def agreed(self, address: str) -> str:
        return httpx.get(address).headers["Location"]

    def stored(self) -> bytes:
        """All that the database's files hold."""
        with sqlite3.connect(self.place / "storyline.db") as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return b"".join(path.read_bytes() for path in self.place.glob("storyline.db*"))


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Desk]:  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STORYLINE_")}  # noqa: TID251
    more = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "DRIVE_CLIENT_SECRET": "GOCSPX-tests",
            "STORYLINE_SECRET_KEY": "k" * 40, "PATH": f"{tmp_path / 'bin'}:{kept['PATH']}"}  # fmt: skip
    for name in [name for name in os.environ if name.startswith("STORYLINE_")]:  # noqa: TID251
        monkeypatch.delenv(name)
    for name, value in more.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> Ran:
        capsys.readouterr()
        code = main(words)
        out, err = capsys.readouterr()
        assert not SECRETS.search(out + err)
        return code, out, err

    for name in LIBRARIES:
        # As loud as people have them.
        logging.getLogger(name).setLevel(logging.NOTSET)
    handlers = {name: logging.getLogger(name).handlers[:] for name in ("", "storyline")}
    with DriveApi() as server:
        ann, robot = server.world.user("Ann"), server.world.robot("robot")
        root = server.world.folder("Stories", ann.root)
        server.world.tree(root, {"food": {"a.jpg": b"x"}, "trips": {}})
        server.world.share(root, robot)
        server.client()
        server.oauth.at_browser = ann
        yield Desk(tmp_path, server, ann, robot, root, call, kept | more)
    for name, before in handlers.items():
        logging.getLogger(name).handlers[:] = before


def test_a_robot_is_checked_and_nobody_signs_in(desk: Desk) -> None:
    desk.write(ROBOT)
    desk.key()
    code, out, err = desk.call("gdrive", "connect", "team")
    assert (code, err) == (0, "")
    assert out.splitlines() == [f"team: connected as {desk.robot.email}.", "  folder: Stories"]
    code, out, _ = desk.call("gdrive", "status", "team", "--json")
    assert json.loads(out) == {"source": "team", "account": desk.robot.email, "folders": ["Stories"], "since": ""}
    code, out, _ = desk.call("gdrive", "disconnect", "team")
    assert (code, "stop sharing the folder" in out) == (0, True)


def test_a_folder_that_a_robot_cannot_see_is_told_with_its_address(desk: Desk) -> None:
    desk.write(ROBOT)
    desk.key()
    desk.server.world.unshare(desk.root, desk.robot)
    code, _, err = desk.call("gdrive", "connect", "team")
    assert code == 1
    assert f"Share it with {desk.robot.email}" in err
    assert "Traceback" not in err


def test_the_browser_on_this_machine_brings_the_answer_back(desk: Desk) -> None:
    desk.write(PERSON)
    opener = desk.place / "bin" / "xdg-open"
    opener.parent.mkdir()
    opener.write_text(BROWSER.format(python=sys.executable))
    opener.chmod(0o755)
    out, err = desk.process("connect", "team").communicate(timeout=60)
    assert err == ""
    assert "team: connected as ann@example.com." in out
    code, out, _ = desk.call("gdrive", "status", "team")
    assert (code, out.splitlines()) == (0, ["team: connected as ann@example.com.", "  folder: Stories"])


def test_what_is_pasted_connects_and_is_stored_encrypted_and_forgotten(desk: Desk) -> None:
    desk.write(PERSON)
    code, out, err = desk.pasted()
    assert (code, err) == (0, "")
    assert "copy its address, whole" in out
    assert out.endswith("team: connected as ann@example.com.\n  folder: Stories\n")
    [token] = desk.server.oauth.refresh
    assert token.encode() not in desk.stored()
    code, out, _ = desk.call("gdrive", "status", "team", "--json")
    assert json.loads(out)["since"]
    code, out, _ = desk.call("gdrive", "disconnect", "team")
    assert (code, out) == (0, "team: signed out. Its items stay.\n")
    assert desk.server.oauth.refresh[token].revoked
    code, out, _ = desk.call("gdrive", "disconnect", "team")
    assert (code, out) == (0, "team: nobody was signed in.\n")
    code, _, err = desk.call("gdrive", "status", "team")
    assert code == 1
    assert "Run `storyline gdrive connect team`." in err


def test_signing_out_works_without_google_too(desk: Desk) -> None:
    desk.write(PERSON)
    assert desk.pasted()[0] == 0
    desk.server.fault(Way.CUT_BEFORE, times=1_000)
    code, out, _ = desk.call("gdrive", "disconnect", "team")
    assert code == 0
    assert "Google could not be told: take Storyline's access away at https://myaccount.google.com/permissions" in out
    desk.server.mend()
    assert desk.call("gdrive", "disconnect", "team")[1] == "team: nobody was signed in.\n"


@pytest.mark.parametrize(
    ("answer", "told"),
    [("http://127.0.0.1:1/?state=other&code=4/0A", "belongs to another sign-in"), ("", "Nothing was pasted"),
     ("http://127.0.0.1:1/?error=access_denied", "another sign-in"), ("4/0Awrong", "connect team")],
)  # fmt: skip
def test_a_wrong_answer_is_told_and_nothing_is_stored(desk: Desk, answer: str, told: str) -> None:
    desk.write(PERSON)
    code, out, err = desk.pasted(answer=lambda address: answer or " ")
    assert code == 1
    assert told in err.replace("\n", " ")
    assert "Traceback" not in out + err
    assert "signed out" not in desk.call("gdrive", "disconnect", "team")[1]


def test_a_sign_in_that_cannot_see_the_folder_is_not_stored(desk: Desk) -> None:
    desk.write(PERSON)
    desk.server.oauth.at_browser = desk.server.world.user("Bob")
    code, _, err = desk.pasted()
    assert code == 1
    assert "Share it with bob@example.com" in err
    assert "nobody was signed in" in desk.call("gdrive", "disconnect", "team")[1]


def test_without_a_key_for_secrets_nobody_is_sent_to_the_browser(desk: Desk) -> None:
    desk.write(PERSON)
    del desk.environment["STORYLINE_SECRET_KEY"]
    out, err = desk.process("connect", "team", "--paste").communicate("\n", timeout=60)
    assert "http" not in out
    assert "key" in err
    assert desk.server.count() == 0


def test_a_sign_in_that_ended_says_what_to_run_and_why(desk: Desk) -> None:
    desk.write(PERSON)
    desk.server.client(testing=True)
    assert desk.pasted()[0] == 0
    desk.server.advance(timedelta(days=8))
    code, _, err = desk.call("gdrive", "status", "team")
    told = " ".join(err.split())
    assert code == 1
    assert "Run `storyline gdrive connect team`." in told
    assert "Testing, Google ends every sign-in after seven days" in told
    desk.server.client(testing=False)
    assert desk.pasted()[0] == 0
    assert desk.call("gdrive", "status", "team")[0] == 0
    desk.server.revoke(desk.ann)
    code, _, err = desk.call("sync", "team")
    assert code == 1
    assert "Run `storyline gdrive connect team`." in " ".join(err.split())


def test_a_picked_folder_is_all_that_is_seen(desk: Desk) -> None:
    desk.write(PERSON, 'access = "picked"')
    code, _, err = desk.pasted()
    assert code == 1
    assert "pick this very folder" in " ".join(err.split())
    [picture] = [node for node in desk.server.world.record.below(desk.root) if node.name == "a.jpg"]
    food = desk.server.world.record.nodes[picture.parent or ""]
    desk.server.oauth.picks = (desk.root.id, food.id, picture.id)
    code, out, _ = desk.pasted()
    assert code == 0
    assert "Pick the folder that the settings name" in out
    [grant] = list(desk.server.oauth.refresh.values())[-1:]
    assert grant.scopes == {PER_FILE}
    assert desk.call("sync", "team")[0] == 0
    code, out, _ = desk.call("gdrive", "folders", "team", desk.root.id)
    assert [line.split()[-1] for line in out.splitlines()] == ["food"]


def test_folders_are_browsed_by_ids_and_addresses(desk: Desk) -> None:
    desk.write(ROBOT)
    desk.key()
    shared = desk.server.world.shared_drive("Team Drive", {desk.robot: "reader"})
    desk.server.world.folder("odd \x1b[31m name", shared.root)
    code, out, _ = desk.call("gdrive", "folders", "team")
    assert (code, out.splitlines()) == (0, [f"{desk.root.id}  Stories", f"{shared.root.id}  Team Drive"])
    code, out, _ = desk.call("gdrive", "folders", "team", f"https://drive.google.com/drive/u/1/folders/{desk.root.id}")
    assert [line.split()[-1] for line in out.splitlines()] == ["food", "trips"]
    code, out, _ = desk.call("gdrive", "folders", "team", shared.root.id)
    assert "\x1b" not in out
    code, out, _ = desk.call("gdrive", "folders", "team", desk.root.id, "--json")
    assert [each["name"] for each in json.loads(out)["folders"]] == ["food", "trips"]
    code, _, err = desk.call("gdrive", "folders", "team", "https://example.com/")
    assert (code, "paste its address" in " ".join(err.split())) == (1, True)
    code, _, err = desk.call("gdrive", "folders", "team", "1nobodyknowsthisone")
    assert (code, "Traceback" in err) == (1, False)


def test_a_source_that_is_none_in_drive_is_named(desk: Desk) -> None:
    desk.write(ROBOT)
    desk.key()
    code, _, err = desk.call("gdrive", "status", "photos")
    assert code == 1
    assert "(there: team)" in err


@pytest.mark.parametrize(
    ("content", "told"),
    [("not json", "no JSON key file"), ('{"type": "authorized_user"}', "no JSON key file"), (None, "key.json")],
)
def test_a_key_that_is_none_is_told_without_its_content(desk: Desk, content: str | None, told: str) -> None:
    desk.write(ROBOT)
    if content is not None:
        (desk.place / "key.json").write_text(content)
    code, _, err = desk.call("gdrive", "connect", "team")
    assert code != 0
    assert told in err
    assert "Traceback" not in err


def test_waiting_for_the_browser_can_be_stopped(desk: Desk) -> None:
    desk.write(PERSON)
    seen: Queue[str] = Queue()
    with desk.process("connect", "team", "--minutes", "1") as process:

        def read() -> None:
            for line in process.stdout or ():
                seen.put(line)

        reader = threading.Thread(target=read)
        reader.start()
        while "http" not in (line := seen.get(timeout=60)):
            pass
        assert "redirect_uri=http%3A%2F%2F127.0.0.1%3A" in line
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) != 0
        reader.join()
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def test_a_sync_that_is_killed_goes_on_where_it_was(desk: Desk) -> None:
    desk.write(ROBOT)
    desk.key()
    desk.server.world.crowd(desk.root, folders=400, files=60)
    stuck = desk.server.fault(Way.SILENT, operation="files.list", skip=5)
    # Rehearsed, since the right to sync for real would lapse only after a while.
    with desk.started("sync", "team", "--dry-run") as process:
        until = time.monotonic() + 60
        while not stuck.hits and time.monotonic() < until:
            time.sleep(0.02)
        process.kill()
    answered = desk.server.calls("files.list")[:5]
    desk.server.mend()
    desk.server.forget_calls()
    assert desk.call("sync", "team")[0] == 0
    again = desk.server.calls("files.list")
    asked = [(call.query["q"], call.query.get("pageToken")) for call in (*answered, *again)]
    assert len(asked) == len(set(asked))
    assert 400 / 50 - 5 <= len(again) <= 400 / 50 + 10 - 5
    code, out, _ = desk.call("sources", "list", "--json")
    assert code == 0
    assert "61" in out
