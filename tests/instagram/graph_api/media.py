"""Media and stories as the API tells them, and accounts."""

from __future__ import annotations

from datetime import timedelta

from tests.instagram.graph_api import cdn, fields, paging, tokens
from tests.instagram.graph_api.asking import Request
from tests.instagram.graph_api.clock import parse_moment, stamp
from tests.instagram.graph_api.containers import LIFE, used
from tests.instagram.graph_api.errors import Json, invalid
from tests.instagram.graph_api.state import Media, Owner, State, Token

NEWEST = 10_000
CHILD_UNKNOWN = frozenset({"permalink", "caption", "like_count", "comments_count"})
KNOWN = frozenset({
    "id", "caption", "media_type", "media_product_type", "media_url", "thumbnail_url", "permalink", "shortcode",
    "timestamp", "children", "like_count", "comments_count", "is_ai_generated", "media_audio_type", "alt_text", "owner",
    "username", "ig_id", "is_comment_enabled", "is_shared_to_feed",
})  # fmt: skip
ACCOUNT_KNOWN = frozenset({
    "id", "user_id", "username", "name", "account_type", "biography", "website", "profile_picture_url",
    "followers_count", "follows_count", "media_count", "ig_id",
})  # fmt: skip
PAGE_KNOWN = frozenset({
    "id", "name", "access_token", "category", "tasks", "instagram_business_account", "connected_instagram_account",
})  # fmt: skip


def node(state: State, one: Media, deep: bool = True) -> Json:
    """Everything the API may tell of a post."""
    told: Json = {
        "id": one.id,
        "media_type": one.kind,
        "shortcode": one.shortcode,
        "timestamp": stamp(one.at),
        "owner": {"id": one.owner.id},
        "username": one.owner.username,
        "is_ai_generated": one.ai_generated,
    }
    shown = one.children[0] if one.kind == "CAROUSEL_ALBUM" and one.children else one
    if not one.missing and not shown.missing:
        told["media_url"] = cdn.address_of(state, shown)
    if one.kind == "VIDEO":
        told["thumbnail_url"] = cdn.address_of(state, one, thumbnail=True)
    if one.parent is not None:
        return told
    told |= {"permalink": one.permalink, "like_count": 3, "comments_count": 1, "caption": one.caption}
    told["media_product_type"] = one.product
    if one.owner.login == "instagram" and not state.knobs.instagram_captions:
        told["caption"] = told["media_product_type"] = None
    if one.children and deep:
        told["children"] = {"data": [node(state, child, deep=False) for child in one.children]}
    return told


def picked(state: State, one: Media, request: Request) -> Json:
    """The fields that were asked for."""
    mask = fields.parse(request.params.get("fields", "id"))
    return fields.pick(node(state, one), mask, KNOWN, "IGMedia")


def posts(state: State, owner: Owner, request: Request, token: Token, path: str) -> Json:
    """``GET /{ig-user}/media``: the newest 10,000, without stories."""
    tokens.must(token, tokens.READ)
    mine = [one for one in state.media.values() if one.owner is owner and one.product != "STORY" and one.parent is None]
    mine.sort(key=paging.key_of)
    listing = paging.Listing(request.params, path, token.text)
    return paging.page(state, listing, mine[:NEWEST], lambda one: picked(state, one, request))


def stories(state: State, owner: Owner, request: Request, token: Token, path: str) -> Json:
    """``GET /{ig-user}/stories``: those that are live."""
    tokens.must(token, tokens.STORIES)
    now = state.clock.now()
    live = [one for one in state.stories_of(owner) if is_live(state, one) and (one.shown_from or one.at) <= now]
    listing = paging.Listing(request.params, path, token.text)
    return paging.page(state, listing, live, lambda one: picked(state, one, request))


def is_live(state: State, one: Media) -> bool:
    """Whether a story is still out."""
    return timedelta() <= state.clock.since(one.at) < LIFE


def children(state: State, one: Media, request: Request) -> Json:
    """``GET /{album}/children``: in their order, all on one page."""
    return {"data": [picked(state, child, request) for child in one.children]}


