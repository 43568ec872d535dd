"""Fitting real pictures of every mode: the right pixels in the right place, always a JPEG that Instagram takes."""

from __future__ import annotations

import struct
from io import BytesIO
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from storyline_core.errors import Refused
from storyline_core.pictures import MAX_PICTURE_BYTES, STORY_SIZE, FitStyle, fit

RED, GREEN, BLUE, WHITE, BLACK = (254, 0, 0), (0, 255, 1), (0, 0, 254), (255, 255, 255), (0, 0, 0)
NEAR = 6


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> BytesIO:
    out = BytesIO()
    image.save(out, kind, **options)
    return out


def fitted(file: BytesIO, style: FitStyle = FitStyle.PLAIN, **options: object) -> Image.Image:
    content = fit(file, style=style, **options)  # type: ignore[arg-type]
    assert len(content) <= MAX_PICTURE_BYTES
    image = Image.open(BytesIO(content))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", STORY_SIZE)
    assert not {"exif", "icc_profile", "xmp", "comment"} & set(image.info)
    return image


def is_near(image: Image.Image, at: tuple[int, int], colour: tuple[int, int, int], by: int = NEAR) -> bool:
    pixel = image.getpixel(at)
    assert isinstance(pixel, tuple)
    return all(abs(a - b) <= by for a, b in zip(pixel, colour, strict=True))


