"""`storyline why`: what happened to a post or an item, as a story."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from storyline_runner import screen, shapes, tally_shapes, times
from storyline_runner.lines import path_of
from storyline_runner.options import JsonFlag
from storyline_runner.session import session_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from storyline_core import Post, Sentence, Unit


def why(
    ctx: typer.Context,
    what: Annotated[str, typer.Argument(metavar="WHAT", help="A post's id, or an item's id, path or file name.")],
    json_: JsonFlag = False,
) -> None:
    """Why something happened: the story of a post or an item, in sentences."""
    from storyline_core import NotFound, story_of_item, story_of_post

    with session_of(ctx).storyline(read_only=True) as storyline, storyline.read() as unit:
        called, now = _names(unit), storyline.clock()
        try:
            post: Post | None = unit.queue.get(what)
        except NotFound:
            post = None
        if post is not None:
            zone = times.zone_of(storyline.settings, post.account)
            title, about = f"Post {post.id}", f"for {post.account}, due {times.named(post.due_at, zone)}"
            sentences = story_of_post(post, unit.queue.journal(post.id), called)
        else:
            item = unit.library.resolve_item(what)
            zone = times.zone_of(storyline.settings)
            title, about = path_of(item), f"item {item.id} of {item.source}"
            sentences = story_of_item(unit.library.events(item.id), unit.outcomes.posts_of(item.id), called)
    if json_:
        screen.document(shapes.in_list("story", map(tally_shapes.sentence_shape, sentences)))
        return
    screen.heading(title, f"{about}; times in {zone.key}")
    for sentence in sentences:
        screen.say(f"{times.shown(sentence.at, zone, seen_at=now)}  {_said(sentence)}")


def _said(sentence: Sentence) -> str:
    return f"{sentence.text}: {'; '.join(sentence.why)}" if sentence.why else f"{sentence.text}."


def _names(unit: Unit) -> Callable[[str], str]:
    names = {person.person: person.name for person in unit.people.list()}
    return lambda key: names.get(key) or key
