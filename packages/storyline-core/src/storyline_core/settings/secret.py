"""A text that must not be seen: a token, a password, a key."""

from __future__ import annotations

import hmac

import attrs

from storyline_core.redaction import hide_from_now_on


@attrs.frozen(repr=False, eq=False, str=False)
class Secret:
    """A secret text. Printing, formatting or logging it shows nothing; `reveal()` gives the text itself."""

    _text: str

    def __attrs_post_init__(self) -> None:
        hide_from_now_on(self._text)

    def reveal(self) -> str:
        """The text itself, for the one call that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))
