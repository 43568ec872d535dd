"""What people say about a picture, put together: who wins, what a file name says, and which stickers to add.

A folder's `metadata.json`, a sidecar beside the picture, its file name and a person's edit each say something about
some fields and nothing about others. For every field alone the strongest place that speaks of it wins: the edit, then
the sidecar, then the picture's item in the folder's document, then the file name, then the folder's defaults.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from storyline_core.media import Description
from storyline_core.metadata.documents import (
    FIELDS,
    BrokenDocument,
    FolderDocument,
    Partial,
    SidecarDocument,
    is_folder_document,
    parse_document,
    partial_from_json,
    partial_to_json,
)
from storyline_core.metadata.provenance import PROVENANCE, beneath, provenance_to_json, said_by_provenance

__all__ = [
    "FIELDS",
    "PROVENANCE",
    "UNDESCRIBED",
    "BrokenDocument",
    "FolderDocument",
    "Partial",
    "SidecarDocument",
    "beneath",
    "describe",
    "from_file_name",
    "is_folder_document",
    "merge",
    "parse_document",
    "partial_from_json",
    "partial_to_json",
    "provenance_to_json",
    "said_by_provenance",
    "sidecar_names",
    "stickers",
]

_LINK = re.compile(r"__(https?)-([a-z0-9._~-]+)$", re.IGNORECASE | re.ASCII)

_ENDINGS_TEXT = """
    com net org info biz edu gov dev app io ai me tv cc co ly gg eu de at ch fr it es pt nl be lu uk ie us ca mx br ar
    cl pe au nz jp kr cn hk tw sg in id my th vn ph ae sa il za tr gr pl cz sk hu ro bg hr si rs ua ru se no dk fi is
    ee lv lt to fm xyz
"""
_ENDINGS = frozenset(_ENDINGS_TEXT.split())

# These are as often a part of a name as its ending: my-shop-com is my.shop.com, but tee-shop is tee.shop.
_WORDS_TEXT = "shop store online site blog art design studio club live link page fashion photo photos"
_WORDS = frozenset(_WORDS_TEXT.split())

_DOUBLE_ENDINGS_TEXT = """
    co.uk org.uk me.uk ac.uk com.au net.au org.au co.nz org.nz com.br com.mx com.ar com.co com.pe com.tr co.jp co.kr
    co.in co.id co.il co.th co.za com.sg com.my com.hk com.tw com.cn com.ph com.vn com.pl com.ua co.at
