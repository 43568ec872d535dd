"""What a file's first and last bytes say, against Pillow as the oracle and against every way of breaking a file."""

from __future__ import annotations

from io import BytesIO
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from storyline_core.media import Look
from storyline_core.pictures import LOOK_VERSION, MAX_PIXELS, look, look_file
from storyline_core.pictures.looks import exif_orientation

FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp"}
BROKEN_OFF = "It breaks off before its end, as after an unfinished copy or download. Fetch it again."


def picture(kind: str = "JPEG", size: tuple[int, int] = (60, 40), **options: object) -> bytes:
    out = BytesIO()
    image = Image.frombytes("RGB", size, Random(7).randbytes(3 * size[0] * size[1]))
    image.save(out, kind, **options)
    return out.getvalue()


def oriented(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif[0x0112] = orientation
    return exif


def seen(content: bytes, head: int = 4096, tail: int = 256) -> Look:
    found = look(content[:head], content[-tail:], len(content))
    whole = look_file(BytesIO(content))
    assert found is None or found == whole
    return whole


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("size", [(1, 1), (60, 40), (300, 701)])
def test_a_whole_picture(kind: str, size: tuple[int, int]) -> None:
    assert seen(picture(kind, size)) == Look(TYPES[kind], *size, None, LOOK_VERSION)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"progressive": True}),
        ("JPEG", {"quality": 100, "subsampling": 0, "optimize": True, "comment": b"\xff\xda\xff\xd9" * 9}),
        ("JPEG", {"icc_profile": bytes(range(256)) * 1200}),
        ("PNG", {"compress_level": 0}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"quality": 5}),
    ],
)
def test_every_way_of_writing_a_format(kind: str, options: dict[str, object]) -> None:
    found = seen(picture(kind, (77, 55), **options))
    assert (found.width, found.height, found.problem) == (77, 55, None)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_rotation_in_exif_turns_the_size(kind: str, orientation: int) -> None:
    found = seen(picture(kind, (60, 40), exif=oriented(orientation)))
    assert (found.width, found.height) == ((40, 60) if orientation >= 5 else (60, 40))


def test_exif_behind_a_chunk_of_odd_length() -> None:
    found = seen(picture("WEBP", (60, 40), exif=oriented(6), icc_profile=b"odd"))
    assert (found.width, found.height) == (40, 60)


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_of_both_byte_orders(order: str) -> None:
    exif = oriented(6)
    exif.endian = order
    assert exif_orientation(exif.tobytes().removeprefix(b"Exif\0\0")) == 6


@given(st.binary(max_size=60))
def test_exif_that_is_nonsense_means_no_rotation(noise: bytes) -> None:
    assert exif_orientation(noise) in range(9)
    assert exif_orientation(b"II*\0" + noise) in range(9)


def test_a_rotation_in_xmp_counts_as_pillow_has_it() -> None:
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    content = picture("JPEG", (60, 40), xmp=xmp)
    assert Image.open(BytesIO(content)).getexif()[0x0112] == 6
    assert (seen(content).width, seen(content).height) == (40, 60)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_picture_cut_anywhere_is_found_out(kind: str) -> None:
    content = picture(kind, (40, 30), **({"exif": oriented(6)} if kind in ("JPEG", "WEBP") else {}))
    whole = Image.open(BytesIO(content)).tobytes()
    for length in range(len(content)):
        if seen(content[:length]).problem is None:
            # Only an end marker may be missing, without which nothing of the picture is.
            assert length >= len(content) - 4
            assert Image.open(BytesIO(content[:length])).tobytes() == whole


def test_a_cut_picture_whose_thumbnail_is_whole_is_found_out() -> None:
    thumbnail = picture("JPEG", (16, 16))
    content = picture("JPEG", (60, 40))
    with_thumbnail = content[:2] + b"\xff\xe1" + (len(thumbnail) + 8).to_bytes(2, "big") + b"Exif\0\0" + thumbnail
    with_thumbnail += content[2:]
    assert seen(with_thumbnail).problem is None
    assert seen(with_thumbnail[:-40]).problem == BROKEN_OFF


@pytest.mark.parametrize("trailer", [b"\0" * 5000, b"\xff" * 9, b"\0\0\0\x18ftypmp42" + b"\0" * 90_000])
def test_a_picture_with_something_behind_it_is_whole(trailer: bytes) -> None:
    content = picture("JPEG", (60, 40)) + trailer
    assert seen(content).problem is None
    assert seen(picture("PNG", (60, 40)) + trailer).problem is None
    assert look(content[:4096], b"", len(content)) in (None, seen(content))


@pytest.mark.parametrize("shift", range(4))
def test_an_end_that_lies_across_two_readings_is_found(shift: int) -> None:
    content = picture("JPEG", (60, 40))
    start = content.index(b"\xff\xda")
    start += 2 + int.from_bytes(content[start + 2 : start + 4], "big")
    pixels = content[start:-2] + b"\0" * ((1 << 18) - (len(content) - 2 - start) - shift)
    assert seen(content[:start] + pixels + b"\xff\xd9" + b"\0" * 300_000).problem is None


