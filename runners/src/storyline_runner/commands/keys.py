"""`storyline secrets`: the key of what plugins keep encrypted, and its change."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from storyline_runner import screen
from storyline_runner.complaints import DONE, FAILED
from storyline_runner.options import JsonFlag
from storyline_runner.screen import Column
from storyline_runner.session import session_of, who
from storyline_runner.shapes import in_list

if TYPE_CHECKING:
    from storyline_core import KeptSecret

_OPENED_BY = {"first": "the key", "former": "a former key", "none": "no key that is set"}


def list_secrets(ctx: typer.Context, json_: JsonFlag = False) -> None:
    """What plugins keep encrypted, and which key opens it; never what it says.

    Exit code 1 if something cannot be opened.
    """
    with session_of(ctx).storyline(read_only=True) as storyline:
        kept = storyline.kept_secrets()
    if json_:
        rows = [{"owner": each.owner, "name": each.name, "opened_by": str(each.opened_by)} for each in kept]
        screen.document(in_list("secrets", rows))
    else:
        _show(kept)
    raise typer.Exit(FAILED if any(each.opened_by == "none" for each in kept) else DONE)


def _show(kept: Sequence[KeptSecret]) -> None:
    if not kept:
        screen.say("Nothing is kept encrypted yet.")
    columns = (Column("owner"), Column("name"), Column("opened by"))
    screen.table(columns, [(each.owner, each.name, _OPENED_BY[each.opened_by]) for each in kept])
    if any(each.opened_by == "none" for each in kept):
        screen.note("Set the key it was encrypted with as well (both, separated by a comma), or sign in there anew.")
    elif any(each.opened_by == "former" for each in kept):
        screen.note("Encrypt everything with the new key: storyline secrets rotate")


def make_key() -> None:
    """Make a key, and say where it belongs. Nothing is stored."""
    print(secrets.token_hex(32))
    screen.note(
        "Keep it safe and apart from your backups, and set it as STORYLINE_SECRET_KEY or under [secrets] in the "
        "settings. To change keys, set NEW,OLD (both, separated by a comma), restart Storyline, then: "
        "storyline secrets rotate"
    )


def rotate(ctx: typer.Context, json_: JsonFlag = False) -> None:
    """Encrypt anew, with the first of the keys that are set, everything that plugins keep. All of it or nothing."""
    with session_of(ctx).storyline() as storyline:
        count = storyline.rotate_secrets(user=who())
    if json_:
        screen.document({"rotated": count})
        return
    screen.say(f"{count} {'secret is' if count == 1 else 'secrets are'} encrypted with the first key now.")
    screen.note("If `storyline secrets list` still says so after Storyline was restarted, the former key can go.")
