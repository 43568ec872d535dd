"""Pictures made of chance: distinct scenes, the hard cases among them, and what people do to a picture.

Each is made from a number alone, so that every run on every machine measures the same pictures.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Mapping

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFont

SIZES = ((360, 640), (360, 640), (480, 480), (640, 360), (384, 512))
"""Mostly stories; some squares, landscapes and photographs."""

_SAYINGS = (
    "when you open the fridge at night and nobody knows tea monday again cat summer sale new drop tonight only we are "
    "back free shipping until sunday my plans the weather my brain at three thank you for everything doors at eight"
)
_WORDS = _SAYINGS.split()

Colour = tuple[int, int, int]


def scene(number: int) -> Image.Image:
    """Something like a photograph: light that falls off with detail, as in nature, with a few things in front."""
    chance = random.Random(f"scene {number}")
    size = chance.choice(SIZES)
    image = _texture(chance, size, fall_off=chance.uniform(0.45, 0.75))
    if chance.random() < 0.6:
        image = ImageChops.multiply(image, _gradient(chance, size))
    for _ in range(chance.randrange(7)):
        _thing(chance, image)
    return image


def product(number: int) -> Image.Image:
    """Something for sale in the middle of white: the composition is always the same."""
    chance = random.Random(f"product {number}")
    image = Image.new("RGB", (480, 480), (250, 250, 250))
    mask = Image.new("L", image.size)
    draw = ImageDraw.Draw(mask)
    top, left = chance.randrange(60, 110), chance.randrange(70, 150)
    draw.rounded_rectangle((left, top, 480 - left, 480 - top), chance.randrange(8, 90), fill=255)
    if chance.random() < 0.5:
        draw.polygon([(left, top), (left - 60, top + 130), (left, top + 160)], fill=255)
        draw.polygon([(480 - left, top), (540 - left, top + 130), (480 - left, top + 160)], fill=255)
    image.paste(_texture(chance, image.size, fall_off=0.4), mask=mask)
    ImageDraw.Draw(image).ellipse(_box(chance, 150, 330, 30, 120), fill=_colour(chance))
    return image


def card(number: int) -> Image.Image:
    """A text on one colour, centred, as quotes are posted."""
    chance = random.Random(f"card {number}")
    ground = _colour(chance)
    image = Image.new("RGB", (360, 640), ground)
    ink = (255, 255, 255) if sum(ground) < 380 else (20, 20, 20)
    lines = [" ".join(chance.sample(_WORDS, chance.randrange(1, 4))) for _ in range(chance.randrange(2, 8))]
    size = chance.randrange(24, 44)
    for at, line in enumerate(lines):
        place = (180, 320 + (at - len(lines) / 2) * size * 1.4)
        ImageDraw.Draw(image).text(place, line, ink, _font(size), anchor="mm")
    return image


TEMPLATES = 8


def meme(number: int) -> Image.Image:
    """One of a few pictures that everybody uses, with a caption of its own above and below."""
    image = scene(-1 - number % TEMPLATES).resize((480, 480))
    chance = random.Random(f"meme {number}")
    for height in (40, 440):
        line = " ".join(chance.sample(_WORDS, chance.randrange(2, 5))).upper()
        ImageDraw.Draw(image).text(
            (240, height), line, "white", _font(34), anchor="mm", stroke_width=3, stroke_fill="black"
        )
    return image


def screenshot(number: int) -> Image.Image:
    """A conversation in one and the same program: the frame never changes, the words do."""
    chance = random.Random(f"screenshot {number}")
    image = Image.new("RGB", (360, 640), (236, 229, 221))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 360, 56), fill=(7, 94, 84))
    draw.text((60, 28), chance.choice(_WORDS), "white", _font(20), anchor="lm")
    height = 70
    while height < 580:
        mine, lines = chance.random() < 0.5, chance.randrange(1, 4)
        width = chance.randrange(90, 260)
        left = 350 - width if mine else 10
        bubble = (left, height, left + width, height + 24 * lines + 8)
        draw.rounded_rectangle(bubble, 8, (220, 248, 198) if mine else "white")
        for line in range(lines):
            draw.text((left + 8, height + 4 + 24 * line), " ".join(chance.sample(_WORDS, 2)), (30, 30, 30), _font(15))
        height += 24 * lines + 18
    draw.rectangle((0, 590, 360, 640), fill=(240, 240, 240))
    return image


def plain(number: int) -> Image.Image:
    """Next to nothing: one colour, or one that passes into another."""
    chance = random.Random(f"plain {number}")
    return Image.new("RGB", (360, 640), _colour(chance)) if number % 2 else _gradient(chance, (360, 640))


KINDS: Mapping[str, Callable[[int], Image.Image]] = {
    "scenes": scene,
    "products on white": product,
    "text cards": card,
    "memes of a template": meme,
    "screenshots of a program": screenshot,
    "plain colours and gradients": plain,
}


def saved(image: Image.Image, kind: str, quality: int = 85) -> bytes:
    """The picture as a file."""
    out = io.BytesIO()
    if kind == "PNG":
        image.save(out, kind, compress_level=1)
    else:
        image.save(out, kind, quality=quality)
    return out.getvalue()


def _resized(factor: float) -> Callable[[Image.Image], bytes]:
    return lambda image: saved(image.resize((round(image.width * factor), round(image.height * factor))), "JPEG")


def _cropped(share: float, *, sides: bool = True) -> Callable[[Image.Image], bytes]:
    """That share of width and height is gone, half of it on each side; or all of it below."""

    def crop(image: Image.Image) -> bytes:
        across, down = round(image.width * share / 2), round(image.height * share / 2)
        all_around = (across, down, image.width - across, image.height - down)
        return saved(image.crop(all_around if sides else (0, 0, image.width, image.height - 2 * down)), "JPEG")

    return crop


def _watermarked(image: Image.Image) -> bytes:
    marked = image.copy()
    place = image.width - 8, image.height - 8
    ImageDraw.Draw(marked).text(
        place, "@storyline", "white", _font(22), anchor="rs", stroke_width=1, stroke_fill="black"
    )
    return saved(marked, "JPEG")


def _turned(image: Image.Image) -> bytes:
    """Stored lying on its side, with EXIF that says so, as phones do."""
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    image.transpose(Image.Transpose.ROTATE_90).save(out, "JPEG", quality=90, exif=exif)
    return out.getvalue()


CHANGES: Mapping[str, Callable[[Image.Image], bytes]] = {
    "JPEG, quality 95": lambda image: saved(image, "JPEG", 95),
    "JPEG, quality 70": lambda image: saved(image, "JPEG", 70),
    "JPEG, quality 40": lambda image: saved(image, "JPEG", 40),
    "WebP, quality 60": lambda image: saved(image, "WEBP", 60),
    "PNG": lambda image: saved(image, "PNG"),
    "size 25 %": _resized(0.25),
    "size 50 %": _resized(0.5),
    "size 200 %": _resized(2.0),
    "brighter by 10 %": lambda image: saved(ImageEnhance.Brightness(image).enhance(1.1), "JPEG"),
    "darker by 10 %": lambda image: saved(ImageEnhance.Brightness(image).enhance(0.9), "JPEG"),
    "contrast up by 10 %": lambda image: saved(ImageEnhance.Contrast(image).enhance(1.1), "JPEG"),
    "contrast down by 10 %": lambda image: saved(ImageEnhance.Contrast(image).enhance(0.9), "JPEG"),
    "watermark in a corner": _watermarked,
    "turned by EXIF": _turned,
    "black and white": lambda image: saved(image.convert("L"), "JPEG"),
    "cropped by 2 % all around": _cropped(0.02),
    "cropped by 5 % all around": _cropped(0.05),
    "cropped by 5 % below": _cropped(0.05, sides=False),
}
"""What is done to a picture on its way from one phone to another, each giving the file that arrives."""


def _texture(chance: random.Random, size: tuple[int, int], fall_off: float) -> Image.Image:
    """Noise of ever finer grain, each finer one fainter."""
    image = Image.new("RGB", size, (128, 128, 128))
    share, grain = 1.0, 2
    while grain < size[0] // 2:
        fine = (grain, max(2, round(grain * size[1] / size[0])))
        noise = Image.frombytes("RGB", fine, chance.randbytes(3 * fine[0] * fine[1]))
        noise = ImageEnhance.Color(noise).enhance(0.5).resize(size, Image.Resampling.BICUBIC)
        image = Image.blend(image, noise, share if grain == 2 else share / (1 + share))
        share *= fall_off
        grain *= 2
    return ImageEnhance.Contrast(image).enhance(1.5)


def _gradient(chance: random.Random, size: tuple[int, int]) -> Image.Image:
    tones = Image.linear_gradient("L").rotate(chance.choice((0, 90, 180, 270))).resize(size)
    return Image.composite(Image.new("RGB", size, _colour(chance)), Image.new("RGB", size, "white"), tones)


def _thing(chance: random.Random, image: Image.Image) -> None:
    draw, short = ImageDraw.Draw(image), min(image.size)
    kind = chance.randrange(3)
    if kind == 0:
        draw.ellipse(_box(chance, 0, short, short // 12, short // 2), fill=_colour(chance))
    elif kind == 1:
        draw.rectangle(_box(chance, 0, short, short // 12, short // 2), fill=_colour(chance))
    else:
        corners = [(chance.randrange(image.width), chance.randrange(image.height)) for _ in range(3)]
        draw.polygon(corners, fill=_colour(chance))


def _box(chance: random.Random, start: int, stop: int, least: int, most: int) -> tuple[int, int, int, int]:
    left, top = chance.randrange(start, stop - least), chance.randrange(start, stop - least)
    return left, top, left + chance.randrange(least, most), top + chance.randrange(least, most)


def _colour(chance: random.Random) -> Colour:
    return chance.randrange(256), chance.randrange(256), chance.randrange(256)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
