"""What the three suites share: how a kind is found and opened, and that no test is left out quietly."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import ClassVar

import attrs
import pytest

from storyline_core.errors import PluginFault
from storyline_core.interfaces import Contract, Kind, Runtime
from storyline_core.plugins import Plugins, load_plugins
from storyline_core.testing.samples import runtime_named


class Conformance:
    """The part of a suite that is the same for every contract.

    An author names the kind and says what its place cannot be made to do; the tests concerned are then skipped with
    that reason::

        class TestWebFolder(MediaSourceProviderTests):
            kind_name = "webfolder"
            cannot = {"make_unreadable": "a web server has no permissions that a client can take away"}
    """

    contract: ClassVar[Contract]
    kind_name: ClassVar[str] = ""
    plugin: ClassVar[object | None] = None
    """The plugin itself, for one that is not installed; None finds it by its entry point."""

    cannot: ClassVar[Mapping[str, str]] = {}
    """What the world behind the plugin cannot be made to do, and why."""

    @pytest.fixture
    def plugins(self) -> Plugins:
        """The plugins among which the kind is looked for."""
        if self.plugin is None:
            return load_plugins()
        return load_plugins(extra=[self.plugin], entry_points=False)

    @pytest.fixture
    def kind(self, plugins: Plugins) -> Kind[object]:
        """The kind under test, found through the same door as any other."""
        kind = plugins.find(self.contract, self.kind_name)
        if kind is None:
            pytest.fail(f"kind {self.kind_name!r}: {plugins.explain_unknown(self.contract, self.kind_name)}")
        return kind

    @pytest.fixture
    def options(self) -> object:
        """To be overridden: an instance of the kind's settings class that leads to `world`."""
        raise NotImplementedError("Override the fixture `options` with an instance of the kind's settings class.")

    @pytest.fixture
    def runtime(self) -> Runtime:
        """What the runner lends."""
        return runtime_named("under-test")

    @pytest.fixture
    def reopen(self, kind: Kind[object], options: object, runtime: Runtime) -> Iterator[Callable[[], object]]:
        """Opens the thing once more, as another process or a later start would."""
        with ExitStack() as stack:
            yield lambda: stack.enter_context(kind.open(options, runtime))

    def unless_it_cannot(self, what: str) -> None:
        """Skip the test if the author said that the world cannot do this."""
        if what in self.cannot:
            pytest.skip(f"cannot {what}: {self.cannot[what]}")

    def test_the_kind_can_be_used(self, plugins: Plugins, kind: Kind[object], options: object) -> None:
        broken = [str(each) for each in plugins.broken if self.kind_name in each.why]
        assert not broken
        assert isinstance(options, kind.settings), f"the fixture `options` is no {kind.settings.__name__}"

    def test_the_settings_are_frozen(self, kind: Kind[object], options: object) -> None:
        assert attrs.has(kind.settings)
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            options.anything = 1  # type: ignore[attr-defined]

    def test_every_exception_has_a_reason(self) -> None:
        empty = [what for what, why in self.cannot.items() if not why.strip()]
        assert not empty, f"say why it cannot {empty}"

    def test_no_standard_test_is_left_out_quietly(self) -> None:
        quiet = overridden_quietly(type(self))
        assert not quiet, (
            f"{type(self).__name__} overrides or removes standard tests: {', '.join(quiet)}. Mark each with "
            "@pytest.mark.xfail(reason=...) and let it call the original."
        )


def overridden_quietly(suite: type) -> list[str]:
    """The standard tests that a suite replaced or removed without marking them `xfail` with a reason."""
    standard: dict[str, object] = {}
    for parent in reversed(suite.__mro__):
        if parent.__module__.startswith("storyline_core.testing."):
            standard.update({name: test for name, test in vars(parent).items() if name.startswith("test_")})
    return sorted(
        name for name, test in standard.items() if (now := getattr(suite, name, None)) is not test and not _excused(now)
    )


def _excused(test: object) -> bool:
    marks = getattr(test, "pytestmark", [])
    return any(mark.name == "xfail" and str(mark.kwargs.get("reason", "")).strip() for mark in marks)


def only_core_errors(call: Callable[[], object]) -> object | PluginFault:
    """What a call gives, or the error under `PluginFault` that it raised. Anything else fails the test as it is."""
    try:
        return call()
    except PluginFault as raised:
        fault = raised
    assert str(fault).strip(), f"{type(fault).__name__} without a word about what is wrong"
    return fault
