"""What a single value is read against, and how a mistake in one is said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path

import attrs

from storyline_core.settings.secret import Secret


class FromEnvironment(str):
    """A text that an environment variable gave: it may stand for a number, a truth value or a list."""

    __slots__ = ("variable",)
    variable: str

    @classmethod
    def of(cls, text: str, variable: str) -> FromEnvironment:
        """A text with the name of its variable."""
        made = cls(text)
        made.variable = variable
        return made


class Wrong(ValueError):
    """One mistake in one value, in words, with what to do about it."""

    def __init__(self, message: str, remedy: str = "") -> None:
        self.message = message
        self.remedy = remedy
        super().__init__(message)


def near(word: str, known: Iterable[str]) -> str:
    """A hint at the nearest known word, or nothing."""
    folded = {one.casefold().replace("-", "_"): one for one in known}
    found = get_close_matches(word.casefold().replace("-", "_"), folded, n=1)
    return f"Did you mean {folded[found[0]]!r}?" if found else ""


def shown(value: object) -> str:
    """A value as it may be quoted in a message."""
    text = repr(str(value)) if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


@attrs.frozen
class Surroundings:
    """What values are read against: the environment (with `.env`) and the folder of the settings file."""

    environment: Mapping[str, str]
    directory: Path

    def path(self, text: str) -> Path:
        """A path as people write it: `~` is the home folder, anything relative lies beside the settings file."""
        path = Path(text)
        if text == "~" or text.startswith("~/"):
            home = self.environment.get("HOME") or self.environment.get("USERPROFILE")
            path = Path(home, text[2:]) if home else path.expanduser()
        return self.directory / path

    def secret(self, value: object) -> Secret:
        """A secret by its reference: `{ env = "NAME" }`, `{ file = "…" }` or `{ keyring = "NAME" }`."""
        if isinstance(value, Secret):
            return value
        if isinstance(value, FromEnvironment):
            return Secret(str(value))
        if isinstance(value, str):
            raise Wrong(
                "a secret does not belong into the settings file.",
                'Write { env = "NAME" } or { file = "PATH" } instead.',
            )
        keys = set(value) if isinstance(value, Mapping) else set()
        if not isinstance(value, Mapping) or keys not in ({"env"}, {"file"}, {"keyring"}):
            raise Wrong(
                "this is not a secret's reference.",
                'Write { env = "NAME" } or { file = "PATH" } (or { keyring = "NAME" } for the system\'s keyring).',
            )
        [[how, where]] = value.items()
        if not isinstance(where, str) or not where:
            what = {"env": "a variable", "file": "a file", "keyring": "an entry"}[how]
            raise Wrong(f"{how} must name {what} in quotes.")
        if how == "keyring":
            from storyline_core.settings.keyrings import from_keyring

            return from_keyring(where)
        return self._of_variable(where) if how == "env" else self.secret_file(self.path(where))

    def _of_variable(self, name: str) -> Secret:
        text = self.environment.get(name, "")
        if not text:
            raise Wrong(
                f"the environment variable {name} is not set.",
                f"Set it, or write {name}=… into {self.directory / '.env'}.",
            )
        return Secret(text)

    def secret_file(self, path: Path) -> Secret:
        """The secret in a file, without the white space around it."""
        try:
            text = path.read_text("utf-8").strip()
        except FileNotFoundError:
            raise Wrong(f"there is no file {path}.", "Write the secret into it, readable by you alone.") from None
        except (OSError, UnicodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise Wrong(f"the file {path} cannot be read ({why}).") from None
        if not text:
            raise Wrong(f"the file {path} is empty.", "Write the secret into it.")
        return Secret(text)
