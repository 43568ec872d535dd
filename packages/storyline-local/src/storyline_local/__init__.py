"""Storyline on one machine: a folder as a source, a folder as an outbox, the terminal as the team.

These are the settings classes, for whoever builds `Settings` in code; what they open is found by entry point.
"""

from __future__ import annotations

from storyline_local.plugin import LocalFolder, Outbox, Terminal

__all__ = ["LocalFolder", "Outbox", "Terminal"]
