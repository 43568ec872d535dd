"""Everything one server knows: apps, accounts, tokens, containers, media, and how it behaves."""

from __future__ import annotations

import hashlib
import threading
from datetime import datetime, timedelta

import attrs

from tests.instagram.graph_api.clock import Clock
from tests.instagram.graph_api.limits import Budget, Faults, Usage
from tests.instagram.graph_api.told import Call
from tests.loopback.record import Requests

VERSION = "v26.0"
LONG_LIFE = timedelta(seconds=5_183_944)
FACEBOOK_SCOPES = (
    "pages_show_list",
    "pages_read_engagement",
    "instagram_basic",
    "instagram_content_publish",
    "public_profile",
)
INSTAGRAM_SCOPES = ("instagram_business_basic", "instagram_business_content_publish")


@attrs.define(eq=False)
class App:
    """A Meta app."""

    id: str
    secret: str
    require_proof: bool = False


@attrs.define(eq=False)
class Owner:
    """An Instagram account, and what stands around it: a Page and a user under Facebook Login."""

    id: str
    username: str
    login: str
    app: App
    scoped_id: str
    user_id: str
    page_id: str
    page_token: str = ""


@attrs.define(eq=False)
class Token:
    """An access token. ``dead`` is the code and subcode it is refused with."""

    text: str
    kind: str
    owner: Owner
    scopes: frozenset[str]
    issued: datetime
    expires: datetime | None
    dead: tuple[int, int | None] | None = None


@attrs.define(eq=False)
class Media:
    """A post that is out, a carousel's child, or a story."""

    id: str
    owner: Owner
    kind: str
    product: str
    at: datetime
    caption: str | None = None
    missing: bool = False
    content: bytes | None = None
    children: list[Media] = attrs.field(factory=list)
    parent: Media | None = None
    container: str | None = None
    user_tags: list[str] = attrs.field(factory=list)
    ai_generated: bool = False
    shown_from: datetime | None = None

    @property
    def shortcode(self) -> str:
        """The short name in its address."""
        return "C" + hashlib.sha256(self.id.encode()).hexdigest()[:10]

    @property
    def permalink(self) -> str:
        """Where people see it."""
        if self.product == "STORY":
            return f"https://www.instagram.com/stories/{self.owner.username}/{self.id}"
        return f"https://www.instagram.com/{'reel' if self.product == 'REELS' else 'p'}/{self.shortcode}/"


@attrs.define(eq=False)
class Container:
    """What is to be published. ``polls_left`` looks say IN_PROGRESS; a video is fetched when they are used up."""

    id: str
    owner: Owner
    kind: str
    product: str
    made_at: datetime
    status: str = "IN_PROGRESS"
    subcode: int | None = None
    polls_left: int = 0
    polls: int = 0
    publishes: int = 0
    url: str | None = None
    content: bytes | None = None
    size: int | None = None
    arrived: bytes = b""
    resumable: bool = False
    spoiled: int | None = None
    caption: str | None = None
    user_tags: list[str] = attrs.field(factory=list)
    ai_generated: bool = False
    story: str | None = None
    hidden_for: int = 0


@attrs.define(eq=False)
class Knobs:
    """How this Instagram and this Cloudinary behave where the real ones may choose. See ``Face.behave``."""

    image_polls: int = 0
    video_polls: int = 2
    publish_shown_after: int = 0
    stories_shown_after: timedelta = timedelta()
    republished: str = "refused"
    quota: int = 50
    containers_a_day: int = 400
    fetch_seconds: float = 5.0
    url_life: timedelta = timedelta(days=5)
    page_most: int = 100
    page_sizes: list[int] = attrs.field(factory=list)
    refreshed_token_ends: bool = False
    instagram_captions: bool = True
    image_bytes_most: int = 10_485_760
    video_bytes_most: int = 104_857_600
    admin_calls_an_hour: int = 500
    delete_most: int = 1000


@attrs.define(eq=False)
class State:
    """What the parts of the server share. Hold the lock while reading or changing it."""

    clock: Clock = attrs.field(factory=Clock)
    lock: threading.RLock = attrs.field(factory=threading.RLock)
    address: str = ""
    knobs: Knobs = attrs.field(factory=Knobs)
    faults: Faults = attrs.field(factory=Faults)
    calls: Requests[Call] = attrs.field(factory=Requests)
    usage: Usage = attrs.field(factory=Usage)
    budget: Budget = attrs.field(factory=Budget)
    owners: dict[str, Owner] = attrs.field(factory=dict)
    tokens: dict[str, Token] = attrs.field(factory=dict)
    media: dict[str, Media] = attrs.field(factory=dict)
    containers: dict[str, Container] = attrs.field(factory=dict)
    spoilers: list[tuple[str, int, int]] = attrs.field(factory=list)
    published: list[tuple[str, datetime]] = attrs.field(factory=list)
    url_epoch: int = 0
    cursor_epoch: int = 0
    used_ids: int = 0
    used_calls: int = 0

    def new_id(self, prefix: str) -> str:
        """A number as Meta makes them, the same in every run."""
        self.used_ids += 1
        return f"{prefix}{self.used_ids:0{17 - len(prefix)}d}"

    def new_token(
        self, kind: str, owner: Owner, scopes: frozenset[str], life: timedelta | None, age: timedelta = timedelta()
    ) -> Token:
        """An access token. Without a life it has no end."""
        self.used_ids += 1
        start = {"instagram": "IGAA", "app": ""}.get(kind, "EAAB")
        text = start + hashlib.sha256(f"{kind}{owner.id}{self.used_ids}".encode()).hexdigest()
        issued = self.clock.now() - age
        made = Token(text, kind, owner, scopes, issued, None if life is None else issued + life)
        self.tokens[text] = made
        return made

    def stories_of(self, owner: Owner) -> list[Media]:
        """Every story that ever came out, oldest first."""
        return [one for one in self.media.values() if one.owner is owner and one.product == "STORY"]
