"""Take secrets out of text before anybody reads it."""

from __future__ import annotations

import re
import traceback
from urllib.parse import quote, quote_plus

LONGEST_TRACE = 8_000
"""How many characters of a traceback go into the log."""

LONGEST_LINE = 2_000
"""How many characters of a line that a library logs."""

_HIDDEN = "[hidden]"
_NAME = r"\w*(?:token|secret|password|passwd|passphrase|signature)|\bappsecret_proof"
_KEY = (
    r"\w*(?:access|account|api|app|auth|client|encryption|master|private|refresh|secret|shared|signing|storage|upload)"
    # "the key: take it" is no secret, and "secrets.key: this is needed" must stay readable.
    r"[_-]?key|key(?!:\s+[a-z]{1,7}(?:[\s.,;!?]|$))"
)
_BETWEEN = r"""\\?["']?\s*[=:]\s*(?:b(?=["']))?\\?["']?"""
_SCHEME = r"(?:bearer|basic|token|digest|oauth|apikey|negotiate)"
_VALUE = r"""[^\s&"',)]+"""
_PATTERNS = (
    # First, lest the next ones take the word "Bearer" for the secret.
    (re.compile(r"(?i)\bbearer\s+[A-Za-z0-9._~+/-]{8,}=*"), f"Bearer {_HIDDEN}"),
    (re.compile(rf"(?i)(authorization{_BETWEEN}digest\s+)[^\r\n]+"), rf"\1{_HIDDEN}"),
    (
        re.compile(rf"(?i)(authorization(?:{_BETWEEN}|[\"'],\s*b?[\"']))({_SCHEME}\s+)?{_VALUE}"),
        rf"\1\2{_HIDDEN}",
    ),
    # A password may hold what should have been escaped: all of it, up to the last @ before the path begins.
    (re.compile(r"(://)[^/\s:]*:[^/\s]*@"), rf"\1{_HIDDEN}@"),
    (re.compile(rf"(?i)\b({_NAME}|{_KEY})({_BETWEEN})(?:bearer\s+)?{_VALUE}"), rf"\1\2{_HIDDEN}"),
    (re.compile(r"\b(?:bot)?\d{6,}:[A-Za-z0-9_-]{30,}"), _HIDDEN),
    (re.compile(r"\b(?:EAA|IGQ|IGA|ya29\.)[A-Za-z0-9_.-]{20,}"), _HIDDEN),
)
_AFTER = re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>]+")

_MOST_KNOWN = 1_000
_SHORTEST_KNOWN = 8
_known: dict[str, None] = {}


def hide_from_now_on(secret: str) -> None:
    """Let `scrub` take this very text out as well, however it stands there (or as an address spells it).

    Every `Secret` is known by itself; a plugin tells of the tokens that it was given later. A text of fewer than eight
    characters is no secret, and would be found in everything.
    """
    for spelled in {secret, quote(secret, safe=""), quote_plus(secret)}:
        if len(spelled) >= _SHORTEST_KNOWN:
            _known.pop(spelled, None)
            _known[spelled] = None
    # The latest stay: whoever renews a token for years must not make every line of the log slower.
    for oldest in list(_known)[:-_MOST_KNOWN]:
        _known.pop(oldest, None)


def scrub(text: str, *, limit: int = 500) -> str:
    """The text without known secrets, passwords in addresses, tokens and signed parameters; at most so long."""
    # Longer ones first: one may be the beginning of another. A copy, since other threads may learn of more.
    for secret in sorted([*_known], key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def trace_of(error: BaseException) -> str:
    """An error's traceback without secrets. A logger's own `exc_info` would repeat its message as it is."""
    return scrub("".join(traceback.format_exception(error)), limit=LONGEST_TRACE)


def discreet(text: str, *, tokens: re.Pattern[str] | None = None, limit: int = LONGEST_LINE) -> str:
    """The text, scrubbed, also without what follows the `?` of an address and without what looks like `tokens`."""
    text = _AFTER.sub(rf"\1?{_HIDDEN}", text)
    return scrub(tokens.sub(_HIDDEN, text) if tokens is not None else text, limit=limit)
