"""Who wins among the places that describe a picture, what a file name says, and which stickers are asked for."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyline_core.media import Description
from storyline_core.metadata import (
    FIELDS,
    FolderDocument,
    Partial,
    describe,
    from_file_name,
    is_folder_document,
    merge,
    partial_from_json,
    partial_to_json,
    sidecar_names,
    stickers,
)

WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
LINKS = st.sampled_from(["", "https://shop.com", "http://a.example/b?c=d"])
TAGS = st.lists(WORDS.map(str.strip).filter(bool), max_size=3, unique=True).map(tuple)
CUSTOM = st.dictionaries(
    WORDS,
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**17), 10**17) | WORDS,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
        max_leaves=4,
    ),
    max_size=2,
)
PARTIALS = st.builds(
    Partial,
    title=st.none() | WORDS,
    caption=st.none() | WORDS,
    link_url=st.none() | LINKS,
    tags=st.none() | TAGS,
    requires_interaction=st.none() | st.booleans(),
    custom_metadata=st.none() | CUSTOM,
)


@pytest.mark.parametrize(
    ("name", "link"),
    [
        ("tee__https-shop-com-tshirt.jpg", "https://shop.com/tshirt"),
        ("tee__http-shop-com.jpg", "http://shop.com"),
        ("TEE__HTTPS-Shop-COM-TShirt.JPG", "https://shop.com/TShirt"),
        ("tee__https-www-shop-de-summer-sale.png", "https://www.shop.de/summer-sale"),
        ("tee__https-my-shop-com-tee.jpg", "https://my.shop.com/tee"),
        ("tee__https-tee-shop-back-in-stock.mp4", "https://tee.shop/back-in-stock"),
        ("tee__https-tee-shop.jpg", "https://tee.shop"),
        ("tee__https-shop-co-uk-sale.jpg", "https://shop.co.uk/sale"),
        ("tee__https-shop-com-au.jpg", "https://shop.com.au"),
        ("a__b__https-shop-com-x_y.v2.jpg", "https://shop.com/x_y.v2"),
        ("tee__https-shop-com-a__https-b-com.jpg", "https://shop.com/a__https-b-com"),
    ],
)
def test_a_file_name_carries_a_link_and_means_interaction(name: str, link: str) -> None:
    assert from_file_name(name) == Partial(link_url=link, requires_interaction=True)
    assert describe(name) == Description(link_url=link, requires_interaction=True)


@pytest.mark.parametrize(
    "name",
    [
        "tee.jpg",
        "https-shop-com.jpg",
        "tee_https-shop-com.jpg",
        "tee__shop-com.jpg",
        "tee__ftp-shop-com.jpg",
        "tee__https-shop.jpg",
        "tee__https-shop-nowhere-tee.jpg",
        "tee__https-com.jpg",
        "tee__https-.jpg",
        "tee__https--com.jpg",
        "tee__https-sh_op-com.jpg",
        "tee__https-shop-com-t shirt.jpg",
        "tee__https-shop-com-größe.jpg",
        "tee__https-\u017fhop-com.jpg",
        "__.jpg",
        "",
    ],
)
def test_what_cannot_be_read_as_a_link_is_only_a_name(name: str) -> None:
    assert from_file_name(name) == Partial()
    assert describe(name) == Description()


@given(st.text())
def test_any_name_is_read_or_left(name: str) -> None:
    said = from_file_name(name)
    assert (said.link_url is None) == (said.requires_interaction is None)
    if said.link_url:
        assert partial_from_json({"link_url": said.link_url}).link_url == said.link_url


def test_sidecars_strongest_first() -> None:
    assert sidecar_names("picture.jpg") == ("picture.jpg.json", "picture.json")
    assert sidecar_names("picture.png")[1] == sidecar_names("picture.jpg")[1]
    assert sidecar_names("a.b.jpg") == ("a.b.jpg.json", "a.b.json")
    assert sidecar_names("metadata.jpg") == ("metadata.jpg.json",)
    assert is_folder_document("metadata.json")
    assert not is_folder_document("Metadata.jpg.json")


@given(PARTIALS, PARTIALS, PARTIALS, PARTIALS, st.sampled_from(["tee.jpg", "tee__https-shop-com-x.jpg"]))
def test_the_strongest_place_that_speaks_wins_field_by_field(
    edits: Partial, sidecar: Partial, item: Partial, defaults: Partial, name: str
) -> None:
    folder = FolderDocument(defaults, {name: item})
    result = describe(name, edits=edits, sidecar=sidecar, folder=folder)
    layers = (edits, sidecar, item, from_file_name(name), defaults)
    empty = attrs.asdict(Description(), recurse=False)
    for field in FIELDS:
        said = [getattr(layer, field) for layer in layers if getattr(layer, field) is not None]
        nobody = bool(result.link_url) if field == "requires_interaction" else empty[field]
        assert getattr(result, field) == (said[0] if said else nobody)


@given(PARTIALS, PARTIALS, PARTIALS)
def test_merging_is_associative_and_silence_changes_nothing(a: Partial, b: Partial, c: Partial) -> None:
    assert merge([a, merge([b, c])]) == merge([merge([a, b]), c]) == merge([a, b, c])
    assert merge([Partial(), a]) == merge([a, Partial()]) == merge([a]) == a


@given(PARTIALS)
def test_edits_survive_being_stored(partial: Partial) -> None:
    assert partial_from_json(partial_to_json(partial)) == partial


def test_an_edit_that_cannot_be_is_refused_with_every_mistake() -> None:
    with pytest.raises(ValueError, match=r"link_url: a web address.*colour: not a known key") as caught:
        partial_from_json({"link_url": "shop.com", "tags": "sale", "colour": 1})
    assert "tags: a list of words" in str(caught.value)
    with pytest.raises(ValueError, match="half of a character"):
        partial_from_json({"title": "\udc80"})


def test_empty_says_none_and_silence_says_nothing() -> None:
    folder = FolderDocument(Partial(tags=("all",), requires_interaction=True), {"a.jpg": Partial(tags=())})
    assert describe("a.jpg", folder=folder).tags == ()
    assert describe("b.jpg", folder=folder).tags == ("all",)
    assert describe("b.jpg", sidecar=Partial(tags=("own",)), folder=folder).tags == ("own",)
    assert describe("b.jpg", folder=folder).requires_interaction
    linked = "tee__https-shop-com.jpg"
    assert describe(linked, edits=Partial(link_url="")).link_url == ""
    assert not describe(linked, sidecar=Partial(requires_interaction=False)).requires_interaction
    assert describe(linked, folder=FolderDocument(Partial(requires_interaction=False))).requires_interaction


def test_a_link_needs_a_person_unless_somebody_says_otherwise() -> None:
    link = Partial(link_url="https://shop.com")
    assert describe("a.jpg", sidecar=link).requires_interaction
    relaxed = FolderDocument(Partial(requires_interaction=False))
    assert not describe("a.jpg", sidecar=link, folder=relaxed).requires_interaction


def test_a_name_is_found_however_its_accents_are_composed() -> None:
    folder = FolderDocument(items={"caf\u00e9.jpg": Partial(title="Coffee")})
    assert describe("cafe\u0301.jpg", folder=folder).title == "Coffee"


def test_stickers_read_well() -> None:
    custom: dict[str, object] = {
        "poll": {"question": "Which one?", "options": ["Red", "Blue"]},
        "location": "Berlin",
        "music": {"title": "Song", "artist": "Band"},
        "mentions": ["@anna", "@ben"],
        "countdown": {"name": "Sale", "ends": "Friday"},
        "emoji_slider": {"question": "How\nnice?", "emoji": "😍", "loud": True},
        "count": 1,
        "shot": None,
        "": {},
    }
    said = stickers(Description(link_url="https://shop.com/tee", custom_metadata=custom))
    assert said == (
        "Link: https://shop.com/tee",
        'Poll: "Which one?" — Red / Blue',
        "Location: Berlin",
        'Music: "Song" — artist: Band',
        "Mentions: @anna, @ben",
        'Countdown: "Sale" — ends: Friday',
        'Emoji slider: "How nice?" — emoji: 😍 — loud: yes',
        "Count: 1",
        "Shot: none",
        "Sticker",
    )
    assert stickers(Description()) == ()


def test_a_flat_sticker_reads_as_well() -> None:
    flat = {"sticker": "poll", "question": "Which?", "options": ["Red", "Blue"]}
    assert stickers(Description(custom_metadata=flat)) == ('Poll: "Which?" — Red / Blue',)
    assert stickers(Description(custom_metadata={"sticker": ["poll"]})) == ("Sticker: poll",)


@given(CUSTOM)
def test_stickers_never_fail_and_are_single_lines(custom: dict[str, object]) -> None:
    for line in stickers(Description(custom_metadata=custom)):
        assert line
        assert "\n" not in line
