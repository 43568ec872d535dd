"""What stands before every command: which settings file, how loud, and the opened Storyline."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from storyline_runner.complaints import Misused

if TYPE_CHECKING:
    import typer

    from storyline_core import EffectiveSetting, Plugins, Settings, Storyline

SETTINGS_FILE = "storyline.toml"
DOTENV = ".env"
_SETTING = re.compile(r"^\s*(?:export\s+)?STORYLINE_(?:SOURCES|ACCOUNTS)_", re.MULTILINE)


@attrs.frozen
class Session:
    """The options that stand before the command. Plugins' own commands find it as `ctx.obj`.

    `config` is the settings file that was named, if one was.
    """

    config: Path | None = None
    verbose: bool = False
    environment: Mapping[str, str] = attrs.field(factory=lambda: dict(os.environ))

    def plugins(self) -> Plugins:
        """What is installed."""
        from storyline_core import load_plugins

        return load_plugins()

    def settings_file(self) -> Path | None:
        """The settings file that counts: the one named, `./storyline.toml`, or the one in the user's folder.

        None where there is none but the environment, or `./.env`, configures Storyline. Raises `Misused` when nothing
        does.
        """
        named = self.config or self._named_by_environment()
        if named is not None:
            if named.is_file():
                return named
            raise Misused(f"There is no settings file {named}. Write one with: storyline init {named.parent}")
        for candidate in (Path(SETTINGS_FILE), user_settings_file()):
            if candidate.is_file():
                return candidate
        if any(name.startswith(("STORYLINE_SOURCES_", "STORYLINE_ACCOUNTS_")) for name in self.environment):
            return None
        if _configures(Path(DOTENV)):
            return None
        raise Misused(
            f"There is no {SETTINGS_FILE} here or in {user_settings_file().parent}. "
            "Write one with: storyline init  (or try Storyline first: storyline demo)"
        )

    def settings(self, plugins: Plugins | None = None) -> Settings:
        """The checked settings. Raises `Misused` when there are none, `SettingsError` with every mistake."""
        from storyline_core import load

        return load(self.settings_file(), self.environment, plugins or self.plugins())

    def effective_settings(self) -> tuple[EffectiveSetting, ...]:
        """Every setting as it comes out, and where it came from."""
        from storyline_core import effective_settings

        return effective_settings(self.settings_file(), self.environment, self.plugins())

    @contextmanager
    def storyline(
        self, *, read_only: bool = False, daemon: bool = False, log_json: bool = False
    ) -> Iterator[Storyline]:
        """Everything opened for one command. With `read_only` nothing is written, and a missing database is empty.

        From here on it logs as the settings say; `daemon` and `log_json` are `log_for`'s.
        """
        from storyline_core import open_storyline
        from storyline_runner.logs import log_for

        plugins = self.plugins()
        settings = self.settings(plugins)
        log_for(settings, verbose=self.verbose, daemon=daemon, as_json=log_json)
        with open_storyline(settings, plugins=plugins, read_only=read_only) as storyline:
            yield storyline

    def _named_by_environment(self) -> Path | None:
        named = self.environment.get("STORYLINE_CONFIG", "")
        return Path(named) if named else None


def session_of(ctx: typer.Context) -> Session:
    """The session of a command."""
    found = ctx.find_object(Session)
    return found if found is not None else Session()


def user_settings_file() -> Path:
    """The settings file in the user's configuration folder."""
    import platformdirs

    return Path(platformdirs.user_config_dir("storyline", appauthor=False)) / SETTINGS_FILE


def _configures(dotenv: Path) -> bool:
    try:
        return _SETTING.search(dotenv.read_text("utf-8-sig", errors="replace")) is not None
    except OSError:
        return False


def who() -> str:
    """The person at this command line, as decisions name them: `cli:maria`."""
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):
        return f"cli:uid-{os.getuid()}"
