"""`storyline pause` and `storyline resume`: the switch of an account's line."""

from __future__ import annotations

import typer

from storyline_runner import screen
from storyline_runner.complaints import Misused
from storyline_runner.options import AccountName, accounts_meant
from storyline_runner.session import session_of


def pause(ctx: typer.Context, account: AccountName = None) -> None:
    """Stop posting, for one account or all.

    What passes meanwhile is recorded as missed.
    """
    names = _switch(ctx, account, paused=True)
    screen.say(f"{', '.join(names)}: paused. Go on with: storyline resume")


def resume(ctx: typer.Context, account: AccountName = None) -> None:
    """Go on posting with the next slot."""
    names = _switch(ctx, account, paused=False)
    screen.say(f"{', '.join(names)}: goes on with the next slot. Nothing is posted late.")


def _switch(ctx: typer.Context, account: str | None, *, paused: bool) -> tuple[str, ...]:
    with session_of(ctx).storyline() as storyline:
        names = accounts_meant(storyline.settings, account)
        if not names:
            raise Misused("The settings have no account yet. Add one as [accounts.NAME].")
        for name in names:
            storyline.set_paused(name, paused)
    return names
