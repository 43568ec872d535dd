"""Everything that publishing, looking and fetching need to talk about one account, in one value."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from storyline_core import Runtime
from storyline_instagram.allowance import Allowance
from storyline_instagram.graph import Graph
from storyline_instagram.options import Instagram


@attrs.frozen
class Connection:
    """One account at Meta. `name` is the publisher's in the settings.

    `account_id` gives the Instagram account's id: that of the settings, or the one that login found; it raises
    `NeedsPerson` when there is none yet.
    """

    name: str
    settings: Instagram
    runtime: Runtime
    graph: Graph
    allowance: Allowance
    account_id: Callable[[], str] = attrs.field(repr=False)
