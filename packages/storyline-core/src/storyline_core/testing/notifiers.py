"""The contract of a notifier as tests: inherit `NotifierTests` and fill in two fixtures."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import BinaryIO, ClassVar, Protocol, cast

import attrs
import pytest

from storyline_core.errors import NotFound, PluginFault, Refused, Stale
from storyline_core.interfaces import Alert, AlertLevel, Contract, Decision, Draft, Notifier, Runtime
from storyline_core.media import Description
from storyline_core.posts import SETTLED, Message, Post, PostEvent, PostState
from storyline_core.testing.conformance import Conformance, only_core_errors
from storyline_core.testing.samples import NOON, draft_of, picture

AWKWARD = "*bold* _under_ [link](x) <b>&amp;</b> `code` ~~ {0} %s \\ \u202e 🎉 " + "long " * 400


class NotifierWorld(Protocol):
    """What is behind a notifier, as the tests look at it and disturb it."""

    def cards(self) -> int:
        """How many cards the team has been shown so far."""

    def tap(self, message: Message, draft: Draft, event: PostEvent) -> None:
        """Let somebody answer a card. Only if there is anything to tap."""

    def break_down(self) -> None:
        """Let nothing reach the team any more."""


class RecordingControls:
    """Core as a notifier sees it: it knows some drafts, writes down decisions, and can refuse them."""

    def __init__(self, *drafts: Draft) -> None:
        self.drafts = {draft.post.id: draft for draft in drafts}
        self.decisions: list[Decision] = []
        self.refuse = False

    def decide(self, decision: Decision) -> Post:
        """Write it down; the first valid one settles the post."""
        if decision.post_id not in self.drafts:
            raise NotFound("There is no such post.")
        if self.refuse:
            raise Stale("Ada has already posted it.")
        self.decisions.append(decision)
        draft = self.drafts[decision.post_id]
        post = attrs.evolve(draft.post, state=PostState.POSTED, revision=draft.post.revision + 1)
        self.drafts[decision.post_id] = attrs.evolve(draft, post=post)
        return post

    def post(self, post_id: str) -> Post:
        """One post as it is now."""
        return self.draft(post_id).post

    def draft(self, post_id: str) -> Draft:
        """One post with its item."""
        if post_id not in self.drafts:
            raise NotFound("There is no such post.")
        return self.drafts[post_id]


class NotifierTests(Conformance):
    """Inherit, set `kind_name`, and override the fixtures `world` (a `NotifierWorld`) and `options`.

    `cannot` may name `tap` (people decide elsewhere) and `break_down`.
    """

    contract: ClassVar[Contract] = Contract.NOTIFIER

    @pytest.fixture
    def world(self) -> NotifierWorld:
        """To be overridden."""
        raise NotImplementedError("Override the fixture `world` with what is behind the notifier.")

    @pytest.fixture
    def opened(self, reopen: Callable[[], object], world: NotifierWorld) -> Notifier:
        """The notifier, opened on the world."""
        return cast(Notifier, reopen())

    @pytest.fixture
    def draft(self) -> Draft:
        """A post to offer."""
        return draft_of(picture(1), publishable=True)

    def test_it_is_a_notifier(self, opened: Notifier) -> None:
        assert isinstance(opened, Notifier)

    def test_it_says_in_one_line_how_it_is(self, opened: Notifier) -> None:
        text = opened.check()
        assert text.strip()
        assert "\n" not in text

    def test_checking_disturbs_nobody(self, opened: Notifier, world: NotifierWorld) -> None:
        opened.check()
        assert world.cards() == 0

    def test_an_offer_is_one_card_and_a_message(
        self, opened: Notifier, world: NotifierWorld, draft: Draft, runtime: Runtime
    ) -> None:
        message = opened.offer(draft)
        assert isinstance(message, Message)
        assert message.notifier == runtime.name
        assert message.token
        message.token.encode()
        assert world.cards() == 1

    def test_a_reminder_is_a_card_as_well(self, opened: Notifier, world: NotifierWorld, draft: Draft) -> None:
        opened.offer(draft)
        assert isinstance(opened.offer(attrs.evolve(draft, reminder=True)), Message)
        assert world.cards() == 2

    def test_awkward_words_are_shown(self, opened: Notifier, world: NotifierWorld, draft: Draft) -> None:
        words = Description(
            title=AWKWARD, caption=AWKWARD, link_url="https://shop.com/a?b=c&d=(e)", tags=("a b", "#c"),
            requires_interaction=True, custom_metadata={"poll": {"question": AWKWARD, "options": ["a", "b"]}},
        )  # fmt: skip
        item = attrs.evolve(draft.item, description=words, name="we_ird*name.jpg")
        opened.offer(attrs.evolve(draft, item=item, publishable=False, last_posted_at=NOON - timedelta(days=40)))
        assert world.cards() == 1

    def test_a_file_that_is_gone_is_an_offer_or_a_clear_error(self, opened: Notifier, draft: Draft) -> None:
        def gone() -> BinaryIO:
            raise Refused("The file is not there any more.")

        only_core_errors(lambda: opened.offer(attrs.evolve(draft, open_media=gone)))

    @pytest.mark.parametrize("state", sorted(SETTLED))
    def test_a_card_is_brought_level_as_often_as_you_like(
        self, opened: Notifier, world: NotifierWorld, draft: Draft, state: PostState
    ) -> None:
        message = opened.offer(draft)
        post = attrs.evolve(
            draft.post, state=state, revision=5, decided_by="telegram:1", decided_at=NOON, settled_at=NOON, reason="so"
        )
        opened.update(message, post)
        opened.update(message, post)
        assert world.cards() == 1

    def test_a_card_of_long_ago_is_no_mistake(
        self, opened: Notifier, reopen: Callable[[], object], draft: Draft
    ) -> None:
        message = opened.offer(draft)
        only_core_errors(lambda: cast(Notifier, reopen()).update(message, draft.post))

    @pytest.mark.parametrize("level", list(AlertLevel))
    def test_alerts_are_raised_and_cleared(self, opened: Notifier, world: NotifierWorld, level: AlertLevel) -> None:
        alert = Alert(key="source:photos", level=level, text=f"The disk is gone. {AWKWARD}", remedy="Plug it in.")
        opened.alert(alert)
        opened.alert(attrs.evolve(alert, cleared=True))
        assert world.cards() == 0

    def test_listening_ends_when_it_is_told_to(self, opened: Notifier) -> None:
        stop = threading.Event()
        failed: list[BaseException] = []

        def listen() -> None:
            try:
                opened.listen(RecordingControls(), stop.is_set)
            except BaseException as error:  # noqa: BLE001 - carried over to the test's own thread
                failed.append(error)

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        stop.set()
        thread.join(timeout=15)
        assert not thread.is_alive(), "listen() did not return when stop() was True"
        assert not failed

    def test_nothing_waits_where_nobody_tapped(self, opened: Notifier) -> None:
        assert opened.poll_once(RecordingControls()) == 0

    def test_a_tap_is_one_decision_with_name_and_revision(
        self, opened: Notifier, world: NotifierWorld, draft: Draft
    ) -> None:
        self.unless_it_cannot("tap")
        controls = RecordingControls(draft)
        message = opened.offer(draft)
        world.tap(message, draft, PostEvent.POSTED)
        assert opened.poll_once(controls) == 1
        assert opened.poll_once(controls) == 0
        [decision] = controls.decisions
        assert (decision.post_id, decision.event) == (draft.post.id, PostEvent.POSTED)
        assert decision.revision == draft.revision
        assert ":" in decision.person

    def test_a_late_tap_is_told_and_stops_nothing(self, opened: Notifier, world: NotifierWorld, draft: Draft) -> None:
        self.unless_it_cannot("tap")
        controls = RecordingControls(draft)
        message = opened.offer(draft)
        world.tap(message, draft, PostEvent.POSTED)
        controls.refuse = True
        opened.poll_once(controls)
        controls.refuse = False
        world.tap(message, draft, PostEvent.SKIP)
        opened.poll_once(controls)
        assert [decision.event for decision in controls.decisions] == [PostEvent.SKIP]

    def test_only_core_errors_when_nothing_gets_through(
        self, opened: Notifier, world: NotifierWorld, draft: Draft
    ) -> None:
        self.unless_it_cannot("break_down")
        message = opened.offer(draft)
        world.break_down()
        assert isinstance(only_core_errors(lambda: opened.offer(draft)), PluginFault)
        only_core_errors(lambda: opened.update(message, draft.post))
        only_core_errors(lambda: opened.alert(Alert("x", AlertLevel.ERROR, "x")))
        only_core_errors(lambda: opened.poll_once(RecordingControls()))
