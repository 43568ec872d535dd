"""What storyline-local offers: the source `local`, the publisher `outbox`, the notifier `terminal`.

And ways out for alerts, which need nothing beyond Python: `webhook` and `email`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

import attrs

from storyline_core import (
    FitStyle,
    Kind,
    MediaSourceProvider,
    Notifier,
    NotifierKind,
    Publisher,
    PublisherKind,
    Runtime,
    SourceKind,
    Traits,
    hookimpl,
)
from storyline_local.channels import EMAIL, WEBHOOK

_FOLDER = {"formerly": ("folder", "directory", "dir", "root")}


def _help(text: str) -> dict[str, object]:
    return {"help": text}


class Stream(StrEnum):
    """Where the terminal's cards go."""

    STDOUT = "stdout"
    STDERR = "stderr"


@attrs.frozen
class LocalFolder:
    """A folder on this machine as a source."""

    path: Path = attrs.field(metadata=_help("the folder with the pictures and videos; `~` is your home") | _FOLDER)
    marker: bool = attrs.field(
        default=True,
        metadata=_help("write a small file .storyline-source there, by which the folder is recognised again"),
    )


@attrs.frozen
class Outbox:
    """A folder into which stories are published."""

    path: Path = attrs.field(
        metadata=_help("the folder for the finished stories; made when it is first needed") | _FOLDER
    )
    fit: FitStyle = attrs.field(
        default=FitStyle.BLUR,
        metadata=_help("what fills 9:16 where a picture does not: blur, crop (cut it) or plain (white)"),
    )


@attrs.frozen
class Terminal:
    """The terminal, for a team that sits in front of it."""

    stream: Stream = attrs.field(default=Stream.STDOUT, metadata=_help("where cards are printed: stdout or stderr"))
    width: int | None = attrs.field(
        default=None,
        validator=attrs.validators.optional(attrs.validators.ge(40)),
        metadata=_help("columns, at least 40; left out, as wide as the terminal"),
    )


@contextmanager
def open_folder(settings: LocalFolder, runtime: Runtime) -> Iterator[MediaSourceProvider]:
    """Open a folder as a source."""
    from storyline_local.folder import FolderSource

    yield FolderSource(settings.path, marker=settings.marker)


@contextmanager
def open_outbox(settings: Outbox, runtime: Runtime) -> Iterator[Publisher]:
    """Open a folder as a publisher."""
    from storyline_local.outbox import OutboxPublisher

    yield OutboxPublisher(settings.path, name=runtime.name, now=runtime.now, style=settings.fit)


@contextmanager
def open_terminal(settings: Terminal, runtime: Runtime) -> Iterator[Notifier]:
    """Open the terminal as a notifier, on the output as it is now."""
    from storyline_local.terminal import TerminalNotifier

    stream = sys.stderr if settings.stream is Stream.STDERR else sys.stdout
    yield TerminalNotifier(stream, name=runtime.name, width=settings.width)


@hookimpl
def storyline_media_source_providers() -> Sequence[SourceKind]:
    """The source `local`."""
    summary = "a folder on this machine"
    traits = Traits(watches=True, writes=True)
    return [Kind(name="local", settings=LocalFolder, open=open_folder, traits=traits, summary=summary)]


@hookimpl
def storyline_publishers() -> Sequence[PublisherKind]:
    """The publisher `outbox`."""
    summary = "a folder that receives the finished stories"
    return [Kind(name="outbox", settings=Outbox, open=open_outbox, summary=summary)]


@hookimpl
def storyline_notifiers() -> Sequence[NotifierKind]:
    """The notifier `terminal`, and `webhook` and `email`, which only tell alerts."""
    summary = "cards printed in the terminal; decide with `storyline queue`"
    return [Kind(name="terminal", settings=Terminal, open=open_terminal, summary=summary), WEBHOOK, EMAIL]
