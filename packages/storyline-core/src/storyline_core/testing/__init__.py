"""For those who write plugins, and for Storyline's own tests: the contracts as tests, and plugins that fail on order.

Comes with the extra `storyline-core[testing]` (pytest and Hypothesis). Nothing that is shipped imports it.
`strategies` has the Hypothesis strategies, `files` a publisher and a notifier that survive a killed process.
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    "storyline_core.testing.conformance",
    "storyline_core.testing.following",
    "storyline_core.testing.notifiers",
    "storyline_core.testing.publishers",
    "storyline_core.testing.sources",
    "storyline_core.testing.writing",
)

from storyline_core.testing.conformance import Conformance, only_core_errors, overridden_quietly  # noqa: E402
from storyline_core.testing.faults import Crash, Faults  # noqa: E402
from storyline_core.testing.following import SourceWorld  # noqa: E402
from storyline_core.testing.memory import MemoryPlugin, Place  # noqa: E402
from storyline_core.testing.notifiers import NotifierTests, NotifierWorld, RecordingControls  # noqa: E402
from storyline_core.testing.publishers import PublisherTests, PublisherWorld  # noqa: E402
from storyline_core.testing.samples import (  # noqa: E402
    NOON,
    PlainState,
    draft_of,
    item_of,
    picture,
    post_of,
    runtime_named,
)
from storyline_core.testing.sources import MediaSourceProviderTests  # noqa: E402

__all__ = [
    "NOON",
    "Conformance",
    "Crash",
    "Faults",
    "MediaSourceProviderTests",
    "MemoryPlugin",
    "NotifierTests",
    "NotifierWorld",
    "Place",
    "PlainState",
    "PublisherTests",
    "PublisherWorld",
    "RecordingControls",
    "SourceWorld",
    "draft_of",
    "item_of",
    "only_core_errors",
    "overridden_quietly",
    "picture",
    "post_of",
    "runtime_named",
]
