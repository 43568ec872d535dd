"""What people get when something is wrong with what they give: a clear word about it, nothing lost, the rest goes on.

But for the full disk, where time has to go by, every command is a process of its own. Where the tests run as root it
has none of root's rights over files, so that permissions mean what they say.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from pathlib import Path

import attrs
import pytest
from PIL import Image

from storyline_core import PostState
from tests.end_to_end.world import START, SetClock, make_world, opened

_LIBC = ctypes.CDLL(None)
_DROP_FOR_GOOD = 24
_RIGHTS_OVER_FILES = (1, 2)
"""To read, write and enter whatever permissions say."""
_CANNOT = 125

DONE, FAILED, USAGE = 0, 1, 2
EARLIER = 1_700_000_000
"""When pictures were taken: long before anybody looks at them."""

SETTINGS = """
[database]
url = "sqlite:///storage/storyline.db"

[sources.photos]
kind = "local"
path = "pictures"

[publishers.out]
kind = "outbox"
path = "outbox/stories"

[accounts.main]
sources = ["photos"]
publisher = "out"
mode = "auto"
posts_per_day = 2
window = "00:00-23:59"
jitter = "0m"
"""


@attrs.frozen
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str


@attrs.frozen
class Place:
    """A person's folder with settings, pictures and an outbox, and the command line in it."""

    root: Path

    @property
    def pictures(self) -> Path:
        """The source."""
        return self.root / "pictures"

    def run(self, *words: str, code: int | None = DONE) -> Said:
        """One command; whatever went wrong, nobody is shown a traceback."""
        environment = {"HOME": str(self.root), "PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "storyline_runner", *words]
        done = subprocess.run(
            command,
            check=False,
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
            preexec_fn=_give_up_rights,
        )
        said = Said(done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stdout + done.stderr, said
        assert code is None or done.returncode == code, said
        return said

    def json(self, *words: str, code: int = DONE) -> dict[str, list[dict[str, object]]]:
        """What one command tells scripts."""
        found: dict[str, list[dict[str, object]]] = json.loads(self.run(*words, "--json", code=code).out)
        return found

    def sync(self, code: int = DONE) -> dict[str, object]:
        """What one sync tells scripts."""
        (run,) = self.json("sync", code=code)["runs"]
        return run

    def items(self) -> dict[object, dict[str, object]]:
        """The library by key."""
        return {item["key"]: item for item in self.json("media", "list")["items"]}

    def picture(self, path: str, shade: int = 90) -> Path:
        """A picture in the source, each shade another one."""
        file = self.pictures / path
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (108, 192), (shade, 60, 60)).save(file, "JPEG")
        os.utime(file, (EARLIER, EARLIER))
        return file

    def stories(self) -> list[str]:
        """What lies in the outbox for people."""
        return sorted(file.name for file in (self.root / "outbox/stories").glob("[!.]*.jpg"))


def _give_up_rights() -> None:
    """In a child that is about to become a command: root keeps its name, and permissions count for it as well."""
    if not os.geteuid():
        for right in _RIGHTS_OVER_FILES:
            if _LIBC.prctl(_DROP_FOR_GOOD, right, 0, 0, 0):
                os._exit(_CANNOT)


@cache
def _permissions_count() -> bool:
    """Whether a command can be run that may not read what is closed to it."""
    if os.geteuid():
        return True
    if sys.platform != "linux":
        return False
    with tempfile.NamedTemporaryFile() as closed:
        os.chmod(closed.name, 0)
        command = [sys.executable, "-c", "import sys; open(sys.argv[1])", closed.name]
        said = subprocess.run(command, check=False, capture_output=True, text=True, preexec_fn=_give_up_rights)
        return "PermissionError" in said.stderr


@pytest.fixture
def place() -> Iterator[Place]:
    """Three good pictures and settings that work."""
    if not _permissions_count():
        pytest.skip("the tests run as root, and root cannot be kept from reading everything here")
    root = Path(tempfile.mkdtemp(prefix="storyline-bad-"))
    made = Place(root)
    try:
        (root / "storyline.toml").write_text(SETTINGS)
        for folder in ("storage", "outbox", "pictures"):
            (root / folder).mkdir()
        for number in range(3):
            made.picture(f"cats/{number}.jpg", 20 * number)
        yield made
    finally:
        for path, _, _ in os.walk(root):
            os.chmod(path, 0o700)
        shutil.rmtree(root)


def test_three_mistakes_in_the_settings_are_told_at_once(place: Place) -> None:
    wrong = SETTINGS.replace('kind = "local"', 'kind = "locl"').replace("posts_per_day = 2", "posts_per_day = 99")
    (place.root / "storyline.toml").write_text(wrong.replace('jitter = "0m"', 'jiter = "0m"'))
    for words in (["sync"], ["check", "--settings"]):
        said = place.run(*words, code=USAGE).err
        lines = [line.strip() for line in said.splitlines() if line.startswith("  ")]
        assert len(lines) == 3, said
        for path, remedy in (
            ("sources.photos.kind", "Did you mean 'local'?"),
            ("accounts.main.posts_per_day", "from 1 to 50"),
            ("accounts.main.jiter", "jitter"),
        ):
            assert any(line.startswith(f"{path}: ") and remedy in line for line in lines), said
    assert os.listdir(place.root / "storage") == [], "something began although the settings are wrong"


def test_broken_metadata_is_told_and_passed_over(place: Place) -> None:
    place.picture("dogs/1.jpg", 80)
    (place.pictures / "cats/metadata.json").write_text('{"items": [{"file_name": "1.jpg", "title": "Cut off')
    (place.pictures / "dogs/metadata.json").write_text('{"default_tags": ["dog"]}')
    (place.pictures / "cats/2.json").write_bytes(b"\xff\xfe\x00not text")
    run = place.sync()
    assert run["added"] == 4
    assert [error["key"] for error in run["errors"]] == ["cats/2.json", "cats/metadata.json"]  # type: ignore[attr-defined]
    assert "Line 1, column 44" in str(run["errors"])
    items = place.items()
    assert items["dogs/1.jpg"]["tags"] == ["dog"]
    assert items["cats/1.jpg"]["title"] in ("", None)
    (place.pictures / "cats/metadata.json").write_text('{"items": [{"file_name": "1.jpg", "title": "Whole"}]}')
    assert place.sync()["described"] == 1
    assert place.items()["cats/1.jpg"]["title"] == "Whole"
    (place.pictures / "cats/metadata.json").write_text("[")
    assert place.sync()["added"] == 0


def test_files_that_are_no_pictures_are_listed_with_why_and_never_chosen(place: Place) -> None:
    whole = place.picture("cats/whole.jpg", 120).read_bytes()
    (place.pictures / "cats/cut.jpg").write_bytes(whole[: len(whole) // 2])
    (place.pictures / "cats/words.jpg").write_text("These are only words.")
    (place.pictures / "cats/empty.png").touch()
    run = place.sync()
    assert (run["added"], run["broken"]) == (7, 3)
    broken = {item["key"]: item for item in place.json("media", "list", "--state", "broken")["items"]}
    assert broken.keys() == {"cats/cut.jpg", "cats/words.jpg", "cats/empty.png"}
    assert all(item["problem"] for item in broken.values())
    for path in ("cut.jpg", "words.jpg"):
        said = place.run("media", "validate", str(place.pictures / "cats" / path), code=FAILED)
        assert path in said.out + said.err
        assert "cannot be posted" in place.run("queue", "now", "--item", f"cats/{path}", code=FAILED).err
    names = {slot["item"]["name"] for slot in place.json("plan", "--days", "9")["slots"] if slot["item"]}  # type: ignore[index]
    assert names == {"0.jpg", "1.jpg", "2.jpg", "whole.jpg"}
    (place.pictures / "cats/cut.jpg").write_bytes(whole + b"!")
    assert place.sync()["edited"] == 1
    assert place.items()["cats/cut.jpg"]["state"] == "alive"


def test_a_name_in_latin_1_is_indexed_renamed_and_posted(place: Place) -> None:
    folder = os.fsencode(place.pictures)
    name = os.path.join(folder, "caf\u00e9.jpg".encode("latin-1"))
    os.rename(os.fsencode(place.picture("plain.jpg", 200)), name)
    assert place.sync()["added"] == 4
    item = place.items()["caf%E9.jpg"]
    assert item["name"] == "caf%E9.jpg"
    assert "caf%E9.jpg" in place.run("media", "list").out
    place.run("queue", "now", "--item", str(item["id"]))
    assert len(place.stories()) == 1
    os.rename(name, os.path.join(folder, b"cats", "na\u00efve.jpg".encode("latin-1")))
    assert place.sync()["moved"] == 1
    moved = place.items()["cats/na%EFve.jpg"]
    assert (moved["id"], moved["times_posted"], moved["category"]) == (item["id"], 1, "cats")
    assert place.sync()["unchanged"] == 4


def test_links_in_a_circle_are_told_and_lead_nowhere(place: Place) -> None:
    (place.pictures / "cats/up").symlink_to("..")
    (place.pictures / "me.jpg").symlink_to("me.jpg")
    (place.pictures / "one").symlink_to("other")
    (place.pictures / "other").symlink_to("one")
    run = place.sync()
    assert (run["added"], run["held"]) == (3, None)
    told = {error["key"]: error["message"] for error in run["errors"]}  # type: ignore[attr-defined]
    assert told.keys() == {"cats/up", "me.jpg", "one", "other"}
    assert "circle" in told["me.jpg"]
    assert "circle" in told["one"]
    assert "again" in told["cats/up"] or "holds it" in told["cats/up"]
    (place.pictures / "cats/0.jpg").rename(place.pictures / "0.jpg")
    run = place.sync()
    assert (run["moved"], run["removed"], run["unchanged"]) == (1, 0, 2)
    assert place.items().keys() == {"0.jpg", "cats/1.jpg", "cats/2.jpg"}


def test_what_may_not_be_read_is_told_and_kept(place: Place) -> None:
    shut, new = place.picture("shut/a.jpg", 140), place.pictures / "cats/new.jpg"
    place.sync()
    before = place.items()
    place.run("media", "hold", "cats/1.jpg")
    (place.pictures / "cats/1.jpg").chmod(0)
    shut.parent.chmod(0)
    place.picture("cats/new.jpg", 150)
    place.picture("cats/never.jpg", 160).chmod(0)
    run = place.sync()
    assert (run["added"], run["removed"], run["moved"], run["edited"]) == (1, 0, 0, 0)
    told = {error["key"]: error["message"] for error in run["errors"]}  # type: ignore[attr-defined]
    assert told.keys() == {"cats/1.jpg", "cats/never.jpg", "shut"}
    assert all("no permission" in message for message in told.values())
    kept = place.items()
    assert {key: kept[key]["id"] for key in before} == {key: item["id"] for key, item in before.items()}
    assert kept.keys() - before.keys() == {"cats/new.jpg"}
    shut.parent.chmod(0o755)
    for path in ("1.jpg", "never.jpg"):
        (place.pictures / "cats" / path).chmod(0o644)
    new.unlink()
    run = place.sync()
    assert (run["added"], run["removed"], run["errors"]) == (1, 1, [])
    again = place.items()
    assert {key: again[key]["id"] for key in before} == {key: item["id"] for key, item in before.items()}
    assert [hold["item"] for hold in place.json("media", "holds")["holds"]], "the hold is gone"


def test_a_read_only_database_is_told_and_keeps_everything(place: Place) -> None:
    place.sync()
    before = place.items()
    storage = place.root / "storage"
    files = [storage, *storage.iterdir()]
    rights = {file: file.stat().st_mode for file in files}
    place.picture("cats/more.jpg", 210)
    for file in files:
        file.chmod(0o555 if file.is_dir() else 0o444)
    for words in (["sync"], ["tick"], ["media", "hold", "cats/1.jpg"], ["queue", "now"]):
        said = place.run(*words, code=FAILED).err
        assert "read-only" in said, said
        assert "storyline.db" in said
        assert "writable" in said
    assert place.stories() == [], "a story went out that nobody could note"
    for file, mode in rights.items():
        file.chmod(mode)
    assert place.items() == before
    assert place.sync()["added"] == 1


@contextmanager
def small_disk(at: Path) -> Iterator[Path]:
    """A real disk of 400 kB."""
    at.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(at)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a real small disk needs the right to mount one")
    try:
        yield at
    finally:
        subprocess.run(["umount", str(at)], check=True)


def test_a_full_disk_under_the_outbox_stops_the_line_and_loses_no_post(tmp_path: Path, sqlite_url: str) -> None:
    world, clock = make_world(tmp_path, sqlite_url), SetClock(START + timedelta(hours=3))
    with small_disk(world.outbox) as disk, opened(world, clock) as storyline:
        ballast = disk / "ballast"
        with suppress(OSError), open(ballast, "wb", buffering=0) as file:
            while file.write(b"0" * 4096):
                pass
        stopped = storyline.tick()
        assert [each.stopped for each in stopped.turns] == [
            f"The outbox {world.outbox} is full: the disk is full. Free some space there."
        ]
        assert stopped.syncs[0].added == 12
        clock.forward(timedelta(minutes=20))
        assert "is full" in storyline.tick().turns[0].stopped
        with storyline.read() as unit:
            waiting = unit.queue.unsettled("main")
            (alert,) = unit.alerts.open()
        assert f"{alert.text} {alert.remedy}" == f"main: {stopped.turns[0].stopped}"
        assert world.published() == []
        ballast.unlink()
        clock.forward(timedelta(minutes=20))
        storyline.tick()
        (story,) = world.published()
        with storyline.read() as unit:
            (posted,) = unit.queue.history("main")
            assert unit.alerts.open() == []
        assert (posted.state, posted.id) == (PostState.POSTED, waiting[0].id)
        assert posted.id in story.name
