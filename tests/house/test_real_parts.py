"""Tests use real parts, and no file knows the machine it was written on."""

from __future__ import annotations

import ast
import re

from tests.house.tree import CHECKED, imported_names, known_files, parsed, python_files, shown

MACHINE_FOLDERS = ("work", "root", "tmp")
MACHINE_PATH = re.compile(r"(?<![\w.$}>)-])/(?:" + "|".join(MACHINE_FOLDERS) + r")(?:/|\b(?=[\"'\s]))")


def test_nothing_is_mocked() -> None:
    found = []
    for path in python_files(CHECKED):
        tree = parsed(path)
        found += [f"{shown(path)}: {name}" for name in imported_names(tree) if re.search(r"\bmock\b", name)]
        found += [
            f"{shown(path)}:{node.lineno} monkeypatch.{node.attr}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and node.attr in {"setattr", "delattr"}
            if isinstance(node.value, ast.Name) and node.value.id in {"monkeypatch", "mocker"}
        ]
    assert not found, "Real parts, loopback fakes or memory plugins instead of:\n" + "\n".join(found)


def test_a_path_of_this_machine_is_recognised() -> None:
    folder = MACHINE_FOLDERS[2]
    assert MACHINE_PATH.search(f'Path("/{folder}/x")')
    assert MACHINE_PATH.search(f"sqlite:////{folder}/x.db")
    assert not MACHINE_PATH.search(f"https://example.com/{folder}/x")
    assert not MACHINE_PATH.search(f"$ROOT/{folder}/x")


def test_no_file_knows_this_machine() -> None:
    found = []
    for path in known_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        lines = enumerate(text.splitlines(), 1)
        found += [f"{shown(path)}:{number} {line.strip()}" for number, line in lines if MACHINE_PATH.search(line)]
    assert not found, "Paths of one machine:\n" + "\n".join(found)
