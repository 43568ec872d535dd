"""The outbox: what lies in it, and that nothing lies in it twice or by half."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import attrs
import pytest
from PIL import Image

from storyline_core import (
    FitStyle,
    Gone,
    Handle,
    MediaItem,
    NeedsPerson,
    Published,
    Ready,
    Refused,
    Unavailable,
    Uncertain,
    look_file,
)
from storyline_local import durable
from storyline_local.outbox import OutboxPublisher
from storyline_local.staging import STAGING, Stage, Staging, read_story
from tests.local.drafts import AT, WORDS, again, draft_of, film, picture
from tests.local.places import open_to_all, put, without_root

NAME = "2026-05-01_0900_main_k3f9a2"


class Clock:
    """Ticks a minute with every look."""

    def __init__(self) -> None:
        self.at = AT

    def __call__(self) -> object:
        self.at += timedelta(minutes=1)
        return self.at


def outbox_in(path: Path, style: FitStyle = FitStyle.BLUR) -> OutboxPublisher:
    return OutboxPublisher(path, name="out", now=Clock(), style=style)  # type: ignore[arg-type]


def shown(path: Path) -> list[str]:
    return sorted(name for name in os.listdir(path) if name != STAGING)


def waiting(path: Path) -> list[str]:
    return sorted(name for name in os.listdir(path / STAGING) if name.endswith((".jpg", ".mp4", ".mov", ".draft")))


def test_a_picture_is_fitted_and_lies_there_with_its_words(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path / "new" / "out")
    handle = outbox.prepare(draft_of(picture()))
    assert shown(tmp_path / "new/out") == []
    assert outbox.find(handle) == Ready()
    publication = outbox.publish(handle)
    assert shown(tmp_path / "new/out") == [f"{NAME}.jpg", f"{NAME}.json"]
    with Image.open(tmp_path / "new/out" / f"{NAME}.jpg") as image:
        assert (image.format, image.size) == ("JPEG", (1080, 1920))
    words = json.loads((tmp_path / "new/out" / f"{NAME}.json").read_text())
    assert words["caption"] == WORDS.caption
    assert words["link"] == WORDS.link_url
    assert words["tags"] == ["summer", "merch"]
    assert words["custom_metadata"] == {"poll": {"question": "Which one?", "options": ["red", "blue"]}}
    assert (words["account"], words["post"], words["slot"]) == ("main", "k3f9a2", "2026-05-01T07:00:00Z")
    assert words["original"] == "photos/merch/tee.jpg"
    assert publication.remote_id == f"{NAME}.jpg"
    assert publication.url == (tmp_path / "new/out" / f"{NAME}.jpg").as_uri()
    assert publication.at == AT + timedelta(minutes=1)
    assert publication.metadata["caption"] == WORDS.caption


def test_a_film_stays_as_it_is_whatever_its_name_promises(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    outbox.publish(outbox.prepare(draft_of(film(), name="wrong.jpg")))
    assert (tmp_path / f"{NAME}.mp4").read_bytes() == film()
    assert look_file(BytesIO(film())).problem is None


def test_publishing_again_gives_the_same_proof_and_writes_nothing(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    handle = outbox.prepare(draft_of(picture()))
    first = outbox.publish(handle)
    before = {name: os.stat(tmp_path / name).st_ctime_ns for name in shown(tmp_path)}
    assert outbox.publish(handle) == first
    assert outbox_in(tmp_path).publish(handle) == first
    assert outbox.find(handle) == Published(first)
    assert {name: os.stat(tmp_path / name).st_ctime_ns for name in shown(tmp_path)} == before


def test_a_story_that_was_taken_out_is_not_written_again(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    handle = outbox.prepare(draft_of(picture()))
    first = outbox.publish(handle)
    for name in shown(tmp_path):
        (tmp_path / name).unlink()
    outbox.discard(handle)
    assert outbox.find(handle) == Published(first)
    assert outbox.publish(handle) == first
    assert shown(tmp_path) == []


def test_a_discarded_story_is_gone_and_a_new_one_can_be_made(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    handle = outbox.prepare(draft_of(picture()))
    outbox.discard(handle)
    outbox.discard(handle)
    assert isinstance(outbox.find(handle), Gone)
    with pytest.raises(Uncertain):
        outbox.publish(handle)
    assert shown(tmp_path) == waiting(tmp_path) == []
    second = outbox.prepare(draft_of(picture()))
    outbox.publish(second)
    assert isinstance(outbox.find(handle), Gone)
    assert shown(tmp_path) == [f"{NAME}.jpg", f"{NAME}.json"]


def test_a_story_that_was_almost_published_is_gone_when_it_is_discarded(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    handle = outbox.prepare(draft_of(picture()))
    as_if_cut_off_before_the_move(tmp_path)
    assert outbox.find(handle) == Ready()
    outbox.discard(handle)
    assert isinstance(outbox.find(handle), Gone)
    assert shown(tmp_path) == waiting(tmp_path) == []


def as_if_cut_off_before_the_move(path: Path) -> None:
    """The record bears its time and the words are shown, but the picture still waits."""
    (record,) = (path / STAGING).glob("*.json")
    record.write_text(record.read_text().replace('"published_at": null', '"published_at": "2026-05-01T07:00:30Z"'))
    (path / f"{NAME}.json").write_text(record.read_text())


def test_somebody_faster_is_noticed_by_whoever_read_the_record_before(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    handle = outbox.prepare(draft_of(picture()))
    (record,) = (tmp_path / STAGING).glob("*.json")
    before = read_story(record)
    assert before is not None
    first = outbox.publish(handle)
    stage, story = Staging(tmp_path).where(before)
    assert stage is Stage.SHOWN
    assert story.publication(first.url or "") == first


def test_preparing_again_leaves_nothing_of_the_first_time(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    first, second = outbox.prepare(draft_of(picture())), outbox.prepare(draft_of(film()))
    other = outbox.prepare(draft_of(picture(), post="other"))
    assert len(waiting(tmp_path)) == 2
    assert isinstance(outbox.find(first), Gone)
    assert outbox.find(second) == outbox.find(other) == Ready()


@pytest.mark.parametrize("content", [b"", b"only words", picture()[:300]])
def test_what_cannot_be_shown_is_refused_and_leaves_nothing(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Refused):
        outbox_in(tmp_path).prepare(draft_of(content))
    assert not list(tmp_path.rglob("*.jpg"))


def test_an_original_that_cannot_be_opened_is_not_the_outboxs_fault(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        outbox_in(tmp_path).prepare(draft_of(None))


@pytest.mark.parametrize("ending", ["jpg", "json"])
def test_a_file_of_that_name_is_never_replaced(tmp_path: Path, ending: str) -> None:
    outbox = outbox_in(tmp_path)
    handle = outbox.prepare(draft_of(picture()))
    foreign = put(tmp_path / f"{NAME}.{ending}", b"somebody's own")
    with pytest.raises(Refused, match=foreign.name):
        outbox.publish(handle)
    assert foreign.read_bytes() == b"somebody's own"
    assert shown(tmp_path) == [foreign.name]
    assert outbox.find(handle) == Ready()


def test_a_publishing_by_hard_link_cut_off_half_way_has_happened(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    handle = outbox.prepare(draft_of(picture()))
    (staged,) = (tmp_path / STAGING).glob("*.jpg")
    as_if_cut_off_before_the_move(tmp_path)
    assert outbox.find(handle) == Ready()
    os.link(staged, tmp_path / f"{NAME}.jpg")
    found = outbox.find(handle)
    assert isinstance(found, Published)
    assert found.publication.at == AT + timedelta(seconds=30)
    assert outbox.publish(handle) == found.publication
    assert waiting(tmp_path) == []
    assert shown(tmp_path) == [f"{NAME}.jpg", f"{NAME}.json"]


def test_half_a_file_in_the_staging_folder_is_not_published(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    handle = outbox.prepare(draft_of(picture()))
    (staged,) = (tmp_path / STAGING).glob("*.jpg")
    os.truncate(staged, 100)
    assert isinstance(outbox.find(handle), Gone)
    with pytest.raises(Uncertain):
        outbox.publish(handle)
    assert shown(tmp_path) == []


def test_without_its_records_the_outbox_looks_at_what_is_shown(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    handle = outbox.prepare(draft_of(picture()))
    first = outbox.publish(handle)
    shutil.rmtree(tmp_path / STAGING)
    assert outbox.find(handle) == Published(first)
    (tmp_path / f"{NAME}.json").unlink()
    found = outbox.find(handle)
    assert isinstance(found, Published)
    assert found.publication.remote_id == f"{NAME}.jpg"
    (tmp_path / f"{NAME}.jpg").write_bytes(b"another")
    with pytest.raises(Uncertain):
        outbox.find(handle)
    (tmp_path / f"{NAME}.jpg").unlink()
    with pytest.raises(Uncertain):
        outbox.find(handle)
    with pytest.raises(Uncertain):
        outbox.publish(handle)


@pytest.mark.parametrize("token", ["", "{}", "[]", '{"id": "../x", "picture": "y", "digest": "z"}', '{"id": 1}'])
def test_a_strange_handle_is_answered_with_uncertain(tmp_path: Path, token: str) -> None:
    outbox = outbox_in(tmp_path)
    handle = Handle(publisher="out", token=token)
    for ask in (outbox.find, outbox.publish):
        with pytest.raises(Uncertain):
            ask(handle)


def test_an_outbox_whose_disk_is_away_is_unavailable(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path / "out")
    handle = outbox.prepare(draft_of(picture()))
    shutil.move(tmp_path / "out", tmp_path / "away")
    for ask in (outbox.find, outbox.publish):
        with pytest.raises(Unavailable, match="not there"):
            ask(handle)
    outbox.discard(handle)
    assert not (tmp_path / "out").exists()
    shutil.move(tmp_path / "away", tmp_path / "out")
    outbox.publish(handle)


def test_a_read_only_outbox_needs_a_person() -> None:
    with open_to_all() as folder:
        closed = folder / "closed"
        closed.mkdir(mode=0o555)
        outbox = outbox_in(closed)
        with without_root():
            for ask in (lambda: outbox.prepare(draft_of(picture())), outbox.check):
                with pytest.raises(NeedsPerson, match="Make the folder writable"):
                    ask()
            ready = outbox_in(folder / "open")
            handle = ready.prepare(draft_of(picture()))
            (folder / "open").chmod(0o555)
            with pytest.raises(NeedsPerson):
                ready.publish(handle)
            assert ready.find(handle) == Ready()
            assert shown(folder / "open") == []
            (folder / "open").chmod(0o755)
            ready.publish(handle)


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes: for anybody the same as a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [0, 1000, 100_000])
def test_without_room_nothing_is_left_and_a_person_is_asked(tmp_path: Path, room: int) -> None:
    outbox = outbox_in(tmp_path)
    with files_up_to(room), pytest.raises(NeedsPerson, match="Free some space"):
        outbox.prepare(draft_of(film(200_000)))
    assert shown(tmp_path) == waiting(tmp_path) == []
    handle = outbox.prepare(draft_of(film(200_000)))
    with files_up_to(0), pytest.raises(NeedsPerson, match="Free some space"):
        outbox.publish(handle)
    assert shown(tmp_path) == []
    assert len(waiting(tmp_path)) == 1
    assert outbox.find(handle) == Ready()
    outbox.publish(handle)
    assert shown(tmp_path) == [f"{NAME}.json", f"{NAME}.mp4"]


@contextmanager
def small_disk(at: Path) -> Iterator[None]:
    at.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(at)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a real small disk needs the right to mount one; the limit on file sizes is tested anyway")
    try:
        yield
    finally:
        subprocess.run(["umount", str(at)], check=True)


def test_a_really_full_disk_loses_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk"):
        outbox = outbox_in(tmp_path / "disk")
        first = outbox.prepare(draft_of(film(100_000)))
        with pytest.raises(NeedsPerson, match="full"):
            outbox.prepare(draft_of(film(300_000), post="second"))
        assert len(waiting(tmp_path / "disk")) == 1
        room = tmp_path / "disk/ballast"
        with suppress(OSError), open(room, "wb", buffering=0) as ballast:
            while ballast.write(b"0" * 4096):
                pass
        with pytest.raises(NeedsPerson, match="full"):
            outbox.publish(first)
        assert outbox.find(first) == Ready()
        room.unlink()
        outbox.publish(first)
        assert (tmp_path / "disk" / f"{NAME}.mp4").read_bytes() == film(100_000)


def test_the_account_and_the_time_are_in_the_name(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path, FitStyle.CROP)
    odd = again(draft_of(picture()), account="../M\u00fcller & S\u00f6hne/" + "x" * 80, id="p1")
    name = outbox.publish(outbox.prepare(odd)).remote_id
    assert name is not None
    assert name.startswith("2026-05-01_0900_M-ller---S-hne-x")
    assert name.endswith("_p1.jpg")
    assert shown(tmp_path)[0] == name


def test_a_caption_in_any_script_comes_through(tmp_path: Path) -> None:
    words = attrs.evolve(WORDS, caption='\u201eNeu\u201c \U0001f600\nline two \\ "', title="")
    outbox = outbox_in(tmp_path)
    outbox.publish(outbox.prepare(draft_of(picture(), words=words)))
    assert json.loads((tmp_path / f"{NAME}.json").read_text(encoding="utf-8"))["caption"] == words.caption


def test_check_says_where_and_how_much_room(tmp_path: Path) -> None:
    assert "GB free" in outbox_in(tmp_path).check()
    assert "will be made" in outbox_in(tmp_path / "a/b").check()
    assert not (tmp_path / "a").exists()
    with pytest.raises(NeedsPerson, match="is a file"):
        outbox_in(put(tmp_path / "file") / "b").check()


WAYS = [durable._rename_refusing, durable._link, durable._look_and_rename, durable.move_new]


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_moving_refuses_to_replace(tmp_path: Path, way: object) -> None:
    assert callable(way)
    source, target = put(tmp_path / "source", b"new"), put(tmp_path / "target", b"old")
    with pytest.raises(FileExistsError):
        way(source, target)
    assert (source.read_bytes(), target.read_bytes()) == (b"new", b"old")
    target.unlink()
    assert way(source, target) in (True, None)
    assert os.listdir(tmp_path) == ["target"]
    with pytest.raises(FileNotFoundError):
        way(source, tmp_path / "third")


def test_the_item_keeps_its_type() -> None:
    assert isinstance(draft_of(picture()).item, MediaItem)