def limit(state: State, owner: Owner, request: Request) -> Json:
    """``GET /{ig-user}/content_publishing_limit``."""
    span = LIFE
    since = request.params.get("since")
    if since is not None:
        try:
            span = state.clock.since(parse_moment(since))
        except ValueError:
            raise invalid("(#100) Param since must be a valid timestamp") from None
        if not timedelta() <= span <= LIFE:
            raise invalid("(#100) Param since must be within the last 24 hours")
    mask = fields.parse(request.params.get("fields", "quota_usage"))
    config = {"quota_total": state.knobs.quota, "quota_duration": 86400}
    known = frozenset({"quota_usage", "config"})
    told: Json = {"quota_usage": used(state, owner, span), "config": config}
    return {"data": [fields.pick(told, mask, known, "ContentPublishingLimit")]}


def account_node(state: State, owner: Owner, scoped: bool = False) -> Json:
    """Everything the API may tell of an account."""
    count = sum(1 for one in state.media.values() if one.owner is owner and one.product != "STORY" and not one.parent)
    return {
        "id": owner.scoped_id if scoped else owner.id,
        "user_id": owner.id,
        "username": owner.username,
        "name": owner.username.title(),
        "account_type": "BUSINESS",
        "followers_count": 1200,
        "follows_count": 12,
        "media_count": count,
        "profile_picture_url": f"{state.address}/cdn/v/profile.jpg",
    }


def account(state: State, owner: Owner, request: Request) -> Json:
    """``GET /{ig-user}``."""
    mask = fields.parse(request.params.get("fields", "id"))
    return fields.pick(account_node(state, owner), mask, ACCOUNT_KNOWN, "IGUser")


def me(state: State, token: Token, request: Request) -> Json:
    """``GET /me``: a user, a Page, or under Instagram Login the account itself."""
    owner = token.owner
    if owner.login == "instagram":
        mask = fields.parse(request.params.get("fields", "id"))
        return fields.pick(account_node(state, owner, scoped=True), mask, ACCOUNT_KNOWN, "IGUser")
    mask = fields.parse(request.params.get("fields", "id,name"))
    if token.kind == "page":
        return fields.pick(page_node(state, owner), mask, PAGE_KNOWN, "Page")
    return fields.pick({"id": owner.user_id, "name": "Ann Example"}, mask, frozenset({"id", "name", "email"}), "User")


def page_node(state: State, owner: Owner, token: str | None = None) -> Json:
    """Everything the API may tell of a Page."""
    linked = {"id": owner.id, "username": owner.username}
    return {
        "id": owner.page_id,
        "name": f"{owner.username.title()} Page",
        "access_token": token,
        "category": "Brand",
        "tasks": ["ADVERTISE", "ANALYZE", "CREATE_CONTENT", "MESSAGING", "MODERATE", "MANAGE"],
        "instagram_business_account": linked,
    }


def pages(state: State, token: Token, request: Request) -> Json:
    """``GET /me/accounts``: the Pages of a user, each with a token of its own."""
    if token.kind == "page":
        raise invalid("(#100) Tried accessing nonexisting field (accounts) on node type (Page)")
    if "pages_show_list" not in token.scopes:
        return {"data": []}
    mask = fields.parse(request.params.get("fields", "access_token,category,name,id,tasks"))
    long = token.expires is None or token.expires - token.issued > timedelta(hours=2)
    told: list[Json] = []
    for owner in state.owners.values():
        if tokens.reaches(state, token, owner) and "access_token" in mask:
            life = None if long or token.expires is None else token.expires - state.clock.now()
            made = owner.page_token if long and owner.page_token else ""
            if not made or state.tokens[made].dead is not None:
                made = state.new_token("page", owner, token.scopes, life).text
            told.append(fields.pick(page_node(state, owner, made), mask, PAGE_KNOWN, "Page"))
        elif tokens.reaches(state, token, owner):
            told.append(fields.pick(page_node(state, owner), mask, PAGE_KNOWN, "Page"))
    return {"data": told}


def permissions(token: Token) -> Json:
    """``GET /me/permissions``."""
    return {"data": [{"permission": one, "status": "granted"} for one in sorted(token.scopes)]}
