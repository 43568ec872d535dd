"""Run by the Python of a fresh environment that holds one wheel: does it stand without the sources?

Usage: python -I installed.py DISTRIBUTION
"""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType

NEEDS_MORE = ("storyline_core.testing", "storyline_core.store.migrations")
"""Not importable as installed: the kit asks for its extra, alembic runs its own files."""


def main(distribution: str) -> None:
    """Imports every module of the distribution, checks its promises, and tries its command."""
    package = _package_of(distribution)
    home = Path(package.__path__[0])
    assert Path(sys.prefix) in home.parents, f"{package.__name__} came from {home}"
    assert (home / "py.typed").is_file(), f"{package.__name__} ships no py.typed"
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.startswith(NEEDS_MORE) and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in getattr(package, "__all__", ()):
        getattr(package, name)
    for entry in metadata.distribution(distribution).entry_points:
        entry.load()
    if distribution == "storyline":
        _try_command()
    print(f"{distribution} {metadata.version(distribution)} stands alone")


def _package_of(distribution: str) -> ModuleType:
    files = metadata.files(distribution) or []
    names = {file.parts[0] for file in files if file.parts[0].startswith("storyline_") and file.suffix == ".py"}
    assert len(names) == 1, f"{distribution} installs {sorted(names)}"
    return importlib.import_module(names.pop())


def _try_command() -> None:
    command = str(Path(sys.executable).with_name("storyline"))
    version = _said(command, "--version")
    assert metadata.version("storyline") in version, version
    kinds = _said(command, "plugins")
    assert "local" in kinds, kinds
    assert "outbox" in kinds, kinds
    # A database made from the migrations in the wheel.
    _said(command, "init", ".")
    _said(command, "db", "upgrade")
    _said(command, "db", "check")


def _said(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout


if __name__ == "__main__":
    main(sys.argv[1])