def halves(size: tuple[int, int] = (400, 400)) -> Image.Image:
    """Red above blue."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (0, size[1] // 2, *size))
    return image


def test_plain_keeps_the_whole_picture_in_the_middle() -> None:
    image = fitted(saved(halves()), colour=GREEN)
    assert is_near(image, (540, 10), GREEN)
    assert is_near(image, (540, 415), GREEN)
    assert is_near(image, (540, 430), RED)
    assert is_near(image, (5, 945), RED)
    assert is_near(image, (1075, 975), BLUE)
    assert is_near(image, (540, 1490), BLUE)
    assert is_near(image, (540, 1505), GREEN)


def test_crop_fills_the_story_from_the_middle() -> None:
    striped = Image.new("RGB", (1200, 600), GREEN)
    striped.paste(RED, (440, 0, 600, 600))
    striped.paste(BLUE, (600, 0, 760, 600))
    image = fitted(saved(striped), FitStyle.CROP)
    for y in (5, 960, 1915):
        assert is_near(image, (40, y), RED)
        assert is_near(image, (530, y), RED)
        assert is_near(image, (550, y), BLUE)
        assert is_near(image, (1040, y), BLUE)


def test_blur_surrounds_the_picture_with_itself_darkened() -> None:
    image = fitted(saved(halves()), FitStyle.BLUR)
    assert is_near(image, (540, 430), RED)
    assert is_near(image, (540, 1490), BLUE)
    assert is_near(image, (540, 10), (152, 0, 0))
    assert is_near(image, (540, 1910), (0, 0, 152))


def test_blur_is_the_default() -> None:
    assert fit(saved(halves())) == fit(saved(halves()), style=FitStyle.BLUR)


def test_a_picture_that_nearly_fits_leaves_no_sliver() -> None:
    image = fitted(saved(Image.new("RGB", (1080, 1910), RED)), colour=GREEN)
    assert all(is_near(image, at, RED) for at in [(0, 0), (1079, 0), (0, 1919), (540, 960)])


@pytest.mark.parametrize("size", [(1, 1), (5000, 1), (1, 5000), (5000, 9), (3, 2), (6000, 2000)])
@pytest.mark.parametrize("style", list(FitStyle))
def test_odd_shapes(size: tuple[int, int], style: FitStyle) -> None:
    image = fitted(saved(Image.new("RGB", size, RED)), style, colour=RED)
    assert is_near(image, (540, 960), RED, 120)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_every_rotation_ends_upright(orientation: int, kind: str) -> None:
    corners = Image.new("RGB", (160, 240), WHITE)
    for at, colour in [((0, 0), RED), ((80, 0), GREEN), ((0, 120), BLUE), ((80, 120), BLACK)]:
        corners.paste(colour, (*at, at[0] + 80, at[1] + 120))
    undo = [None, None, 0, 3, 1, 5, 2, 6, 4][orientation]
    stored = corners if undo is None else corners.transpose(Image.Transpose(undo))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = fitted(saved(stored, kind, exif=exif, quality=95), FitStyle.CROP)
    for at, colour in [((100, 100), RED), ((980, 100), GREEN), ((100, 1800), BLUE), ((980, 1800), BLACK)]:
        assert is_near(image, at, colour, 24), (at, colour, image.getpixel(at))


def grey(mode: str) -> Image.Image:
    return Image.new("L", (90, 160), 200).convert(mode)


def test_transparency_shows_the_colour_behind() -> None:
    hole = Image.new("RGBA", (90, 160), (*RED, 0))
    hole.paste((*BLUE, 255), (0, 0, 90, 80))
    for style in (FitStyle.PLAIN, FitStyle.CROP):
        image = fitted(saved(hole), style, colour=GREEN)
        assert is_near(image, (540, 400), BLUE)
        assert is_near(image, (540, 1500), GREEN)
    blurred = fitted(saved(hole), FitStyle.BLUR, colour=GREEN)
    assert is_near(blurred, (540, 1900), (0, 153, 0), 12)
    assert is_near(blurred, (540, 400), BLUE)


def test_a_palette_with_a_transparent_entry() -> None:
    image = Image.new("P", (90, 160), 0)
    image.putpalette([*RED, *BLUE])
    image.paste(1, (0, 80, 90, 160))
    for kind in ("PNG", "GIF"):
        result = fitted(saved(image, kind, transparency=0), colour=GREEN)
        assert is_near(result, (540, 400), GREEN), kind
        assert is_near(result, (540, 1500), BLUE), kind
    opaque = fitted(saved(image), colour=GREEN)
    assert is_near(opaque, (540, 400), RED)


def test_a_palette_with_half_transparent_entries() -> None:
    image = Image.new("P", (90, 160), 0)
    image.putpalette([*BLACK, *BLACK])
    result = fitted(saved(image, transparency=bytes([128, 255])), colour=WHITE)
    assert is_near(result, (540, 960), (127, 127, 127))


def test_a_transparent_colour_of_a_picture_without_alpha() -> None:
    image = halves((90, 160))
    result = fitted(saved(image, transparency=RED), colour=GREEN)
    assert is_near(result, (540, 400), GREEN)
    assert is_near(result, (540, 1500), BLUE)


@pytest.mark.parametrize(
    ("image", "kind", "expected"),
    [
        (grey("L"), "JPEG", (200, 200, 200)),
        (grey("L"), "PNG", (200, 200, 200)),
        (grey("LA"), "PNG", (200, 200, 200)),
        (grey("P"), "PNG", (200, 200, 200)),
        (grey("P"), "GIF", (200, 200, 200)),
        (Image.new("1", (90, 160), 1), "PNG", WHITE),
        (Image.new("1", (90, 160), 0), "PNG", BLACK),
        (Image.new("I;16", (90, 160), 200 * 257), "PNG", (200, 200, 200)),
        (Image.new("I;16", (90, 160), 65535), "PNG", WHITE),
        (Image.new("I;16", (90, 160), 255), "PNG", (1, 1, 1)),
        (Image.new("CMYK", (90, 160), (0, 255, 255, 0)), "JPEG", RED),
        (Image.new("CMYK", (90, 160), (0, 0, 0, 255)), "JPEG", BLACK),
        (Image.new("RGBA", (90, 160), (*BLUE, 255)), "WEBP", BLUE),
        (Image.new("YCbCr", (90, 160), (76, 85, 255)), "JPEG", RED),
    ],
)
def test_every_mode_keeps_its_colours(image: Image.Image, kind: str, expected: tuple[int, int, int]) -> None:
    for style in FitStyle:
        assert is_near(fitted(saved(image, kind), style), (540, 960), expected)


def sixteen_bit_png(colour_type: int, values: tuple[int, ...]) -> BytesIO:
    """A one-pixel PNG with sixteen bits a channel, which Pillow reads but does not write."""
    import zlib

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 1, 1, 16, colour_type, 0, 0, 0)
    pixel = zlib.compress(b"\0" + struct.pack(f">{len(values)}H", *values))
    return BytesIO(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b""))


@pytest.mark.parametrize(
    ("colour_type", "values", "expected"),
    [
        (0, (51400,), (200, 200, 200)),
        (2, (65535, 0, 257), (255, 0, 1)),
        (4, (0, 32896), (127, 127, 127)),
        (6, (65535, 0, 0, 65535), RED),
        (6, (65535, 0, 0, 0), WHITE),
    ],
)
def test_sixteen_bits_a_channel(colour_type: int, values: tuple[int, ...], expected: tuple[int, int, int]) -> None:
    assert is_near(fitted(sixteen_bit_png(colour_type, values)), (540, 960), expected)


def test_the_first_picture_of_an_animation() -> None:
    frames = [Image.new("RGB", (90, 160), colour) for colour in (RED, BLUE)]
    for kind in ("GIF", "WEBP", "PNG"):
        file = saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
        assert is_near(fitted(file), (540, 960), RED), kind


def swapped_profile() -> bytes:
    """An sRGB profile whose red and green primaries have changed places, under a name of the same length."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red], profile[green] = ord("g"), ord("r")
    for spelling in ("sRGB", "s\0R\0G\0B", "\0s\0R\0G\0B"):
        at = profile.find(spelling.encode())
        while at >= 0:
            profile[at : at + len(spelling)] = spelling.replace("s", "x").encode()
            at = profile.find(spelling.encode())
    return bytes(profile)


