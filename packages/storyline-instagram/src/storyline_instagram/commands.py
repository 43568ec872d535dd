"""`storyline instagram`: connect an account, look how it stands, renew its token, see its limits, tidy up its host."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Annotated, Protocol, cast

import typer

from storyline_core import NeedsPerson, NotFound
from storyline_instagram.backfilling import backfill
from storyline_instagram.telling import (
    cleaned_up,
    in_json,
    limits_told,
    line,
    standing_told,
    told_limits,
    told_standing,
    walk_through,
)

if TYPE_CHECKING:
    from storyline_core import Storyline
    from storyline_instagram.asking import Reachable
    from storyline_instagram.connecting import Connecting, Tried
    from storyline_instagram.opened import InstagramAccount

app = typer.Typer(help="Connect an Instagram account.", no_args_is_help=True, rich_markup_mode=None)

app.command()(backfill)

Name = Annotated[str, typer.Argument(help="The publisher's name in the settings.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]


class Session(Protocol):
    """What the command line hands to the commands of plugins."""

    def storyline(self, *, read_only: bool = False) -> AbstractContextManager[Storyline]:
        """Everything opened for one command."""


@app.command()
def login(
    ctx: typer.Context,
    name: Name,
    account: Annotated[str, typer.Option(help="Which account, by id or name, if the token reaches several.")] = "",
    lasting: Annotated[
        bool, typer.Option("--lasting", help="Instagram Login without app_secret: the token is long-lived already.")
    ] = False,
    json_: Json = False,
) -> None:
    """Connect an account: paste a token; it is tried, exchanged for one that lasts, and stored encrypted.

    Connecting again keeps the queue, the history and everything else. Nothing is stored unless all is well.
    """
    with _opened(ctx, name) as opened:
        connecting = opened.connecting()
        tried = connecting.try_out(_pasted(connecting, name, json_), lasting=lasting)
        chosen = _chosen(connecting, tried, name, account)
        standing = connecting.keep(tried, chosen.account_id)
    if json_:
        typer.echo(in_json(told_standing(name, standing)))
        return
    typer.echo("\n".join([f"{name}: connected.", *standing_told(standing)]))


@app.command()
def status(
    ctx: typer.Context,
    name: Name,
    upload_test: Annotated[
        bool, typer.Option("--upload-test", help="Also put a small picture at the host, fetch it, and remove it.")
    ] = False,
    json_: Json = False,
) -> None:
    """Ask Meta how an account stands: who, which permissions, how long still, how much is left; and the host."""
    from storyline_instagram.trial import host_standing, try_host

    with _opened(ctx, name) as opened:
        standing = opened.connecting().standing()
        host = try_host(opened.host, opened.graph, name) if upload_test else host_standing(opened.host)
    if json_:
        typer.echo(in_json({**told_standing(name, standing), "host": host}))
        return
    typer.echo("\n".join([f"{name}: connected.", *standing_told(standing), f"  host: {line(host or 'none')}"]))


@app.command()
def refresh(ctx: typer.Context, name: Name, json_: Json = False) -> None:
    """Renew an account's token now. This happens by itself as well, weeks before it ends."""
    with _opened(ctx, name) as opened:
        held = opened.care().renew_now()
    ends = held.ends_at
    if json_:
        typer.echo(in_json({"publisher": name, "ends_at": ends}))
        return
    until = f"It ends on {ends.day} {ends:%B %Y}." if ends is not None else "It has no end."
    typer.echo(f"{name}: the token was renewed. {until}")


@app.command()
def limits(
    ctx: typer.Context,
    name: Name,
    try_again: Annotated[
        bool, typer.Option("--try-again", help="Publish again now, after Instagram had restricted the account.")
    ] = False,
    json_: Json = False,
) -> None:
    """Show what Instagram still allows an account, and whether the line waits because of it."""
    with _opened(ctx, name) as opened:
        if try_again:
            opened.connecting().try_again()
        found = opened.connecting().limits()
    typer.echo(in_json(told_limits(name, found)) if json_ else "\n".join([f"{name}:", *limits_told(found)]))


@app.command()
def cleanup(
    ctx: typer.Context,
    name: Name,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what is younger than an hour; only while nothing is published.")
    ] = False,
    json_: Json = False,
) -> None:
    """Remove the copies that broken runs left at the host. This happens by itself as well, once a day."""
    from storyline_instagram.trial import sweep

    with _opened(ctx, name) as opened:
        removed = sweep(opened.host, name, opened.now(), everything=everything)
    typer.echo(in_json({"publisher": name, "removed": removed}) if json_ else cleaned_up(name, removed))


def _pasted(connecting: Connecting, name: str, quiet: bool) -> str:
    """The token: typed unseen at a terminal, otherwise the first line of what is piped in."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    if not quiet:
        typer.echo(walk_through(name, connecting.login, exchanges=connecting.exchanges))
    return cast(str, typer.prompt("Token (it is not shown)", hide_input=True, err=True))


def _chosen(connecting: Connecting, tried: Tried, name: str, account: str) -> Reachable:
    before = connecting.account_before()
    if account:
        wanted = account.lstrip("@").casefold()
        named = [each for each in tried.accounts if wanted in (each.account_id, each.username.casefold())]
        if not named:
            raise NotFound(f"This token does not reach {account}, but {_listed(tried)}. Nothing was stored.")
        return named[0]
    same = [each for each in tried.accounts if each.account_id == before]
    if same:
        return same[0]
    if len(tried.accounts) > 1 or before:
        why = "another account than the one before" if len(tried.accounts) == 1 else "several accounts"
        first = tried.accounts[0].account_id
        raise NeedsPerson(
            f"This token reaches {why}: {_listed(tried)}. Nothing was stored.",
            remedy=f"Say which one is meant: storyline instagram login {name} --account {first}",
        )
    return tried.accounts[0]


def _listed(tried: Tried) -> str:
    return ", ".join(f"@{line(each.username)} ({each.account_id})" for each in tried.accounts)


@contextmanager
def _opened(ctx: typer.Context, name: str) -> Iterator[InstagramAccount]:
    with cast(Session, ctx.obj).storyline() as storyline:
        ours = [each.name for each in storyline.settings.publishers.values() if each.kind == "instagram"]
        if name not in ours:
            named = ", ".join(ours) or 'none; write one with kind = "instagram"'
            raise NotFound(f"There is no publisher {name} on Instagram in the settings (there: {named}).")
        yield cast("InstagramAccount", storyline.opened_publisher(name))
