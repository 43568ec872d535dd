"""Texts as Telegram understands them: UTF-16 lengths, HTML in and out, and what it finds by itself."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence

import attrs

from tests.telegram.bot_api.refusals import Json, bad_request

TAGS = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "span": "spoiler",
    "tg-spoiler": "spoiler", "code": "code", "pre": "pre", "blockquote": "blockquote", "a": "text_link",
    "tg-emoji": "custom_emoji",
}  # fmt: skip
FOUND = re.compile(
    r"(?P<url>(?:https?://|www\.)[^\s<>]+[^\s<>.,;:!?)'\"])"
    r"|(?<![\w/@])(?P<bot_command>/[A-Za-z0-9_]{1,64}(?:@\w{3,32})?)(?![\w/])"
    r"|(?<![\w@])(?P<mention>@[A-Za-z]\w{3,31})"
    r"|(?<![\w#])(?P<hashtag>#\w*[^\W\d]\w*)"
)
BARE = re.compile(r"[A-Za-z0-9.\-]*")
HOST = re.compile(r"(?:https?|tg|ton)://[^\s/?#]+|[^\s/?#:@]+\.[^\s/?#:@]{2,}", re.IGNORECASE)


def units(text: str) -> int:
    """How long Telegram finds a text: in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, start: int, length: int) -> str:
    """A part of a text by its UTF-16 units."""
    raw = text.encode("utf-16-le", "surrogatepass")
    return raw[start * 2 : (start + length) * 2].decode("utf-16-le", "replace")


@attrs.frozen
class Formatted:
    """A text and its entities, as a message carries them."""

    text: str = ""
    entities: tuple[Json, ...] = ()

    def html(self) -> str:
        """The text as HTML, with what was formatted; links that Telegram found by itself are plain."""
        return as_html(self.text, self.entities)


@attrs.define
class _Open:
    tag: str
    argument: str
    start: int
    expandable: bool = False


def _unparsable(words: str) -> Exception:
    return bad_request(f"can't parse entities: {words}")