def test_a_colour_profile_is_carried_out() -> None:
    image = Image.new("RGB", (90, 160), (255, 0, 0))
    result = fitted(saved(image, icc_profile=swapped_profile()))
    assert is_near(result, (540, 960), (0, 255, 0), 12)
    alpha = Image.new("RGBA", (90, 160), (255, 0, 0, 255))
    assert is_near(fitted(saved(alpha, icc_profile=swapped_profile())), (540, 960), (0, 255, 0), 12)
    exact = Image.new("RGB", STORY_SIZE, (255, 0, 0))
    assert is_near(fitted(saved(exact, "JPEG", icc_profile=swapped_profile())), (540, 960), (0, 255, 0), 12)


def test_a_profile_that_is_broken_or_of_another_kind_is_left_out() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (b"nonsense", srgb[:200], b"\0" * 128):
        assert is_near(fitted(saved(Image.new("RGB", (90, 160), RED), icc_profile=profile)), (540, 960), RED)
    cmyk = Image.new("CMYK", (90, 160), (0, 255, 255, 0))
    assert is_near(fitted(saved(cmyk, "JPEG", icc_profile=srgb)), (540, 960), RED)
    assert is_near(fitted(saved(grey("L"), icc_profile=srgb)), (540, 960), (200, 200, 200))


def noise(size: tuple[int, int]) -> Image.Image:
    return Image.frombytes("RGB", size, Random(3).randbytes(3 * size[0] * size[1]))


def test_what_is_already_right_goes_out_byte_for_byte() -> None:
    for progressive in (False, True):
        exact = saved(noise(STORY_SIZE), "JPEG", quality=80, progressive=progressive)
        assert fit(exact) == exact.getvalue()
    once = fit(saved(halves()))
    assert fit(BytesIO(once), style=FitStyle.CROP) == once


