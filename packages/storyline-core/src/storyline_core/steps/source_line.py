"""A source that was opened for a sync, and how it is called."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import attrs

from storyline_core.errors import Unavailable
from storyline_core.interfaces import MediaSourceProvider, Traits
from storyline_core.reconcile import ChangeSet
from storyline_core.steps.line import Answer, guarded
from storyline_core.store import Store


@attrs.frozen
class SourceLine:
    """One opened source, with what its sync needs."""

    name: str
    provider: MediaSourceProvider
    traits: Traits
    store: Store
    clock: Callable[[], datetime]
    holder: str
    tell_changed: Callable[[str, ChangeSet], None]


def ask_source(call: Callable[[], Answer], what: str) -> Answer:
    """Call a source; whatever is no error of the contract comes out as `Unavailable`."""
    return guarded(call, f"The source's {what}", otherwise=Unavailable)
