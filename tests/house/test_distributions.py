"""Folders, names, versions, fragments and floors agree with each other."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterable

import pytest

from tests.house.tree import ROOT, Distribution, distributions

DECIDE = {"accounts", "errors", "media", "posts", "reconcile", "selection", "metadata"}
TYPES = {"added", "changed", "deprecated", "removed", "fixed", "security"}
each_distribution = pytest.mark.parametrize("distribution", distributions(), ids=lambda distribution: distribution.name)


@pytest.fixture(scope="module")
def contracts() -> configparser.ConfigParser:
    """The floors, as import-linter reads them."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string((ROOT / ".importlinter").read_text())
    return parser


def words(text: str) -> set[str]:
    """The names of a list in .importlinter."""
    return set(re.findall(r"[\w.*]+", text))


@each_distribution
def test_folder_distribution_and_import_share_one_name(distribution: Distribution) -> None:
    if distribution.folder.name == "runners":
        assert (distribution.name, distribution.package.name) == ("storyline", "storyline_runner")
    else:
        assert distribution.folder.name == distribution.name
        assert distribution.package.name == distribution.name.replace("-", "_")
    assert (distribution.package / "__init__.py").is_file()


@each_distribution
def test_every_wheel_is_typed_licensed_and_described(distribution: Distribution) -> None:
    assert (distribution.package / "py.typed").is_file()
    assert (distribution.folder / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert (distribution.folder / "README.md").read_text().startswith(f"# {distribution.name}\n")
    assert distribution.project["requires-python"] == ">=3.11"


@each_distribution
def test_requirements_have_lower_bounds_only(distribution: Distribution) -> None:
    asked = _requirements(distribution)
    assert asked
    assert [one for one in asked if not re.fullmatch(r"[a-z0-9-]+(\[[a-z,-]+\])?>=[\d.]+", one)] == []


def _requirements(distribution: Distribution) -> list[str]:
    always, extras = distribution.project["dependencies"], distribution.project.get("optional-dependencies", {})
    assert isinstance(always, list)
    assert isinstance(extras, dict)
    return [*always, *(one for extra in extras.values() for one in extra)]


def test_all_distributions_share_one_version() -> None:
    assert len({distribution.project["version"] for distribution in distributions()}) == 1


def test_what_is_asked_for_is_tested_at_a_known_version() -> None:
    tested = {line.split("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line}
    asked = {re.split(r"[\[>]", one)[0] for distribution in distributions() for one in _requirements(distribution)}
    assert asked - tested - {distribution.name for distribution in distributions()} == set()


def test_every_distribution_is_built_and_has_a_floor(contracts: configparser.ConfigParser) -> None:
    noxfile = (ROOT / "noxfile.py").read_text()
    assert [one.name for one in distributions() if f'"{one.name}": ROOT' not in noxfile] == []
    assert words(contracts["importlinter"]["root_packages"]) == {one.package.name for one in distributions()}


def test_no_part_of_core_escapes_a_contract(contracts: configparser.ConfigParser) -> None:
    floors = contracts["importlinter:contract:floors"]["layers"].split("interfaces")
    everything = {f"storyline_core.{name}" for name in words(" ".join(floors)) | {"interfaces"}}
    decisions = {f"storyline_core.{name}" for name in words(floors[1])}
    assert decisions >= {f"storyline_core.{name}" for name in DECIDE}
    assert words(contracts["importlinter:contract:pure"]["source_modules"]) == decisions
    outside = everything - {"storyline_core.store"}
    assert words(contracts["importlinter:contract:sql"]["source_modules"]) >= outside


def _fragments() -> Iterable[str]:
    kept = {"README.md", ".gitkeep"}
    return sorted(path.name for path in (ROOT / "changelog.d").iterdir() if path.name not in kept)


@pytest.mark.parametrize("name", _fragments())
def test_changelog_fragments_are_sentences_of_a_known_type(name: str) -> None:
    assert re.fullmatch(rf"(\+[a-z0-9-]+|\d+)\.({'|'.join(sorted(TYPES))})(\.\d+)?\.md", name), name
    text = (ROOT / "changelog.d" / name).read_text()
    assert re.match(r"[A-Z`]", text), f"{name}: begin with a capital"
    assert text.endswith(".\n"), f"{name}: end with a full stop and one line break"
