"""No name hides behind a word that could mean anything."""

from __future__ import annotations

import ast
import re

import pytest

from tests.house.tree import CHECKED, parsed, python_files, shown

REFUSED = {"service", "manager", "helper", "util", "common", "processor", "info", "context"}
REFUSED_ALONE = {"base", "data"}


def refused_words(name: str) -> set[str]:
    """The refused words of one name, in snake case or camel case, singular or plural."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    words = [word for word in re.split(r"[_\-.]+", spaced.lower()) if word]
    singular = {word.removesuffix("s") for word in words} | set(words)
    return singular & (REFUSED | REFUSED_ALONE if len(words) == 1 else REFUSED)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("PostManager", {"manager"}),
        ("http_utils", {"util"}),
        ("HTTPContext", {"context"}),
        ("Base", {"base"}),
        ("data", {"data"}),
        ("base_of", set()),
        ("DataFolder", set()),
        ("informed", set()),
        ("business", set()),
    ],
)
def test_refused_words_are_found_in_any_spelling(name: str, words: set[str]) -> None:
    assert refused_words(name) == words


def test_no_name_says_nothing() -> None:
    found = []
    for path in python_files(CHECKED):
        named = [(0, part) for part in path.with_suffix("").parts[-2:]]
        definitions = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        named += [(node.lineno, node.name) for node in ast.walk(parsed(path)) if isinstance(node, definitions)]
        found += [f"{shown(path)}:{line} {name}" for line, name in named if refused_words(name)]
    assert not found, "These names say nothing:\n" + "\n".join(found)
