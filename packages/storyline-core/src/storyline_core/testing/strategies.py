"""Hypothesis strategies for the values that Storyline thinks in."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from storyline_core.accounts import Account, Mix, Mode, Schedule, Unanswered
from storyline_core.media import Description, ListedFile, MediaItem, media_type_of
from storyline_core.posts import Origin, Post, PostState, post_id

FOLDERS = ("", "memes", "memes/deep", "merch", "Ünïcode", "a b")
STEMS = ("cat", "dog", "tee__https-shop-com-tshirt", "ä", "a\u0308", "猫", "IMG 001", "100%")
ENDINGS = ("jpg", "JPG", "png", "gif", "webp", "mp4", "mov")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia")

file_names = st.builds("{}.{}".format, st.sampled_from(STEMS), st.sampled_from(ENDINGS))
"""Names of media files, awkward ones among them."""

digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
"""SHA-256 digests of nothing in particular."""

instants = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
"""Moments in UTC."""

zones = st.sampled_from(ZONES).map(ZoneInfo)
"""Time zones with every kind of daylight saving."""


def paths() -> st.SearchStrategy[str]:
    """Paths of media files under a root."""
    return st.builds(_path, st.sampled_from(FOLDERS), file_names)


def trees(*, max_size: int = 12) -> st.SearchStrategy[dict[str, bytes]]:
    """Folders as path → content, with copies and empty files among them."""
    contents = st.one_of(st.sampled_from([b"", b"one", b"two", b"three"]), st.binary(max_size=20))
    return st.dictionaries(paths(), contents, max_size=max_size)


@st.composite
def listed_files(draw: st.DrawFn) -> ListedFile:
    """One entry of a listing whose keys are paths."""
    folder, name = draw(st.sampled_from(FOLDERS)), draw(file_names)
    return ListedFile(
        key=_path(folder, name),
        name=name,
        folder=folder,
        size=draw(st.integers(0, 10_000)),
        mtime_ns=draw(st.integers(0, 2_000_000_000_000_000_000)),
        version=draw(st.sampled_from(("1", "2", "3"))),
        media_type=media_type_of(name),
        digest=draw(st.none() | digests),
        hint=draw(st.none() | st.sampled_from(("10", "11", "12"))),
    )


@st.composite
def items(draw: st.DrawFn) -> MediaItem:
    """Items of the library, alive, missing and removed."""
    file = draw(listed_files())
    return MediaItem(
        id=draw(st.integers(1, 10_000)),
        source=draw(st.sampled_from(("photos", "drive"))),
        key=file.key,
        name=file.name,
        folder=file.folder,
        size=file.size,
        media_type=file.media_type,
        digest=draw(st.none() | digests),
        description=draw(descriptions()),
        added_at=draw(instants),
        width=draw(st.none() | st.integers(1, 10_000)),
        height=draw(st.none() | st.integers(1, 10_000)),
        problem=draw(st.none() | st.just("it cannot be opened")),
        missing_since=draw(st.none() | instants),
        removed_at=draw(st.none() | instants),
        times_posted=draw(st.integers(0, 50)),
        last_posted_at=draw(st.none() | instants),
    )


def descriptions() -> st.SearchStrategy[Description]:
    """What people say about an item, in any script and with any punctuation."""
    words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
    return st.builds(
        Description,
        title=words,
        caption=words,
        link_url=st.sampled_from(("", "https://shop.com/tshirt?a=1&b=2")),
        tags=st.lists(words, max_size=3).map(tuple),
        requires_interaction=st.booleans(),
        custom_metadata=st.dictionaries(st.sampled_from(("poll", "music")), words, max_size=2),
    )


def schedules() -> st.SearchStrategy[Schedule]:
    """Schedules that can be: windows within a day and over midnight, in every zone."""
    clock = st.integers(0, 24 * 60 - 1).map(lambda minute: time(minute // 60, minute % 60))
    windows = st.tuples(clock, clock).filter(lambda pair: pair[0] != pair[1])
    return st.builds(
        lambda posts, window, zone, jitter: Schedule(posts, window[0], window[1], zone, timedelta(minutes=jitter)),
        st.integers(1, 50),
        windows,
        zones,
        st.integers(0, 240),
    )


def accounts() -> st.SearchStrategy[Account]:
    """Accounts whose mode has what it needs."""
    return st.builds(
        lambda name, schedule, mode, mix, unanswered, dry_run: Account(
            name=name,
            sources=("photos",),
            schedule=schedule,
            mode=mode,
            notifier="team",
            publisher="brand",
            mix=Mix(mix),
            unanswered=unanswered,
            dry_run=dry_run,
        ),
        st.sampled_from(("main", "shop", "Über-uns")),
        schedules(),
        st.sampled_from(Mode),
        st.dictionaries(st.sampled_from(("", "memes", "merch")), st.integers(1, 100), max_size=3),
        st.sampled_from(Unanswered),
        st.booleans(),
    )


@st.composite
def posts(draw: st.DrawFn, states: st.SearchStrategy[PostState] | None = None) -> Post:
    """Posts in the given states (any, if none are given), with what such a post has."""
    state = draw(states or st.sampled_from(PostState))
    origin = draw(st.sampled_from(Origin))
    at = draw(instants)
    slot = f"main/{at.date().isoformat()}/{draw(st.integers(0, 49))}" if origin is Origin.SCHEDULE else None
    settled = at + timedelta(minutes=draw(st.integers(0, 600))) if state.settled else None
    return Post(
        id=post_id(slot or f"main/{origin}/{at.isoformat()}"),
        account="main",
        origin=origin,
        slot_key=slot,
        slot_at=at,
        due_at=at,
        created_at=at - timedelta(hours=24),
        item_id=draw(st.integers(1, 10_000)),
        digest=draw(digests),
        state=state,
        revision=draw(st.integers(1, 20)),
        tries=draw(st.integers(0, 4)),
        settled_at=settled,
        posted_at=settled if state is PostState.POSTED else None,
    )


def _path(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
