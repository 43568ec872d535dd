"""Words that break things: markup, emoji, right-to-left, nothing at all and far too much; and drafts made of them."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from zoneinfo import ZoneInfo

import attrs
from hypothesis import strategies as st

from storyline_core import Description, Draft, Handle, Post, UndoPoint
from storyline_core.testing.strategies import items, posts, zones

FAMILY = "👨‍👩‍👧‍👦"
TITLES = (
    "<b>bold</b> & <script>alert('x')</script>",
    "_under_ *star* `tick` [link](https://x.example)",
    f"{FAMILY * 3} 🇩🇪🇫🇷 👍🏽 e\u0301",
    "שלום עולם",
    "abc \u202egnp.exe\u202c def \u2066x\u2069",
    "a\u200bb\u200cc\ufeffd\u2060",
    "bell\x07 null\x00 escape\x1b[31m lone \ud83d",
    "x" * 5_000,
    "word " * 1_000,
    FAMILY * 700,
    "a" + "\u0301" * 5_000,
    "<" * 5_000,
    " \t\n\u2003\u3000",
    "\u2800\u3164\u200d",
    "first\r\nsecond\u2028third\x0bfourth",
    "",
)

hostile = st.one_of(
    st.sampled_from(TITLES),
    st.text(max_size=80),
    st.text(st.sampled_from("<>&\"'{}/;#b \n\u202e\u2067\u05d0👍\u200d\u0301\ud83d"), max_size=300),
    st.builds(lambda part, times: part * times, st.text(min_size=1, max_size=8), st.integers(1, 700)),
)
"""Any text, the worst kinds often."""

wishes = st.dictionaries(
    st.sampled_from(("poll", "question", "link", "countdown", "music", "location", "mention", "sticker", "<x>")),
    st.one_of(
        hostile,
        st.fixed_dictionaries({"question": hostile, "options": st.lists(hostile, max_size=4)}),
        st.lists(hostile, max_size=3),
        st.none() | st.booleans() | st.integers(),
    ),
    max_size=6,
)

descriptions = st.builds(
    Description,
    title=hostile,
    caption=hostile,
    link_url=st.one_of(st.just(""), st.just("https://shop.example/tee?a=1&b=2"), hostile),
    tags=st.lists(hostile, max_size=5).map(tuple),
    requires_interaction=st.booleans(),
    custom_metadata=wishes,
)


@st.composite
def lives(draw: st.DrawFn) -> Post:
    """Posts in every state, with everything that may have happened to one."""
    post = draw(posts())
    people = st.none() | st.sampled_from(("telegram:1", "telegram:2", "storyline")) | hostile
    later = st.none() | st.integers(-1, 3_000).map(lambda minutes: post.due_at + timedelta(minutes=minutes))
    undo = st.builds(UndoPoint, state=st.just(post.state), due_at=st.just(post.due_at), until=st.just(post.due_at))
    return attrs.evolve(
        post,
        account=draw(st.sampled_from(("main", "<b>", "x" * 300))),
        why=draw(st.lists(hostile, max_size=4).map(tuple)),
        reason=draw(hostile),
        last_error=draw(hostile),
        by_hand=draw(st.booleans()),
        decided_by=draw(people),
        decided_at=draw(later),
        offered_at=draw(later),
        reserved_by=draw(people),
        reserved_until=draw(later),
        next_try_at=draw(later),
        handle=draw(st.none() | st.just(Handle("brand", "token"))),
        undo=draw(st.none() | undo),
        item_id=draw(st.none() | st.just(7)),
    )


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    """Drafts of anything, in any state, in any zone."""
    zone: ZoneInfo = draw(zones)
    item = attrs.evolve(draw(items()), description=draw(descriptions), name=draw(hostile), folder=draw(hostile))
    return Draft(
        post=draw(lives()),
        item=item,
        zone=zone,
        open_media=lambda: BytesIO(b""),
        last_posted_at=item.last_posted_at,
        reminder=draw(st.booleans()),
        publishable=draw(st.booleans()),
    )
