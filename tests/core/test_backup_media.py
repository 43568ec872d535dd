"""Media files in a backup, and the settings without their secrets."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import BinaryIO

import attrs
import pytest

from storyline_core.accounts import Account
from storyline_core.backups import MediaSource, make_backup, restore_backup, verify_backup
from storyline_core.backups.archive import drafting
from storyline_core.errors import BackupError, Unavailable
from storyline_core.media import MediaItem
from storyline_core.settings import Entry, Secret, Settings, masked, secrets_in
from tests.core.backup_samples import settings_for
from tests.core.store_samples import NOW, added, apply, opened

CONTENT = {"cats/ä.jpg": b"cat" * 1_000, "cats/twin.jpg": b"cat" * 1_000, "dog.jpg": b"dog", "gone.jpg": b""}


def media_of(files: dict[str, bytes]) -> MediaSource:
    def open_item(item: MediaItem) -> BinaryIO:
        if item.key == "gone.jpg":
            raise Unavailable("There is no such file any more.")
        if item.key == "torn.jpg":
            return Torn()
        return io.BytesIO(files[item.key])

    return MediaSource(("photos",), open_item)


class Torn(io.BytesIO):
    """A file whose disk fails in the middle."""

    def __init__(self) -> None:
        super().__init__(b"x" * (1 << 20))
        self.reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads > 1:
            raise OSError(5, "Input/output error")
        return super().read(size)


@pytest.fixture
def saved(sqlite_url: str, tmp_path: Path) -> Path:
    """A backup with media files, some of which could not be read."""
    with opened(sqlite_url) as store:
        with store.begin() as unit:
            twins = [added(key, "twin" if "cats" in key else key) for key in (*CONTENT, "torn.jpg")]
            apply(unit, twins)
            apply(unit, [added("elsewhere.jpg")], source="drive")
        settings = settings_for(sqlite_url, tmp_path / "backups")
        return make_backup(store, settings, NOW, media=media_of(CONTENT)).path


def test_media_files_are_in_it_once_each_and_come_back(saved: Path, tmp_path: Path) -> None:
    proof = verify_backup(saved)
    assert (proof.problems, proof.files) == ((), 3)
    assert proof.backup.manifest is not None
    media = proof.backup.manifest.media
    assert media is not None
    assert (media.files, media.size) == (3, 3_003 + 3_000)
    assert dict(media.missing) == {
        "photos/gone.jpg": "There is no such file any more.",
        "photos/torn.jpg": "It cannot be read (Input/output error).",
    }
    target = tmp_path / "pictures"
    restored = restore_backup(saved, f"sqlite:///{tmp_path / 'new.db'}", NOW, media_to=target)
    assert (restored.files, restored.skipped) == (3, ())
    found = {path.relative_to(target / "photos").as_posix(): path.read_bytes() for path in target.rglob("*.jpg")}
    assert found == {key: content for key, content in CONTENT.items() if content}


def test_another_file_in_its_place_is_left_alone(saved: Path, tmp_path: Path) -> None:
    place = tmp_path / "pictures/photos/dog.jpg"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"another dog")
    (tmp_path / "pictures/photos/cats").mkdir()
    (tmp_path / "pictures/photos/cats/ä.jpg").write_bytes(CONTENT["cats/ä.jpg"])
    restored = restore_backup(saved, f"sqlite:///{tmp_path / 'new.db'}", NOW, media_to=tmp_path / "pictures")
    assert (restored.files, restored.skipped) == (1, ("photos/dog.jpg",))
    assert place.read_bytes() == b"another dog"


@pytest.mark.parametrize("key", ["../../evil.jpg", "/evil.jpg", "a/../../../evil.jpg", ""])
def test_no_key_leads_out_of_the_folder(key: str, saved: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(saved) as old, drafting(saved.parent, "storyline-20200101T000000Z") as draft:
        for name in old.namelist():
            content = old.read(name)
            if name == "media.jsonl":
                entries = [json.loads(line) for line in content.splitlines()]
                entries[0]["key"] = key
                content = b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)
            draft.add(name, [content])
    restored = restore_backup(
        draft.path, f"sqlite:///{tmp_path / 'new.db'}", NOW, media_to=tmp_path / "deep/er/pictures"
    )
    assert restored.skipped == (f"photos/{key}",)
    assert not list(tmp_path.rglob("*evil*"))


def test_a_changed_media_file_is_found(saved: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(saved) as old, drafting(saved.parent, "storyline-20200101T000000Z") as draft:
        for name in old.namelist():
            draft.add(name, [b"changed" if old.read(name) == b"dog" else old.read(name)])
    assert "damaged at media/" in verify_backup(draft.path).problems[0]
    with pytest.raises(BackupError, match="damaged at media/"):
        restore_backup(draft.path, f"sqlite:///{tmp_path / 'new.db'}", NOW)
    assert not (tmp_path / "new.db").exists()


def test_media_files_that_are_not_in_it_cannot_be_wanted(sqlite_url: str, tmp_path: Path) -> None:
    with opened(sqlite_url) as store:
        path = make_backup(store, settings_for(sqlite_url, tmp_path / "b"), NOW).path
    with pytest.raises(BackupError, match="made without media files"):
        restore_backup(path, f"sqlite:///{tmp_path / 'new.db'}", NOW, media_to=tmp_path)


# The settings.

TOML = """\
[database]
url = "postgresql://ann:pass%20word@db.example/stories?sslmode=require&password=other-one"

