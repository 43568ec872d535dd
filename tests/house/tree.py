"""The repository as the house's own tests see it: its files and its distributions."""

from __future__ import annotations

import ast
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import attrs

ROOT = Path(__file__).parents[2]
SHIPPED = ("packages/*/src/**/*.py", "runners/src/**/*.py", "examples/**/*.py")
MADE_BY_TOOLS = {"__pycache__", "build", "demo", "dist"}
CHECKED = (*SHIPPED, "tests/**/*.py", "docs/**/*.py", "benchmarks/**/*.py", "*.py")


@attrs.frozen
class Distribution:
    """One folder with a pyproject.toml that becomes a wheel."""

    folder: Path
    project: dict[str, object]

    @property
    def name(self) -> str:
        return str(self.project["name"])

    @property
    def package(self) -> Path:
        """The folder that is imported."""
        (package,) = (path for path in (self.folder / "src").iterdir() if path.name.startswith("storyline"))
        return package


@cache
def distributions() -> tuple[Distribution, ...]:
    """Every distribution of the repository."""
    found = (path for pattern in ("packages/*", "runners", "examples/*") for path in sorted(ROOT.glob(pattern)))
    files = (folder / "pyproject.toml" for folder in found)
    return tuple(
        Distribution(file.parent, tomllib.loads(file.read_text())["project"]) for file in files if file.exists()
    )


def python_files(patterns: tuple[str, ...]) -> list[Path]:
    """Python files of the repository, relative to its root, without what tools leave behind."""
    kept = set(known_files())
    return sorted(path for path in {f for p in patterns for f in ROOT.glob(p)} if path in kept)


@cache
def known_files() -> tuple[Path, ...]:
    """Every file that is, or would be, under version control; without git, every file that tools did not make."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, check=True, capture_output=True).stdout.decode().split("\0")
    except (FileNotFoundError, subprocess.CalledProcessError):
        return tuple(path for path in ROOT.rglob("*") if path.is_file() and not _left_by_tools(path.relative_to(ROOT)))
    return tuple(path for name in listed if name and (path := ROOT / name).is_file())


def _left_by_tools(path: Path) -> bool:
    folders = path.parts[:-1]
    return any(name.startswith(".") and name != ".ci" for name in folders) or bool(MADE_BY_TOOLS & set(folders))


def parsed(path: Path) -> ast.Module:
    """The syntax tree of one file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported_names(tree: ast.Module) -> Iterator[str]:
    """Everything a module imports, as dotted names: `from a import b` gives `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def shown(path: Path) -> str:
    """How a path is named to people."""
    return path.relative_to(ROOT).as_posix()
