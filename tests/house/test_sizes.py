"""A module fits on a few screens and a function on one."""

from __future__ import annotations

import ast

from tests.house.tree import CHECKED, SHIPPED, parsed, python_files, shown

MODULE_LINES = 350
FUNCTION_LINES = 50

LISTS = {"packages/storyline-core/src/storyline_core/__init__.py"}
"""Nothing but names, one a line."""


def test_modules_have_one_subject() -> None:
    sizes = {
        shown(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in python_files(SHIPPED)
        if "migrations" not in path.parts
    }
    long = [f"{path}: {lines} lines" for path, lines in sizes.items() if lines > MODULE_LINES and path not in LISTS]
    assert not long, f"More than {MODULE_LINES} lines:\n" + "\n".join(long)


def test_functions_have_one_job() -> None:
    long = [
        f"{shown(path)}:{node.lineno} {node.name}: {lines} lines"
        for path in python_files(CHECKED)
        if "migrations" not in path.parts
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (lines := _lines_of_code(node)) > FUNCTION_LINES
    ]
    assert not long, f"More than {FUNCTION_LINES} lines:\n" + "\n".join(long)


def _lines_of_code(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function without its docstring, which may explain as much as it likes."""
    first = node.body[0]
    said = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    docstring = (first.end_lineno or first.lineno) - first.lineno + 1 if said else 0
    return (node.end_lineno or node.lineno) - node.lineno + 1 - docstring
