"""A template is read or every mistake in it is named; what it shows is valid whatever the values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_core import SettingsError
from storyline_telegram.templates import FIELDS, MOST_WORDS, Mistake, laid_out, mistakes_in, read_template
from storyline_telegram.texts import lines
from tests.telegram.hostile import hostile
from tests.telegram.markup import length, read

VALUES = {"title": "Tea & <cake>", "caption": "One\nTwo", "time": "Fri", "id": "k3f9a2"}

pieces = st.one_of(
    st.sampled_from(FIELDS).map("{{{}}}".format),
    st.sampled_from(
        (
            "<b>",
            "</b>",
            "<i>",
            "</i>",
            "<code>",
            "</code>",
            '<a href="https://x.example">',
            "</a>",
            "<blockquote expandable>",
            "</blockquote>",
            "<br>",
            "{{",
            "}}",
            "{",
            "&lt;",
            "&#8226;",
            "&",
            "\n",
            "<",
            ">",
            "{x}",
            '<span class="tg-spoiler">',
            "</span>",
            "<pre>",
            "</pre>",
        )
    ),
    st.text(max_size=6),
)


@given(st.lists(pieces, max_size=10).map("".join), st.dictionaries(st.sampled_from(FIELDS), hostile.map(lines)))
def test_a_template_is_valid_or_its_mistakes_are_named(text: str, values: dict[str, str]) -> None:
    mistakes = mistakes_in(text)
    if not mistakes:
        markup, units = laid_out(read_template(text), values)
        assert length(read(markup)) == units
        return
    rows = text.split("\n")
    for mistake in mistakes:
        assert 1 <= mistake.line <= len(rows)
        assert 1 <= mistake.column <= len(rows[mistake.line - 1]) + 1
    with pytest.raises(SettingsError) as refused:
        read_template(text, "notifiers.team.template")
    assert len(refused.value.problems) == len(mistakes)
    assert str(refused.value).startswith("notifiers.team.template: line ")


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("{title}\n  {titel}", 2, 3, "there is no field {titel}. There are {title}, {caption}"),
        ("{title", 1, 1, "a single {. Write {{ for the sign itself."),
        ("{title} }", 1, 9, "a single }. Write }}"),
        ("<b>{title}", 1, 1, "<b> is not closed on this line"),
        ("<b>{title}\n</b>", 2, 1, "closes a tag that was not opened on this line"),
        ("<b><i>{title}</b></i>", 1, 14, "</b> stands where </i> must come first"),
        ("{title}<br>", 1, 8, "Telegram does not know <br>"),
        ("{title} < 3", 1, 9, "a single <. Write &lt;"),
        ("{title} & Co", 1, 9, "a single &. Write &amp;"),
        ("{title}&nbsp;", 1, 8, "Telegram does not know &nbsp;"),
        ('<a href="{link}">{title}</a>', 1, 1, "a field cannot stand inside a tag"),
        ("<a href='https://x.example'>{title}</a>", 1, 1, "with double quotes"),
        ('<a href="javascript:x">{title}</a>', 1, 1, "a link is written"),
        ('<b class="x">{title}</b>', 1, 1, "more in it than Telegram reads"),
        ("<code><b>{title}</b></code>", 1, 7, "cannot stand inside <code>"),
        ("<b><b>{title}</b></b>", 1, 4, "inside another <b>"),
        ("<span>{title}</span>", 1, 1, "tg-spoiler"),
        ("hello", 1, 1, "there is no field in it"),
        ("{title}" + "x" * (MOST_WORDS + 1), 1, 1, "301 characters"),
    ],
)
def test_a_mistake_is_named_where_it_stands(text: str, line: int, column: int, says: str) -> None:
    found = [each for each in mistakes_in(text) if (each.line, each.column) == (line, column)]
    assert any(says in each.text for each in found)


def test_all_mistakes_are_named_together() -> None:
    found = mistakes_in("{titel}\n<b>{caption}\n&nbsp; {id")
    assert [(each.line, each.column) for each in found] == [(1, 1), (2, 1), (3, 1), (3, 8)]
    assert str(Mistake(3, 8, "what")) == "line 3, column 8: what"


def test_lines_vanish_with_their_only_field() -> None:
    template = read_template("<b>{title}</b>\n\nLink: {link}\nTags: {tags} {why}\n\n{caption}\nBy hand")
    assert laid_out(template, VALUES)[0] == "<b>Tea &amp; &lt;cake&gt;</b>\n\nOne\nTwo\nBy hand"


def test_braces_tags_and_signs_that_telegram_knows_may_stand_there() -> None:
    text = (
        '{{{title}}} &lt;&#8226; <a href="https://x.example">x</a> <tg-spoiler>{id}</tg-spoiler> "q"\n'
        "<blockquote expandable>{caption}</blockquote>\n<pre>{time}</pre>"
    )
    said = read(laid_out(read_template(text), VALUES)[0])
    assert said == '{Tea & <cake>} <• x k3f9a2 "q"\nOne\nTwo\nFri'