class HtmlReader:
    """Telegram's HTML, read byte by byte with Telegram's own complaints."""

    def __init__(self, given: str) -> None:
        self.given = given
        self.at = 0
        self.out: list[str] = []
        self.length = 0
        self.open: list[_Open] = []
        self.entities: list[Json] = []

    def read(self) -> Formatted:
        """The text without its tags, and its entities."""
        while self.at < len(self.given):
            if self.given[self.at] == "<":
                if self.given[self.at + 1 : self.at + 2] == "/":
                    self._end_tag()
                else:
                    self._start_tag()
            else:
                self._append(self._character())
        if self.open:
            raise _unparsable(f'Can\'t find end tag corresponding to start tag "{self.open[-1].tag}"')
        self.entities.sort(key=lambda entity: (entity["offset"], -int(str(entity["length"]))))
        return Formatted("".join(self.out), tuple(self.entities))

    def _append(self, text: str) -> None:
        self.out.append(text)
        self.length += units(text)

    def _byte(self, at: int) -> int:
        return len(self.given[:at].encode("utf-8", "surrogatepass"))

    def _now(self) -> str:
        return self.given[self.at : self.at + 1]

    def _spaces(self) -> None:
        while self._now() and self._now() in " \t\r\n":
            self.at += 1

    def _until(self, stops: str) -> str:
        begin = self.at
        while self._now() and self._now() not in stops:
            self.at += 1
        return self.given[begin : self.at]

    def _character(self) -> str:
        """One character, or what an HTML reference stands for; unknown references stay as they are."""
        if self._now() == "&":
            found = re.compile(
                r"&(?:#x([0-9a-f]{1,7})|#([0-9]{1,8})|(lt|gt|amp|quot)(?![A-Za-z]));?", re.IGNORECASE
            ).match(self.given, self.at)
            if found:
                code = int(found[1], 16) if found[1] else int(found[2]) if found[2] else 0
                if found[3] in {"lt", "gt", "amp", "quot"} or 0 < code < 0x10FFFF:
                    self.at = found.end()
                    return html.unescape(f"&{found[3]};") if found[3] else chr(code)
        self.at += 1
        return self.given[self.at - 1]

    def _start_tag(self) -> None:
        begin = self._byte(self.at)
        self.at += 1
        tag = self._until(" \t\r\n>").lower()
        if not self._now():
            raise _unparsable(f"Unclosed start tag at byte offset {begin}")
        if tag not in TAGS:
            raise _unparsable(f'Unsupported start tag "{tag}" at byte offset {begin}')
        opened = _Open(tag, "", self.length)
        while self._now() != ">":
            self._spaces()
            if self._now() != ">":
                self._attribute(opened, begin)
        self.at += 1
        if tag == "span" and opened.argument != "spoiler":
            raise _unparsable(f'Tag "span" must have class "tg-spoiler" at byte offset {begin}')
        self.open.append(opened)

    def _attribute(self, opened: _Open, begin: int) -> None:
        name = self._until(" \t\r\n=>/\"'").lower()
        if not name:
            raise _unparsable(f'Empty attribute name in the tag "{opened.tag}" at byte offset {begin}')
        self._spaces()
        value = ""
        if self._now() == "=":
            self.at += 1
            self._spaces()
            value = self._value(opened, begin)
        if not self._now():
            raise _unparsable(f'Unclosed start tag "{opened.tag}" at byte offset {begin}')
        wanted = {"a": "href", "code": "class", "span": "class", "tg-emoji": "emoji-id"}
        prefix = {"code": "language-", "span": "tg-"}.get(opened.tag, "")
        if name == wanted.get(opened.tag) and value.startswith(prefix):
            opened.argument = value.removeprefix(prefix)
        opened.expandable |= opened.tag == "blockquote" and name == "expandable"

    def _value(self, opened: _Open, begin: int) -> str:
        quote = self._now()
        if not quote:
            raise _unparsable(f'Unclosed start tag "{opened.tag}" at byte offset {begin}')
        if quote not in "\"'":
            token, bare = self._byte(self.at), BARE.match(self.given, self.at)
            self.at = bare.end() if bare else self.at
            if self._now() not in {" ", "\t", "\r", "\n", ">"}:
                raise _unparsable(f"Unexpected end of name token at byte offset {token}")
            return bare[0].lower() if bare else ""
        self.at += 1
        value = []
        while self._now() and self._now() != quote:
            value.append(self._character())
        self.at += 1
        if not self._now():
            raise _unparsable(f"Unclosed start tag at byte offset {begin}")
        return "".join(value)

    def _end_tag(self) -> None:
        begin = self._byte(self.at)
        if not self.open:
            raise _unparsable(f"Unexpected end tag at byte offset {begin}")
        self.at += 2
        tag = self._until(" \t\r\n>").lower()
        self._spaces()
        if self._now() != ">":
            raise _unparsable(f"Unclosed end tag at byte offset {begin}")
        self.at += 1
        opened = self.open.pop()
        if tag and tag != opened.tag:
            raise _unparsable(f'Unmatched end tag at byte offset {begin}, expected "</{opened.tag}>", found "</{tag}>"')
        if self.length > opened.start:
            self._close(opened)

    def _close(self, opened: _Open) -> None:
        entity: Json = {"type": TAGS[opened.tag], "offset": opened.start, "length": self.length - opened.start}
        if opened.tag == "a":
            url = opened.argument or cut("".join(self.out), opened.start, self.length - opened.start)
            if not HOST.match(url):
                return
            entity["url"] = url if "://" in url else f"http://{url}/"
        elif opened.tag == "tg-emoji":
            entity["custom_emoji_id"] = opened.argument
        elif opened.expandable:
            entity["type"] = "expandable_blockquote"
        elif opened.tag == "code" and opened.argument:
            entity["language"] = opened.argument
        inner = self.entities[-1] if self.entities else {}
        same = inner.get("offset") == entity["offset"] and inner.get("length") == entity["length"]
        if opened.tag == "pre" and same and inner.get("type") == "code":
            self.entities.pop()
            entity |= {"language": inner["language"]} if "language" in inner else {}
        self.entities.append(entity)


MARKS = {
    "*": "bold",
    "_": "italic",
    "__": "underline",
    "~": "strikethrough",
    "||": "spoiler",
    "`": "code",
    "```": "pre",
}
RESERVED = "_*[]()~`>#+-=|{}.!"


def read_markdown(given: str) -> Formatted:
    """MarkdownV2: its marks, links, escapes, and Telegram's complaint about a reserved character.

    Quotations and custom emoji are refused like any other reserved character.
    """
    out: list[str] = []
    open_marks: list[tuple[str, int, int]] = []
    entities: list[Json] = []
    at = 0
    while at < len(given):
        begin, inside = len(given[:at].encode()), open_marks[-1][0] if open_marks else ""
        mark = next((one for one in ("```", "||", "__", "`", "*", "_", "~", "[") if given.startswith(one, at)), "")
        if given[at] == "\\" and at + 1 < len(given) and 0 < ord(given[at + 1]) < 127:
            out.append(given[at + 1])
            at += 2
        elif inside == "[" and given[at] == "]":
            _, start, _ = open_marks.pop()
            link = re.compile(r"\]\(((?:\\.|[^)\\])*)\)", re.DOTALL).match(given, at)
            if not link:
                raise _unparsable(f"Can't find end of a URL at byte offset {begin}")
            url = re.sub(r"\\(.)", r"\1", link[1])
            entities.append({"type": "text_link", "offset": start, "length": units("".join(out)) - start, "url": url})
            at = link.end()
        elif inside in {"`", "```"} and mark != inside:
            out.append(given[at])
            at += 1
        elif mark:
            at += len(mark)
            _turn(mark, begin, out, open_marks, entities)
        elif given[at] in RESERVED:
            words = f"Character '{given[at]}' is reserved and must be escaped with the preceding '\\'"
            raise _unparsable(words)
        else:
            out.append(given[at])
            at += 1
    if open_marks:
        mark, _, begin = open_marks[-1]
        name = {"[": "TextUrl"}.get(mark, MARKS.get(mark, "").capitalize())
        raise _unparsable(f"Can't find end of {name} entity at byte offset {begin}")
    entities.sort(key=lambda entity: (entity["offset"], -int(str(entity["length"]))))
    return Formatted("".join(out), tuple(entity for entity in entities if entity["length"]))


