"""What a post needs next: every state at every time, under everything that can be true around it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product

import attrs
import pytest

from storyline_core.accounts import Account, Mode, Unanswered
from storyline_core.agenda import CLAIM_FOR, LAPSE_MARGIN, RETRY_SPAN, NextTask, Standing, Task, goes_to_team, next_task
from storyline_core.posts import SETTLED, Handle, Origin, Post, PostState

S, T = PostState, Task
DUE = datetime(2026, 5, 1, 9, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
GRACE, REMIND, ANSWER = HOUR, 2 * HOUR, 24 * HOUR
"""The account's usual patience: until offered or published, until reminded, until given up."""

TEAM = Standing()
BOTH = Standing(has_publisher=True)
ALONE = Standing(has_publisher=True, has_notifier=False)
NOBODY = Standing(has_notifier=False)


def post_in(state: PostState, **more: object) -> Post:
    """A post of a slot as it usually stands in this state."""
    post = Post(
        id="abc",
        account="main",
        origin=Origin.SCHEDULE,
        slot_key="main/2026-05-01/0",
        slot_at=DUE,
        due_at=DUE,
        created_at=DUE - 24 * HOUR,
        item_id=7,
        digest="d7",
        state=state,
        offered_at=DUE if state in (S.OFFERING, S.OFFERED, S.SNOOZED) else None,
        handle=Handle("stage", "1") if state in (S.PREPARED, S.PUBLISHING, S.UNCERTAIN) else None,
    )
    return attrs.evolve(post, **more)  # type: ignore[arg-type]


@attrs.frozen
class Case:
    """A post, so long after its time, in an account of this mode, and what it needs then."""

    name: str
    post: Post
    after: timedelta
    needs: Task
    why: str = ""
    around: Standing = BOTH
    mode: Mode = Mode.AUTO
    unanswered: Unanswered = Unanswered.MISSED
    dry_run: bool = False

    def answer(self) -> NextTask:
        account = Account("main", ("photos",), mode=self.mode, unanswered=self.unanswered, dry_run=self.dry_run)
        return next_task(self.post, account, self.around, DUE + self.after)


def but(standing: Standing, **more: object) -> Standing:
    return attrs.evolve(standing, **more)  # type: ignore[arg-type]


scheduled = post_in(S.SCHEDULED)
chosen = post_in(S.SCHEDULED, origin=Origin.CHOSEN, slot_key=None)
manual, approve, hybrid, auto = Mode.MANUAL, Mode.APPROVE, Mode.HYBRID, Mode.AUTO

SCHEDULED = [
    Case("waits for its time", scheduled, -SECOND, T.WAIT),
    Case("by hand it is offered at its time", scheduled, 0 * HOUR, T.OFFER, around=TEAM, mode=manual),
    Case("by hand although there is a publisher", scheduled, 0 * HOUR, T.OFFER, mode=manual),
    Case("to be approved it is offered", scheduled, 0 * HOUR, T.OFFER, mode=approve),
    Case("by itself it is approved", scheduled, 0 * HOUR, T.APPROVE),
    Case("without a team it is approved", scheduled, 0 * HOUR, T.APPROVE, around=ALONE),
    Case("hybrid: what needs nobody is approved", scheduled, 0 * HOUR, T.APPROVE, mode=hybrid),
    Case(
        "hybrid: what needs a sticker is offered",
        scheduled,
        0 * HOUR,
        T.OFFER,
        around=but(BOTH, needs_person=True),
        mode=hybrid,
    ),
    Case(
        "hybrid: what cannot be sent is offered",
        scheduled,
        0 * HOUR,
        T.OFFER,
        around=but(BOTH, sendable=False),
        mode=hybrid,
    ),
    Case("auto: what needs a sticker is offered", scheduled, 0 * HOUR, T.OFFER, around=but(BOTH, needs_person=True)),
    Case("what was handed over is offered", attrs.evolve(scheduled, by_hand=True), 0 * HOUR, T.OFFER),
    Case("with neither side it is tried until missed", scheduled, 0 * HOUR, T.OFFER, around=NOBODY, mode=manual),
    Case("at the end of its grace it still goes", scheduled, GRACE, T.APPROVE),
    Case("beyond its grace it is missed", scheduled, GRACE + SECOND, T.MISS, "was not running"),
    Case("missed while stopped", scheduled, GRACE + SECOND, T.MISS, "is paused", but(BOTH, stopped="it is paused")),
    Case("missed after trouble", scheduled, GRACE + SECOND, T.MISS, "was down", but(BOTH, trouble="it was down")),
    Case("missed since unfit", scheduled, GRACE + SECOND, T.MISS, "is held", but(BOTH, unfit="it is held")),
    Case(
        "missed after a failure", attrs.evolve(scheduled, last_error="no answer"), GRACE + SECOND, T.MISS, "no answer"
    ),
    Case("what is unfit is swapped before its time", scheduled, -5 * HOUR, T.SWAP, "held", but(BOTH, unfit="held")),
    Case("and at its time", scheduled, 0 * HOUR, T.SWAP, "held", but(BOTH, unfit="held", stopped="paused")),
    Case("what somebody chose is not", chosen, 0 * HOUR, T.WAIT, "gone", but(BOTH, unfit="gone")),
    Case("but missed in the end", chosen, GRACE + SECOND, T.MISS, "gone", but(BOTH, unfit="gone")),
    Case("waits while its line stands still", scheduled, 0 * HOUR, T.WAIT, "paused", but(BOTH, stopped="paused")),
    Case("waits for its next try", attrs.evolve(scheduled, next_try_at=DUE + MINUTE), 0 * HOUR, T.WAIT),
    Case("rehearses", scheduled, 0 * HOUR, T.DRY_RUN, "dry run", dry_run=True),
    Case("rehearses at its time only", scheduled, -SECOND, T.WAIT, dry_run=True),
]

