"""What kind of file it really is, by its first bytes: the name may promise anything."""

from __future__ import annotations

UNKNOWN = "application/octet-stream"

_PICTURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"RIFF", "image/webp"),
)
_FIRST_ATOMS = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_STRANGERS: tuple[tuple[bytes, str, str], ...] = (
    (b"II*\0", "image/tiff", "a TIFF or camera raw picture"),
    (b"MM\0*", "image/tiff", "a TIFF or camera raw picture"),
    (b"\xff\x0a", "image/jxl", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL ", "image/jxl", "a JPEG XL picture"),
    (b"\0\0\0\x0cjP  ", "image/jp2", "a JPEG 2000 picture"),
    (b"8BPS", "image/vnd.adobe.photoshop", "a Photoshop document"),
    (b"\x1a\x45\xdf\xa3", "video/x-matroska", "a WebM or Matroska video"),
    (b"%PDF", "application/pdf", "a PDF document"),
    (b"PK\x03\x04", "application/zip", "a ZIP archive"),
)
_BRANDS: tuple[tuple[bytes, str, str], ...] = (
    (b"avif", "image/avif", "an AVIF picture"),
    (b"avis", "image/avif", "an AVIF picture"),
    (b"heic", "image/heic", "a HEIC picture"),
    (b"heix", "image/heic", "a HEIC picture"),
    (b"hevc", "image/heic", "a HEIC picture"),
    (b"hevx", "image/heic", "a HEIC picture"),
    (b"mif1", "image/heic", "a HEIC picture"),
    (b"msf1", "image/heic", "a HEIC picture"),
)


def real_type(head: bytes, size: int) -> tuple[str, str]:
    """The type that the first bytes show, and, if Instagram cannot show it, a sentence that says so."""
    if not size:
        return UNKNOWN, "It is empty (0 bytes). Fetch it again."
    for magic, media_type in _PICTURES:
        if head.startswith(magic) and (magic != b"RIFF" or head[8:12] == b"WEBP"):
            return media_type, ""
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    if head[4:8] in _FIRST_ATOMS:
        return "video/quicktime", ""
    if head.startswith(b"BM") and head[6:10] == b"\0\0\0\0":
        return "image/bmp", _convert("image/bmp", "a BMP picture")
    for magic, media_type, name in _STRANGERS:
        if head.startswith(magic):
            return media_type, _convert(media_type, name)
    return _by_text(head)


def _by_brand(head: bytes) -> tuple[str, str]:
    length = int.from_bytes(head[:4], "big")
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, min(length, len(head)), 4))]
    if brands[0] == b"qt  ":
        return "video/quicktime", ""
    if brands[0].startswith(b"3g"):
        return "video/3gpp", _convert("video/3gpp", "a 3GP video")
    # A still picture names its codec only among the compatible brands when its first brand is the general one.
    stills = brands if brands[0] in (b"mif1", b"msf1") else brands[:1]
    for brand, media_type, name in _BRANDS:
        if brand in stills:
            return media_type, _convert(media_type, name)
    return "video/mp4", ""


def _by_text(head: bytes) -> tuple[str, str]:
    if not head.strip(b"\0"):
        return UNKNOWN, "It holds nothing but zeros, as after a copy that was broken off. Fetch it again."
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head")):
        return "text/html", "It is a web page, not a picture: the download went wrong. Fetch it again."
    if start.startswith((b"<svg", b"<?xml")):
        return "image/svg+xml", _convert("image/svg+xml", "an SVG drawing or an XML document")
    if all(byte in b"\t\n\r" or 32 <= byte != 127 for byte in head) and _is_text(head):
        return "text/plain", "It is a text, not a picture or a video. Its name promises something else."
    return UNKNOWN, "It is no picture and no video that Storyline knows. Save it as JPEG, PNG, GIF, WebP, MP4 or MOV."


def _is_text(head: bytes) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # The last character may be cut in two by the end of what is looked at.
        return error.start >= len(head) - 3 and error.start > 0
    return True


def _convert(media_type: str, name: str) -> str:
    wanted = "an MP4 video" if media_type.startswith("video/") else "JPEG"
    return f"It is {name}, which Instagram does not take. Convert it to {wanted}."
