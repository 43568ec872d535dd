"""Take secrets out of text before anybody reads it."""

from __future__ import annotations

import re
import traceback

LONGEST_TRACE = 8_000
"""How many characters of a traceback go into the log."""

_HIDDEN = "[hidden]"
_PATTERNS = (
    (re.compile(r"(?i)(://)[^/\s:@]+:[^/\s@]+@"), rf"\1{_HIDDEN}@"),
    (
        re.compile(
            r"(?i)\b((?:access_|refresh_|client_|app_|api_|upload_)?"
            r"(?:token|secret|password|passwd|key|signature|authorization|appsecret_proof))(\"?'?\s*[=:]\s*\"?'?)[^\s&\"',)]+"
        ),
        rf"\1\2{_HIDDEN}",
    ),
    (re.compile(r"\b(?:bot)?\d{6,}:[A-Za-z0-9_-]{30,}"), _HIDDEN),
    (re.compile(r"(?i)\bbearer\s+[A-Za-z0-9._~+/-]{8,}=*"), f"Bearer {_HIDDEN}"),
    (re.compile(r"\b(?:EAA|IGQ|IGA|ya29\.)[A-Za-z0-9_.-]{20,}"), _HIDDEN),
)


def scrub(text: str, *, limit: int = 500) -> str:
    """The text without passwords in addresses, tokens and signed parameters, on at most `limit` characters."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def trace_of(error: BaseException) -> str:
    """An error's traceback without secrets. A logger's own `exc_info` would repeat its message as it is."""
    return scrub("".join(traceback.format_exception(error)), limit=LONGEST_TRACE)