UNREHEARSED = but(BOTH, unrehearsed=True)
NEVER_REHEARSED = [
    but(UNREHEARSED, has_publisher=False),
    but(UNREHEARSED, needs_person=True),
    but(UNREHEARSED, sendable=False),
    but(UNREHEARSED, stopped="paused"),
]

AHEAD = [
    Case("an hour ahead it is tried out", scheduled, -HOUR, T.REHEARSE, around=UNREHEARSED),
    Case("up to its time", scheduled, -SECOND, T.REHEARSE, around=UNREHEARSED),
    Case("not sooner", scheduled, -HOUR - SECOND, T.WAIT, around=UNREHEARSED),
    Case("not at its time", scheduled, 0 * HOUR, T.APPROVE, around=UNREHEARSED),
    Case("once", scheduled, -HOUR, T.WAIT, around=BOTH),
    Case("also what a person approves later", scheduled, -HOUR, T.REHEARSE, around=UNREHEARSED, mode=approve),
    Case("also what one approved ahead", post_in(S.APPROVED), -HOUR, T.REHEARSE, around=UNREHEARSED),
    Case("not what is prepared already", post_in(S.PREPARED), -HOUR, T.WAIT, around=UNREHEARSED),
    Case("not what is posted by hand", scheduled, -HOUR, T.WAIT, around=UNREHEARSED, mode=manual),
    Case("nor what was handed over", attrs.evolve(scheduled, by_hand=True), -HOUR, T.WAIT, around=UNREHEARSED),
    Case("nor where nobody is contacted", scheduled, -HOUR, T.WAIT, around=UNREHEARSED, dry_run=True),
    Case("what is unfit is swapped instead", scheduled, -HOUR, T.SWAP, "held", but(UNREHEARSED, unfit="held")),
    *(Case("not where no publisher sends it", scheduled, -HOUR, T.WAIT, around=around) for around in NEVER_REHEARSED),
]

offered = post_in(S.OFFERED)
offering = post_in(S.OFFERING)
snoozed = post_in(S.SNOOZED, due_at=DUE + 3 * HOUR)
held_back = post_in(S.SNOOZED, due_at=DUE + 3 * HOUR, offered_at=None)
reminded = attrs.evolve(offered, reminded_at=DUE + REMIND)
escalated = attrs.evolve(reminded, escalated_at=DUE + ANSWER)
publish, escalate = Unanswered.PUBLISH, Unanswered.ESCALATE
GONE, STOPPED = but(BOTH, unfit="it is gone"), but(BOTH, stopped="it is paused")

