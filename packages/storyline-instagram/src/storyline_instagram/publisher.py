"""Publishing: fit, host, a container, and the one call that makes a story of it. Who saw no answer asks the container.

The container is what keeps a story from going out twice: Instagram publishes it once, whoever asks and however often,
and tells by its status what became of it. A new one is made only when the old one certainly never will be published.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import attrs

from storyline_core import (
    Draft,
    Found,
    Gone,
    Handle,
    InProgress,
    NeedsPerson,
    PluginFault,
    Publication,
    Published,
    PublisherDefaults,
    Refused,
    StorylineError,
    Unavailable,
    Uncertain,
)
from storyline_instagram.allowance import read_quota, room_to_prepare
from storyline_instagram.answers import as_object, text
from storyline_instagram.connection import Connection
from storyline_instagram.containers import (
    LIFE,
    POLL,
    SETTLED_AFTER,
    LiveStory,
    Status,
    container_in,
    since,
    stories_in,
    unknown,
    unpublished,
)
from storyline_instagram.faults import Remedy, fault_in_status, remedy_of
from storyline_instagram.graph import GraphFault, Params, at
from storyline_instagram.handles import NotOurs, Prepared
from storyline_instagram.hosting import DEAD_AFTER, Host, Hosted, needed
from storyline_instagram.labels import Labels, labels_of
from storyline_instagram.media import StoryFile, story_file
from storyline_instagram.options import Login
from storyline_instagram.rupload import send_video

_NOT_KNOWN = frozenset({2207006, 2207008, 33})
_NOT_TOLD = (GraphFault, StorylineError)
"""Whatever keeps an answer away, our own database as well: of a story that may be out it must not decide anything."""

_MOST_REMEMBERED = 200
_MOST_AT_ONCE = 100
_MOST_PAGES = 10


class StoryPublisher(PublisherDefaults):
    """Publishes stories into one Instagram account. `host` is where pictures lie while Instagram fetches them."""

    def __init__(self, connection: Connection, host: Host | None) -> None:
        self._connection = connection
        self._graph = connection.graph
        self._settings = connection.settings
        self._now = connection.runtime.now
        self._name = connection.name
        self._host = host

    def prepare(self, draft: Draft) -> Handle:
        """Fit it, lend it a public address and let Instagram make a container of it. The handle names the container.

        Raises `Refused` with exactly what is wrong with the file, `Unavailable` with when there is room again.
        """
        labels = labels_of(draft.item)
        account = self._connection.account_id()
        with story_file(draft, style=self._settings.fit, transcode=self._settings.transcode) as story:
            if not self._uploads(story):
                needed(self._host, self._name, "Videos" if story.video else "Pictures")
            room_to_prepare(self._graph, account, self._connection.allowance)
            live = tuple(each.id for each in self._live(account) or ())[:_MOST_REMEMBERED]
            prepared = Prepared("", account, self._now(), video=story.video, live=live)
            return self._with_container(prepared, story, labels).handle(self._name)

    def publish(self, handle: Handle) -> Publication:
        """Make the container a story. However often this is called, Instagram makes one story of one container.

        Raises `Uncertain` unless Instagram, asked at once, knows better.
        """
        prepared = self._read(handle)
        self._connection.allowance.must_not_be_blocked()
        try:
            told = self._graph.post(at(prepared.account, "media_publish"), {"creation_id": prepared.container})
        except GraphFault as fault:
            return self._after_fault(prepared, fault)
        remote_id = text(told.get("id"))
        if not remote_id:
            raise Uncertain("Instagram answered that it was published, without saying as what.")
        return Publication(remote_id, self._permalink(remote_id), self._now(), _proof(prepared))

    def find(self, handle: Handle) -> Found:
        """How it stands, by the container's own status.

        Raises `Uncertain` when Instagram does not know the container and cannot show that nothing came of it,
        `Refused` when the file is what Instagram cannot use.
        """
        prepared = self._read(handle)
        age = self._now() - prepared.made_at
        try:
            told = self._graph.get(at(prepared.container), {"fields": "status_code,status"})
        except GraphFault as fault:
            if fault.fault.subcode in _NOT_KNOWN and fault.fault.code in (24, 100):
                return self._not_known(prepared, age)
            error = fault.as_core("asking what became of the story")
            if isinstance(error, Refused):
                # The question was refused. Of the story, which may be out, that tells nothing.
                raise Uncertain(str(error)) from None
            raise error from None
        container = container_in(told)
        if container.status is Status.PUBLISHED:
            return Published(self._found(prepared))
        if container.status is Status.ERROR and remedy_of(fault_in_status(container.detail)) is Remedy.BLOCKED:
            # A new container would be asked for at once otherwise, and knocking makes it worse.
            self._connection.allowance.note_block(fault_in_status(container.detail))
        return unpublished(container, age, video=prepared.video)

    def discard(self, handle: Handle) -> None:
        """Remove the copy at the host. The container itself expires; a story stays."""
        try:
            copy = Prepared.of(handle).copy
        except NotOurs:
            return
        if copy and self._host is not None:
            self._host.remove(copy)

    def check(self) -> str:
        """Who it publishes as, how much it may still publish today, and where pictures lie meanwhile."""
        account = self._connection.account_id()
        try:
            username = text(self._graph.get(at(account), {"fields": "username"}).get("username"))
            quota = read_quota(self._graph, account)
        except GraphFault as fault:
            raise fault.as_core("looking at the account") from None
        used = f", {quota.used} of {quota.total} stories used today" if quota else ""
        host = self._host.check() if self._host is not None else "no host: pictures cannot be published"
        if self._host is None and self._settings.login is Login.INSTAGRAM:
            raise NeedsPerson(
                f"The publisher {self._name} has no host for pictures and videos.",
                remedy=f"Add [publishers.{self._name}.host] to the settings.",
            )
        return f"@{username or account}{used}; {host}"

    def rehearse(self, draft: Draft) -> None:
        """Fit the post's file, and ask whether the account, its limits and the host would take it. Leaves nothing."""
        labels_of(draft.item)
        account = self._connection.account_id()
        with story_file(draft, style=self._settings.fit, transcode=self._settings.transcode) as story:
            if not self._uploads(story):
                needed(self._host, self._name, "Videos" if story.video else "Pictures").check()
        room_to_prepare(self._graph, account, self._connection.allowance)

    def sweep(self) -> int:
        """Remove the copies that dead runs left at the host; how many. Those of a running publish are younger."""
        return self._host.sweep(self._now() - DEAD_AFTER) if self._host is not None else 0

    def _uploads(self, story: StoryFile) -> bool:
        """Whether the file goes to Instagram by itself: only videos may, and only under Facebook Login."""
        return story.video and self._settings.login is Login.FACEBOOK

    def _with_container(self, prepared: Prepared, story: StoryFile, labels: Labels) -> Prepared:
        if self._uploads(story):
            container = self._created(prepared.account, {"upload_type": "resumable", **labels.params()})
            send_video(self._graph, container, story.content)
            return attrs.evolve(prepared, container=container)
        hosted = needed(self._host, self._name, "This").put(story.content, story.media_type)
        try:
            address = {"video_url" if story.video else "image_url": hosted.url}
            container = self._created(prepared.account, {**address, **labels.params()})
        except BaseException:
            self._take_back(hosted)
            raise
        return attrs.evolve(prepared, container=container, copy=hosted.id)

    def _created(self, account: str, params: Params) -> str:
        # A lost answer leaves a container that nobody publishes; it counts all the same.
        self._connection.allowance.note_container()
        try:
            told = self._graph.post(at(account, "media"), {"media_type": "STORIES", **params})
        except GraphFault as fault:
            raise fault.as_core("preparing the story") from None
        container = text(told.get("id"))
        if not container.isdigit():
            raise Unavailable("Instagram prepared the story without saying as what. It is tried again by itself.")
        return container

    def _take_back(self, hosted: Hosted) -> None:
        # What cannot be removed now is swept up later.
        with suppress(PluginFault):
            if self._host is not None:
                self._host.remove(hosted.id)

    def _after_fault(self, prepared: Prepared, fault: GraphFault) -> Publication:
        """What became of a publishing that was answered with an error, or not at all: the container tells."""
        try:
            told = self._graph.get(at(prepared.container), {"fields": "status_code,status"})
        except _NOT_TOLD:
            told = {}
        container = container_in(told)
        if container.status is Status.PUBLISHED:
            return self._found(prepared)
        if fault.may_have_happened:
            raise fault.as_core("publishing the story", unrepeatable=True) from None
        if fault.remedy is Remedy.POLL:
            raise Unavailable("Instagram has not finished preparing the story.", retry_after=POLL)
        raise fault.as_core("publishing the story") from None

    def _not_known(self, prepared: Prepared, age: timedelta) -> InProgress | Gone:
        """Instagram says that there is no such container. It says so by mistake as well, above all early on."""
        if age < SETTLED_AFTER:
            return InProgress(SETTLED_AFTER - age + timedelta(seconds=1))
        live = self._live(prepared.account)
        if live is None or age > LIFE:
            raise Uncertain("Instagram does not know what was prepared, and cannot tell whether it was published.")
        if unknown(live, prepared.live):
            raise Uncertain("Instagram does not know what was prepared, and a story has come out since.")
        return Gone("Instagram does not know what was prepared any more, and nothing has come out since.")

    def _found(self, prepared: Prepared) -> Publication:
        """The proof of a story that went out unseen. Which of the live ones it is can be told if only one is new."""
        live = self._live(prepared.account) or ()
        candidates = since(live, prepared.made_at, prepared.live, video=prepared.video)
        metadata = _proof(prepared)
        if len(candidates) != 1:
            return Publication(f"container:{prepared.container}", None, self._now(), metadata)
        found = candidates[0]
        return Publication(found.id, found.permalink, found.at or self._now(), metadata)

    def _live(self, account: str) -> list[LiveStory] | None:
        """The stories that are live now; None when Instagram does not say: only a witness, never a condition."""
        asked: dict[str, str | int] = {"fields": "id,media_type,permalink,timestamp", "limit": _MOST_AT_ONCE}
        found: list[LiveStory] = []
        for _ in range(_MOST_PAGES):
            try:
                told = self._graph.get(at(account, "stories"), asked)
            except _NOT_TOLD:
                return None
            found += stories_in(told)
            paging = as_object(told.get("paging"))
            after = text(as_object(paging.get("cursors")).get("after"))
            if not text(paging.get("next")) or not after:
                return found
            asked["after"] = after
        return None

    def _permalink(self, remote_id: str) -> str | None:
        # It is an extra: whether it can be read says nothing of the story.
        try:
            return text(self._graph.get(at(remote_id), {"fields": "permalink"}, once=True).get("permalink")) or None
        except _NOT_TOLD:
            return None

    def _read(self, handle: Handle) -> Prepared:
        try:
            return Prepared.of(handle)
        except NotOurs as error:
            raise Uncertain(str(error)) from None


def _proof(prepared: Prepared) -> dict[str, object]:
    return {"container": prepared.container, "instagram_account": prepared.account}
