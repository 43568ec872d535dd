"""Plugins are loaded each for itself: what is wrong with one is told with its name and stops nothing else.

Every plugin here is a real installed distribution: a module with its dist-info in a folder on `sys.path`.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from storyline_core import ChangeSet
from storyline_core.errors import PluginError
from storyline_core.interfaces import Contract
from storyline_core.plugins import BrokenPlugin, Plugins, load_plugins
from storyline_core.plugins.checks import CORE_KEYS
from storyline_core.settings import describe_settings
from storyline_core.settings.sections import CONTRACTS
from storyline_core.testing import MemoryPlugin, draft_of, picture

Install = Callable[..., None]

GOOD = """
    from __future__ import annotations
    import attrs
    from storyline_core import Kind, hookimpl

    @attrs.frozen
    class Options:
        url: str = ""

    @hookimpl
    def storyline_media_source_providers():
        return [Kind("{kind}", Options, lambda options, runtime: None, summary="a good one")]
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a distribution of one module with an entry point."""
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    modules: list[str] = []

    def install(distribution: str, source: str, *, version: str = "1.2", points: str | None = None) -> None:
        module = distribution.replace("-", "_")
        modules.append(module)
        (site / f"{module}.py").write_text(dedent(source))
        folder = site / f"{module}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (folder / "entry_points.txt").write_text(points or f"[storyline]\n{module} = {module}\n")
        importlib.invalidate_caches()

    yield install
    for module in modules:
        sys.modules.pop(module, None)


def only(*packages: str) -> Plugins:
    """The plugins of these distributions, whatever else is installed here."""
    return load_plugins(only=packages)


def test_a_plugin_is_found_with_its_package_and_version(install: Install) -> None:
    install("storyline-good", GOOD.format(kind="good"))
    plugins = only("storyline-good")
    [record] = plugins.kinds()
    assert (record.kind, record.contract, record.package, record.version, record.summary) == (
        "good",
        Contract.SOURCE,
        "storyline-good",
        "1.2",
        "a good one",
    )
    assert plugins.source("good").name == "good"
    assert plugins.broken == ()


def test_names_of_distributions_are_compared_as_installers_do(install: Install) -> None:
    install("storyline-good", GOOD.format(kind="good"))
    assert [record.kind for record in only("Storyline_Good").kinds()] == ["good"]


def test_what_is_installed_here_can_all_be_loaded() -> None:
    plugins = load_plugins()
    assert plugins.broken == ()
    assert {"webfolder"} <= {record.kind for record in plugins.kinds()}


BROKEN = {
    "an import that fails": (
        "import a_module_that_is_nowhere",
        (
            "importing it failed (ModuleNotFoundError: No module named 'a_module_that_is_nowhere'). "
            "Install what it needs, or uninstall it."
        ),
    ),
    "an import that ends the process": (
        "import sys\nsys.exit('bye')",
        "importing it failed (SystemExit: bye). Install what it needs, or uninstall it.",
    ),
    "a syntax error": (
        "def",
        (
            "importing it failed (SyntaxError: invalid syntax (storyline_odd.py, line 1)). "
            "Install what it needs, or uninstall it."
        ),
    ),
    "a misspelt hook": (
        "from storyline_core import hookimpl\n@hookimpl\ndef storyline_notifers(): return []",
        "it implements a hook that does not exist: storyline_notifers. Did its author mean storyline_notifiers?",
    ),
    "a hook that is nothing like one": (
        "from storyline_core import hookimpl\n@hookimpl\ndef register(): return []",
        (
            "it implements a hook that does not exist: register. The hooks are storyline_media_source_providers, "
            "storyline_notifiers, storyline_publishers, storyline_library_changed, storyline_post_changed."
        ),
    ),
    "an argument that the hook does not have": (
        "from storyline_core import hookimpl\n@hookimpl\ndef storyline_post_changed(pots): pass",
        "its hook storyline_post_changed takes an argument that the hook does not have: 'pots'.",
    ),
    "a hook without its mark": (
        (
            "from storyline_core import hookimpl\n@hookimpl\ndef storyline_post_changed(post): pass\n"
            "def storyline_notifiers(): return []"
        ),
        "its function storyline_notifiers is not marked with storyline_core.hookimpl, so it is never called.",
    ),
    "nothing marked at all": (
        "def storyline_notifiers(): return []",
        "it implements no hook. Functions must be marked with storyline_core.hookimpl.",
    ),
    "an answer that is no list": (
        "from storyline_core import hookimpl\n@hookimpl\ndef storyline_notifiers(): return 5",
        "storyline_notifiers must return a list of Kind, not int.",
    ),
    "a list of something else": (
        "from storyline_core import hookimpl\n@hookimpl\ndef storyline_notifiers(): return ['telegram']",
        "storyline_notifiers must return a list of Kind; it holds str.",
    ),
    "a hook that fails": (
        "from storyline_core import hookimpl\n@hookimpl\ndef storyline_notifiers(): return [1 / 0]",
        "storyline_notifiers failed (ZeroDivisionError: division by zero).",
    ),
    "settings that are not frozen": (
        (
            "import attrs\nfrom storyline_core import Kind, hookimpl\n@attrs.define\nclass Options: pass\n"
            "@hookimpl\ndef storyline_notifiers(): return [Kind('odd', Options, print)]"
        ),
        "the settings of kind 'odd' are not a frozen attrs class (@attrs.frozen).",
    ),
    "settings that are not attrs": (
        (
            "from storyline_core import Kind, hookimpl\n@hookimpl\n"
            "def storyline_notifiers(): return [Kind('odd', dict, print)]"
        ),
        "the settings of kind 'odd' are not a frozen attrs class (@attrs.frozen).",
    ),
    "settings that use core's names": (
        (
            "import attrs\nfrom storyline_core import Kind, hookimpl\n"
            ""
            "@attrs.frozen\nclass Options:\n    enabled: bool = True\n"
            "@hookimpl\ndef storyline_media_source_providers(): return [Kind('odd', Options, print)]"
        ),
        "the settings of kind 'odd' use names that Storyline keeps: enabled.",
    ),
    "settings whose types are nowhere": (
        (
            "from __future__ import annotations\nimport attrs\nfrom storyline_core import Kind, hookimpl\n"
            "@attrs.frozen\nclass Options:\n    path: Path\n"
            "@hookimpl\ndef storyline_notifiers(): return [Kind('odd', Options, print)]"
        ),
        "the types in the settings of kind 'odd' cannot be resolved (name 'Path' is not defined).",
    ),
    "a name that nobody can write": (
        (
            "import attrs\nfrom storyline_core import Kind, hookimpl\n@attrs.frozen\nclass Options: pass\n"
            "@hookimpl\ndef storyline_notifiers(): return [Kind('Odd One', Options, print)]"
        ),
        "a kind's name is lower-case letters, digits, - and _; 'Odd One' is not.",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_named_and_stops_no_other(install: Install, case: str) -> None:
    source, why = BROKEN[case]
    install("storyline-good", GOOD.format(kind="good"))
    install("storyline-odd", source)
    plugins = only("storyline-good", "storyline-odd")
    assert plugins.broken == (BrokenPlugin("storyline-odd", why),)
    assert plugins.source("good").name == "good"
    with pytest.raises(PluginError) as error:
        plugins.notifier("odd")
    assert f"storyline-odd could not be used: {why}" in str(error.value)


def test_a_bad_kind_leaves_its_neighbours_usable(install: Install) -> None:
    install(
        "storyline-half",
        """
        import attrs
        from storyline_core import Kind, hookimpl

        @attrs.frozen
        class Options: pass

        @hookimpl
        def storyline_notifiers():
            return [Kind("bad", dict, print), Kind("fine", Options, print)]
        """,
    )
    plugins = only("storyline-half")
    assert [record.kind for record in plugins.kinds()] == ["fine"]
    assert [broken.package for broken in plugins.broken] == ["storyline-half"]


def test_of_two_kinds_with_one_name_neither_is_used_and_both_packages_are_named(install: Install) -> None:
    install("storyline-one", GOOD.format(kind="same"))
    install("storyline-two", GOOD.format(kind="same"))
    install("storyline-three", GOOD.format(kind="other"))
    plugins = only("storyline-one", "storyline-two", "storyline-three")
    why = "both offer a source of kind 'same'. Uninstall all but one of them."
    assert plugins.broken == (BrokenPlugin("storyline-one and storyline-two", why),)
    assert [record.kind for record in plugins.kinds()] == ["other"]
    with pytest.raises(PluginError, match="storyline-one and storyline-two could not be used: both offer"):
        plugins.source("same")


def test_one_name_under_two_contracts_is_no_clash() -> None:
    plugins = load_plugins(extra=[MemoryPlugin()], entry_points=False)
    assert plugins.broken == ()
    assert plugins.notifier("memory").name == plugins.publisher("memory").name == "memory"


def test_one_module_behind_two_entry_points_is_loaded_once(install: Install) -> None:
    install("storyline-good", GOOD.format(kind="good"), points="[storyline]\na = storyline_good\nb = storyline_good\n")
    plugins = only("storyline-good")
    assert [record.kind for record in plugins.kinds()] == ["good"]
    assert plugins.broken == ()


def test_an_unknown_kind_gets_a_near_name_or_what_is_installed() -> None:
    plugins = load_plugins(extra=[MemoryPlugin()], entry_points=False)
    assert plugins.explain_unknown(Contract.NOTIFIER, "memry") == "Did you mean 'memory'?"
    nothing_like_it = "Installed: memory. Install the package that offers it."
    assert plugins.explain_unknown(Contract.NOTIFIER, "telegram") == nothing_like_it
    none = load_plugins(entry_points=False)
    assert (
        none.explain_unknown(Contract.PUBLISHER, "outbox")
        == "No kind of publisher is installed. Install the package that offers it."
    )


def test_facts_are_told_to_all_and_a_failing_listener_is_logged(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    listener = """
        from storyline_core import hookimpl
        heard = []

        @hookimpl
        def storyline_post_changed(post):
            heard.append(post)
            {then}

        @hookimpl
        def storyline_library_changed(source, changes):
            heard.append(source)
    """
    install("storyline-a", listener.format(then="raise RuntimeError('deaf')"))
    install("storyline-b", listener.format(then="pass"))
    plugins = only("storyline-a", "storyline-b")
    post = draft_of(picture()).post
    with caplog.at_level(logging.ERROR):
        plugins.tell_post_changed(post)
    plugins.tell_library_changed("photos", ChangeSet())
    for name in ("storyline_a", "storyline_b"):
        assert sys.modules[name].heard == [post, "photos"]
    [record] = caplog.records
    assert "storyline_post_changed failed in storyline_a of storyline-a" in record.getMessage()


def test_the_names_that_core_keeps_are_those_it_reads() -> None:
    read: dict[Contract, set[str]] = {}
    for field in describe_settings():
        section, _, key = field.path.partition(".NAME.")
        if section in CONTRACTS:
            read.setdefault(CONTRACTS[section], set()).add(key.partition(".")[0])
    assert read == {contract: set(keys) for contract, keys in CORE_KEYS.items()}
