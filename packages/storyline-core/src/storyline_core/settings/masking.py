"""Masking: a settings file as it may be kept elsewhere, with every secret taken out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

import attrs

from storyline_core.settings.secret import Secret
from storyline_core.settings.tree import arms_of, types_of
from storyline_core.settings.values import Settings

MASK = "***"
_SHORTEST = 4
"""A shorter text is no secret, and taking it out everywhere would leave nothing readable."""

_NAMED = re.compile(
    r"""(?P<key>(?:^[\s#]*|[{,]\s*)["']?[\w-]*(?:token|secret|password|passwd|key)["']?\s*=\s*)"""
    r"""(?:\"{3}(?s:.*?)\"{3}|'{3}(?s:.*?)'{3}|"(?:\\.|[^"\\\n])*"|'[^'\n]*')""",
    re.IGNORECASE | re.MULTILINE,
)
_IN_ADDRESS = re.compile(r"(?i)(?P<before>://[^/\s:@\"']*:)[^/\s@\"']+(?=@)")
_PARAMETER = re.compile(r"(?i)(?P<before>[?&](?:password|passwd|sslpassword)=)[^&\s\"']+")


def secrets_in(settings: Settings) -> frozenset[str]:
    """Every secret text that the settings hold: tokens and keys, and the database's password."""
    found = set(_within(settings))
    password = urlsplit(settings.database_url).password
    if password:
        found |= {password, unquote(password)}
    return frozenset(text for text in found if len(text) >= _SHORTEST)


def masked(text: str, settings: Settings) -> str:
    """The text of a settings file without secrets: known ones by value, others by the name of their key."""
    text = _NAMED.sub(rf'\g<key>"{MASK}"', text)
    text = _IN_ADDRESS.sub(rf"\g<before>{MASK}", text)
    text = _PARAMETER.sub(rf"\g<before>{MASK}", text)
    for secret in sorted(secrets_in(settings), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def _within(value: object) -> Iterator[str]:
    if isinstance(value, Secret):
        whole = value.reveal()
        # A key that is being changed is several, each of them a secret.
        yield from (whole, *whole.replace(",", " ").split())
    elif attrs.has(type(value)):
        schema: type = type(value)
        kinds = types_of(schema)
        for field in getattr(schema, "__attrs_attrs__", ()):
            held = getattr(value, field.name)
            # What may be given as a secret is one however it was given: an address that is as good as a password.
            given = Secret(held) if isinstance(held, str) and Secret in arms_of(kinds[field.name]) else held
            yield from _within(given)
    elif isinstance(value, dict):
        for each in value.values():
            yield from _within(each)
    elif isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from _within(each)
