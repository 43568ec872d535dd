"""Posts beside the slots (*post one now*, *this item at that time*), and another item for a post that has one."""

from __future__ import annotations

from datetime import datetime
from itertools import count

from storyline_core.errors import NotAllowed, NotFound
from storyline_core.media import MediaItem
from storyline_core.posts import Origin, Post, post_id
from storyline_core.selection import Candidate, Opening, Pick, Placed, choose
from storyline_core.steps.line import Line
from storyline_core.store import Unit


def add_beside(
    line: Line, now: datetime, *, by: str, item_id: int | None = None, at: datetime | None = None, wish: str = ""
) -> Post:
    """Add a post without a slot, outside the mix, and return it; for a `wish` that was heard before, its post.

    With `item_id` that very item, whatever holds it (whoever asks overrides the hold by name); without, the next in
    order. Raises `NotAllowed` when nothing is eligible, the time is past, the item cannot be opened or it waits
    already, and `NotFound` when there is no such item.
    """
    account = line.account
    if at is not None and at < now:
        raise NotAllowed(f"{at.astimezone(account.schedule.zone):%d %b %H:%M %Z} is past. Give a time that lies ahead.")
    due = at or now
    origin = Origin.NOW if at is None else Origin.CHOSEN
    with line.store.begin() as unit:
        unit.accounts.lock(account.name)
        identity = post_id(account.name, "wish", by, wish)
        if wish and (known := _post_of(unit, identity)) is not None:
            return known
        if not wish:
            identity = _new_id(unit, account.name, origin.value, now.isoformat(), due.isoformat(), str(item_id or ""))
        if item_id is None:
            pick = choose_beside(line, unit, Opening(post_id=identity, at=due), now)
            chosen, why = pick.candidate, pick.why
            if chosen is None:
                raise NotAllowed(f"Nothing can be posted for {account.name}: {' '.join(why)}")
        else:
            item = unit.library.item(item_id)
            refuse_unpostable(line, item)
            chosen = Candidate(item_id=item.id, digest=item.digest, category=item.category)
            why = (f"chosen by {by}",)
        post = Post(
            id=identity,
            account=account.name,
            origin=origin,
            slot_key=None,
            slot_at=due,
            due_at=due,
            created_at=now,
            item_id=chosen.item_id,
            digest=chosen.digest,
            category=chosen.category,
            why=why,
        )
        unit.queue.add(post, by=by)
    line.tell_changed(post)
    return post


def _new_id(unit: Unit, *parts: str) -> str:
    """An id that no post has yet: two posts may be asked for at the very same moment."""
    ids = (post_id(*parts, *([str(number)] if number else [])) for number in count())
    return next(each for each in ids if _post_of(unit, each) is None)


def _post_of(unit: Unit, identity: str) -> Post | None:
    try:
        return unit.queue.get(identity)
    except NotFound:
        return None


def choose_beside(line: Line, unit: Unit, opening: Opening, now: datetime, *, mix: Placed | None = None) -> Pick:
    """The choice for one post as the library stands now; within the mix only when `mix` is given."""
    candidates = unit.library.candidates(line.in_use(), now, need_no_interaction=line.needs_no_person())
    return choose(candidates, line.account, opening, mix or Placed(), within_mix=mix is not None)


def choose_again(line: Line, unit: Unit, post: Post, now: datetime) -> Pick:
    """The choice of another item for a post that has one, which is excluded but not held."""
    excluded = (*post.excluded, *(() if post.item_id is None else (post.item_id,)))
    opening = Opening(post_id=post.id, at=post.slot_at, round=post.round + 1, excluded=excluded)
    mix = None
    if post.origin is Origin.SCHEDULE:
        state = unit.accounts.state(post.account)
        mix = unit.queue.placed(post.account, since=state.mix_since or now, before=post.slot_at, without=post.id)
    return choose_beside(line, unit, opening, now, mix=mix)


def refuse_unpostable(line: Line, item: MediaItem) -> None:
    """Raise `NotAllowed` for an item that cannot be posted whatever a person wants."""
    if item.removed_at is not None:
        raise NotAllowed(f"{item.name} was removed from {item.source}; it can be posted when it is back.")
    if item.missing_since is not None:
        raise NotAllowed(
            f"{item.name} cannot be found in {item.source} just now; look at: storyline sync {item.source}"
        )
    if item.problem:
        raise NotAllowed(f"{item.name} cannot be posted: {item.problem}")
    if item.source not in line.account.sources:
        raise NotAllowed(
            f"{item.name} is in {item.source}, which is not among the sources of the account {line.account.name}."
        )
    if item.source in line.resting_sources:
        raise NotAllowed(
            f"The source {item.source} is switched off. Go on with: storyline sources resume {item.source}"
        )
    if line.needs_no_person() and item.description.requires_interaction:
        raise NotAllowed(f"{item.name} needs a person to post it, and {line.account.name} has no team.")