def _turn(mark: str, begin: int, out: list[str], open_marks: list[tuple[str, int, int]], entities: list[Json]) -> None:
    """Opens what a mark opens, or closes what it closes."""
    here = units("".join(out))
    if mark == "[" or not open_marks or open_marks[-1][0] != mark:
        if mark in [one for one, _, _ in open_marks]:
            raise _unparsable(f"Can't find end of the entity starting at byte offset {open_marks[-1][2]}")
        open_marks.append((mark, here, begin))
        return
    _, start, _ = open_marks.pop()
    entities.append({"type": MARKS[mark], "offset": start, "length": here - start})


def given_entities(text: str, entities: Sequence[Json]) -> Formatted:
    """Entities that the bot gave itself: kept if they lie inside the text."""
    total = units(text)
    for entity in entities:
        offset, length = int(str(entity.get("offset", 0))), int(str(entity.get("length", 0)))
        if offset < 0 or length <= 0 or offset + length > total:
            raise bad_request("ENTITY_BOUNDS_INVALID")
    return Formatted(text, tuple(entities))


READERS: dict[str, Callable[[str], Formatted]] = {
    "html": lambda given: HtmlReader(given).read(),
    "markdownv2": read_markdown,
}


def understood(text: str, parse_mode: str | None, entities: Sequence[Json] | None) -> Formatted:
    """What Telegram makes of a text that a bot sends: parsed, trimmed, with the links it finds by itself."""
    if parse_mode:
        if parse_mode.lower() not in READERS:
            raise bad_request("unsupported parse_mode")
        read = READERS[parse_mode.lower()](text)
    else:
        read = given_entities(text, entities or [])
    return found_by_itself(_trimmed(read))


def _trimmed(read: Formatted) -> Formatted:
    text = read.text.replace("\r", "") if not read.entities else read.text
    stripped = text.rstrip(" \t\n\r")
    lead = 0 if read.entities else len(stripped) - len(stripped.lstrip(" \t\n\r"))
    total = units(stripped)
    kept = []
    for entity in read.entities:
        offset, length = int(str(entity["offset"])), int(str(entity["length"]))
        if offset < total:
            kept.append(entity | {"length": min(length, total - offset)})
    return Formatted(stripped[lead:], tuple(kept))


def found_by_itself(read: Formatted) -> Formatted:
    """Adds the commands, links, mentions and hashtags that Telegram sees in any text."""
    taken = [
        (int(str(one["offset"])), int(str(one["offset"])) + int(str(one["length"])))
        for one in read.entities
        if one["type"] in {"code", "pre", "text_link", "text_mention"}
    ]
    added: list[Json] = []
    for found in FOUND.finditer(read.text):
        start, length = units(read.text[: found.start()]), units(found[0])
        if not any(start < end and begin < start + length for begin, end in taken):
            added.append({"type": str(found.lastgroup), "offset": start, "length": length})
    return Formatted(read.text, (*read.entities, *added))


WRITTEN = {
    "bold": "b", "italic": "i", "underline": "u", "strikethrough": "s", "spoiler": "tg-spoiler", "code": "code",
    "pre": "pre", "blockquote": "blockquote", "expandable_blockquote": "blockquote",
}  # fmt: skip


def as_html(text: str, entities: Sequence[Json]) -> str:
    """A text with its formatting as HTML."""
    opens: dict[int, list[str]] = {}
    closes: dict[int, list[str]] = {}
    for entity in entities:
        kind, start = str(entity["type"]), int(str(entity["offset"]))
        tag = "a" if kind == "text_link" else WRITTEN.get(kind)
        if tag is None:
            continue
        attribute = f' href="{html.escape(str(entity["url"]))}"' if tag == "a" else ""
        attribute += " expandable" if kind == "expandable_blockquote" else ""
        opens.setdefault(start, []).append(f"<{tag}{attribute}>")
        closes.setdefault(start + int(str(entity["length"])), []).insert(0, f"</{tag}>")
    out, here = [], 0
    for character in text:
        out += [*closes.get(here, []), *opens.get(here, []), html.escape(character, quote=False)]
        here += units(character)
    return "".join([*out, *closes.get(here, [])])
