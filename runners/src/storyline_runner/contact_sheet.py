"""A contact sheet: what went out, as one HTML page that looks good on a phone. Pure; links are relative."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from string import Template
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

import attrs


@attrs.frozen
class Entry:
    """One story. `picture` is the path of its picture or video, relative to the page, in `/` notation.

    `by` is who posted it by hand, "" when Storyline did.
    """

    picture: str
    at: datetime
    name: str
    title: str = ""
    caption: str = ""
    link: str = ""
    tags: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    by: str = ""


_PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
:root {
  color-scheme: light dark;
  --paper: #f6f4f0; --card: #fff; --ink: #1d1b18; --soft: #6d675e; --line: #e4dfd6; --mark: #b4532a;
}
@media (prefers-color-scheme: dark) {
  :root { --paper: #161513; --card: #211f1c; --ink: #f0ece4; --soft: #a49d91; --line: #35322d; --mark: #e8936a; }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 1.25rem; background: var(--paper); color: var(--ink); }
body { font: 16px/1.45 system-ui, sans-serif; }
header, main { max-width: 72rem; margin: 0 auto; }
h1 { margin: 0; font-size: 1.5rem; letter-spacing: -.01em; }
header p { margin: .25rem 0 1.25rem; color: var(--soft); }
main { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fill, minmax(min(10rem, 100%), 1fr)); }
@media (min-width: 44rem) { main { gap: 1.25rem; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); } }
article { background: var(--card); border: 1px solid var(--line); border-radius: 14px; overflow: hidden; }
.frame { display: block; aspect-ratio: 9 / 16; background: #000; }
.frame img, .frame video { display: block; width: 100%; height: 100%; object-fit: contain; }
.words { padding: .75rem .85rem .9rem; overflow-wrap: anywhere; }
time { color: var(--mark); font-weight: 650; }
h2 { margin: .15rem 0 .35rem; font-size: 1.05rem; }
.words p { margin: .35rem 0; white-space: pre-line; }
.tags, .why, .by { color: var(--soft); font-size: .875rem; }
.why { margin: .5rem 0 0; padding: .5rem 0 0 1.1rem; border-top: 1px solid var(--line); }
.by { display: inline-block; padding: 0 .5rem; border: 1px solid currentColor; border-radius: 1rem; }
a { color: inherit; text-decoration-color: var(--mark); }
</style>
</head>
<body>
<header>
<h1>$title</h1>
<p>$about</p>
</header>
<main>
$entries
</main>
</body>
</html>
""")

_ARTICLE = Template("""\
<article>
<a class="frame" href="$picture">$shown</a>
<div class="words">
<time datetime="$iso">$at</time>
<h2>$heading</h2>
$details
</div>
</article>
""")

_MOVIES = (".mp4", ".mov")


def contact_sheet(entries: Sequence[Entry], *, title: str, zone: ZoneInfo) -> str:
    """The page, with the entries in the given order and their times in the zone."""
    count = "1 story" if len(entries) == 1 else f"{len(entries)} stories"
    about = f"{count}, times in {zone.key}" if entries else "Nothing has gone out yet."
    articles = "".join(_article(entry, zone) for entry in entries)
    return _PAGE.substitute(title=escape(title), about=escape(about), entries=articles.rstrip())


def _article(entry: Entry, zone: ZoneInfo) -> str:
    local = entry.at.astimezone(zone)
    heading = entry.title or entry.name
    picture = quote(entry.picture)
    if entry.picture.lower().endswith(_MOVIES):
        shown = f'<video src="{picture}" preload="metadata" muted playsinline></video>'
    else:
        shown = f'<img src="{picture}" alt="{escape(heading)}" loading="lazy">'
    return _ARTICLE.substitute(
        picture=picture,
        shown=shown,
        iso=local.isoformat(),
        at=f"{local:%a %d %b, %H:%M}",
        heading=escape(heading),
        details="\n".join(_details(entry)),
    )


def _details(entry: Entry) -> list[str]:
    lines = []
    if entry.by:
        lines.append(f'<p class="by">posted by hand, {escape(entry.by)}</p>')
    if entry.caption:
        lines.append(f"<p>{escape(entry.caption)}</p>")
    if entry.link:
        lines.append(f"<p>{_link(entry.link)}</p>")
    if entry.tags:
        lines.append(f'<p class="tags">{escape(" ".join(f"#{tag}" for tag in entry.tags))}</p>')
    if entry.why:
        reasons = "".join(f"<li>{escape(reason)}</li>" for reason in entry.why)
        lines.append(f'<ul class="why">{reasons}</ul>')
    return lines


def _link(address: str) -> str:
    """A link that can be followed, where it leads to the web; whatever else somebody wrote is only shown."""
    try:
        leads = urlsplit(address).scheme in ("http", "https")
    except ValueError:
        leads = False
    if not leads:
        return escape(address)
    shown = escape(address.partition("//")[2])
    return f'<a href="{escape(address)}" rel="noopener noreferrer">{shown}</a>'
