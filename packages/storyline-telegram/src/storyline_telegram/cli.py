"""`storyline telegram test` and `storyline telegram chats`: what one needs once, while setting the bot up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated, Protocol, cast

import typer

from storyline_core import NotFound, PluginFault
from storyline_telegram.texts import line

if TYPE_CHECKING:
    from storyline_core import Storyline
    from storyline_telegram.notifier import TelegramNotifier
    from storyline_telegram.remembered import SeenChat

app = typer.Typer(help="Set up the team's chat in Telegram.", no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="The notifier's name in the settings; left out, every one in Telegram.")]


class Session(Protocol):
    """What the command line hands to the commands of plugins."""

    def storyline(self, *, read_only: bool = False) -> AbstractContextManager[Storyline]:
        """Everything opened for one command."""


@app.command("test")
def try_out(ctx: typer.Context, name: Name = "") -> None:
    """Look at token, chats and rights, and send a test card.

    The card is deleted at once. Exit code 1 if something is wrong.
    """
    failed = False
    with _session(ctx).storyline() as storyline:
        for called, notifier in _notifiers(storyline, name):
            for step in (notifier.check, notifier.check_uploads, notifier.test_card):
                try:
                    said = step()
                except PluginFault as fault:
                    failed = True
                    typer.echo(f"{called}: wrong. {fault}")
                    break
                if said:
                    typer.echo(f"{called}: {said}")
    raise typer.Exit(1 if failed else 0)


@app.command("chats")
def list_chats(
    ctx: typer.Context,
    name: Name = "",
    json_: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """The chats that the bot has seen, with the numbers that the settings want.

    Add the bot to a chat or write to it first. Until its number is known, the settings may say chat = 0.
    """
    rows: list[dict[str, object]] = []
    with _session(ctx).storyline() as storyline:
        for called, notifier in _notifiers(storyline, name):
            rows += [_row(called, chat) for chat in notifier.look_for_chats()]
    if json_:
        typer.echo(json.dumps({"chats": rows}, ensure_ascii=False, indent=2))
        return
    for row in rows:
        topics = f"  topics {', '.join(map(str, cast(list[int], row['topics'])))}" if row["topics"] else ""
        left = "" if row["inside"] else "  (the bot is not in it any more)"
        typer.echo(f"{row['id']:>15}  {row['kind']:<10}  {row['title']}{topics}{left}")
    if not rows:
        typer.echo("The bot has seen no chat yet. Add it to the team's chat, or write /start to it, and ask again.")


def _row(called: str, chat: SeenChat) -> dict[str, object]:
    return {
        "notifier": called,
        "id": chat.id,
        "kind": chat.kind,
        "title": line(chat.title),
        "topics": list(chat.topics),
        "inside": chat.inside,
    }


def _session(ctx: typer.Context) -> Session:
    return cast(Session, ctx.obj)


def _notifiers(storyline: Storyline, name: str) -> Iterator[tuple[str, TelegramNotifier]]:
    """The notifiers that are meant, opened. Raises `NotFound` where there is none."""
    ours = [each.name for each in storyline.settings.notifiers.values() if each.kind == "telegram"]
    if not ours or (name and name not in ours):
        named = ", ".join(ours) or 'none; write one with kind = "telegram"'
        raise NotFound(f"There is no notifier {name or 'in Telegram'} in the settings (in Telegram: {named}).")
    for each in [name] if name else ours:
        yield each, cast("TelegramNotifier", storyline.opened_notifier(each))