SHOWN = [
    Case("a card waits for an answer", offered, REMIND - SECOND, T.WAIT),
    Case("is reminded of", offered, REMIND, T.REMIND, "nobody has answered"),
    Case("once", reminded, ANSWER - SECOND, T.WAIT),
    Case("not where reminders are switched off", offered, REMIND, T.WAIT, "", but(BOTH, reminders=False)),
    Case("but of a card that nobody saw", offering, REMIND, T.REMIND, "nobody saw", but(BOTH, reminders=False)),
    Case("also if nobody saw it arrive", offering, REMIND, T.REMIND, "nobody saw"),
    Case("not while the line stands still", offered, REMIND, T.WAIT, "paused", STOPPED),
    Case("not where the team is gone", offered, REMIND, T.WAIT, around=ALONE),
    Case("not in a rehearsal", offered, REMIND, T.WAIT, dry_run=True),
    Case("not while somebody posts it", attrs.evolve(offered, reserved_until=DUE + 3 * HOUR), REMIND, T.WAIT),
    Case("from the end of its snooze on", attrs.evolve(offered, due_at=DUE + HOUR), REMIND, T.WAIT),
    Case("and then again", attrs.evolve(offered, due_at=DUE + HOUR), REMIND + HOUR, T.REMIND),
    Case("unanswered it is missed", reminded, ANSWER, T.MISS, "nobody answered"),
    Case("even while the line stands still", reminded, ANSWER, T.MISS, "nobody answered", STOPPED),
    Case("and never seen to arrive", offering, ANSWER, T.MISS, "nobody saw whether its card arrived"),
    Case(
        "but not under somebody's hands", attrs.evolve(reminded, reserved_until=DUE + ANSWER + MINUTE), ANSWER, T.WAIT
    ),
    Case("afterwards it is", attrs.evolve(reminded, reserved_until=DUE + ANSWER), ANSWER, T.MISS),
    Case("the time runs from the card", attrs.evolve(reminded, offered_at=DUE + HOUR), ANSWER, T.WAIT),
    Case("or is escalated", reminded, ANSWER, T.ESCALATE, "nobody answered", unanswered=escalate),
    Case("once", escalated, ANSWER + HOUR, T.WAIT, unanswered=escalate),
    Case("and missed after as long again", escalated, 2 * ANSWER, T.MISS, "nobody answered", unanswered=escalate),
    Case("or is published", reminded, ANSWER, T.APPROVE, "publishes then", mode=approve, unanswered=publish),
    Case("not what needs a sticker", reminded, ANSWER, T.MISS, "", but(BOTH, needs_person=True), unanswered=publish),
    Case("not what cannot be sent", reminded, ANSWER, T.MISS, "", but(BOTH, sendable=False), unanswered=publish),
    Case("not what failed before", attrs.evolve(reminded, by_hand=True), ANSWER, T.MISS, unanswered=publish),
    Case("not what is gone", reminded, ANSWER, T.MISS, "it is gone", GONE, unanswered=publish),
    Case("not without a publisher", reminded, ANSWER, T.MISS, "nobody answered", TEAM, unanswered=publish),
    Case("in a rehearsal it is only missed", reminded, ANSWER, T.MISS, unanswered=escalate, dry_run=True),
    Case("a snoozed card sleeps", snoozed, 3 * HOUR - SECOND, T.WAIT, mode=manual),
    Case("and returns", snoozed, 3 * HOUR, T.OFFER, "snooze is over", mode=manual),
    Case("not while the line stands still", snoozed, 3 * HOUR, T.WAIT, "paused", STOPPED, mode=manual),
    Case("with another item, if its own is gone", snoozed, 3 * HOUR, T.SWAP, "gone", GONE, mode=manual),
    Case(
        "unless somebody chose it",
        attrs.evolve(snoozed, origin=Origin.CHOSEN),
        3 * HOUR,
        T.WAIT,
        "gone",
        GONE,
        mode=manual,
    ),
    Case("is published where the team is gone", snoozed, 3 * HOUR, T.APPROVE, around=ALONE),
    Case("rehearses", snoozed, 3 * HOUR, T.DRY_RUN, mode=manual, dry_run=True),
    Case("is never asleep for longer than an answer may take", snoozed, ANSWER, T.MISS, mode=manual),
    Case("snoozed before it was shown it has the whole time", held_back, ANSWER, T.OFFER, mode=manual),
    Case("but no more", held_back, ANSWER + 3 * HOUR, T.MISS, mode=manual),
]

