"""The plugin as core finds and opens it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest

from storyline_core import FitStyle, Kind, MediaSourceProvider, Notifier, Publisher, Runtime, load_plugins
from storyline_local import plugin
from storyline_local.plugin import LocalFolder, Outbox, Stream, Terminal


class NoState:
    def get(self, name: str) -> str | None:
        return None

    def set(self, name: str, value: str) -> None:
        raise AssertionError(name)

    def delete(self, name: str) -> None:
        raise AssertionError(name)


RUNTIME = Runtime(name="here", now=lambda: datetime(2026, 5, 1, tzinfo=UTC), state=NoState())


def test_three_kinds_are_offered_and_open(tmp_path: Path) -> None:
    (source,) = plugin.storyline_media_source_providers()
    (publisher,) = plugin.storyline_publishers()
    notifier, webhook, email = plugin.storyline_notifiers()
    assert (webhook.name, email.name) == ("webhook", "email")
    assert (source.name, publisher.name, notifier.name) == ("local", "outbox", "terminal")
    with source.open(LocalFolder(path=tmp_path), RUNTIME) as folder:
        assert isinstance(folder, MediaSourceProvider)
        assert folder.list_media(None).files == ()
    with publisher.open(Outbox(path=tmp_path / "out", fit=FitStyle.PLAIN), RUNTIME) as outbox:
        assert isinstance(outbox, Publisher)
        assert "will be made" in outbox.check()
    with notifier.open(Terminal(), RUNTIME) as terminal:
        assert isinstance(terminal, Notifier)
        assert terminal.check()


def test_cards_go_where_the_settings_say(capsys: pytest.CaptureFixture[str]) -> None:
    notifier = plugin.storyline_notifiers()[0]
    from storyline_core import Alert, AlertLevel

    for stream in Stream:
        with notifier.open(Terminal(stream=stream), RUNTIME) as terminal:
            terminal.alert(Alert("x", AlertLevel.INFO, f"to {stream}"))
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("Info: to stdout\n", "Info: to stderr\n")


def test_core_finds_the_plugin_by_its_entry_point() -> None:
    plugins = load_plugins()
    assert plugins.source("local").settings is LocalFolder
    assert plugins.publisher("outbox").settings is Outbox
    assert plugins.notifier("terminal").settings is Terminal


@pytest.mark.parametrize("settings", [LocalFolder, Outbox, Terminal])
def test_every_setting_says_what_it_is_for(settings: type) -> None:
    for field in attrs.fields(settings):
        assert field.metadata["help"]


def test_kinds_have_a_summary() -> None:
    kinds: list[Kind[object]] = [
        *plugin.storyline_media_source_providers(),
        *plugin.storyline_publishers(),
        *plugin.storyline_notifiers(),
    ]
    assert all(kind.summary for kind in kinds)
