"""Cloudinary's signatures, as its server checks them."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

UNSIGNED = {"file", "api_key", "signature", "resource_type", "cloud_name"}


def text_to_sign(params: Mapping[str, str], lists: Mapping[str, list[str]], encoded: bool) -> str:
    """The parameters in the order of their names; with ``encoded`` an ampersand inside is written ``%26``."""
    given = dict(params) | {name: ",".join(values) for name, values in lists.items()}
    pairs = [f"{name}={value}" for name, value in given.items() if value and name not in UNSIGNED]
    return "&".join(sorted(pair.replace("&", "%26") if encoded else pair for pair in pairs))


def is_signed(params: Mapping[str, str], lists: Mapping[str, list[str]], secret: str) -> bool:
    """Whether the signature is right: SHA-1 or SHA-256, of either version."""
    given = params.get("signature", "")
    for encoded in (True, False):
        text = (text_to_sign(params, lists, encoded) + secret).encode()
        for right in (hashlib.sha1(text).hexdigest(), hashlib.sha256(text).hexdigest()):  # noqa: S324 - theirs
            if hmac.compare_digest(given, right):
                return True
    return False
