"""Where a stored file comes from is noted on it, within what Drive takes."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from storyline_core import Provenance
from storyline_core.testing import picture
from storyline_gdrive.properties import properties_of
from tests.gdrive.drive_api.server import DriveApi
from tests.gdrive.drives import TeamDrive

POSTED = Provenance(
    remote_id="17890000000000001",
    posted_at=datetime(2026, 3, 1, 12, 30, tzinfo=UTC),
    permalink="https://www.instagram.com/p/AbC/",
    caption="Fünf 🦊 'Füchse' \\ und \n mehr. " * 45,
)


def whole(found: dict[str, str], name: str) -> str:
    """A text that went over several properties."""
    parts = [found.get(name, "")]
    while (more := found.get(f"{name}_{len(parts) + 1}")) is not None:
        parts.append(more)
    return "".join(parts)


def test_the_post_is_noted_on_the_file_that_is_stored(tmp_path: Path) -> None:
    with DriveApi() as server:
        team = TeamDrive.shared(server, tmp_path)
        with team.open() as source:
            key = source.store_media("", "a.jpg", io.BytesIO(picture(1)), provenance=POSTED)
            sent = source.store_media("", "b.jpg", io.BytesIO(picture(2)), provenance=Provenance(sent_by="telegram:7"))
        noted = server.world.record.nodes[key].app_properties or {}
        [found] = noted.values()
        assert (found["storyline"], found["source"]) == ("stored", "team")
        assert found["remote_id"] == POSTED.remote_id
        assert found["posted_at"] == "2026-03-01T12:30:00+00:00"
        assert found["permalink"] == POSTED.permalink
        assert whole(found, "caption") == POSTED.caption
        [other] = (server.world.record.nodes[sent].app_properties or {}).values()
        assert other == {"storyline": "stored", "source": "team", "sent_by": "telegram:7"}


TEXTS = st.text(max_size=60) | st.text(max_size=60).map(lambda text: text * 60)


@given(source=TEXTS, remote_id=TEXTS, permalink=st.none() | TEXTS, caption=TEXTS, sent_by=TEXTS)
def test_whatever_is_known_drive_takes_it(
    source: str, remote_id: str, permalink: str | None, caption: str, sent_by: str
) -> None:
    found = properties_of(source, Provenance(remote_id, None, permalink, caption, sent_by))
    assert len(found) <= 30
    assert all(len(name.encode()) + len(value.encode()) <= 124 for name, value in found.items())
    assert all("\0" not in value and value for value in found.values())
    assert caption.replace("\0", "").startswith(whole(found, "caption"))
    if len(caption.encode()) <= 2_200:
        assert whole(found, "caption") == caption.replace("\0", "")
