"""Brings the generated parts of the documentation level with the code.

A part stands in a page between `<!-- generated: NAME -->` and `<!-- end -->`; everything around it is written by hand.

    python docs/generate.py --check     fails and names the pages that are stale
    python docs/generate.py --write     writes them anew
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import indent

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from storyline_core import FIGURES, TRANSITIONS, Contract, PostEvent, PostState, load_plugins, starter_toml
from storyline_core.settings import SettingField, describe_kind, describe_settings
from storyline_runner.app import build

ROOT = Path(__file__).parents[1]
CORE = ROOT / "packages/storyline-core/src/storyline_core"
LIBRARY_USER = ROOT / "examples/library_user.py"
WEBFOLDER = ROOT / "examples/storyline-webfolder/src/storyline_webfolder/__init__.py"
MARKED = re.compile(r"(?P<begin><!-- generated: (?P<name>[\w-]+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL)
SECTIONS = {Contract.SOURCE: "sources", Contract.NOTIFIER: "notifiers", Contract.PUBLISHER: "publishers"}


def pages() -> list[Path]:
    """Every page that may hold generated parts."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def renewed(text: str) -> str:
    """A page with its generated parts as the code now has them. Raises `KeyError` for a part that nobody makes."""
    return MARKED.sub(lambda part: f"{part['begin']}{PARTS[part['name']]().strip()}\n{part['end']}", text)


def stale() -> list[Path]:
    """The pages whose generated parts are not as the code now has them."""
    return [page for page in pages() if renewed(page.read_text("utf-8")) != page.read_text("utf-8")]


# Hooks and contracts: from the source, so that annotations stand as they were written.


def hooks() -> str:
    """Every hook with its signature and what it is for."""
    tree = _parsed(CORE / "hookspecs.py")
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and _decorated(node, "hookspec")]
    return "\n".join(_documented(node, f"### `{node.name}`") for node in found)


def contracts(*names: str) -> Callable[[], str]:
    """The protocols and values of those names, with their methods or fields."""

    def part() -> str:
        classes = _classes("interfaces", "abilities", "media", "posts", "desk/__init__")
        return "\n".join(_class(classes[name]) for name in names)

    return part


def errors() -> str:
    """The tree of errors, as the module that defines them draws it."""
    drawn = (ast.get_docstring(_parsed(CORE / "errors.py")) or "").partition("::\n\n")[2]
    lines = drawn.partition("\n\n")[0].splitlines()
    return _fenced("text", "\n".join(line.removeprefix("    ") for line in lines))


def _classes(*modules: str) -> dict[str, ast.ClassDef]:
    return {
        node.name: node
        for module in modules
        for node in _parsed(CORE / f"{module}.py").body
        if isinstance(node, ast.ClassDef)
    }


def _class(node: ast.ClassDef) -> str:
    fields = [each for each in node.body if isinstance(each, ast.AnnAssign)]
    methods = [each for each in node.body if isinstance(each, ast.FunctionDef) and not each.name.startswith("_")]
    parts = [f"### `{node.name}`\n", _prose(ast.get_docstring(node) or ""), ""]
    if fields:
        parts.append(_fenced("python", "\n".join(map(_code, fields))) + "\n")
    parts.extend(_documented(method, f"#### `{node.name}.{method.name}`") for method in methods)
    return "\n".join(parts)


def _documented(node: ast.FunctionDef, heading: str) -> str:
    arguments = _code(node.args)
    gives = f" -> {_code(node.returns)}" if node.returns else ""
    if _decorated(node, "property"):
        signature = f"{node.name}{gives.replace(' ->', ':')}"
    else:
        signature = f"{node.name}({arguments.removeprefix('self, ').removeprefix('self')}){gives}"
    return f"{heading}\n\n{_fenced('python', signature)}\n\n{_prose(ast.get_docstring(node) or '')}\n"


def _code(node: ast.AST) -> str:
    """As the source spells it; Python itself would quote with single quotes."""
    return ast.unparse(node).replace("'", '"')


def _decorated(node: ast.FunctionDef, name: str) -> bool:
    return any(isinstance(each, ast.Name) and each.id == name for each in node.decorator_list)


def _prose(docstring: str) -> str:
    """A docstring as Markdown: parameters become a list, a literal block becomes code."""
    text = re.sub(r"^:param (\w+): ", r"- `\1`: ", docstring, flags=re.MULTILINE)
    return re.sub(
        r"::\n\n((?:    .*\n?|\n)+)", lambda block: f":\n\n{_fenced('python', _dedented(block[1]))}\n", text
    ).strip()


def _dedented(text: str) -> str:
    return "\n".join(line.removeprefix("    ") for line in text.strip("\n").splitlines())


# States


