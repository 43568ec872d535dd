"""The documentation says what the code does: generated parts are level, links lead somewhere, commands exist."""

from __future__ import annotations

import ast
import inspect
import json
import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from docs import generate
from typer.core import TyperGroup
from typer.main import get_command

import storyline_core
from storyline_core import TRANSITIONS, Contract, PostEvent, PostState, hookspecs, load_plugins
from storyline_core.settings import describe_kind, describe_settings
from storyline_runner.app import build
from tests.house.documents import LINK, anchors, blocks, commands_of, mistake_in, pages, prose, shown
from tests.house.tree import ROOT

DOCS = ROOT / "docs"
README = ROOT / "README.md"
WORDS = """
    source, listing, key, digest, item, library, reconcile, change set, tombstone, account, schedule, slot, post, queue,
    history, journal, draft, offer, decision, hold, claim, lock, mix, category, tag, handle, publication, uncertain,
    settle, run, step, runner, kind, fact
"""
LARGEST_PICTURE = 200_000


def text_of(name: str) -> str:
    return (DOCS / f"{name}.md").read_text("utf-8")


def test_generated_parts_are_level_with_the_code() -> None:
    assert [shown(page) for page in generate.stale()] == [], "run: nox -s docs -- --write"


def test_every_generated_part_stands_somewhere() -> None:
    marked = {match["name"] for page in generate.pages() for match in generate.MARKED.finditer(page.read_text("utf-8"))}
    assert marked == set(generate.PARTS)


def test_a_stale_part_is_made_anew_and_the_rest_stays() -> None:
    page = "before\n<!-- generated: errors -->\nstale\n<!-- end -->\nafter\n"
    anew = generate.renewed(page)
    assert "stale" not in anew
    assert "StorylineError" in anew
    assert anew.startswith("before\n")
    assert anew.endswith("<!-- end -->\nafter\n")
    assert generate.renewed(anew) == anew


def test_a_part_that_nobody_makes_is_an_error() -> None:
    with pytest.raises(KeyError, match="nonsense"):
        generate.renewed("<!-- generated: nonsense -->\n<!-- end -->")


def test_every_hook_is_documented() -> None:
    hooks = [
        name for name, each in vars(hookspecs).items() if inspect.isfunction(each) and name.startswith("storyline_")
    ]
    assert len(hooks) == 5
    for name in hooks:
        assert f"### `{name}`" in text_of("hooks")


def test_every_operation_of_a_contract_is_documented() -> None:
    for contract in (storyline_core.MediaSourceProvider, storyline_core.Notifier, storyline_core.Publisher):
        for name, each in vars(contract).items():
            if inspect.isfunction(each) and not name.startswith("_"):
                assert f"#### `{contract.__name__}.{name}`" in text_of("hooks")


def test_what_the_hooks_page_names_can_be_imported_from_core() -> None:
    names = re.findall(r"^### `([A-Z]\w+)`$", text_of("hooks"), re.MULTILINE)
    assert names
    for name in names:
        assert hasattr(storyline_core, name), name


def section_of(heading: str) -> str:
    found = re.search(rf"^### {re.escape(heading)}\n(.*?)(?=^#|\Z)", text_of("settings"), re.DOTALL | re.MULTILINE)
    assert found, f"docs/settings.md has no section {heading}"
    return found[1]


def test_every_setting_is_documented() -> None:
    for field in describe_settings():
        section, _, key = field.path.rpartition(".")
        assert f"| `{key}` |" in section_of(f"`[{section}]`"), field.path
    plugins = load_plugins(only=["storyline-local"])
    sections = {Contract.SOURCE: "sources", Contract.NOTIFIER: "notifiers", Contract.PUBLISHER: "publishers"}
    for record in plugins.kinds():
        kind = plugins.find(record.contract, record.kind)
        assert kind is not None
        section = sections[record.contract]
        for field in describe_kind(section, kind):
            heading = f'`[{section}.NAME]` with `kind = "{record.kind}"`'
            assert f"| `{field.path.rpartition('.')[2]}` |" in section_of(heading), field.path


def test_every_setting_says_what_it_is_for() -> None:
    rows = re.findall(r"^\| `\w+` \| .*$", text_of("settings"), re.MULTILINE)
    assert rows
    empty = [row for row in rows if not row.removesuffix(" |").rpartition("| ")[2].strip(" .")]
    assert not empty


def test_the_pictures_show_every_move_once() -> None:
    drawn: list[tuple[str, str, str]] = []
    for name in ("undecided", "on-its-way", "settled"):
        lines = generate.PARTS[name]().splitlines()
        boxed = [line.strip() for line in lines if re.fullmatch(r" {8}\w+", line)]
        for line in lines:
            if arrow := re.fullmatch(r"    (\w+) --> (\w+): (.+)", line):
                drawn += [(arrow[1], event, arrow[2]) for event in arrow[3].split(", ")]
            elif note := re.fullmatch(r"        ([\w-]+) → (\w+)", line):
                drawn += [(state, note[1], note[2]) for state in boxed]
    moves = [(str(state), str(event), str(to)) for state in PostState for event, to in TRANSITIONS[state].items()]
    assert sorted(drawn) == sorted(move for move in moves if move[0] != move[2])