"""
_DOUBLE_ENDINGS = frozenset(_DOUBLE_ENDINGS_TEXT.split())

_SILENT = Partial()
_NO_DOCUMENT = FolderDocument(defaults=_SILENT)

UNDESCRIBED = Description()
"""The description of pictures of which nobody says anything."""


def sidecar_names(name: str) -> tuple[str, ...]:
    """The documents that may lie beside a picture, strongest first; only the first that exists speaks.

    `tee.jpg` has `tee.jpg.json`, which speaks for it alone, and `tee.json`, which speaks for `tee.png` as well. The
    folder's own document is nobody's sidecar.
    """
    names = (f"{name}.json", f"{_stem(name)}.json")
    return tuple(each for each in names if not is_folder_document(each))


def from_file_name(name: str) -> Partial:
    """What a file name says: after `__` a link, which only a person can add, so that interaction is required.

    `tee__https-shop-com-summer-sale.jpg` is https://shop.com/summer-sale: hyphens are dots up to the first known
    ending of a host, and stay hyphens after it. What cannot be read so is only a name.
    """
    if "__" not in name:
        return _SILENT
    found = _LINK.search(_stem(name))
    if found is None:
        return _SILENT
    scheme, rest = found.groups()
    parts = rest.split("-")
    end = _end_of_host([part.lower() for part in parts])
    if not end:
        return _SILENT
    host, path = ".".join(parts[:end]).lower(), "-".join(parts[end:])
    return Partial(link_url=f"{scheme.lower()}://{host}" + (f"/{path}" if path else ""), requires_interaction=True)


def describe(
    name: str,
    *,
    edits: Partial | None = None,
    sidecar: Partial | None = None,
    folder: FolderDocument | None = None,
    origin: Partial | None = None,
) -> Description:
    """Put together what all places say of the picture with that file name; its `origin` where no other does.

    The folder's default tags are for pictures of which nobody says any tags; they are not added to others. Where
    nobody says whether interaction is required, it is if there is a link, since only a person can add that.
    """
    if folder is None and sidecar is None and edits is None and origin is None and "__" not in name:
        return UNDESCRIBED
    folder = folder or _NO_DOCUMENT
    layers = (edits, sidecar, folder.item(name), from_file_name(name), folder.defaults, origin)
    said = merge(layer for layer in layers if layer is not None)
    if said is _SILENT:
        return UNDESCRIBED
    link_url = said.link_url or ""
    interaction = said.requires_interaction
    return Description(
        title=said.title or "",
        caption=said.caption or "",
        link_url=link_url,
        tags=said.tags or (),
        requires_interaction=bool(link_url) if interaction is None else interaction,
        custom_metadata={**((origin and origin.custom_metadata) or {}), **(said.custom_metadata or {})},
    )


def merge(layers: Iterable[Partial]) -> Partial:
    """One partial out of many, strongest first: for each field the first that says something."""
    said = [layer for layer in layers if layer is not _SILENT]
    merged = said[0] if said else _SILENT
    for layer in said[1:]:
        merged = Partial(
            title=layer.title if merged.title is None else merged.title,
            caption=layer.caption if merged.caption is None else merged.caption,
            link_url=layer.link_url if merged.link_url is None else merged.link_url,
            tags=layer.tags if merged.tags is None else merged.tags,
            requires_interaction=(
                layer.requires_interaction if merged.requires_interaction is None else merged.requires_interaction
            ),
            custom_metadata=layer.custom_metadata if merged.custom_metadata is None else merged.custom_metadata,
        )
    return merged


def stickers(description: Description) -> tuple[str, ...]:
    """One line for each sticker that a person should add: the link first, then what `custom_metadata` asks for.

    `{"poll": {"question": "Which?", "options": ["Red", "Blue"]}}`, or the same flat as `{"sticker": "poll", "question":
    …}`, is `Poll: "Which?" — Red / Blue`. What it cannot read better is shown as `Key: value`.
    """
    lines = [f"Link: {description.link_url}"] if description.link_url else []
    wishes = {name: wish for name, wish in description.custom_metadata.items() if name != PROVENANCE}
    kind = wishes.pop("sticker", None)
    if isinstance(kind, str):
        lines.append(_sticker(kind, wishes))
    else:
        if kind is not None:
            wishes["sticker"] = kind
        lines.extend(_sticker(name, wish) for name, wish in wishes.items())
    return tuple(" ".join(line.split()) for line in lines)


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name


def _end_of_host(parts: Sequence[str]) -> int:
    """How many of the parts make the host; 0 if none of them is a known ending."""
    for index in range(1, len(parts)):
        if not parts[index - 1].isalnum():
            return 0
        if parts[index] in _ENDINGS:
            return index + 2 if ".".join(parts[index : index + 2]) in _DOUBLE_ENDINGS else index + 1
        if parts[index] in _WORDS and (index + 1 == len(parts) or parts[index + 1] not in _ENDINGS | _WORDS):
            return index + 1
    return 0


def _sticker(name: str, wish: object) -> str:
    label = name.replace("_", " ").strip(" :").capitalize() or "Sticker"
    if not isinstance(wish, Mapping):
        return f"{label}: {_plain(wish)}".rstrip(" :")
    rest = dict(wish)
    heads = [f'"{_plain(rest.pop(key))}"' for key in ("question", "title", "text", "name") if rest.get(key)]
    options = [_plain(rest.pop(key), " / ") for key in ("options", "answers") if rest.get(key)]
    others = [f"{str(key).replace('_', ' ')}: {_plain(value)}" for key, value in rest.items()]
    return f"{label}: {' — '.join([*heads, *options, *others])}".rstrip(" :")


def _plain(value: object, between: str = ", ") -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return between.join(_plain(each) for each in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_plain(each)}" for key, each in value.items())
    return str(value)
