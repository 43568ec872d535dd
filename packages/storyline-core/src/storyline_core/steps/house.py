"""The house: what upkeep needs to know and may use, beyond any account's line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import BinaryIO
from zoneinfo import ZoneInfo

import attrs

from storyline_core.errors import StorylineError
from storyline_core.media import MediaItem
from storyline_core.settings import Settings
from storyline_core.store import Store

ALONE_FOR = timedelta(hours=1)
"""How long a task of upkeep may take before another process may take it for dead."""


class CutShort(StorylineError):
    """A long task ends here, having left nothing behind, because the process is to end. The next start does it."""


@attrs.frozen
class House:
    """Everything that upkeep works with. `holder` names this process.

    `maintained` opens each configured thing that looks after itself, by its owner's name (`publishers/brand`); what it
    gives is asked whether it can. `open_item` gives an item's bytes. `stop` tells that the process is to end.
    """

    store: Store
    settings: Settings
    clock: Callable[[], datetime]
    holder: str
    open_item: Callable[[MediaItem], BinaryIO]
    maintained: Mapping[str, Callable[[], object]] = attrs.field(factory=dict)
    stop: Callable[[], bool] = lambda: False

    @property
    def zone(self) -> ZoneInfo:
        """When night is: where the accounts are, if they agree."""
        zones = {account.schedule.zone for account in self.settings.accounts.values()}
        return zones.pop() if len(zones) == 1 else ZoneInfo("UTC")