def test_every_state_is_explained_and_every_event_named() -> None:
    states = text_of("states")
    for state in PostState:
        assert re.search(rf"^\| \*\*{state}\*\* \| \w", states, re.MULTILINE), state
    for event in PostEvent:
        assert f"`{event}`" in states, event


def test_every_command_is_documented() -> None:
    app = get_command(build(["init"]))
    assert isinstance(app, TyperGroup)
    for name, command in app.commands.items():
        below = command.commands if isinstance(command, TyperGroup) else {}
        for path in ([f"{name} {each}" for each in below]) or [name]:
            assert re.search(rf"^### `storyline {path}[` ]", text_of("command-line"), re.MULTILINE), path


def test_the_glossary_has_every_word_once() -> None:
    defined = re.findall(r"^- \*\*(.+?)\*\*: ", text_of("glossary"), re.MULTILINE)
    wanted = {" ".join(word.split()) for word in WORDS.split(",")}
    assert not wanted - set(defined)
    assert len(defined) == len(set(defined))


@pytest.mark.parametrize("page", pages(), ids=shown)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{shown(page)} links to {target}"
        if anchor:
            assert anchor in anchors(linked), f"{shown(page)} links to {target}"


def test_every_page_is_reached_from_the_readme() -> None:
    linked = {target.partition("#")[0] for target in LINK.findall(README.read_text("utf-8"))}
    assert {f"docs/{page.name}" for page in DOCS.glob("*.md")} <= linked


@pytest.mark.parametrize("page", pages(), ids=shown)
def test_the_commands_that_a_page_shows_exist(page: Path) -> None:
    mistakes = [mistake for line in commands_of(page) if (mistake := mistake_in(line))]
    assert not mistakes


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        ("storyline sync photos --dry-run", ""),
        ("storyline --config x.toml queue show q2", ""),
        ("storyline history --since 7d", ""),
        ("storyline queue …", ""),
        ("storyline snyc", "storyline has no command snyc"),
        ("storyline queue psoted q2", "storyline queue has no command psoted"),
        ("storyline sync --dyr-run", "storyline sync has no option --dyr-run"),
    ],
)
def test_a_command_that_does_not_exist_is_found(line: str, mistake: str) -> None:
    assert mistake_in(line) == mistake


def test_the_readme_shows_the_library_users_example_as_it_is() -> None:
    example = (ROOT / "examples" / "library_user.py").read_text("utf-8").strip()
    assert example in [block.text.strip() for block in blocks("python") if block.page == README]


def test_what_the_readme_shows_of_the_plugin_is_in_it() -> None:
    plugin = {line.strip() for line in generate.WEBFOLDER.read_text("utf-8").splitlines()}
    excerpt = generate.plugin_excerpt().splitlines()[1:-1]
    assert {line.strip() for line in excerpt} <= plugin
    assert excerpt[0] == "@attrs.frozen"


@pytest.mark.parametrize("session", ["demo", "tests"])
def test_the_readme_has_one_line_that_sets_everything_up(session: str) -> None:
    lines = README.read_text("utf-8").splitlines()
    assert f"python3 -m venv .venv && .venv/bin/pip install -q nox && .venv/bin/nox -s {session}" in lines


def test_the_tree_of_the_readme_stands() -> None:
    tree = next(block.text for block in blocks("text") if block.page == README)
    for line in tree.splitlines():
        assert (ROOT / line.split()[0]).exists(), line


def test_settings_code_and_documents_in_the_pages_can_be_read() -> None:
    for block in blocks("toml"):
        tomllib.loads(block.text)
    for block in blocks("json"):
        json.loads(block.text)
    for block in blocks("python"):
        if block.page != DOCS / "hooks.md":
            ast.parse(block.text)


def test_what_the_pages_import_can_be_imported() -> None:
    for block in blocks("python"):
        if block.page == DOCS / "hooks.md":
            continue
        for node in ast.walk(ast.parse(block.text)):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("storyline"):
                module = import_module(str(node.module))
                assert all(hasattr(module, alias.name) for alias in node.names), ast.unparse(node)


def test_pictures_are_small_and_no_page_knows_the_machine_it_was_made_on() -> None:
    pictures = sorted((DOCS / "images").iterdir())
    assert pictures
    for picture in pictures:
        assert picture.stat().st_size <= LARGEST_PICTURE, picture.name
    written = [*pages(), *(picture for picture in pictures if picture.suffix == ".svg")]
    told = {
        shown(path): found for path in written if (found := re.findall(r"/(?:root|work|tmp)/", path.read_text("utf-8")))
    }
    assert not told