def diagram(begin: PostState, end: PostState, together: str) -> Callable[[], str]:
    """The moves out of these states, as a Mermaid diagram; moves that lead back to the same state are left out.

    States from which a person may still skip stand together in a box, and what they have in common is noted beside it.
    """

    def part() -> str:
        states = list(PostState)
        states = states[states.index(begin) : states.index(end) + 1]
        boxed = [state for state in states if PostEvent.SKIP in TRANSITIONS[state]]
        moves = {
            state: {(event, to) for event, to in TRANSITIONS[state].items() if to is not state} for state in states
        }
        shared = set.intersection(*(moves[state] for state in boxed)) if boxed else set()
        shared = {(event, to) for event, to in shared if to not in boxed}
        lines = ["stateDiagram-v2", "    [*] --> scheduled"] if begin is PostState.SCHEDULED else ["stateDiagram-v2"]
        lines += [f"    state {together} {{", *(f"        {state}" for state in boxed), "    }"] if boxed else []
        for state in states:
            lines += _arrows(state, moves[state] - (shared if state in boxed else set()))
        if shared:
            lines += [f"    note right of {together}", "        from each of these:"]
            lines += [f"        {event} → {to}" for event, to in sorted(shared)]
            lines += ["    end note"]
        return _fenced("mermaid", "\n".join(lines))

    return part


def _arrows(start: str, moves: Iterable[tuple[PostEvent, PostState]]) -> Iterator[str]:
    """One arrow to each state that these moves lead to."""
    for target in PostState:
        events = _in_order(event for event, to in moves if to is target)
        if events:
            yield f"    {start} --> {target}: {', '.join(events)}"


def transitions() -> str:
    """Every move that the table allows, by state."""
    rows = []
    for state in PostState:
        moves = TRANSITIONS[state]
        targets = [
            f"{', '.join(f'`{event}`' for event in _in_order(e for e, to in moves.items() if to is target))} → {target}"
            for target in PostState
            if target in moves.values()
        ]
        rows.append((f"**{state}**", "settled" if state.settled else "unsettled", "<br>".join(targets) or "nothing"))
    return _table(("state", "", "what may happen, and where it leads"), rows)


def _in_order(events: Iterable[PostEvent]) -> list[str]:
    order = list(PostEvent)
    return [str(event) for event in sorted(events, key=order.index)]


# Settings


def core_settings() -> str:
    """Every key that core itself reads, a table for each section of the file."""
    by_section: dict[str, list[SettingField]] = {}
    for field in describe_settings():
        by_section.setdefault(field.path.rpartition(".")[0], []).append(field)
    return "\n".join(f"### `[{section}]`\n\n{_settings(fields, section)}\n" for section, fields in by_section.items())


def kind_settings() -> str:
    """The keys of every kind that this repository's own distributions offer."""
    folders = sorted((ROOT / "packages").glob("*/pyproject.toml"))
    ours = [tomllib.loads(file.read_text("utf-8"))["project"]["name"] for file in folders]
    plugins = load_plugins(only=ours)
    parts = []
    for record in sorted(plugins.kinds(), key=lambda record: (list(Contract).index(record.contract), record.kind)):
        section = SECTIONS[record.contract]
        kind = plugins.find(record.contract, record.kind)
        fields = describe_kind(section, kind) if kind is not None else []
        about = f"{record.summary[:1].upper()}{record.summary[1:]} (`{record.package}`)."
        heading = f'### `[{section}.NAME]` with `kind = "{record.kind}"`'
        parts.append(f"{heading}\n\n{about}\n\n{_settings(fields, f'{section}.NAME')}\n")
    return "\n".join(parts)


def starter() -> str:
    """The file that `storyline init` writes."""
    return _fenced("toml", starter_toml("pictures").strip())


def _settings(fields: Sequence[SettingField], table: str) -> str:
    rows = [
        (
            f"`{field.path.removeprefix(table + '.')}`",
            field.type,
            "needed" if field.default is None else f"`{field.default}`" if field.default else "left out",
            _sentence(field.help),
        )
        for field in fields
    ]
    return _table(("key", "type", "default", "what it is for"), rows)


def _sentence(text: str) -> str:
    """With a capital, where it begins with a word and not with a value; and with a full stop."""
    begun = text[:1].upper() + text[1:] if re.match(r"[a-z]+,? ", text) else text
    return f"{begun.rstrip('.')}."


# Commands


def commands() -> str:
    """Every command with its arguments and options."""
    # Words that name a command of Storyline's own keep the groups of plugins out.
    app = get_command(build(["init"]))
    if not isinstance(app, TyperGroup):
        raise TypeError("storyline is a group of commands")
    return "\n".join(_commands(app, "storyline", typer.Context(app, info_name="storyline")))


