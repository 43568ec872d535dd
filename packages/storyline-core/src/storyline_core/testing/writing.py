"""The part of a source's contract that is about new files. A kind without the trait `writes` skips it."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from storyline_core.errors import PluginFault, Refused
from storyline_core.interfaces import Kind, MediaSourceProvider, WritableSource
from storyline_core.media import Provenance
from storyline_core.testing.conformance import Conformance, only_core_errors
from storyline_core.testing.following import SourceWorld, path_of
from storyline_core.testing.samples import picture


class WritingTests(Conformance):
    """What holds for every source that takes new files."""

    @pytest.fixture
    def writable(self, opened: MediaSourceProvider, kind: Kind[object]) -> WritableSource:
        """The source, if its kind says that it can be written to."""
        if not kind.traits.writes:
            pytest.skip("its kind takes no new files")
        assert isinstance(opened, WritableSource), "the trait `writes` without `store_media`"
        return opened

    @pytest.mark.parametrize("folder", ["", "memes", "new/deep"])
    def test_a_new_file_is_stored_whole_under_its_name(self, writable: WritableSource, folder: str) -> None:
        key = writable.store_media(folder, "a cat.jpg", io.BytesIO(picture(7)))
        [entry] = writable.list_media(None).files
        assert (entry.key, entry.folder, entry.name) == (key, folder, "a cat.jpg")
        with writable.open_media(key) as file:
            assert file.read() == picture(7)

    def test_where_a_file_comes_from_changes_nothing_about_it(self, writable: WritableSource) -> None:
        known = Provenance(
            remote_id="17890000000000001_" + "7" * 150, posted_at=datetime(2026, 3, 1, 12, 30, tzinfo=UTC),
            permalink="https://www.instagram.com/p/" + "x" * 120, caption="Fünf 🦊 'quotes' \n" * 150,
        )  # fmt: skip
        keys = [
            writable.store_media("", "cat.jpg", io.BytesIO(picture(number)), provenance=provenance)
            for number, provenance in enumerate((known, Provenance(sent_by="telegram:123456789"), Provenance()))
        ]
        paths = {entry.key: path_of(entry) for entry in writable.list_media(None).files}
        assert [paths[key] for key in keys] == ["cat.jpg", "cat (2).jpg", "cat (3).jpg"]
        for number, key in enumerate(keys):
            with writable.open_media(key) as file:
                assert file.read() == picture(number)

    def test_nothing_is_ever_written_over(self, writable: WritableSource) -> None:
        keys = [writable.store_media("memes", "cat.jpg", io.BytesIO(picture(number))) for number in range(3)]
        paths = {entry.key: path_of(entry) for entry in writable.list_media(None).files}
        assert [paths[key] for key in keys] == ["memes/cat.jpg", "memes/cat (2).jpg", "memes/cat (3).jpg"]
        for number, key in enumerate(keys):
            with writable.open_media(key) as file:
                assert file.read() == picture(number)

    @pytest.mark.parametrize(
        ("folder", "name"),
        [("", "notes.txt"), ("", ".cat.jpg"), ("", "metadata.json"), ("", "../cat.jpg"), ("..", "cat.jpg"),
         ("a/../..", "cat.jpg"), ("/etc", "cat.jpg"), ("", "")],
    )  # fmt: skip
    def test_what_could_not_be_listed_or_leads_out_is_refused(
        self, writable: WritableSource, folder: str, name: str
    ) -> None:
        with pytest.raises(Refused):
            writable.store_media(folder, name, io.BytesIO(picture(1)))
        assert writable.list_media(None).files == ()

    def test_a_content_that_breaks_off_leaves_nothing(self, writable: WritableSource) -> None:
        class BreaksOff(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                raise Refused("It cannot be fetched.")

        with pytest.raises(PluginFault):
            writable.store_media("", "cat.jpg", BreaksOff(b"x"))
        assert writable.list_media(None).files == ()

    def test_where_the_place_is_down_nothing_is_stored(self, writable: WritableSource, world: SourceWorld) -> None:
        self.unless_it_cannot("break_down")
        world.break_down()
        answer = only_core_errors(lambda: writable.store_media("", "cat.jpg", io.BytesIO(picture(1))))
        assert isinstance(answer, PluginFault)
