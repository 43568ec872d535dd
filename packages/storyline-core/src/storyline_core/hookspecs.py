"""The hooks: which kinds a plugin offers, and what has happened.

A plugin is a module (or any object) behind an entry point of the group `storyline`, with functions marked `hookimpl`::

    from storyline_core import Kind, hookimpl

    @hookimpl
    def storyline_media_source_providers():
        return [Kind(name="webfolder", settings=WebFolder, open=open_web_folder)]

Hooks are checked when the plugin is loaded: a misspelt name or argument is an error that names the distribution.
The daemon tells facts from the thread in which they happened: two may be told at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from storyline_core.interfaces import NotifierKind, PublisherKind, SourceKind
    from storyline_core.posts import Post
    from storyline_core.reconcile import ChangeSet

PROJECT = "storyline"
"""The name that pluggy's markers and the entry-point group share."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def storyline_media_source_providers() -> Sequence[SourceKind]:  # type: ignore[empty-body]
    """The kinds of source that this plugin offers."""


@hookspec
def storyline_notifiers() -> Sequence[NotifierKind]:  # type: ignore[empty-body]
    """The kinds of notifier that this plugin offers."""


@hookspec
def storyline_publishers() -> Sequence[PublisherKind]:  # type: ignore[empty-body]
    """The kinds of publisher that this plugin offers."""


@hookspec
def storyline_library_changed(source: str, changes: ChangeSet) -> None:
    """A sync has been committed.

    :param source: the source's name in the settings.
    :param changes: what was applied. Told after the commit; whatever this raises is logged and goes no further.
    """


@hookspec
def storyline_post_changed(post: Post) -> None:
    """A post has moved.

    :param post: the post as it is now. Told after the commit; whatever this raises is logged and goes no further.
    """
