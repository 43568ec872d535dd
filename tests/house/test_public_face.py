"""The public face of storyline_core: sorted, complete, lazy, and the only door."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

import storyline_core
from tests.house.tree import ROOT, distributions, parsed, python_files, shown

HEAVY = ("PIL", "alembic", "cryptography", "psycopg2", "sqlalchemy")


def loaded_after(statement: str) -> set[str]:
    """The heavy packages that a fresh interpreter has loaded after `statement`."""
    report = f"{statement}\nimport sys\nprint(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", report], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_public_names_are_sorted_and_there() -> None:
    names = storyline_core.__all__
    assert list(names) == sorted(set(names))
    assert [name for name in names if not hasattr(storyline_core, name)] == []
    assert set(names) <= set(dir(storyline_core))


def test_type_checkers_see_the_same_names() -> None:
    tree = parsed(ROOT / "packages/storyline-core/src/storyline_core/__init__.py")
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname or alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert seen == set(storyline_core.__all__)


def test_an_unknown_name_is_refused_in_words() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = storyline_core.no_such_name


def test_importing_core_loads_nothing_heavy() -> None:
    assert loaded_after("import storyline_core") == set()


@pytest.mark.parametrize("plugin", ["storyline_local.plugin", "storyline_webfolder"])
def test_loading_a_plugin_loads_no_database(plugin: str) -> None:
    assert loaded_after(f"import {plugin}") & {"alembic", "psycopg2", "sqlalchemy"} == set()


def test_plugins_and_runner_use_public_names_only() -> None:
    public = set(storyline_core.__all__) | {"__version__"}
    found = []
    for path in python_files(("packages/*/src/**/*.py", "runners/src/**/*.py", "examples/**/*.py")):
        if "storyline_core" in path.parts or "tests" in path.parts:
            continue
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ImportFrom) and node.module == "storyline_core":
                private = {alias.name for alias in node.names} - public
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("storyline_core."):
                private = {str(node.module)}
            elif isinstance(node, ast.Import):
                private = {alias.name for alias in node.names if alias.name.startswith("storyline_core.")}
            else:
                continue
            found += [f"{shown(path)}:{node.lineno} {name}" for name in sorted(private)]
    assert not found, "Not public names of storyline_core:\n" + "\n".join(found)


def test_every_distribution_is_checked() -> None:
    assert {d.name for d in distributions()} >= {
        "storyline-core",
        "storyline-local",
        "storyline",
        "storyline-webfolder",
    }
