"""Google Drive as a source. `GoogleDrive` are the settings, for whoever builds `Settings` in code."""

from __future__ import annotations

from storyline_gdrive.plugin import GoogleDrive

__all__ = ["GoogleDrive"]
