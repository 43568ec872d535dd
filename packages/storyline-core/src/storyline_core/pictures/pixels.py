"""The pixels themselves, through Pillow: decoded, upright, in sRGB, laid out on a story's canvas and encoded."""

from __future__ import annotations

from io import BytesIO
from typing import BinaryIO

from PIL import Image, ImageCms, ImageFilter, ImageOps

from storyline_core.errors import Refused
from storyline_core.pictures.looks import Frame

Colour = tuple[int, int, int]

_UNREADABLE = "Its pixels cannot be read: the file is damaged. Export or fetch it again."
_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF", "image/webp": "WEBP"}
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SPARE = 2
_NEARLY = 0.99
_QUALITIES = (92, 88, 84, 78, 70, 60, 45, 30)
_BLUR_SCALE = 8
_BLUR_RADIUS = 6
_BLUR_BRIGHTNESS = 0.6


def decode(file: BinaryIO, media_type: str, least: tuple[int, int] | None = None) -> Image.Image:
    """The first picture of a file, every pixel read. Raises Refused where that fails, OSError if the disk fails.

    With `least`, a large JPEG is decoded at a fraction of its size, but never smaller than that.
    """
    file.seek(0)
    try:
        image = Image.open(file, formats=[_FORMATS[media_type]])
        if least is not None:
            image.draft(None, least)
        image.load()
    except OSError as error:
        # Pillow says OSError for damaged files as well, but only the system gives it a number.
        if error.errno is not None:
            raise
        raise Refused(_UNREADABLE) from error
    except MemoryError as error:
        raise Refused("It is too large for the memory of this machine. Save it smaller.") from error
    except Exception as error:
        raise Refused(_UNREADABLE) from error
    return image


def is_ready(image: Image.Image, encoded: bytes) -> bool:
    """Whether a JPEG can go out as it is: plain sRGB, with nothing in it that tells more than its pixels."""
    segments = getattr(image, "applist", None)
    return (
        image.format == "JPEG"
        and image.mode == "RGB"
        and segments is not None
        and all(name == "APP0" for name, _ in segments)
        and encoded.endswith(b"\xff\xd9")
    )


def upright_srgb(image: Image.Image, frame: Frame, least: tuple[int, int]) -> Image.Image:
    """RGB, or RGBA where something shines through, turned as EXIF asks, not much larger than `least` needs."""
    profile = image.info.get("icc_profile")
    image = _eight_bits(image)
    factor = min(image.width // least[0], image.height // least[1])
    if factor > 1:
        image = image.reduce(factor)
    image = _to_srgb(image, profile if isinstance(profile, bytes) else b"")
    turn = _UPRIGHT.get(frame.orientation)
    upright = image if turn is None else image.transpose(turn)
    # Every picture made from this one would inherit its comments and write them down again.
    upright.info = {}
    return upright


def size_needed(frame: Frame, canvas: tuple[int, int]) -> tuple[int, int]:
    """How many stored pixels are worth decoding, so that the picture can cover the canvas and look sharp."""
    width, height = frame.shown
    scale = _SPARE * max(canvas[0] / width, canvas[1] / height)
    return max(1, round(frame.width * scale)), max(1, round(frame.height * scale))


def cropped(image: Image.Image, canvas: tuple[int, int], colour: Colour) -> Image.Image:
    """The middle of the picture, filling the canvas."""
    return _flat(ImageOps.fit(image, canvas, Image.Resampling.LANCZOS), colour)


def on_colour(image: Image.Image, canvas: tuple[int, int], colour: Colour) -> Image.Image:
    """The whole picture on a plain canvas."""
    return _laid_on(Image.new("RGB", canvas, colour), image)


def on_blur(image: Image.Image, canvas: tuple[int, int], colour: Colour) -> Image.Image:
    """The whole picture on a blurred, darkened enlargement of itself (of itself on `colour`, if it is see-through)."""
    small = (max(1, canvas[0] // _BLUR_SCALE), max(1, canvas[1] // _BLUR_SCALE))
    backdrop = _flat(ImageOps.fit(image, small, Image.Resampling.BILINEAR), colour)
    backdrop = backdrop.filter(ImageFilter.GaussianBlur(_BLUR_RADIUS)).point(_darker)
    return _laid_on(backdrop.resize(canvas, Image.Resampling.BICUBIC), image)


def brightness(image: Image.Image, fields: tuple[int, int], colour: Colour) -> bytes:
    """How bright each of so many fields is (0 to 255), row by row; `colour` shows through."""
    return _flat(image, colour).convert("L").resize(fields, Image.Resampling.BOX).tobytes()


def encode(image: Image.Image, limit: int) -> bytes:
    """A JPEG without any metadata, at the best quality that fits in `limit` bytes. Raises Refused if none does."""
    for quality in _QUALITIES:
        out = BytesIO()
        image.save(out, "JPEG", quality=quality, subsampling=0 if quality > 90 else 2)
        if out.tell() <= limit:
            return out.getvalue()
    raise Refused(f"It stays larger than {limit:,} bytes even at the lowest quality. Choose a simpler picture.")


def _darker(value: int) -> int:
    return round(value * _BLUR_BRIGHTNESS)


def _eight_bits(image: Image.Image) -> Image.Image:
    """One of L, RGB, RGBA, CMYK, eight bits a channel."""
    if image.mode.startswith("I"):
        return image.point(_sixteen_to_eight).convert("L")
    if image.mode in ("LA", "PA", "RGBa", "La", "RGBA") or "transparency" in image.info:
        return image if image.mode == "RGBA" else image.convert("RGBA")
    if image.mode in ("L", "RGB", "CMYK"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _sixteen_to_eight(value: float) -> float:
    return value * (1 / 257)


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    if image.mode == "RGBA":
        opaque = _to_srgb(image.convert("RGB"), profile)
        opaque.putalpha(image.getchannel("A"))
        return opaque
    try:
        return _by_profile(image, profile) if profile else image.convert("RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        # Without a usable profile the numbers are taken for sRGB, as browsers do.
        return image.convert("RGB")


def _by_profile(image: Image.Image, content: bytes) -> Image.Image:
    profile = ImageCms.ImageCmsProfile(BytesIO(content))
    mode = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}.get(profile.profile.xcolor_space.strip(), "")
    if mode != image.mode or ImageCms.getProfileDescription(profile).startswith("sRGB"):
        return image.convert("RGB")
    converted = ImageCms.profileToProfile(
        image,
        profile,
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    return converted if converted is not None else image.convert("RGB")


def _laid_on(canvas: Image.Image, image: Image.Image) -> Image.Image:
    scale = min(canvas.width / image.width, canvas.height / image.height)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    if size[0] >= _NEARLY * canvas.width and size[1] >= _NEARLY * canvas.height:
        # A sliver of background at the edge looks like a mistake; losing a hundredth of the picture does not.
        laid = ImageOps.fit(image, canvas.size, Image.Resampling.LANCZOS)
    else:
        laid = image.resize(size, Image.Resampling.LANCZOS)
    at = (canvas.width - laid.width) // 2, (canvas.height - laid.height) // 2
    canvas.paste(laid.convert("RGB"), at, laid.getchannel("A") if laid.mode == "RGBA" else None)
    return canvas


def _flat(image: Image.Image, colour: Colour) -> Image.Image:
    if image.mode != "RGBA":
        return image
    flat = Image.new("RGB", image.size, colour)
    flat.paste(image.convert("RGB"), mask=image.getchannel("A"))
    return flat