approved = post_in(S.APPROVED)
prepared = post_in(S.PREPARED)
by_anna = attrs.evolve(approved, decided_by="anna", decided_at=DUE + HOUR, offered_at=DUE)
ahead_of_time = attrs.evolve(approved, decided_by="anna", decided_at=DUE - 40 * HOUR)
tried = attrs.evolve(approved, tries=1, next_try_at=DUE + 5 * MINUTE, last_error="it broke")
expired = attrs.evolve(prepared, handle=Handle("stage", "1", expires_at=DUE + MINUTE))

ON_ITS_WAY = [
    Case("what is approved is prepared", approved, 0 * HOUR, T.PREPARE),
    Case("what is prepared is published", prepared, 0 * HOUR, T.PUBLISH),
    Case("while its handle lasts", expired, 0 * HOUR, T.PUBLISH),
    Case("then it is prepared again", expired, MINUTE, T.PREPARE_AGAIN, "expired"),
    Case("as without a handle", attrs.evolve(prepared, handle=None), 0 * HOUR, T.PREPARE_AGAIN),
    Case("or with another's", prepared, 0 * HOUR, T.PREPARE_AGAIN, "another publisher", but(BOTH, foreign=True)),
    Case("waits for its next try", tried, 4 * MINUTE, T.WAIT),
    Case("and takes it", tried, 5 * MINUTE, T.PREPARE),
    Case("waits while the line stands still", prepared, 0 * HOUR, T.WAIT, "paused", STOPPED),
    Case("within its grace", prepared, GRACE, T.PUBLISH),
    Case("beyond it is missed", prepared, GRACE + SECOND, T.MISS, "did not answer in time"),
    Case("with the reason", prepared, GRACE + SECOND, T.MISS, "paused", STOPPED),
    Case("failures have room for their retries", tried, GRACE + RETRY_SPAN, T.PREPARE),
    Case("and no more", tried, GRACE + RETRY_SPAN + SECOND, T.MISS, "it broke"),
    Case("what a person approved may take as long as an answer", by_anna, HOUR + ANSWER, T.PREPARE),
    Case("and no longer", by_anna, HOUR + ANSWER + SECOND, T.MISS),
    Case("what is approved ahead waits for its time", ahead_of_time, -SECOND, T.WAIT),
    Case("however long ago that was", ahead_of_time, GRACE, T.PREPARE),
    Case("also in a rehearsal", ahead_of_time, -SECOND, T.WAIT, dry_run=True),
    Case(
        "a snoozed card that is approved goes at once",
        attrs.evolve(by_anna, due_at=DUE + 9 * HOUR),
        HOUR,
        T.PREPARE,
        mode=approve,
    ),
    Case("what is gone is swapped", approved, 0 * HOUR, T.SWAP, "gone", GONE),
    Case("also when it is prepared", prepared, 0 * HOUR, T.SWAP, "gone", GONE),
    Case("not if somebody chose it", attrs.evolve(prepared, origin=Origin.CHOSEN), 0 * HOUR, T.WAIT, "gone", GONE),
    Case("a rehearsal publishes nothing", prepared, 0 * HOUR, T.DRY_RUN, dry_run=True),
    Case("nor prepares", by_anna, HOUR, T.DRY_RUN, mode=approve, dry_run=True),
    Case("without a publisher it is the team's", prepared, 0 * HOUR, T.HAND_OVER, "no publisher", TEAM, mode=manual),
    Case("even if a person approved it", by_anna, HOUR, T.HAND_OVER, "no publisher", TEAM, mode=manual),
    Case("a stopped line does not keep it", prepared, 0 * HOUR, T.HAND_OVER, "", but(TEAM, stopped="x"), mode=manual),
    Case("by now posted by hand", approved, 0 * HOUR, T.HAND_OVER, "the team's", mode=manual),
    Case("by now to be approved", prepared, 0 * HOUR, T.HAND_OVER, "the team's", mode=approve),
    Case("by now with a sticker", approved, 0 * HOUR, T.HAND_OVER, "", but(BOTH, needs_person=True), mode=hybrid),
    Case("what a person approved goes", by_anna, HOUR, T.PREPARE, mode=approve),
    Case(
        "and what nobody answered", attrs.evolve(approved, offered_at=DUE - ANSWER), 0 * HOUR, T.PREPARE, mode=approve
    ),
    Case("with neither side it is tried until missed", approved, 0 * HOUR, T.PREPARE, around=NOBODY),
]