[secrets]
key = { env = "STORYLINE_SECRET_KEY" }

[notifiers.team]
kind = "shouting"   # whoever wrote this did not know better
token = "123456:ABCDEF"
"api_key" = 'in-quotes'
note = "the word of the day is in-the-environment"

[publishers.brand]
password = "hunter22"
keyring = "storyline"
"""


@attrs.frozen
class Options:
    """What a plugin is configured with."""

    token: Secret
    more: tuple[Secret, ...] = ()
    named: dict[str, Secret] = attrs.field(factory=dict)


def test_no_secret_is_in_it(sqlite_url: str, tmp_path: Path) -> None:
    file = tmp_path / "storyline.toml"
    file.write_text(TOML)
    options = Options(Secret("in-the-environment"), (Secret("second-token"),), {"a": Secret("third-token")})
    settings = Settings(
        "postgresql://ann:pass%20word@db.example/stories",
        notifiers=[Entry("team", "shouting", options)],
        accounts=[Account("main", sources=("photos",))],
        backups=settings_for("", tmp_path / "backups").backups,
        secret_key=Secret("new-key-new-key-new-key-new-key-32,old-key-old-key-old-key-old-key-32"),
        file=file,
    )
    assert secrets_in(settings) >= {"in-the-environment", "second-token", "third-token", "pass word", "pass%20word"}
    with opened(sqlite_url) as store:
        path = make_backup(store, settings, NOW).path
    with zipfile.ZipFile(path) as archive:
        text = archive.read("settings.toml").decode()
        everything = b"".join(archive.read(name) for name in archive.namelist()).decode()
    for secret in (
        "pass%20",
        "pass word",
        "other-one",
        "123456",
        "in-quotes",
        "in-the-env",
        "hunter22",
        "-key-new",
        "third",
    ):
        assert secret not in everything, secret
    assert text.count("***") == 6
    assert 'url = "postgresql://ann:***@db.example/stories?sslmode=require&password=***"' in text
    assert 'key = { env = "STORYLINE_SECRET_KEY" }' in text
    assert 'kind = "shouting"   # whoever' in text


def test_short_texts_are_no_secrets() -> None:
    settings = Settings("sqlite:///a.db", notifiers=[Entry("team", "x", Options(Secret("a")))])
    assert masked('path = "a banana"', settings) == 'path = "a banana"'