def test_nothing_private_goes_out() -> None:
    exif = Image.Exif()
    exif[0x010E] = "home address"
    exif[0x8825] = {1: "N", 2: (48.0, 51.0, 29.0)}
    for options in ({"exif": exif}, {"comment": b"home address"}, {"xmp": b"<x>home address</x>"}):
        content = fit(saved(Image.new("RGB", STORY_SIZE, RED), "JPEG", **options))
        assert b"home address" not in content
        assert b"Exif" not in content
    behind = BytesIO(saved(Image.new("RGB", STORY_SIZE, RED), "JPEG").getvalue() + b"home address")
    assert b"home address" not in fit(behind)


def test_quality_gives_way_to_the_limit() -> None:
    file = saved(noise((540, 960)))
    sizes = [len(fit(file, style=FitStyle.CROP, limit=limit)) for limit in (8_000_000, 1_000_000, 600_000)]
    assert sizes[0] > 1_000_000 >= sizes[1] > 600_000 >= sizes[2]
    with pytest.raises(Refused, match="even at the lowest quality"):
        fit(file, limit=1000)
    exact = saved(noise(STORY_SIZE), "JPEG", quality=95)
    assert len(fit(exact, limit=1_500_000)) <= 1_500_000 < len(exact.getvalue())


def test_a_large_picture_is_made_smaller_without_harm() -> None:
    image = fitted(saved(halves((6000, 4000)), "JPEG"), colour=GREEN)
    assert is_near(image, (540, 700), RED)
    assert is_near(image, (540, 1200), BLUE)
    assert is_near(image, (540, 560), GREEN)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "It is empty"),
        (b"Dear diary, this is no picture.", "It is a text"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC picture"),
        (b"\0\0\0\x10ftypmp42\0\0\0\0" + b"\0\0\0\x08moov\0\0\0\x08mdat", "no moving pictures"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_why(content: bytes, words: str) -> None:
    with pytest.raises(Refused, match=words):
        fit(BytesIO(content))


def test_a_bomb_is_refused_before_it_is_opened() -> None:
    content = bytearray(saved(Image.new("1", (8, 8))).getvalue())
    content[16:24] = struct.pack(">II", 50_000, 50_000)
    with pytest.raises(Refused, match="50000 x 50000 pixels, more than the 89 million"):
        fit(BytesIO(bytes(content)))


def test_damage_that_only_the_pixels_show_is_refused() -> None:
    content = bytearray(saved(noise((200, 200))).getvalue())
    content[5000:5100] = b"\0" * 100
    with pytest.raises(Refused, match="Its pixels cannot be read"):
        fit(BytesIO(bytes(content)))


def test_a_failing_disk_is_not_the_pictures_fault() -> None:
    class Failing(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 50_000:
                raise OSError(5, "Input/output error")
            return super().read(size)

    content = saved(noise((250, 250))).getvalue()
    with pytest.raises(OSError, match="Input/output error"):
        fit(Failing(content))


SMALL = {
    kind: saved(noise((24, 20)), kind, **options).getvalue()
    for kind, options in {"JPEG": {"quality": 50}, "PNG": {}, "GIF": {}, "WEBP": {"quality": 40}}.items()
}


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(SMALL)), st.data())
def test_a_damaged_picture_is_fitted_or_refused(kind: str, draw: st.DataObject) -> None:
    content = bytearray(SMALL[kind])
    for _ in range(draw.draw(st.integers(0, 3))):
        content[draw.draw(st.integers(0, len(content) - 1))] = draw.draw(st.integers(0, 255))
    del content[draw.draw(st.one_of(st.just(len(content)), st.integers(0, len(content)))) :]
    try:
        result = fit(BytesIO(bytes(content)), style=draw.draw(st.sampled_from(list(FitStyle))))
    except Refused as error:
        refusal = str(error)
        assert refusal.startswith("It")
    else:
        assert Image.open(BytesIO(result)).size == STORY_SIZE
