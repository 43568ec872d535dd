"""Secrets from the system's keyring (GNOME Keyring, KWallet, macOS Keychain), by way of the package `keyring`.

The package is an extra that few need, so it is loaded only when the settings name a keyring.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from storyline_core.settings.secret import Secret
from storyline_core.settings.surroundings import Wrong

OWNER = "storyline"
"""Under which name the keyring keeps Storyline's secrets."""


def from_keyring(name: str) -> Secret:
    """The secret that the keyring keeps under a name. Raises `Wrong` when there is none, or no keyring."""
    keyring = _loaded()
    try:
        text = keyring.get_password(OWNER, name)
    except Exception as error:  # noqa: BLE001 - every keyring of every system has errors of its own
        raise Wrong(
            f"the system's keyring does not answer ({type(error).__name__}).",
            'Unlock it; on a machine without a desktop write { env = "NAME" } or { file = "PATH" } instead.',
        ) from None
    if not isinstance(text, str) or not text.strip():
        raise Wrong(
            f"the system's keyring keeps nothing under {OWNER} / {name}.",
            f"Put it there: python -m keyring set {OWNER} {name}",
        )
    return Secret(text.strip())


def _loaded() -> ModuleType:
    try:
        return import_module("keyring")
    except ImportError:
        raise Wrong(
            "reading the system's keyring needs a package that is not installed.",
            "Install it with: pip install 'storyline-core[keyring]'",
        ) from None
