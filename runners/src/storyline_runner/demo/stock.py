"""What the demo's folder holds: two dozen pictures in three categories, what is said about them, and one broken file."""

from __future__ import annotations

import json
from collections.abc import Mapping

from storyline_runner.demo.painting import Painting

LANDSCAPE, SQUARE, WIDE, SMALL = (1600, 1000), (1200, 1200), (2000, 700), (640, 1136)

PAINTINGS: tuple[Painting, ...] = (
    Painting("garden/roses.jpg", 1, "first roses"),
    Painting("garden/pond.jpg", 2, "the pond", LANDSCAPE),
    Painting("garden/gate.jpg", 3, "held upright", kind="turned"),
    Painting("garden/herbs.png", 4, "cut out", SQUARE, "cut out"),
    Painting("garden/path.jpg", 5, "the long path", WIDE),
    Painting("garden/shed.webp", 6, "the shed", kind="webp"),
    Painting("garden/evening/lamps.jpg", 7, "lamps"),
    Painting("garden/evening/moon.jpg", 8, "a small one", SMALL),
    Painting("shop/mug__https-shop-example-com-mug.jpg", 9, "the mug", SQUARE),
    Painting("shop/tee.jpg", 10, "the shirt", kind="cmyk"),
    Painting("shop/bag.png", 11, "the bag", SQUARE, "cut out"),
    Painting("shop/seeds.jpg", 12, "seeds", LANDSCAPE),
    Painting("shop/gloves.jpg", 13, "gloves"),
    Painting("shop/calendar.gif", 14, "64 colours", SQUARE, "gif"),
    Painting("shop/basket.jpg", 15, "the basket"),
    Painting("shop/voucher.png", 16, "48 colours", LANDSCAPE, "palette"),
    Painting("words/monday.jpg", 17, "monday"),
    Painting("words/rain.jpg", 18, "rain again", kind="grey"),
    Painting("words/which-bed.jpg", 19, "tulips or peas?"),
    Painting("words/tip-1.jpg", 20, "water early"),
    Painting("words/tip-2.png", 21, "mulch", SQUARE, "palette"),
    Painting("words/tip-3.jpg", 22, "leave the leaves", LANDSCAPE),
    Painting("words/thanks.jpg", 23, "thank you"),
    Painting("words/sunday.gif", 24, "sunday", SQUARE, "gif"),
)

BROKEN = Painting("words/half-downloaded.jpg", 25, "cut short", kind="cut short")


def documents() -> Mapping[str, str]:
    """The metadata beside the pictures, by path: a document for a folder, and a sidecar with a poll."""
    shop = {
        "default_requires_interaction": True,
        "default_tags": ["shop"],
        "items": [
            _item("tee.jpg", "Summer shirt", "https://shop.example.com/tee", "Organic cotton, printed two streets away."),
            _item("bag.png", "Carry-all", "https://shop.example.com/bag", "Holds a week of vegetables."),
            _item("basket.jpg", "Harvest basket", "https://shop.example.com/basket", "Woven by hand, ready for pears."),
            _item("gloves.jpg", "Garden gloves", "https://shop.example.com/gloves", "Thorn-proof. We tried."),
        ],
    }
    garden = {
        "default_tags": ["garden"],
        "items": [
            {"file_name": "roses.jpg", "title": "First roses", "caption": "Three weeks early this year."},
            {"file_name": "pond.jpg", "title": "The pond", "caption": "Nobody move: there is a newt."},
        ],
    }
    poll = {
        "requires_interaction": True,
        "title": "What goes into the big bed?",
        "custom_metadata": {"poll": {"question": "What goes into the big bed?", "options": ["Tulips", "Peas"]}},
    }
    return {
        "shop/metadata.json": _json(shop),
        "garden/metadata.json": _json(garden),
        "words/which-bed.json": _json(poll),
    }


def _item(name: str, title: str, link: str, caption: str) -> dict[str, str]:
    return {"file_name": name, "title": title, "link_url": link, "caption": caption}


def _json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"
