"""A person's consent by OAuth: where to send them, and what came back. Pure but for the chance that is given."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import parse_qs, urlencode, urlsplit

import attrs


@attrs.frozen
class Asked:
    """A question to a person that is under way: the address to open, and what its answer must fit."""

    address: str
    redirect: str
    state: str = attrs.field(repr=False)
    verifier: str = attrs.field(repr=False)


class NoConsent(Exception):
    """There is no code: the text says why, for the person."""


class Foreign(NoConsent):
    """The answer does not belong to the question that was asked."""


PICKING = {"trigger_onepick": "true", "allow_multiple": "true", "allow_folder_selection": "true"}
"""What makes Google let the person pick files and folders with the consent: without it, `drive.file` sees none."""


def ask_consent(
    consent_url: str, client_id: str, scope: str, redirect: str, state: str, verifier: str, *, picking: bool = False
) -> Asked:  # fmt: skip
    """The question; with PKCE, so that a code that somebody else catches is worth nothing."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    query = urlencode(
        {
            "client_id": client_id, "redirect_uri": redirect, "response_type": "code", "scope": scope, "state": state,
            "code_challenge": challenge, "code_challenge_method": "S256", "access_type": "offline",
            "prompt": "consent", **(PICKING if picking else {}),
        }
    )  # fmt: skip
    return Asked(f"{consent_url}?{query}", redirect, state, verifier)


def code_in(answer: str, asked: Asked) -> str:
    """The code in the address that the browser was sent to, or in what was pasted. Raises `NoConsent`."""
    pasted = answer.strip()
    if "?" not in pasted and "=" not in pasted:
        # A bare code: the verifier still ties it to this question.
        if not pasted:
            raise NoConsent("Nothing was pasted. Nothing has changed.")
        return pasted
    query = parse_qs(urlsplit(pasted).query or pasted.lstrip("?"))
    told = {name: values[0] for name, values in query.items()}
    if not hmac.compare_digest(told.get("state", "").encode(), asked.state.encode()):
        raise Foreign("This answer belongs to another sign-in. Paste the address of the last page, whole.")
    if "error" in told:
        why = "The sign-in was denied" if told["error"] == "access_denied" else "Google ended the sign-in"
        raise NoConsent(f"{why}. Nothing has changed; run the command again when you are ready.")
    if not told.get("code"):
        raise NoConsent("There is no code in that address. Paste the address of the last page, whole.")
    return told["code"]
