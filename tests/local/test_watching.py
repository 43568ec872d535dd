"""A folder is watched with the real events of the system: what is told, what is not, and when it must give up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from storyline_core import Hint, Listing, Refused, Unavailable, Watch
from storyline_local.ears import _bytes_of, _refusal
from storyline_local.folder import FolderSource
from storyline_local.heard import FIRST_DOUBT_S, LONGEST_DOUBT_S, LONGEST_S, MOST_GATHERED, QUIET_S, Doubt, Heard
from storyline_local.plugin import storyline_media_source_providers
from storyline_local.sounds import ADDED, DELETED, Places, places_of
from storyline_local.watching import watch_folder
from tests.local.places import LATIN_1, put

PATIENCE = timedelta(seconds=15)
SILENCE = timedelta(seconds=1)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what is heard when differs between systems")


def never() -> bool:
    return False


def wait_on(watch: Watch) -> None:
    """Wait until the watch is lost, or in vain."""
    while watch.wait(PATIENCE, never) is not None:
        pass


class Library:
    """What somebody knows who looks once at everything, and from then on only where a watch says so."""

    def __init__(self, root: Path, watch: Watch) -> None:
        self.source = FolderSource(root)
        self.watch = watch
        self.known: dict[str, str] = {}
        self.told: list[Hint] = []
        self.believe(self.source.list_media(None))

    def believe(self, listing: Listing) -> None:
        kept = {
            key: version
            for key, version in self.known.items()
            if not listing.proves_absent(key, key.rpartition("/")[0])
        }
        entries = [*listing.files, *listing.documents]
        self.known = kept | {entry.key: f"{entry.version} {entry.size}" for entry in entries}

    def catch_up(self) -> None:
        """Follow hints until what is known is what is there."""
        fresh = Library(Path(self.source._path), self.watch).known
        while self.known != fresh:
            hint = self.watch.wait(PATIENCE, never)
            assert hint is not None, f"never told: {self.known.items() ^ fresh.items()}"
            self.told.append(hint)
            self.believe(self.source.list_part(hint))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    put(folder / "merch/a.jpg")
    put(folder / "memes/deep/b.jpg")
    return folder


@pytest.fixture
def watch(root: Path) -> Iterator[Watch]:
    with watch_folder(str(root)) as watching:
        yield watching


@pytest.fixture
def library(root: Path, watch: Watch) -> Library:
    return Library(root, watch)


def create(root: Path) -> None:
    put(root / "merch/new.jpg", b"new")


def append(root: Path) -> None:
    with (root / "merch/a.jpg").open("ab") as file:
        file.write(b"more")


def rename(root: Path) -> None:
    (root / "merch/a.jpg").rename(root / "memes/renamed.jpg")


def finish(root: Path) -> None:
    put(root / "merch/a.jpg.part", b"finished").replace(root / "merch/a.jpg")


def delete(root: Path) -> None:
    (root / "merch/a.jpg").unlink()


def describe(root: Path) -> None:
    put(root / "merch/metadata.json", b"{}")


@pytest.mark.parametrize("act", [create, append, rename, finish, delete, describe])
def test_what_happens_to_a_file_is_told_by_its_name(library: Library, root: Path, act: Callable[[Path], None]) -> None:
    act(root)
    library.catch_up()
    assert not any(hint.everything or hint.folders for hint in library.told)


def test_files_in_folders_made_at_once_are_found_and_heard_from_then_on(library: Library, root: Path) -> None:
    for number in range(50):
        put(root / f"one/two/three/{number}.jpg")
    library.catch_up()
    put(root / "one/two/three/later.jpg")
    library.catch_up()
    assert library.told[-1].keys == {"one/two/three/later.jpg"}
    assert not any(hint.everything for hint in library.told)


def test_folders_moved_in_about_and_out(library: Library, root: Path, tmp_path: Path) -> None:
    put(tmp_path / "elsewhere/in/deep/x.jpg")
    (tmp_path / "elsewhere").rename(root / "arrived")
    library.catch_up()
    assert "arrived/in/deep/x.jpg" in library.known
    put(root / "arrived/in/deep/y.jpg")
    library.catch_up()
    (root / "arrived").rename(root / "memes/moved")
    library.catch_up()
    put(root / "memes/moved/in/deep/z.jpg")
    library.catch_up()
    assert "memes/moved/in/deep/z.jpg" in library.known
    (root / "memes/moved/in").rename(tmp_path / "away")
    library.catch_up()
    assert set(library.known) == {"merch/a.jpg", "memes/deep/b.jpg"}
    put(tmp_path / "away/deep/unheard.jpg")
    assert library.watch.wait(SILENCE, never) is None


def test_ten_thousand_files_at_once_and_nothing_is_lost(library: Library, root: Path) -> None:
    (root / "flood").mkdir()
    for number in range(10_000):
        (root / f"flood/{number}.jpg").touch()
    library.catch_up()
    assert len(library.known) == 10_002


def test_what_a_scan_passes_over_wakes_nobody(watch: Watch, root: Path) -> None:
    for path in ("notes.txt", ".hidden.jpg", "merch/x.jpg.part", ".git/objects/a.jpg", "@eaDir/a.jpg", "~a.jpg"):
        put(root / path)
    FolderSource(root).identity(establish=True)
    (root / "notes.txt").unlink()
    assert watch.wait(SILENCE, never) is None


def test_reading_wakes_nobody(watch: Watch, root: Path) -> None:
    source = FolderSource(root)
    assert len(list(source.fingerprint(source.list_media(None).files))) == 2
    assert watch.wait(SILENCE, never) is None


def test_names_that_are_not_utf_8_are_found_and_other_names_are_heard_on(library: Library, root: Path) -> None:
    for folder in (b"merch", b"memes/deep"):
        with open(os.path.join(os.fsencode(root), folder, LATIN_1), "wb") as file:
            file.write(b"x")
    library.catch_up()
    assert {"merch/caf%E9.jpg", "memes/deep/caf%E9.jpg"} <= set(library.known)
    put(root / "merch/after.jpg")
    library.catch_up()
    os.unlink(os.path.join(os.fsencode(root), b"merch", LATIN_1))
    library.catch_up()


def test_reading_names_that_are_not_utf_8_does_not_go_round_in_circles(root: Path) -> None:
    os.mkdir(os.path.join(os.fsencode(root), b"caf\xe9"))
    with open(os.path.join(os.fsencode(root), b"caf\xe9", LATIN_1), "wb") as file:
        file.write(b"x")
    source = FolderSource(root)
    told = 0
    with watch_folder(str(root)) as watch:
        hint: Hint | None = Hint.all("at first")
        while hint is not None:
            assert told < 4
            source.list_part(hint)
            hint = watch.wait(timedelta(seconds=2), never)
            told += 1


def test_behind_a_link_to_a_folder_it_is_heard_too(root: Path, tmp_path: Path) -> None:
    put(tmp_path / "outside/x.jpg")
    (root / "linked").symlink_to(tmp_path / "outside")
    with watch_folder(str(root)) as watch:
        library = Library(root, watch)
        put(tmp_path / "outside/y.jpg")
        library.catch_up()
        (root / "another").symlink_to(put(tmp_path / "third/z.jpg").parent)
        library.catch_up()
        put(tmp_path / "third/deep/later.jpg")
        library.catch_up()
    assert set(library.known) >= {"linked/y.jpg", "another/deep/later.jpg"}


def test_a_file_that_grows_is_told_once_it_rests(watch: Watch, root: Path) -> None:
    resting = threading.Event()

    def grow() -> None:
        with (root / "merch/a.jpg").open("ab", buffering=0) as file:
            for _ in range(15):
                file.write(b"more")
                resting.wait(0.1)
        resting.set()

    growing = threading.Thread(target=grow)
    growing.start()
    assert watch.wait(PATIENCE, never) == Hint.of(["merch/a.jpg"])
    assert resting.is_set()
    growing.join()
    assert watch.wait(SILENCE, never) is None


def test_what_happened_while_nobody_waited_is_told(watch: Watch, root: Path) -> None:
    put(root / "merch/early.jpg")
    resting = threading.Event()
    resting.wait(1.0)
    assert watch.wait(timedelta(), never) == Hint.of(["merch/early.jpg"])
    assert watch.wait(timedelta(), never) is None


def test_waiting_ends_when_it_should_stop(watch: Watch) -> None:
    asked = iter((False, False, True))
    assert watch.wait(PATIENCE, lambda: next(asked)) is None


@pytest.mark.parametrize("then", ["nothing", "another"])
def test_a_root_that_is_removed_or_replaced_is_lost(watch: Watch, root: Path, then: str) -> None:
    shutil.rmtree(root)
    if then == "another":
        # File systems like to give it the very number of the one that was removed.
        root.mkdir()
    with pytest.raises(Unavailable, match=str(root)):
        wait_on(watch)
    with pytest.raises(Unavailable):
        watch.wait(PATIENCE, never)


def test_a_root_that_is_renamed_is_lost(watch: Watch, root: Path) -> None:
    root.rename(root.with_name("elsewhere"))
    with pytest.raises(Unavailable, match="not there any more"):
        wait_on(watch)


@contextmanager
def mounted(*arguments: str) -> Iterator[None]:
    done = subprocess.run(["mount", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"mounting is not permitted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", arguments[-1]], check=True)


def test_another_disk_mounted_over_the_root_is_noticed(watch: Watch, root: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with mounted("--bind", str(tmp_path / "other"), str(root)), pytest.raises(Unavailable, match="Another folder"):
        wait_on(watch)


def test_a_disk_that_is_pulled_out_from_under_the_root_is_noticed(root: Path, tmp_path: Path) -> None:
    put(tmp_path / "disk/a.jpg")
    with mounted("--bind", str(tmp_path / "disk"), str(root)), watch_folder(str(root)) as watch:
        assert watch.wait(SILENCE, never) is None
        subprocess.run(["umount", "--lazy", str(root)], check=True)
        with pytest.raises(Unavailable, match="Another folder"):
            wait_on(watch)
        subprocess.run(["mount", "--bind", str(tmp_path / "disk"), str(root)], check=True)


def test_a_disk_mounted_below_the_root_is_seen_and_heard(library: Library, root: Path, tmp_path: Path) -> None:
    with mounted("-t", "tmpfs", "tmpfs", str(root / "memes/deep")):
        library.catch_up()
        assert set(library.known) == {"merch/a.jpg"}
        put(root / "memes/deep/on the disk.jpg")
        library.catch_up()
    library.catch_up()
    assert set(library.known) == {"merch/a.jpg", "memes/deep/b.jpg"}


@pytest.mark.parametrize(("kind", "refused"), [("nfs4", True), ("fuse.sshfs", True), ("vfat", False), ("ext4", False)])
def test_disks_that_tell_nothing_are_refused(root: Path, tmp_path: Path, kind: str, refused: bool) -> None:
    table = put(
        tmp_path / "mounts", f"22 1 8:1 / / rw - ext4 a rw\n30 22 0:9 / {root}/merch rw - {kind} b rw\n".encode()
    )
    if not refused:
        with watch_folder(str(root), table) as watch:
            assert watch.wait(timedelta(), never) is None
        return
    with pytest.raises(Refused, match=rf"{root}/merch .*{kind}"), watch_folder(str(root), table):
        pass


def test_a_root_that_is_not_there_or_not_utf_8_cannot_be_watched(tmp_path: Path) -> None:
    with pytest.raises(Unavailable), watch_folder(str(tmp_path / "none")):
        pass
    odd = os.path.join(os.fsencode(tmp_path), LATIN_1)
    os.mkdir(odd)
    with pytest.raises(Refused, match="caf%E9"), watch_folder(os.fsdecode(odd)):
        pass


@pytest.mark.parametrize(("allowed", "says"), [("3", "for each of 4 folders, of 3 that"), ("4", ""), ("odd", "")])
def test_too_few_watches_are_refused_with_what_to_do(root: Path, tmp_path: Path, allowed: str, says: str) -> None:
    limits = put(tmp_path / "limits/max_user_watches", allowed.encode()).parent
    if not says:
        with watch_folder(str(root), limits=limits) as watch:
            assert watch.wait(timedelta(), never) is None
        return
    with pytest.raises(Refused, match=says) as refused, watch_folder(str(root), limits=limits):
        pass
    assert "fs.inotify.max_user_watches=" in str(refused.value)


NO_FILE_LEFT = """
import resource, sys
from storyline_core import Refused
from storyline_local.watching import watch_folder
with watch_folder(sys.argv[1]):
    pass
resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))
held = []
try:
    while True:
        watching = watch_folder(sys.argv[1])
        watching.__enter__()
        held.append(watching)
except Exception as error:
    print(type(error).__name__, error)
for watching in held:
    watching.__exit__(None, None, None)
"""


def test_a_system_that_opens_no_more_watchers_is_no_crash(root: Path) -> None:
    command = [sys.executable, "-c", NO_FILE_LEFT, str(root)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.startswith(("Refused", "Unavailable")), done.stdout


def test_the_kernels_own_refusal_is_understood() -> None:
    text = 'OS file watch limit reached. about ["/x"] (Error { kind: MaxFilesWatch, paths: ["/x"] })'
    assert "fs.inotify.max_user_watches" in str(_refusal(text, 7))
    assert "max_user_instances" in str(
        _refusal("Error creating recommended watcher: Too many open files (os error 24)", 7)
    )
    assert isinstance(_refusal("Input/output error (os error 5)", 7), Unavailable)


def test_polling_is_never_turned_on_from_outside(root: Path) -> None:
    program = (
        "import sys\nfrom storyline_local.watching import watch_folder\n"
        "with watch_folder(sys.argv[1]) as watch:\n    print(repr(watch._ear._notify)[:40])\n"
    )
    environment = {"PATH": "/usr/bin:/bin", "WATCHFILES_FORCE_POLLING": "1", "WATCHFILES_DEBUG": "1"}
    command = [sys.executable, "-c", program, str(root)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    assert "Recommended" in done.stdout
    assert not done.stderr


def left_open() -> tuple[int, int]:
    return len(os.listdir("/proc/self/task")), len(os.listdir("/dev/fd"))


def test_nothing_is_left_behind(root: Path) -> None:
    with watch_folder(str(root)):
        pass
    before = left_open()
    for _ in range(5):
        with watch_folder(str(root)) as watch:
            put(root / "new/a.jpg")
            assert watch.wait(PATIENCE, never)
            shutil.rmtree(root / "new")
            assert watch.wait(PATIENCE, never)
    for _ in range(100):
        # The library's own thread ends a moment after it was told to.
        if all(now <= then for now, then in zip(left_open(), before, strict=True)):
            return
        threading.Event().wait(0.1)
    assert left_open() == before


def test_the_kind_says_that_it_watches() -> None:
    (kind,) = storyline_media_source_providers()
    assert kind.traits.watches


def test_places_are_worth_a_look_only_where_a_scan_would_look() -> None:
    known = {"", "merch", "a.jpg"}
    heard = [
        (2, "/r/merch/x.jpg"),
        (DELETED, "/r/merch/metadata.json"),
        (DELETED, "/r/a.jpg"),
        (2, "/r/merch"),
        (ADDED, "/r/.storyline-source"),
        (2, "/r/.hidden/x.jpg"),
        (2, "/r/merch/x.txt"),
        (DELETED, "/r/50%/caf\ufffd/x.jpg"),
    ]
    keys = frozenset({"merch/x.jpg", "merch/metadata.json", "a.jpg"})
    assert places_of("/r", heard, known) == Places(keys, frozenset({"merch", "a.jpg", "50%25"}), False, True)
    assert places_of("/r", [(2, "/r")], known) == Places(frozenset(), frozenset(), True, False)
    assert places_of("/r", [(DELETED, "/r")], known).lost
    assert places_of("/", [(2, "/x.jpg")], known).keys == {"x.jpg"}


def test_what_was_heard_is_told_when_it_is_quiet_and_after_ten_seconds_anyway() -> None:
    heard = Heard()
    assert heard.due_in(0) is None
    heard.add(["a.jpg"], [], 100.0)
    assert heard.due_in(100.2) == pytest.approx(QUIET_S - 0.2)
    now = 100.0
    while now < 100.0 + LONGEST_S:
        assert heard.due_in(now) != 0
        heard.add(["b.jpg"], [], now)
        now += QUIET_S / 2
    assert heard.due_in(now) == 0
    assert heard.take() == Hint.of(["a.jpg", "b.jpg"])
    assert heard.due_in(now) is None


def test_what_is_gathered_stays_small_and_crowded_folders_are_taken_whole() -> None:
    heard = Heard()
    for number in range(3 * MOST_GATHERED):
        heard.add([f"flood/{number}.jpg"], [], float(number))
        assert len(heard._keys) + len(heard._folders) <= MOST_GATHERED + 1
    heard.add(["other.jpg"], [], 0.0)
    assert heard.take() == Hint.of(["other.jpg"], ["flood"])
    heard.add((f"{number}/a.jpg" for number in range(2 * MOST_GATHERED)), [], 0.0)
    assert not heard._keys
    assert heard.take().everything


def test_the_first_reason_for_everything_is_kept() -> None:
    heard = Heard()
    heard.everything("asleep", 0.0)
    heard.add(["a.jpg"], [], 1.0)
    heard.everything("something else", 2.0)
    assert heard.take() == Hint.all("asleep")


def test_doubts_are_answered_ever_more_rarely() -> None:
    doubt, now, answers = Doubt(), 0.0, []
    while now < 6 * LONGEST_DOUBT_S:
        if doubt.settle(now):
            answers.append(now)
            doubt.arise(now)
        elif not answers:
            doubt.arise(now)
        now += 10.0
    gaps = [later - earlier for earlier, later in pairwise(answers)]
    assert gaps[0] == FIRST_DOUBT_S
    assert gaps == sorted(gaps)
    assert gaps[-1] == LONGEST_DOUBT_S
    now += 3 * LONGEST_DOUBT_S
    assert doubt.settle(now)
    doubt.arise(now + 3 * LONGEST_DOUBT_S)
    assert doubt.settle(now + 3 * LONGEST_DOUBT_S)


@pytest.mark.parametrize(
    ("spelled", "path"),
    [
        (r"/a/caf\xE9.jpg", b"/a/caf\xe9.jpg"),
        (r"/a/\"q\"\n\\\u{200b}\xff", b'/a/"q"\n\\\xe2\x80\x8b\xff'),
        ("/ä/\\xE9", "/ä/".encode() + b"\xe9"),
    ],
)
def test_the_path_behind_a_complaint_is_found(spelled: str, path: bytes) -> None:
    assert _bytes_of(spelled) == path