def _commands(command: TyperCommand | TyperGroup, path: str, ctx: typer.Context) -> Iterator[str]:
    below: Mapping[str, TyperCommand | TyperGroup] = getattr(command, "commands", {})
    if not below or path == "storyline" or getattr(command, "invoke_without_command", False):
        yield _command(command, path, ctx)
    for name, each in below.items():
        yield from _commands(each, f"{path} {name}", typer.Context(each, info_name=name, parent=ctx))


def _command(command: TyperCommand | TyperGroup, path: str, ctx: typer.Context) -> str:
    arguments, rows = [], []
    for parameter in command.params:
        shown, about = parameter.get_help_record(ctx) or ("", "")
        if parameter.param_type_name == "argument":
            shown = str(parameter.metavar)
            arguments.append(shown)
        elif parameter.required:
            arguments.append(shown)
        about = re.sub(r"\s*\[required\]", " Needed.", about)
        about = re.sub(r"\s*\[default: (.*)\]", r" Default: `\1`.", about).strip()
        rows.append((f"`{shown}`", about))
    usage = " ".join([path, *arguments])
    table = "\n" + _table(("", "what it does"), rows) + "\n" if rows else ""
    return f"### `{usage}`\n\n{(command.help or '').strip()}\n{table}"


# Examples


def library_use() -> str:
    """The library user's example, whole."""
    return _fenced("python", LIBRARY_USER.read_text("utf-8").strip())


def plugin_excerpt() -> str:
    """What makes the example plugin a plugin; how it fetches is left out."""
    tree, text = _parsed(WEBFOLDER), WEBFOLDER.read_text("utf-8").splitlines()
    named = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    source = named["WebFolderSource"]
    methods = [
        node
        for node in source.body
        if isinstance(node, ast.FunctionDef) and node.name in {"__init__", "list_media", "open_media"}
    ]
    whole = [_lines(text, named[name]) for name in ("WebFolder", "open_web_folder", "storyline_media_source_providers")]
    head = "\n".join(text[source.lineno - 1 : methods[0].lineno - 1]).rstrip()
    body = "\n\n".join(_lines(text, method) for method in methods)
    return _fenced("python", "\n\n\n".join([whole[0], f"{head}\n\n{body}", *whole[1:]]))


def _lines(text: Sequence[str], node: ast.ClassDef | ast.FunctionDef) -> str:
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    return "\n".join(text[first - 1 : node.end_lineno])


# Markdown


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def figures() -> str:
    """The numbers that the daemon shows to Prometheus."""
    rows = [f"| `storyline_{name}` | {what} |" for name, what in FIGURES.items()]
    return "\n".join(["| metric | what it says |", "| --- | --- |", *rows])


PARTS: Mapping[str, Callable[[], str]] = {
    "hooks": hooks,
    "source": contracts("MediaSourceProvider", "WritableSource"),
    "source-values": contracts(
        "ListedFile", "Listing", "ListingMode", "Unseen", "FileProblem", "Fingerprint", "Look", "Unread"
    ),
    "notifier": contracts("Notifier", "Controls", "Draft", "Decision", "Message", "Alert", "AlertLevel"),
    "desk": contracts("Desk", "Deed", "AccountStanding", "Day", "Received"),
    "publisher": contracts(
        "Publisher", "Handle", "Publication", "Published", "Ready", "InProgress", "Gone", "MediaRules"
    ),
    "kinds": contracts("Kind", "Traits", "Runtime", "PrivateState"),
    "errors": errors,
    "undecided": diagram(PostState.SCHEDULED, PostState.SNOOZED, "undecided"),
    "on-its-way": diagram(PostState.APPROVED, PostState.UNCERTAIN, "accepted"),
    "settled": diagram(PostState.POSTED, PostState.FAILED, "settled"),
    "transitions": transitions,
    "core-settings": core_settings,
    "kind-settings": kind_settings,
    "figures": figures,
    "starter": starter,
    "commands": commands,
    "library-use": library_use,
    "plugin-excerpt": plugin_excerpt,
}


def main(words: Sequence[str]) -> int:
    """Check or write, and return the exit code."""
    parser = argparse.ArgumentParser(description="The generated parts of the documentation.")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--check", action="store_true", help="fail if a page is stale (the default)")
    how.add_argument("--write", action="store_true", help="write the stale pages anew")
    asked = parser.parse_args(words)
    found = stale()
    for page in found:
        if asked.write:
            page.write_text(renewed(page.read_text("utf-8")), "utf-8")
        print(f"{page.relative_to(ROOT).as_posix()} {'is written anew' if asked.write else 'is stale'}")
    if found and not asked.write:
        print(indent("nox -s docs -- --write", "Bring them level with: "))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
