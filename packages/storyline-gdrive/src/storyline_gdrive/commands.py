"""`storyline gdrive`: sign in, look how it stands, browse for a folder, sign out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Annotated, Protocol, cast

import typer

from storyline_core import NeedsPerson, NotFound
from storyline_gdrive.addresses import folder_id
from storyline_gdrive.consent import NoConsent, code_in
from storyline_gdrive.waiting import door

if TYPE_CHECKING:
    from storyline_core import Storyline
    from storyline_gdrive.connecting import Connecting, Standing
    from storyline_gdrive.source import DriveSource

app = typer.Typer(help="Connect a folder in Google Drive.", no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="The source's name in the settings.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]

_FORGOTTEN = {
    "NOTHING": "nobody was signed in.",
    "GIVEN_BACK": "signed out. Its items stay.",
    "HERE_ONLY": "signed out here. Its items stay. Google could not be told: take Storyline's access away at "
    "https://myaccount.google.com/permissions",
}

ELSEWHERE = "http://127.0.0.1:1"
"""Where the browser of another machine ends up: nobody answers there, and the address tells all that is needed."""


class Session(Protocol):
    """What the command line hands to the commands of plugins."""

    def storyline(self, *, read_only: bool = False) -> AbstractContextManager[Storyline]:
        """Everything opened for one command."""


@app.command()
def connect(
    ctx: typer.Context,
    name: Name,
    paste: Annotated[bool, typer.Option("--paste", help="For a browser on another machine.")] = False,
    minutes: Annotated[int, typer.Option(min=1, max=60, help="How long to wait for the browser.")] = 5,
) -> None:
    """Sign in to Drive for a source, and check that its folders can be seen.

    With a service account nobody signs in; the folders are only checked. Nothing is stored unless all is well.
    """
    with _connecting(ctx, name) as connecting:
        if connecting.by_key:
            _tell(name, connecting.standing())
            return
        try:
            standing = _by_paste(connecting) if paste else _by_browser(connecting, minutes * 60.0)
        except NoConsent as why:
            raise NeedsPerson(str(why)) from None
        _tell(name, standing)


@app.command()
def status(ctx: typer.Context, name: Name, json_: Json = False) -> None:
    """Ask Google whether a source's sign-in and folders are in order."""
    with _connecting(ctx, name) as connecting:
        standing = connecting.standing()
    if json_:
        told = {"source": name, "account": standing.account, "folders": standing.folders, "since": standing.since}
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    _tell(name, standing)


@app.command()
def disconnect(ctx: typer.Context, name: Name) -> None:
    """Give a source's sign-in back to Google and forget it. Its items stay in the library."""
    with _connecting(ctx, name) as connecting:
        if connecting.by_key:
            typer.echo("A service account is used: take its key out of the settings, and stop sharing the folder.")
            return
        done = connecting.forget()
    typer.echo(f"{name}: {_FORGOTTEN[done.name]}")


@app.command()
def folders(
    ctx: typer.Context,
    name: Name,
    folder: Annotated[str, typer.Argument(help="The folder to look into: its id or address; left out, the top.")] = "",
    json_: Json = False,
) -> None:
    """List the folders that the source's account can see, with the ids that the settings want."""
    try:
        inside = folder_id(folder) if folder else ""
    except ValueError as error:
        raise NotFound(str(error)) from None
    with _connecting(ctx, name) as connecting:
        found = connecting.browse(inside)
    if json_:
        typer.echo(json.dumps({"folders": [{"id": key, "name": called} for key, called in found]}, ensure_ascii=False))
        return
    for key, called in found:
        typer.echo(f"{key}  {_line(called)}")
    if not found:
        typer.echo("There are no folders that this account can see. Share one with it.")


def _by_browser(connecting: Connecting, wait_s: float) -> Standing:
    with door() as opened:
        asked = connecting.ask(opened.redirect)
        typer.echo(
            f"Open this address in a browser on this machine (is there none? Stop this, and add --paste):\n\n"
            f"{asked.address}\n{_pick(connecting)}"
        )
        typer.launch(asked.address)
        return connecting.finish(opened.code(asked, wait_s), asked)


def _by_paste(connecting: Connecting) -> Standing:
    asked = connecting.ask(ELSEWHERE)
    typer.echo(
        f"Open this address in a browser anywhere, and agree:\n\n{asked.address}\n{_pick(connecting)}\n"
        "The browser then shows a page that cannot be reached. That is right: copy its address, whole."
    )
    return connecting.finish(code_in(typer.prompt("Address"), asked), asked)


def _pick(connecting: Connecting) -> str:
    return "Pick the folder that the settings name, and the files in it.\n" if connecting.by_picking else ""


def _tell(name: str, standing: Standing) -> None:
    typer.echo(f"{name}: connected as {_line(standing.account)}.")
    for called in standing.folders:
        typer.echo(f"  folder: {_line(called)}")


def _line(text: str) -> str:
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


@contextmanager
def _connecting(ctx: typer.Context, name: str) -> Iterator[Connecting]:
    with cast(Session, ctx.obj).storyline() as storyline:
        ours = [each.name for each in storyline.settings.sources.values() if each.kind == "gdrive"]
        if name not in ours:
            named = ", ".join(ours) or 'none; write one with kind = "gdrive"'
            raise NotFound(f"There is no source {name} in Google Drive in the settings (there: {named}).")
        yield cast("DriveSource", storyline.opened_source(name)).connecting()
