"""Pictures for the demo, painted with Pillow: each in another size, shape or colour mode, as real folders are."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from math import cos, pi, sin
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont
    from PIL.ImageFont import ImageFont as PlainFont

Colour = tuple[int, int, int]

EXIF_ORIENTATION = 0x0112
ON_ITS_SIDE = 6
"""Held upright, stored lying down: what a phone writes."""


@attrs.frozen
class Painting:
    """One picture: where it goes, what stands on it, and what kind of file it is."""

    path: str
    number: int
    label: str
    size: tuple[int, int] = (1080, 1920)
    kind: str = "jpeg"


def paint(painting: Painting) -> bytes:
    """The bytes of a picture."""
    return _KINDS[painting.kind](painting)


def _scene(painting: Painting) -> Image.Image:
    """A sky that changes from top to bottom, hills or petals or rings before it, and a big number."""
    from PIL import Image, ImageDraw, ImageOps

    width, height = painting.size
    top, bottom, accent = _PALETTES[painting.number % len(_PALETTES)]
    shade = Image.linear_gradient("L").resize(painting.size)
    picture = ImageOps.colorize(shade, black=top, white=bottom).convert("RGB")
    draw = ImageDraw.Draw(picture, "RGBA")
    _MOTIFS[painting.number % len(_MOTIFS)](draw, width, height, accent)
    unit = min(width, height)
    _centred(draw, str(painting.number), _font(unit // 2), width, height // 2, (255, 255, 255, 235))
    _centred(draw, painting.label, _font(unit // 14), width, height // 2 + unit // 3, (255, 255, 255, 215))
    return picture


def _hills(draw: ImageDraw, width: int, height: int, accent: Colour) -> None:
    sun = min(width, height) // 5
    draw.ellipse((width * 2 // 3 - sun, height // 5 - sun, width * 2 // 3 + sun, height // 5 + sun), fill=(*accent, 230))
    for layer in range(3):
        base = height * (62 + layer * 13) // 100
        ridge = [
            (x, base - int(height * 0.07 * sin(x / width * pi * (1.5 + layer) + layer * 2)))
            for x in range(0, width + 9, 8)
        ]
        draw.polygon([*ridge, (width, height), (0, height)], fill=(20, 30, 50, 60 + layer * 30))


def _petals(draw: ImageDraw, width: int, height: int, accent: Colour) -> None:
    reach, petal = min(width, height) * 0.33, min(width, height) * 0.2
    for turn in range(9):
        angle = 2 * pi * turn / 9
        x, y = width / 2 + reach * cos(angle), height / 2 + reach * sin(angle)
        draw.ellipse((x - petal, y - petal, x + petal, y + petal), fill=(*accent, 90))


def _rings(draw: ImageDraw, width: int, height: int, accent: Colour) -> None:
    unit = min(width, height)
    for ring in range(6, 0, -1):
        reach = unit * ring // 11
        box = (width // 2 - reach, height // 2 - reach, width // 2 + reach, height // 2 + reach)
        draw.ellipse(box, outline=(*accent, 200), width=max(unit // 60, 2))


def _bands(draw: ImageDraw, width: int, height: int, accent: Colour) -> None:
    step = max(width, height) // 7
    for start in range(-height, width + height, step * 2):
        slope = [(start, height), (start + step, height), (start + step + height, 0), (start + height, 0)]
        draw.polygon(slope, fill=(*accent, 80))


_MOTIFS: tuple[Callable[[ImageDraw, int, int, Colour], None], ...] = (_hills, _petals, _rings, _bands)

_PALETTES: tuple[tuple[Colour, Colour, Colour], ...] = (
    ((38, 70, 83), (233, 150, 106), (244, 211, 94)),
    ((88, 24, 69), (255, 141, 99), (255, 195, 113)),
    ((13, 59, 102), (120, 200, 190), (250, 240, 202)),
    ((45, 49, 66), (191, 120, 150), (239, 131, 84)),
    ((20, 80, 60), (170, 205, 120), (255, 240, 170)),
    ((60, 40, 110), (110, 170, 230), (255, 170, 200)),
    ((110, 50, 30), (240, 190, 120), (255, 235, 200)),
)


def _centred(
    draw: ImageDraw, text: str, font: FreeTypeFont | PlainFont, width: int, y: int, fill: tuple[int, int, int, int]
) -> None:
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    at = (width / 2 - (left + right) / 2, y - (top + bottom) / 2)
    draw.text((at[0] + 4, at[1] + 4), text, font=font, fill=(0, 0, 0, 70))
    draw.text(at, text, font=font, fill=fill)


def _font(size: int) -> FreeTypeFont | PlainFont:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _saved(picture: Image.Image, format_: str, exif: Image.Exif | None = None) -> bytes:
    file = BytesIO()
    if exif is not None:
        picture.save(file, format_, quality=88, exif=exif)
    else:
        picture.save(file, format_, quality=88)
    return file.getvalue()


def _jpeg(painting: Painting) -> bytes:
    return _saved(_scene(painting), "JPEG")


def _cmyk(painting: Painting) -> bytes:
    return _saved(_scene(painting).convert("CMYK"), "JPEG")


def _grey(painting: Painting) -> bytes:
    return _saved(_scene(painting).convert("L"), "JPEG")


def _turned(painting: Painting) -> bytes:
    """A phone's picture: the pixels lie on their side, and EXIF says so."""
    from PIL import Image

    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = ON_ITS_SIDE
    return _saved(_scene(painting).transpose(Image.Transpose.ROTATE_90), "JPEG", exif)


def _cut_out(painting: Painting) -> bytes:
    """A PNG whose corners are transparent."""
    from PIL import Image, ImageDraw

    picture = _scene(painting).convert("RGBA")
    mask = Image.new("L", picture.size, 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, picture.width, picture.height), picture.width // 4, fill=255)
    picture.putalpha(mask)
    return _saved(picture, "PNG")


def _palette_gif(painting: Painting) -> bytes:
    return _saved(_scene(painting).quantize(64), "GIF")


def _palette_png(painting: Painting) -> bytes:
    return _saved(_scene(painting).quantize(48), "PNG")


def _webp(painting: Painting) -> bytes:
    return _saved(_scene(painting), "WEBP")


def _cut_short(painting: Painting) -> bytes:
    """A download that stopped half-way."""
    whole = _jpeg(painting)
    return whole[: len(whole) // 3]


_KINDS: dict[str, Callable[[Painting], bytes]] = {
    "jpeg": _jpeg,
    "cmyk": _cmyk,
    "grey": _grey,
    "turned": _turned,
    "cut out": _cut_out,
    "gif": _palette_gif,
    "palette": _palette_png,
    "webp": _webp,
    "cut short": _cut_short,
}
