"""The contact sheet: whatever people write stays text, and links lead only where they may."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from storyline_runner.contact_sheet import Entry, contact_sheet

AT = datetime(2026, 5, 1, 7, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


class Page(HTMLParser):
    """A page taken apart: its tags, its text, its pictures and links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []
        self.sources: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        assert not any(name.startswith("on") for name in given)
        self.sources += [str(given["src"])] if "src" in given else []
        self.links += [str(given["href"])] if "href" in given else []

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def page(*entries: Entry) -> Page:
    return Page(contact_sheet(entries, title="A day", zone=BERLIN))


def test_one_story() -> None:
    entry = Entry(
        picture="outbox/a story.jpg", at=AT, name="a.jpg", title="First roses", caption="Three weeks early.",
        link="https://example.com/r", tags=("garden", "may"), why=("never posted before",), by="cli:maria",
    )  # fmt: skip
    found = page(entry)
    said = "".join(found.text)
    for part in ("Fri 01 May, 09:12", "First roses", "Three weeks early.", "#garden #may", "never posted before"):
        assert part in said
    assert "posted by hand, cli:maria" in said
    assert "1 story, times in Europe/Berlin" in said
    assert found.sources == ["outbox/a%20story.jpg"]
    assert found.links == ["outbox/a%20story.jpg", "https://example.com/r"]


def test_nothing_yet() -> None:
    assert "Nothing has gone out yet." in "".join(page().text)


def test_a_video_is_played() -> None:
    assert "video" in page(Entry(picture="outbox/a.mp4", at=AT, name="a.mp4")).tags


def test_a_link_that_leads_elsewhere_is_only_shown() -> None:
    found = page(Entry(picture="a.jpg", at=AT, name="a", link="javascript:alert(1)"))
    assert found.links == ["a.jpg"]
    assert "javascript:alert(1)" in "".join(found.text)


awkward = st.text(alphabet=st.sampled_from("<>&\"'$`{}%/ab\n é"), max_size=30)


@given(name=awkward, title=awkward, caption=awkward, link=awkward, tag=awkward, why=awkward, by=awkward)
def test_whatever_is_written_stays_text(**words: str) -> None:
    plain = page(
        Entry(picture="a.jpg", at=AT, name="a", title="t", caption="c", link="l", tags=("t",), why=("w",), by="b")
    )
    entry = Entry(
        picture=words["name"] or "a", at=AT, name="n", title=words["title"] or "t", caption=words["caption"] or "c",
        link=words["link"] or "l", tags=(words["tag"],), why=(words["why"],), by=words["by"] or "b",
    )  # fmt: skip
    found = page(entry)
    assert found.tags == plain.tags
    assert unquote(found.sources[0]) == entry.picture
    assert entry.caption in "".join(found.text)