def test_a_preallocated_copy_that_stopped_is_broken() -> None:
    content = picture("JPEG", (60, 40))
    assert seen(content[:-300] + b"\0" * 300).problem == BROKEN_OFF
    assert "nothing but zeros" in (seen(b"\0" * 5000).problem or "")


def test_an_animation_needs_only_its_first_picture() -> None:
    frames = [Image.new("RGB", (30, 20), colour) for colour in ("red", "blue", "green")]
    out = BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    content = out.getvalue()
    assert seen(content).problem is None
    assert Image.open(BytesIO(content)).n_frames == 3  # type: ignore[attr-defined]
    assert seen(content[:-5]).problem is None
    assert seen(content[:40]).problem == BROKEN_OFF


def test_too_little_in_sight_is_said_and_not_guessed() -> None:
    content = picture("JPEG", (200, 200), icc_profile=b"x" * 300_000)
    assert look(content[:1000], content[-100:], len(content)) is None
    assert look(content, b"", len(content)) == look_file(BytesIO(content))
    assert look_file(BytesIO(content)).width == 200


@pytest.mark.parametrize(
    ("head", "media_type", "words"),
    [
        (b"", "application/octet-stream", "It is empty"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image/heic", "a HEIC picture, which Instagram does not take. Convert"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "image/heic", "a HEIC picture"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0miafavif", "image/avif", "an AVIF picture"),
        (b"\0\0\0\x18ftypavif\0\0\0\0mif1avif", "image/avif", "an AVIF picture"),
        (
            b"\0\0\0\x14ftyp3gp4\0\0\0\0",
            "video/3gpp",
            "a 3GP video, which Instagram does not take. Convert it",
        ),
        (b"BM\x36\x10\0\0\0\0\0\0\x36\0", "image/bmp", "a BMP picture"),
        (b"BMW is a car", "text/plain", "It is a text"),
        (b"II*\0\x08\0\0\0", "image/tiff", "a TIFF"),
        (b"MM\0*\0\0\0\x08", "image/tiff", "a TIFF"),
        (b"8BPS\0\x01", "image/vnd.adobe.photoshop", "Photoshop"),
        (b"\x1a\x45\xdf\xa3\x01", "video/x-matroska", "WebM"),
        (b"%PDF-1.7\n%\xe2\xe3", "application/pdf", "a PDF document"),
        (b"PK\x03\x04\x14", "application/zip", "a ZIP archive"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "application/octet-stream", "no picture and no video"),
        (b"\n <!DOCTYPE html><p>", "text/html", "a web page"),
        (b"<svg xmlns='x'>", "image/svg+xml", "SVG"),
        ("Ein schöner Gruß\n".encode(), "text/plain", "It is a text"),
        ("ä".encode() * 200, "text/plain", "It is a text"),
        (b"x" + "ä".encode() * 200, "text/plain", "It is a text"),
        (b"\x80\x81\x82", "application/octet-stream", "no picture and no video"),
    ],
)
def test_what_is_no_picture_is_called_by_its_name(head: bytes, media_type: str, words: str) -> None:
    found = seen(head)
    assert found.media_type == media_type
    assert words in (found.problem or "")
    assert (found.width, found.height) == (None, None)


def test_a_bomb_is_known_by_its_header() -> None:
    content = bytearray(picture("PNG", (10, 10)))
    content[16:24] = (30_000).to_bytes(4, "big") * 2
    found = seen(bytes(content))
    assert (found.width, found.height) == (30_000, 30_000)
    assert found.problem == "It has 30000 x 30000 pixels, more than the 89 million that are opened. Save it smaller."
    assert (Image.MAX_IMAGE_PIXELS or 0) >= MAX_PIXELS, "Pillow would warn before Storyline refuses"


def test_a_header_that_goes_on_for_ever_is_left() -> None:
    assert seen(b"\xff\xd8" + b"\xff\xe0\0\x02" * 300_000).problem
    assert seen(b"\x89PNG\r\n\x1a\n" + picture("PNG")[8:33] + b"\0\0\0\0tEXt\0\0\0\0" * 200_000).problem
    assert seen(b"GIF89a\x01\0\x01\0\0\0\0" + b"!\xf9\0" * 200_000).problem


@settings(max_examples=150)
@given(st.sampled_from(FORMATS), st.data())
def test_damage_anywhere_never_raises_and_never_depends_on_how_it_is_read(kind: str, draw: st.DataObject) -> None:
    content = bytearray(picture(kind, (20, 30), **({"exif": oriented(3)} if kind != "GIF" else {})))
    for _ in range(draw.draw(st.integers(1, 4))):
        at = draw.draw(st.integers(0, min(len(content) - 1, 400)))
        content[at] = draw.draw(st.integers(0, 255))
    del content[draw.draw(st.integers(len(content) // 2, len(content))) :]
    seen(bytes(content), draw.draw(st.integers(1, 600)), draw.draw(st.integers(1, 300)))


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"\xff\xd8\xff", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"\0\0\0\x08moov"])
)
@example(b"\0\0\0\0", b"RIFF\0\0\0\0WEBP")
@example(b"\0" * 30, b"RIFF\x10\0\0\0WEBPVP8X")
def test_any_bytes_get_an_answer(noise: bytes, magic: bytes) -> None:
    found = seen(magic + noise, 64, 16)
    assert found.version == LOOK_VERSION
