"""Tokens: who a call speaks for, and the endpoints that exchange, refresh and explain them."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import timedelta

import attrs

from tests.instagram.graph_api.asking import Request
from tests.instagram.graph_api.errors import GraphRefused, Json, invalid
from tests.instagram.graph_api.state import LONG_LIFE, App, Owner, State, Token

READ = {"facebook": {"instagram_basic"}, "instagram": {"instagram_business_basic"}}
PUBLISH = {"facebook": {"instagram_content_publish"}, "instagram": {"instagram_business_content_publish"}}
STORIES = {"facebook": {"instagram_basic", "pages_read_engagement"}, "instagram": {"instagram_business_basic"}}


@attrs.frozen
class Given:
    """Where a call had its token, and what it was."""

    text: str | None
    place: str | None


def given_token(headers: Mapping[str, str], params: Mapping[str, str], query: Mapping[str, str]) -> Given:
    """The token of a call: the header goes first, as ``Bearer`` or ``OAuth``."""
    kind, _, text = headers.get("authorization", "").partition(" ")
    if kind.lower() in {"bearer", "oauth"} and text:
        return Given(text.strip(), "header")
    if "access_token" in params:
        return Given(params["access_token"], "query" if "access_token" in query else "body")
    return Given(None, None)


def speaker(state: State, request: Request, host: str, proven: bool = True) -> Token:
    """The token that a call speaks with. Raises ``GraphRefused`` for one that is missing, dead, or has no proof."""
    given = given_token(request.headers, request.params, request.target.query)
    if given.text is None:
        raise GraphRefused(2500)
    token = live_token(state, given.text)
    if token.owner.login != host and host in {"facebook", "instagram"}:
        raise GraphRefused(190)
    proof = request.params.get("appsecret_proof")
    if proof is None and proven and token.owner.app.require_proof:
        raise invalid("API calls from the server require an appsecret_proof argument")
    if proof is not None and not hmac.compare_digest(proof, proof_of(token.owner.app, token.text)):
        raise invalid("Invalid appsecret_proof provided in the API argument")
    return token


def proof_of(app: App, text: str) -> str:
    """What ``appsecret_proof`` has to be."""
    return hmac.new(app.secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def live_token(state: State, text: str) -> Token:
    """A token that is good now. Raises ``GraphRefused`` (190)."""
    token = state.tokens.get(text)
    if token is None:
        raise GraphRefused(190)
    if token.dead is not None:
        raise GraphRefused(*token.dead)
    if token.expires is not None and state.clock.now() >= token.expires:
        raise GraphRefused(190, 463)
    return token


def must(token: Token, wanted: Mapping[str, set[str]]) -> None:
    """Raises ``GraphRefused`` (10) unless the token may do this."""
    if not wanted[token.owner.login] <= token.scopes:
        raise GraphRefused(10)


def reaches(state: State, token: Token, owner: Owner) -> bool:
    """Whether a token speaks for an account: a user's for all of theirs, a Page's for its own."""
    if token.kind in {"user", "system"}:
        return owner.login == "facebook" and owner.user_id == token.owner.user_id
    return token.owner is owner


def exchange(state: State, request: Request) -> Json:
    """``fb_exchange_token``: a long-lived token for a short or a long one that is still good."""
    params = request.params
    if params.get("grant_type") != "fb_exchange_token":
        raise invalid("Missing or unsupported grant_type")
    app = _app(state, params.get("client_id"), params.get("client_secret"))
    old = live_token(state, params.get("fb_exchange_token", ""))
    if old.owner.app is not app or old.owner.login != "facebook":
        raise GraphRefused(190)
    life = LONG_LIFE if old.kind == "user" else None
    made = state.new_token(old.kind, old.owner, old.scopes, life)
    told: Json = {"access_token": made.text, "token_type": "bearer"}
    return told if life is None else told | {"expires_in": int(life.total_seconds())}


def exchange_instagram(state: State, request: Request) -> Json:
    """``ig_exchange_token``: a long-lived token for a short-lived one."""
    if request.params.get("grant_type") != "ig_exchange_token":
        raise invalid("Unsupported grant_type")
    old = speaker(state, request, "instagram")
    if request.params.get("client_secret") != old.owner.app.secret:
        raise GraphRefused(1, None, "Error validating client secret.", http=400)
    if old.expires is None or old.expires - old.issued > timedelta(hours=2):
        raise GraphRefused(452, None, "Session key invalid. This could be because the session key has an incorrect "
                           "format, or because the user has revoked this session")  # fmt: skip
    return _long(state, old)


def refresh(state: State, request: Request) -> Json:
    """``ig_refresh_token``: sixty more days for a long-lived token that is a day old at least."""
    if request.params.get("grant_type") != "ig_refresh_token":
        raise invalid("Unsupported grant_type")
    old = speaker(state, request, "instagram")
    must(old, READ)
    if state.clock.since(old.issued) < timedelta(hours=24):
        raise invalid("The access token must be at least 24 hours old to be refreshed.")
    told = _long(state, old)
    if state.knobs.refreshed_token_ends:
        old.dead = (190, 467)
    return told


def _long(state: State, old: Token) -> Json:
    made = state.new_token("instagram", old.owner, old.scopes, LONG_LIFE)
    return {
        "access_token": made.text,
        "token_type": "bearer",
        "expires_in": int(LONG_LIFE.total_seconds()),
        "permissions": ",".join(sorted(made.scopes)),
    }


def _app(state: State, number: str | None, secret: str | None) -> App:
    for owner in state.owners.values():
        if owner.app.id == number:
            if owner.app.secret != secret:
                raise GraphRefused(1, None, "Error validating client secret.", http=400)
            return owner.app
    raise GraphRefused(101, None, "Error validating application. Cannot get application info due to a system error.")


def debug(state: State, request: Request) -> Json:
    """``debug_token``: what a token is, asked with the app's own token or one of the same app."""
    given = given_token(request.headers, request.params, request.target.query)
    number, mark, secret = (given.text or "").partition("|")
    asked = _app(state, number, secret) if mark else speaker(state, request, "").owner.app
    token = state.tokens.get(request.params.get("input_token", ""))
    if token is None or token.owner.app is not asked:
        error: Json = {"code": 190, "message": "Invalid OAuth access token."}
        return {"data": {"error": error, "is_valid": False, "scopes": []}}
    told: Json = {
        "app_id": token.owner.app.id,
        "type": {"page": "PAGE", "system": "SYSTEM_USER"}.get(token.kind, "USER"),
        "application": "Storyline",
        "expires_at": 0 if token.expires is None else int(token.expires.timestamp()),
        "data_access_expires_at": int((token.issued + timedelta(days=90)).timestamp()),
        "issued_at": int(token.issued.timestamp()),
        "is_valid": True,
        "scopes": sorted(token.scopes),
        "user_id": token.owner.user_id if token.owner.login == "facebook" else token.owner.scoped_id,
    }
    if token.kind == "page":
        told["profile_id"] = token.owner.page_id
    try:
        live_token(state, token.text)
    except GraphRefused as refused:
        told["is_valid"] = False
        words = {"code": refused.code, "subcode": refused.subcode}
        told["error"] = words | {"message": "The access token is no longer good."}
    return {"data": told}
