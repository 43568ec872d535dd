"""Secrets from the system's keyring: the package is loaded only when it is asked for, and every failure is plain."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from storyline_core import load_plugins
from storyline_core.errors import SettingsError
from storyline_core.settings import Settings, load
from storyline_core.testing.memory import MemoryPlugin

KEYRING = """
import pathlib

def get_password(owner, name):
    file = pathlib.Path(__file__).with_name(f"{owner}-{name}")
    if name == "locked":
        raise RuntimeError("the keyring is locked: very-secret-words")
    return file.read_text() if file.exists() else None
"""
TOML = '[secrets]\nkey = { keyring = "NAME" }\n'
KEY = "a-key-in-the-keyring-a-key-in-the-keyring"


@pytest.fixture
def keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package `keyring` that keeps texts in files, in the place of the real one."""
    folder = tmp_path / "packages/keyring"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(KEYRING)
    monkeypatch.syspath_prepend(str(folder.parent))
    monkeypatch.delitem(sys.modules, "keyring", raising=False)
    return folder


def read(tmp_path: Path, name: str) -> Settings:
    file = tmp_path / "storyline.toml"
    file.write_text(TOML.replace("NAME", name))
    return load(file, {}, load_plugins(extra=[MemoryPlugin()]))


def test_a_key_is_taken_from_it(keyring: Path, tmp_path: Path) -> None:
    (keyring / "storyline-key").write_text(KEY + "\n")
    settings = read(tmp_path, "key")
    assert settings.secret_key is not None
    assert settings.secret_key.reveal() == KEY
    sys.modules.pop("keyring", None)


REFUSALS = {
    "none": "the system's keyring keeps nothing under storyline / none. "
    "Put it there: python -m keyring set storyline none",
    "locked": "the system's keyring does not answer (RuntimeError). "
    'Unlock it; on a machine without a desktop write { env = "NAME" } or { file = "PATH" } instead.',
    "": "keyring must name an entry in quotes.",
    "short": "a key for stored secrets needs 32 characters or more. Make one with `openssl rand -hex 32`.",
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_keeps_it_from_being_read_is_told(keyring: Path, tmp_path: Path, name: str) -> None:
    (keyring / "storyline-short").write_text("short")
    with pytest.raises(SettingsError) as raised:
        read(tmp_path, name)
    assert str(raised.value) == f"secrets.key: {REFUSALS[name]}"
    sys.modules.pop("keyring", None)


def test_without_the_package_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(SettingsError) as raised:
        read(tmp_path, "key")
    assert str(raised.value) == (
        "secrets.key: reading the system's keyring needs a package that is not installed. "
        "Install it with: pip install 'storyline-core[keyring]'"
    )


def test_nobody_loads_it_who_does_not_ask_for_it() -> None:
    code = "import storyline_core.settings, storyline_core.storyline, sys; print('keyring' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
