"""What pictures look like: the same after what people do to them, and nothing where there is nothing to see."""

from __future__ import annotations

import io
from itertools import combinations

import pytest
from PIL import Image

from benchmarks import scenes
from storyline_core.alike import distance
from storyline_core.errors import Refused
from storyline_core.pictures import ALIKE_WITHIN, likeness

SEEN = 6
HARD = {"cropped by 5 % all around", "cropped by 5 % below", "watermark in a corner"}


def looks(content: bytes) -> int | None:
    return likeness(io.BytesIO(content))


def jpeg(image: Image.Image) -> bytes:
    return scenes.saved(image, "JPEG", 90)


@pytest.mark.parametrize("change", [name for name in scenes.CHANGES if name not in HARD])
def test_a_picture_is_known_again(change: str) -> None:
    for number in range(SEEN):
        image = scenes.scene(number)
        before, after = looks(jpeg(image)), looks(scenes.CHANGES[change](image))
        assert before is not None
        assert after is not None
        assert distance(before, after) <= ALIKE_WITHIN, number


def test_different_scenes_are_different() -> None:
    found = [looks(jpeg(scenes.scene(number))) for number in range(40)]
    assert None not in found
    assert min(distance(one or 0, other or 0) for one, other in combinations(found, 2)) > ALIKE_WITHIN


@pytest.mark.parametrize("number", range(6))
def test_next_to_nothing_is_like_nothing(number: int) -> None:
    plain = scenes.plain(number)
    assert looks(jpeg(plain)) is None
    assert looks(scenes.saved(plain, "PNG")) is None


def test_what_shines_through_a_picture_is_white() -> None:
    see_through = scenes.product(3).convert("RGBA")
    see_through.putalpha(see_through.convert("L").point(lambda value: 0 if value > 245 else 255))
    before, after = looks(jpeg(scenes.product(3))), looks(scenes.saved(see_through, "PNG"))
    assert before is not None
    assert after is not None
    assert distance(before, after) <= ALIKE_WITHIN


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"GIF89a" + jpeg(scenes.scene(1)), "Its header is damaged"),
        (jpeg(scenes.scene(1))[:3000], "breaks off"),
        (b"hello, this is a text\n" * 9, "text"),
    ],
)
def test_what_cannot_be_compared_says_why(content: bytes, why: str) -> None:
    with pytest.raises(Refused, match=why):
        looks(content)


def test_an_animation_is_not_compared() -> None:
    out = io.BytesIO()
    scenes.scene(1).save(out, "GIF", save_all=True, append_images=[scenes.scene(2)])
    with pytest.raises(Refused, match="Only JPEG, PNG and WebP"):
        looks(out.getvalue())
