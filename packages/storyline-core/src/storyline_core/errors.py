"""Every error Storyline raises, grouped by what the caller should do.

::

    StorylineError
    ├── SettingsError          change the settings file or the environment
    ├── PluginError            install, remove or mend a plugin
    ├── PluginFault            what an opened source, notifier or publisher raises
    │   ├── Unavailable        try again later; nothing is wrong with the item
    │   ├── Refused            this item will never work; do not try again
    │   ├── NeedsPerson        stop the line and tell somebody what to do
    │   └── Uncertain          it may have happened; look before doing it again
    ├── DecisionError          a person or a step asked for what cannot be
    │   ├── NotAllowed         this post is not in a state for that
    │   ├── Stale              somebody decided first; look again
    │   └── NotFound           there is no such thing
    │       └── NotInSettings  ... since the settings name none; correct the name
    ├── Busy                   another process holds the right to do this; wait
    ├── BackupError            a backup cannot be made, read or restored; choose another file or place
    └── StoreError             the database
        ├── StoreUnavailable   cannot be reached, is full or read-only
        └── SchemaMismatch     run the migrations, or install a newer Storyline

A plugin raises only the four under `PluginFault`. Anything else that comes out of a plugin is a mistake in
the plugin and is treated as the safest of the four at that point.

No message may carry a secret: whoever builds one leaves out tokens, passwords and signed addresses.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import attrs


class StorylineError(Exception):
    """The root of every error that Storyline raises on purpose.

    Its text is one or two plain sentences for the person in front of the screen: what is wrong, where, what to do.
    """


@attrs.frozen
class Problem:
    """One mistake in the settings: where it is, what is wrong and what to do."""

    path: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.path}: {self.message}" if self.path else self.message
        return f"{text} {self.remedy}".rstrip()


class SettingsError(StorylineError):
    """The settings cannot be used. Carries every problem found, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class PluginError(StorylineError):
    """A plugin could not be loaded or offers something that cannot be used. Names the distribution."""

    def __init__(self, distribution: str, message: str) -> None:
        self.distribution = distribution
        super().__init__(f"{distribution}: {message}")


class PluginFault(StorylineError):
    """The root of what an opened source, notifier or publisher may raise."""


class Unavailable(PluginFault):
    """The service or the disk does not answer just now. Wait `retry_after` if given, otherwise as usual.

    It uses up none of an item's tries. `only_here`: only what goes to the same place has to wait (one full chat of
    several), and the rest of the line goes on; it counts together with `retry_after`.
    """

    def __init__(self, message: str, *, retry_after: timedelta | None = None, only_here: bool = False) -> None:
        self.retry_after = retry_after
        self.only_here = only_here and retry_after is not None
        super().__init__(message)


class Refused(PluginFault):
    """This item will never be accepted as it is. The text says why; do not try it again unchanged."""


class NeedsPerson(PluginFault):
    """Only a person can mend this (a token, a permission, a full disk). `remedy` says what they should do."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        self.remedy = remedy
        super().__init__(f"{message} {remedy}".rstrip())


class Uncertain(PluginFault):
    """The outside effect may or may not have happened. Never repeat it blindly; look, or ask a person."""


class DecisionError(StorylineError):
    """A decision that cannot be carried out. Nothing was changed."""


class NotAllowed(DecisionError):
    """The post is not in a state in which this may happen."""


class Stale(DecisionError):
    """The post has changed since the caller looked at it. Read it again; the text says what happened since."""


class NotFound(DecisionError):
    """No item, post, account, source or person goes by that name or id."""


class NotInSettings(NotFound):
    """The settings have no source or account of that name. The text says which there are."""


class Busy(StorylineError):
    """Another process is doing this just now. The text says who; wait or come back."""

    def __init__(self, subject: str, holder: str) -> None:
        self.subject = subject
        self.holder = holder
        super().__init__(f"{subject} is being worked on by {holder}. Wait for it to finish, then try again.")


class BackupError(StorylineError):
    """A backup cannot be made, is damaged, or may not be restored there. The text says which and what to do."""


class StoreError(StorylineError):
    """The root of what goes wrong with the database."""


class StoreUnavailable(StoreError):
    """The database cannot be reached, is read-only or is full. Nothing was written."""


class SchemaMismatch(StoreError):
    """The database's tables are of another version than this Storyline. The text says which command mends it."""