publishing = post_in(S.PUBLISHING, claimed_by="a", claimed_until=DUE + CLAIM_FOR)
uncertain = post_in(S.UNCERTAIN)
look_later = attrs.evolve(uncertain, next_try_at=DUE + MINUTE)
BLIND = but(BOTH, can_look=False)

UNSEEN = [
    Case("somebody is at it", publishing, CLAIM_FOR - SECOND, T.WAIT),
    Case("and perhaps only slow", publishing, CLAIM_FOR + LAPSE_MARGIN - SECOND, T.WAIT),
    Case("then it is looked for", publishing, CLAIM_FOR + LAPSE_MARGIN, T.FIND),
    Case("also where nobody can look, to ask", publishing, HOUR, T.FIND, around=BLIND),
    Case("also where the publisher is gone", publishing, HOUR, T.FIND, around=TEAM, mode=manual),
    Case("also in a pause", publishing, HOUR, T.FIND, around=STOPPED),
    Case("also in a rehearsal", publishing, HOUR, T.FIND, dry_run=True),
    Case("also days later", publishing, 99 * HOUR, T.FIND),
    Case("without a claim at once", attrs.evolve(publishing, claimed_until=None), 0 * HOUR, T.FIND),
    Case("the uncertain is looked for", uncertain, 0 * HOUR, T.FIND),
    Case("at its time", look_later, MINUTE - SECOND, T.WAIT),
    Case("which comes", look_later, MINUTE, T.FIND),
    Case("never given up", uncertain, 99 * HOUR, T.FIND, around=GONE),
    Case("where nobody can look a person is asked already", uncertain, 99 * HOUR, T.WAIT, around=BLIND),
    Case("as where the publisher is gone", uncertain, 99 * HOUR, T.WAIT, around=TEAM, mode=manual),
]


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=f"{case.post.state}: {case.name}")
        for case in (*SCHEDULED, *AHEAD, *SHOWN, *ON_ITS_WAY, *UNSEEN)
    ],
)
def test_what_a_post_needs(case: Case) -> None:
    answer = case.answer()
    assert answer.task is case.needs
    assert case.why in answer.why


@pytest.mark.parametrize("state", sorted(SETTLED))
def test_what_is_settled_needs_nothing(state: PostState) -> None:
    for after, around, dry_run in product((-HOUR, 0 * HOUR, 99 * HOUR), (TEAM, BOTH, GONE, STOPPED), (True, False)):
        assert Case("", post_in(state), after, T.WAIT, around=around, dry_run=dry_run).answer().task is T.WAIT


@pytest.mark.parametrize("state", sorted(set(PostState) - SETTLED))
def test_what_somebody_works_on_is_left_alone(state: PostState) -> None:
    claimed = post_in(state, claimed_by="a", claimed_until=DUE + 99 * HOUR)
    for after, around in product((0 * HOUR, 50 * HOUR), (TEAM, BOTH, GONE, STOPPED)):
        assert Case("", claimed, after, T.WAIT, around=around).answer().task is T.WAIT


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("around", [TEAM, BOTH, ALONE, NOBODY], ids=["team", "both", "alone", "nobody"])
@pytest.mark.parametrize("needs_person", [True, False], ids=["sticker", "plain"])
def test_who_posts_it(mode: Mode, around: Standing, needs_person: bool) -> None:
    account = Account("main", ("photos",), mode=mode)
    team = goes_to_team(scheduled, account, but(around, needs_person=needs_person))
    if around in (TEAM, NOBODY):
        assert team
    elif around == ALONE:
        assert not team
    else:
        assert team == (mode in (manual, approve) or needs_person)


