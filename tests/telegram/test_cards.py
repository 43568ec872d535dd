"""A card is valid, short enough and says what matters, whatever people and files say."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from storyline_core import Description, Details, Draft, Post, PostEvent, PostState, advance, stickers
from storyline_telegram.cards import USUAL, Framing, card_text, copy_messages, fitted_note, values_of
from storyline_telegram.moments import moment
from storyline_telegram.outcomes import FOOTER_MOST, brief, footer
from storyline_telegram.templates import DEFAULT, Template, read_template
from storyline_telegram.texts import CAPTION_LIMIT, TEXT_LIMIT, copyable
from tests.local.drafts import AT, BERLIN, WORDS, again, draft_of
from tests.telegram.hostile import FAMILY, TITLES, drafts, hostile, lives
from tests.telegram.markup import length, read

ADA = {"telegram:1": "Ada"}
SHORT = read_template("{title} {{a}}")


def of(words: Description, draft: Draft | None = None) -> Draft:
    draft = draft or draft_of(b"0" * 4_200_000, post="k3f9a2bcde")
    return attrs.evolve(draft, item=attrs.evolve(draft.item, description=words))


@given(drafts(), st.sampled_from((CAPTION_LIMIT, TEXT_LIMIT)), st.sampled_from((USUAL, SHORT)), hostile, st.booleans())
def test_every_card_can_be_sent_and_says_when_and_which(
    draft: Draft, limit: int, template: Template, note: str, dry_run: bool
) -> None:
    now = draft.post.due_at + timedelta(minutes=1)
    text = card_text(draft, now, names=ADA, template=template, framing=Framing(note=note, dry_run=dry_run), limit=limit)
    said = read(text)
    assert length(said) <= limit
    assert draft.post.id in said
    assert moment(draft.post.due_at, draft.zone) in said
    assert not {each for each in said if each in "\u202a\u202b\u202c\u202d\u202e\x00\x07\u200b"}
    assert said.count("\u2068") == said.count("\u2069")


@given(lives(), st.integers(-10, 4_000))
@example(again(draft_of(b""), state=PostState.UNCERTAIN).post, 0)
def test_every_life_has_its_footer(post: Post, minutes: int) -> None:
    now = post.due_at + timedelta(minutes=minutes)
    assert length(footer(post, BERLIN, now, ADA)) <= FOOTER_MOST
    assert brief(post, BERLIN, now, ADA)
    assert bool(footer(post, BERLIN, now, ADA)) or not post.settled


@pytest.mark.parametrize("title", TITLES)
def test_a_hostile_title_leaves_the_rest_of_the_card_alone(title: str) -> None:
    said = read(card_text(of(attrs.evolve(WORDS, title=title)), AT))
    for fact in (
        "New in: the summer tee.",
        'Poll: "Which one?" — red / blue',
        "https://shop.example/tee",
        "k3f9a2bcde",
    ):
        assert fact in said


@pytest.mark.parametrize("title", ["", " \t\n\u2003", "\u2800\u3164\u200d", "\x00\x07"])
def test_a_card_without_a_title_is_called_after_its_file(title: str) -> None:
    assert read(card_text(of(attrs.evolve(WORDS, title=title)), AT)).startswith("tee.jpg\n")


def test_words_from_right_to_left_turn_nothing_around() -> None:
    assert card_text(of(attrs.evolve(WORDS, title="abc שלום")), AT).startswith("<b>\u2068abc שלום\u2069</b>\n")
    assert card_text(of(attrs.evolve(WORDS, title="\u202egnp.exe")), AT).startswith("<b>gnp.exe</b>\n")


def test_a_long_caption_gives_way_before_the_stickers_and_after_the_reasons() -> None:
    draft = again(of(attrs.evolve(WORDS, caption="word " * 1_000)), why=("a reason " * 10,))
    said = read(card_text(draft, AT))
    assert length(said) > CAPTION_LIMIT - 20
    assert "Why" not in said
    assert "word…" in said
    assert 'Poll: "Which one?" — red / blue' in said
    assert said.startswith("Summer tee\n")


def test_a_poll_with_long_answers_keeps_its_question() -> None:
    poll = {"question": "Which one of them?", "options": ["red " * 900, "blue"]}
    draft = of(Description(title="T" * 5_000, caption="c" * 5_000, custom_metadata={"poll": poll}))
    said = read(card_text(draft, AT))
    assert 'Add poll: "Which one of them?" — red' in said
    assert length(said) <= CAPTION_LIMIT


def test_of_many_stickers_each_says_something() -> None:
    wishes = {f"note {number}": "x" * 900 for number in range(8)}
    said = read(card_text(of(Description(title="T", caption="c " * 900, custom_metadata=wishes)), AT))
    assert all(f"• Note {number}: xxx" in said for number in range(8))


def test_nothing_is_cut_through_a_visible_character() -> None:
    for filling in range(12):
        said = read(card_text(of(Description(caption="x" * filling + FAMILY * 400)), AT))
        shown = next(line for line in said.split("\n") if FAMILY in line)
        assert set(shown.lstrip("x").rstrip("…").split(FAMILY)) == {""}


@given(hostile)
def test_what_is_to_be_copied_is_whole(caption: str) -> None:
    messages = copy_messages(caption)
    assert all(0 < length(read(each)) <= TEXT_LIMIT for each in messages)
    assert "".join("".join(map(read, messages)).split()) == "".join(copyable(caption).split())


def test_a_caption_that_fits_is_one_message_word_for_word() -> None:
    assert [read(each) for each in copy_messages("One\n\n<two> & שלום")] == ["One\n\n<two> & שלום"]


def test_a_reminder_says_so_until_it_is_settled() -> None:
    draft = attrs.evolve(of(WORDS), reminder=True)
    assert "Reminder" in card_text(draft, AT)
    assert "Reminder" not in card_text(again(draft, state=PostState.POSTED), AT)


def test_the_caption_stays_below_an_outcome() -> None:
    offered = again(of(WORDS), state=PostState.OFFERED, offered_at=AT)
    done = advance(offered.post, PostEvent.SKIP, AT + timedelta(minutes=5), Details(by="telegram:1", person=True))
    said = read(card_text(attrs.evolve(offered, post=done), AT + timedelta(hours=1), names=ADA))
    assert said.endswith("\n\nSkipped by Ada at 09:05, 5 min after the card came.")
    assert "New in: the summer tee." in said


def test_a_link_is_named_once() -> None:
    with_link = read_template("{title}\n{link}\n{stickers}\n{time} {id}")
    for template in (USUAL, with_link):
        assert read(card_text(of(WORDS), AT, template=template)).count("https://shop.example/tee") == 1


def test_the_stickers_are_those_of_core() -> None:
    rows = values_of(of(WORDS))["stickers"].split("\n")
    assert rows == ["Add:", *(f"• {each}" for each in stickers(WORDS))]


def test_the_usual_template_is_one_that_people_could_write() -> None:
    assert read_template(DEFAULT) == USUAL


def test_a_note_on_a_smaller_version_says_both_sizes() -> None:
    assert fitted_note(62_000_000, 50_000_000) == ("A smaller version: the original (62 MB) is over Telegram's 50 MB.")
