"""Reading metadata.json and sidecars: what people write, and what they get to hear when it is wrong."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_core.metadata import BrokenDocument, FolderDocument, Partial, SidecarDocument, parse_document
from storyline_core.metadata.plain_json import MAX_JSON_BYTES

GOOD = {
    "default_requires_interaction": True,
    "default_tags": ["summer", " sale ", "summer"],
    "items": [
        {
            "file_name": "tee.jpg",
            "requires_interaction": False,
            "title": "Tee",
            "link_url": "https://shop.com/tee",
            "caption": "New!",
            "tags": ["tee"],
            "custom_metadata": {"poll": {"question": "Which?", "options": ["Red", "Blue"]}},
        },
        {"file_name": "cap.jpg", "title": None},
    ],
}


def folder(content: object) -> FolderDocument:
    parsed = parse_document("metadata.json", json.dumps(content).encode())
    assert isinstance(parsed, FolderDocument)
    return parsed


def broken(text: bytes, name: str = "tee.json") -> str:
    parsed = parse_document(name, text)
    assert isinstance(parsed, BrokenDocument)
    return parsed.message


def test_a_whole_folder_document() -> None:
    document = folder(GOOD)
    assert document.defaults == Partial(tags=("summer", "sale"), requires_interaction=True)
    assert document.item("tee.jpg") == Partial(
        title="Tee",
        caption="New!",
        link_url="https://shop.com/tee",
        tags=("tee",),
        requires_interaction=False,
        custom_metadata={"poll": {"question": "Which?", "options": ["Red", "Blue"]}},
    )
    assert document.item("cap.jpg") == document.item("unheard-of.jpg") == Partial()
    assert (document.problems, document.warnings) == ((), ())


def test_a_sidecar_with_or_without_its_file_name() -> None:
    bare = parse_document("tee.json", b'{"title": "Tee", "tags": []}')
    named = parse_document("tee.jpg.json", b'\xef\xbb\xbf{"file_name": "other.jpg", "title": "Tee", "tags": []}')
    assert bare == named == SidecarDocument(Partial(title="Tee", tags=()))


def test_one_wrong_item_costs_only_itself() -> None:
    document = folder(
        {
            "default_tags": "sale",
            "default_requires_interaction": "yes",
            "items": [
                {"file_name": "a.jpg", "title": 7, "caption": "kept", "tags": ["x", 3], "custom_metadata": [1]},
                "b.jpg",
                {"title": "whose?"},
                {"file_name": "sub/c.jpg", "title": "path"},
                {"file_name": "d.jpg", "link_url": "shop.com", "requires_interaction": 1},
                {"file_name": "e.jpg", "titel": "misspelt", "title": "Kept"},
                {"file_name": "e.jpg", "title": "Later"},
            ],
            "version\u001b[31m": 2,
        }
    )
    assert document.defaults == Partial()
    assert document.item("a.jpg") == Partial(caption="kept")
    assert document.item("d.jpg") == Partial()
    assert document.item("e.jpg") == Partial(title="Later")
    assert document.problems == (
        "default_requires_interaction: true or false is expected, without quotes, not a text.",
        'default_tags: a list of words (["sale", "summer"]) is expected, not a text.',
        'items[0].title: a text in quotes ("…") is expected, not a number.',
        'items[0].tags: a list of words (["sale", "summer"]) is expected; one of these is a number.',
        "items[0].custom_metadata: an object ({ … }) is expected, not a list.",
        "items[1]: an object ({ … }) is expected, not a text.",
        "items[2]: a file_name is needed to say which picture is meant.",
        "items[3].file_name: the name of a file in this very folder is expected, without a path.",
        "items[3]: a file_name is needed to say which picture is meant.",
        "items[4].link_url: a web address is expected that begins with https:// or http:// and has no spaces.",
        "items[4].requires_interaction: true or false is expected, without quotes, not a number.",
    )
    fields = "file_name, title, caption, link_url, tags, requires_interaction, custom_metadata"
    assert document.warnings == (
        f"items[5].titel: not a known key; there are {fields}.",
        "items[6]: e.jpg is described twice; the later one counts.",
        "version�[31m: not a known key; there are default_requires_interaction, default_tags, items.",
    )


def test_thousands_of_mistakes_are_counted_rather_than_told() -> None:
    document = folder({"items": [3] * 5000})
    assert len(document.problems) == 21
    assert document.problems[-1] == "and 4980 more like these."


@pytest.mark.parametrize(
    "link",
    [
        "shop.com",
        "//x",
        "ftp://shop.com",
        "javascript:alert(1)",
        "https://",
        "https:///x",
        "https://a b",
        "https://[::1",
        "https://shop.com:99999",
        "https://shop.com/\u200b",
        "https://shop.com\nx",
    ],
)
def test_a_link_that_cannot_be_followed_is_a_problem(link: str) -> None:
    parsed = parse_document("tee.json", json.dumps({"link_url": link, "title": "Tee"}).encode())
    assert isinstance(parsed, SidecarDocument)
    assert parsed.says == Partial(title="Tee")
    assert parsed.problems[0].startswith("link_url: a web address is expected")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "It is empty; an object ({ … }) is expected."),
        (b" \n\xef\xbb\xbf", "Line 2, column 1 is not JSON: Expecting value."),
        (b"[]", "An object ({ … }) is expected, not a list."),
        (b"3", "An object ({ … }) is expected, not a number."),
        (b'{"title": "x",\n  "tags": [a]}', "Line 2, column 12 is not JSON: Expecting value."),
        (b'{"title": "x"', "Line 1, column 14 is not JSON: Expecting ',' delimiter."),
        (b'{\n"title": "gr\xfc\xdfe"}', "Line 2 is not UTF-8 text; save the file with the encoding UTF-8."),
        ('{"title": "x"}'.encode("utf-16"), "Line 1 is not UTF-8 text; save the file with the encoding UTF-8."),
        (b'{"custom_metadata": {"x": NaN}}', "NaN is not a value that JSON knows."),
        (b'{"custom_metadata": {"x": -Infinity}}', "-Infinity is not a value that JSON knows."),
        (b'{"custom_metadata": {"x": 1e999}}', "The number 1e999 is too large; put it in quotes."),
        (b'{"x": ' + b"9" * 10_000 + b"}", f"The number {'9' * 20}… has more than 18 digits; put it in quotes."),
        (b"[" * 100_000, "It is nested deeper than 32 levels."),
        (b'{"x":' + b"[" * 40 + b"]" * 40 + b"}", "It is nested deeper than 32 levels."),
        (b'{"title": "a\\u0000b"}', "“a�b” holds a zero character (\\u0000), which no database keeps."),
        (b'{"\\ud83d": 1}', "“�” holds half of a character (an emoji cut in two, perhaps)."),
        (b" " * (MAX_JSON_BYTES + 1), "It is larger than 8 MiB; spread it over several folders."),
    ],
)
def test_a_broken_document_says_where_and_what(text: bytes, message: str) -> None:
    assert broken(text) == message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["items", "file_name", "title", "tags", "link_url", "custom_metadata", "default_tags"])
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(st.binary(max_size=200) | JSON.map(lambda content: json.dumps(content).encode()), st.booleans())
def test_nothing_that_anybody_writes_raises(text: bytes, is_folder: bool) -> None:
    parsed = parse_document("metadata.json" if is_folder else "a.json", text)
    notes = [parsed.message] if isinstance(parsed, BrokenDocument) else [*parsed.problems, *parsed.warnings]
    for note in notes:
        assert note
        assert note.isprintable()
    if not isinstance(parsed, BrokenDocument):
        assert isinstance(parsed, FolderDocument if is_folder else SidecarDocument)


@given(JSON)
def test_what_is_accepted_can_be_kept(content: object) -> None:
    parsed = parse_document("a.json", json.dumps({"custom_metadata": content}).encode())
    if isinstance(parsed, SidecarDocument) and parsed.says.custom_metadata is not None:
        kept = json.dumps(parsed.says.custom_metadata, allow_nan=False, ensure_ascii=False).encode()
        assert json.loads(kept) == parsed.says.custom_metadata
        assert b"\\u0000" not in kept
