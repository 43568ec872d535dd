"""Two Storylines that are open at once never share the name that their claims bear."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from storyline_core import Settings, load_plugins, open_storyline
from storyline_core.holders import holder_here


def test_whoever_is_open_beside_another_bears_another_name(tmp_path: Path) -> None:
    settings, plugins = Settings(database_url=f"sqlite:///{tmp_path}/s.db"), load_plugins(entry_points=False)
    with open_storyline(settings, plugins=plugins) as first:
        with open_storyline(settings, plugins=plugins) as second:
            assert first.holder.endswith(f":{os.getpid()}")
            assert second.holder == f"{first.holder}.2"
        with open_storyline(settings, plugins=plugins) as third, third.sibling() as sibling:
            assert (third.holder, sibling.holder) == (second.holder, second.holder)
    with open_storyline(settings, plugins=plugins) as alone:
        assert alone.holder == first.holder


def test_threads_that_open_at_once_are_told_apart() -> None:
    together = Barrier(8)

    def named(_: int) -> str:
        with holder_here() as holder:
            together.wait(30)
            return holder

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(named, range(8)))) == 8
