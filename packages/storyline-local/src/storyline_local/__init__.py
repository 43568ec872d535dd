"""Storyline on one machine: a folder as a source, folder as outbox, terminal as team, ways out for alerts.

These are the settings classes, for whoever builds `Settings` in code; what they open is found by entry point.
"""

from __future__ import annotations

from storyline_local.channels import Email, Webhook
from storyline_local.plugin import LocalFolder, Outbox, Terminal

__all__ = ["Email", "LocalFolder", "Outbox", "Terminal", "Webhook"]
