"""The ``fields`` parameter: ``id,children{media_url},config``, and what it picks from a node."""

from __future__ import annotations

from collections.abc import Mapping

from tests.instagram.graph_api.errors import Json, invalid

Mask = dict[str, "Mask | None"]


def parse(text: str) -> Mask:
    """What is asked for: each name with its own mask in braces. Raises ``GraphRefused`` (2500-like) for nonsense."""
    mask, rest = _names(text, 0)
    if rest != len(text):
        raise invalid("Syntax error \"Expected end of string instead of '}'.\" at fields")
    return mask


def _names(text: str, at: int) -> tuple[Mask, int]:
    mask: Mask = {}
    while at < len(text):
        start = at
        while at < len(text) and text[at] not in ",{}":
            at += 1
        name = text[start:at].strip().partition(".")[0]
        inner: Mask | None = None
        if at < len(text) and text[at] == "{":
            inner, at = _names(text, at + 1)
            if at >= len(text):
                raise invalid('Syntax error "Expected }." at fields')
            at += 1
        if name:
            mask[name] = inner
        if at < len(text) and text[at] == ",":
            at += 1
            continue
        break
    return mask, at


def pick(node: Json, mask: Mask, known: frozenset[str], kind: str) -> Json:
    """The wanted fields that the node has, and its id. Raises ``GraphRefused`` for a field that no such node has."""
    told: Json = {}
    for name, inner in mask.items():
        if name not in known:
            raise invalid(f"(#100) Tried accessing nonexisting field ({name}) on node type ({kind})")
        value = node.get(name)
        if value is None:
            continue
        told[name] = _inside(value, inner, known, kind)
    if "id" in node:
        told["id"] = node["id"]
    return told


def _inside(value: object, inner: Mask | None, known: frozenset[str], kind: str) -> object:
    if isinstance(value, Mapping) and isinstance(value.get("data"), list):
        wanted: Mask = inner if inner is not None else {"id": None}
        return {"data": [pick(one, wanted, known, kind) for one in value["data"]]}
    if isinstance(value, dict) and inner is not None:
        return {name: value[name] for name in inner if name in value} | ({"id": value["id"]} if "id" in value else {})
    if isinstance(value, dict) and "id" in value:
        return {"id": value["id"]}
    return value
