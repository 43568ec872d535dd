"""Instagram as a publisher. `Instagram` and `Cloudinary` are the settings, for whoever builds `Settings` in code."""

from __future__ import annotations

from storyline_instagram.options import Cloudinary, Instagram, Login

__all__ = ["Cloudinary", "Instagram", "Login"]
