"""What an item's metadata asks of its story: accounts to mention, and that it was made by AI. Pure.

Keys of `custom_metadata`: `user_tags`, a list of user names or of `{"username": ..., "x": 0.5, "y": 0.8}` (where the
mention stands, from the left and from the top, 0 to 1), and `is_ai_generated`, true or false.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs

from storyline_core import MediaItem, Refused
from storyline_instagram.answers import Json, as_object, number, text

if TYPE_CHECKING:
    from storyline_instagram.graph import Params, Value

MOST_TAGS = 20
"""How many accounts one story may mention."""

_USERNAME = re.compile(r"[A-Za-z0-9._]{1,30}")


@attrs.frozen
class Labels:
    """What goes into a container beside the file."""

    user_tags: tuple[Json, ...] = ()
    ai_generated: bool = False

    def params(self) -> Params:
        """As Instagram wants it, without what is not asked for."""
        told: dict[str, Value] = {}
        if self.user_tags:
            told["user_tags"] = list(self.user_tags)
        if self.ai_generated:
            told["is_ai_generated"] = True
        return told


def labels_of(item: MediaItem) -> Labels:
    """What an item's metadata asks for. Raises `Refused` with what is wrong with it."""
    asked = item.description.custom_metadata
    tags, made_by_ai = asked.get("user_tags", []), asked.get("is_ai_generated", False)
    if not isinstance(made_by_ai, bool):
        raise Refused(f"{item.name}: is_ai_generated in its metadata must be true or false.")
    if isinstance(tags, str):
        tags = tags.replace(",", " ").split()
    if not isinstance(tags, list | tuple):
        raise Refused(f"{item.name}: user_tags in its metadata must be a list of user names.")
    if len(tags) > MOST_TAGS:
        raise Refused(f"{item.name} mentions {len(tags)} accounts. Instagram takes up to {MOST_TAGS}.")
    return Labels(tuple(_tag(item, each) for each in tags), made_by_ai)


def _tag(item: MediaItem, asked: object) -> Json:
    told: Json = {"username": asked} if isinstance(asked, str) else as_object(asked)
    name = text(told.get("username")).removeprefix("@")
    if not _USERNAME.fullmatch(name):
        raise Refused(f"{item.name}: “{name or asked}” in user_tags is no user name.")
    places = {axis: number(told[axis]) for axis in ("x", "y") if told.get(axis) is not None}
    wrong = len(places) == 1 or any(place is None or not 0 <= place <= 1 for place in places.values())
    if wrong:
        raise Refused(f"{item.name}: the place of @{name} in user_tags must be x and y, each from 0 to 1.")
    return {"username": name, **places}