def everything() -> Iterator[Case]:
    """Every unsettled state at telling times, with every combination of what can be true around it."""
    posts = [
        *(post_in(state) for state in sorted(set(PostState) - SETTLED)),
        *(chosen, by_anna, ahead_of_time, tried, expired, reminded, escalated, held_back),
        *(attrs.evolve(each, by_hand=True) for each in (scheduled, approved, reminded)),
    ]
    times = (-30 * HOUR, -SECOND, 0 * HOUR, GRACE, GRACE + SECOND, REMIND, ANSWER, 3 * ANSWER)
    flags = (True, False)
    for has_notifier, has_publisher, needs_person, unfit, stopped, foreign in product(flags, repeat=6):
        around = Standing(
            needs_person=needs_person,
            unfit="it is gone" if unfit else "",
            stopped="it is paused" if stopped else "",
            has_notifier=has_notifier,
            has_publisher=has_publisher,
            foreign=foreign,
            can_look=not foreign,
        )
        for post, after, mode, unanswered in product(posts, times, Mode, Unanswered):
            yield Case("", post, after, T.WAIT, around=around, mode=mode, unanswered=unanswered)


REACHES_SOMEBODY = frozenset({T.OFFER, T.REMIND, T.ESCALATE, T.APPROVE, T.PREPARE, T.PUBLISH})
BEGINS = frozenset({T.OFFER, T.APPROVE, T.PREPARE, T.PUBLISH})


def test_what_is_never_done_whatever_comes_together() -> None:
    for case in everything():
        task, around = case.answer().task, case.around
        if around.unfit:
            assert task not in BEGINS, case
        if around.stopped:
            assert task not in (T.OFFER, T.REMIND, T.PREPARE, T.PUBLISH), case
        if around.foreign or (around.has_notifier and not around.has_publisher):
            assert task is not T.PUBLISH, case
        if not around.has_publisher:
            assert task is not T.APPROVE, case
        if not around.has_notifier:
            assert task not in (T.REMIND, T.HAND_OVER), case
            assert task is not T.OFFER or not around.has_publisher, case
        if case.after < timedelta() and case.post.offered_at is None:
            assert task not in BEGINS, case
        assert attrs.evolve(case, dry_run=True).answer().task not in REACHES_SOMEBODY, case


def test_nothing_waits_for_ever_but_a_question() -> None:
    for case in everything():
        if case.after < 3 * ANSWER or case.answer().task is not T.WAIT:
            continue
        # Whether it is live is a question that only a person, or the publisher that knows, can answer.
        assert case.post.state is S.UNCERTAIN, case
        assert not (case.around.has_publisher and case.around.can_look), case


def ahead(post: Post, after: timedelta, around: Standing = BOTH, mode: Mode = manual, **more: object) -> Task:
    """What a post needs in an account that shows cards two hours ahead."""
    account = Account("main", ("photos",), mode=mode, offer_ahead=2 * HOUR)
    return next_task(post, attrs.evolve(account, **more), around, DUE + after).task  # type: ignore[arg-type]


def test_a_card_may_be_shown_ahead_of_its_time() -> None:
    assert ahead(scheduled, -2 * HOUR - SECOND) is T.WAIT
    assert ahead(scheduled, -2 * HOUR) is T.OFFER
    assert ahead(scheduled, -HOUR, mode=approve) is T.OFFER
    assert ahead(scheduled, -HOUR, mode=auto) is T.WAIT
    assert ahead(scheduled, -HOUR, mode=hybrid, around=but(BOTH, needs_person=True)) is T.OFFER
    assert ahead(scheduled, -HOUR, around=but(BOTH, stopped="paused")) is T.WAIT
    assert ahead(scheduled, -HOUR, dry_run=True) is T.WAIT
    assert ahead(post_in(S.SCHEDULED, next_try_at=DUE), -HOUR) is T.WAIT


def test_what_was_shown_ahead_waits_for_its_time_and_nobody_is_late_with_it() -> None:
    shown = post_in(S.OFFERED, offered_at=DUE - 2 * HOUR)
    assert ahead(shown, -SECOND) is T.WAIT
    assert ahead(shown, REMIND - SECOND) is T.WAIT
    assert ahead(shown, REMIND) is T.REMIND
    reminded = attrs.evolve(shown, reminded_at=DUE + REMIND)
    assert ahead(reminded, ANSWER - SECOND) is T.WAIT
    assert ahead(reminded, ANSWER) is T.MISS
    said = post_in(S.APPROVED, offered_at=DUE - 2 * HOUR, decided_by="memory:1", decided_at=DUE - HOUR)
    assert ahead(said, -SECOND, mode=approve) is T.WAIT
    assert ahead(said, 0 * HOUR, mode=approve) is T.PREPARE
