"""Options and arguments that many commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from storyline_runner.complaints import Misused

if TYPE_CHECKING:
    from storyline_core import Settings

JsonFlag = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, nothing else.")]
Since = Annotated[str | None, typer.Option("--since", metavar="WHEN", help="7d, 2026-05-01 or a time.")]
CsvFlag = Annotated[bool, typer.Option("--csv", help="A sheet of comma-separated values, with a header.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen; write nothing, contact nobody.")]
AccountName = Annotated[str | None, typer.Option("--account", metavar="NAME", help="Only this account.")]
PostId = Annotated[str, typer.Argument(metavar="ID", help="The post's id; its beginning is enough.")]
ItemName = Annotated[str, typer.Argument(metavar="ITEM", help="The item's id, path, file name or digest.")]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="Kept in the journal.")]
Revision = Annotated[
    int | None, typer.Option("--revision", metavar="N", help="Refuse if the post has changed since this revision.")
]


def only_account(settings: Settings, named: str | None) -> str:
    """The account that is meant: the one named, or the only one there is. Raises `Misused`."""
    if named is not None:
        return known_account(settings, named)
    if len(settings.accounts) == 1:
        return next(iter(settings.accounts))
    names = ", ".join(settings.accounts)
    raise Misused(f"Say which account with --account ({names})." if names else "The settings have no account yet.")


def accounts_meant(settings: Settings, named: str | None) -> tuple[str, ...]:
    """The account named, or all. Raises `NotInSettings` for one that is not in the settings."""
    return (known_account(settings, named),) if named is not None else tuple(settings.accounts)


def known_account(settings: Settings, name: str) -> str:
    """The name itself, if it is in the settings. Raises `NotInSettings`."""
    from storyline_core import NotInSettings

    if name not in settings.accounts:
        known = ", ".join(settings.accounts) or "none"
        raise NotInSettings(f"There is no account {name} in the settings (there is: {known}).")
    return name


def page(limit: int | None, *, as_json: bool, usual: int) -> int | None:
    """How many rows to show: what was asked for (0: all); otherwise all as JSON, and the usual number for people."""
    if limit is None:
        return None if as_json else usual
    if limit < 0:
        raise Misused("--limit cannot be negative; 0 shows all.")
    return limit or None
