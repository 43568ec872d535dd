"""Videos by their atoms, the thorough check of a file, and what is advised."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from storyline_core.media import Look
from storyline_core.pictures import HEAD_BYTES, Validation, advise, look, look_file, validate
from tests.instagram.films import film

UPRIGHT = (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
ON_ITS_SIDE = (0, 0x10000, 0, 0xFFFF0000, 0, 0, 0, 0, 0x40000000)
BROKEN_OFF = "It breaks off before its end, as after an unfinished copy or download. Fetch it again."
BAD_SHAPE = "It is narrower or wider than 1:10 to 10:1, which is all Instagram takes."
GOOD_VIDEO = Validation(
    valid=True, width=1080, height=1920, aspect_ratio=0.5625, size_mb=0.001, format="MP4", errors=(), warnings=()
)


def atom(kind: bytes, *content: bytes, wide: bool = False) -> bytes:
    body = b"".join(content)
    if wide:
        return struct.pack(">I4sQ", 1, kind, len(body) + 16) + body
    return struct.pack(">I4s", len(body) + 8, kind) + body


def handler(kind: bytes) -> bytes:
    return atom(b"hdlr", b"\0" * 8, kind, b"\0" * 13)


def track_header(size: tuple[int, int], matrix: tuple[int, ...] = UPRIGHT, version: int = 0) -> bytes:
    times = b"\0" * (32 if version else 20)
    place = b"\0" * 16 + struct.pack(">9I", *matrix)
    return atom(b"tkhd", bytes([version, 0, 0, 7]), times, place, struct.pack(">2I", size[0] << 16, size[1] << 16))


def video_track(
    size: tuple[int, int] = (1080, 1920),
    *,
    matrix: tuple[int, ...] = UPRIGHT,
    version: int = 0,
    codec: bytes = b"avc1",
) -> bytes:
    table = atom(b"stsd", struct.pack(">II", 0, 1), atom(codec, b"\0" * 78))
    media = atom(b"mdia", handler(b"vide"), atom(b"minf", atom(b"stbl", table)))
    return atom(b"trak", track_header(size, matrix, version), media)


def movie_header(seconds: float, version: int = 0) -> bytes:
    if version:
        return atom(b"mvhd", b"\x01\0\0\0", struct.pack(">QQIQ", 0, 0, 600, round(seconds * 600)), b"\0" * 80)
    return atom(b"mvhd", b"\0\0\0\0", struct.pack(">IIII", 0, 0, 600, round(seconds * 600)), b"\0" * 80)


def video(
    *tracks: bytes,
    seconds: float = 10,
    brand: bytes = b"isom",
    version: int = 0,
    frames: bytes = b"\x55" * 500,
    index_first: bool = True,
    wide: bool = False,
) -> bytes:
    start = atom(b"ftyp", brand, b"\0\0\2\0", b"isomavc1mp41")
    sound = atom(b"trak", track_header((0, 0)), atom(b"mdia", handler(b"soun")))
    index = atom(b"moov", movie_header(seconds, version), sound, *(tracks or (video_track(),)))
    content = atom(b"mdat", frames, wide=wide)
    return start + (index + content if index_first else content + index)


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("wide", [False, True])
def test_a_good_video(version: int, wide: bool) -> None:
    content = video(video_track(version=version), version=version, wide=wide)
    assert look_file(BytesIO(content)) == Look("video/mp4", 1080, 1920)
    assert validate(BytesIO(content)) == GOOD_VIDEO


def test_quicktime_is_told_from_mp4() -> None:
    assert look_file(BytesIO(video(brand=b"qt  "))).media_type == "video/quicktime"
    old = video()[len(atom(b"ftyp", b"isom\0\0\2\0isomavc1mp41")) :]
    assert look_file(BytesIO(old)) == Look("video/quicktime", 1080, 1920)
    assert validate(BytesIO(old)).format == "MOV"


def test_a_video_on_its_side_is_upright_when_shown() -> None:
    content = video(video_track((1920, 1080), matrix=ON_ITS_SIDE))
    assert look_file(BytesIO(content)) == Look("video/mp4", 1080, 1920)


def test_an_index_at_the_end_is_found_and_warned_of() -> None:
    content = video(frames=b"\x55" * (HEAD_BYTES + 5000), index_first=False)
    assert look(content[:HEAD_BYTES], content[-50:], len(content)) is None
    assert look(content[:HEAD_BYTES], content[-4096:], len(content)) == Look("video/mp4", 1080, 1920)
    assert look_file(BytesIO(content)) == Look("video/mp4", 1080, 1920)
    (warning,) = validate(BytesIO(content)).warnings
    assert warning.startswith("Its index (moov) stands at the end.")


@pytest.mark.parametrize("index_first", [True, False])
def test_a_video_cut_anywhere_is_found_out(index_first: bool) -> None:
    content = video(index_first=index_first)
    for length in range(len(content)):
        part = content[:length]
        found = look_file(BytesIO(part))
        assert found.problem, f"cut at {length} of {len(content)}"
        assert not validate(BytesIO(part)).valid
        assert look(part[:100], part[-100:], length) in (None, found)


def test_what_a_cut_video_is_told() -> None:
    content = video()
    assert look_file(BytesIO(content[:-1])).problem == BROKEN_OFF
    unfinished = atom(b"ftyp", b"isom\0\0\2\0") + atom(b"mdat", b"\x55" * 50)
    assert (look_file(BytesIO(unfinished)).problem or "").startswith("It has no index (no moov atom)")
    sound = atom(b"ftyp", b"M4A \0\0\2\0") + atom(b"moov", movie_header(5)) + atom(b"mdat", b"\x55" * 50)
    assert look_file(BytesIO(sound)).problem == "It holds no moving pictures (sound alone, perhaps)."
    assert "impossible length" in (look_file(BytesIO(video() + b"\0\0\0\x03junk1234")).problem or "")
    assert look_file(BytesIO(video() + b"\0" * 40)).problem is None


@given(st.data())
def test_damage_anywhere_in_a_video_never_raises(draw: st.DataObject) -> None:
    content = bytearray(video(index_first=draw.draw(st.booleans())))
    for _ in range(draw.draw(st.integers(1, 5))):
        content[draw.draw(st.integers(0, len(content) - 1))] = draw.draw(st.sampled_from([0, 1, 8, 127, 255]))
    found = look_file(BytesIO(bytes(content)))
    assert look(bytes(content[:200]), bytes(content[-60:]), len(content)) in (None, found)
    validate(BytesIO(bytes(content)))


def test_atoms_without_end_are_left() -> None:
    assert look_file(BytesIO(atom(b"ftyp", b"isom\0\0\2\0") + b"\0\0\0\x08free" * 50_000)).problem


@pytest.mark.parametrize(
    ("content", "errors"),
    [
        (video(seconds=2.9), ("It is 2.9 seconds long. Instagram takes 3 to 60 seconds.",)),
        (video(seconds=3), ()),
        (video(seconds=60.03), ()),
        (video(seconds=60.1), ("It is 60.1 seconds long. Instagram takes 3 to 60 seconds.",)),
        (video(video_track(codec=b"av01")), ("It is encoded as av01. Instagram takes H.264 and HEVC.",)),
        (video(video_track(codec=b"hvc1")), ()),
        (video(video_track((2160, 3840))), ("It is 2160 pixels wide. Instagram takes up to 1920.",)),
        (
            video(video_track((100, 1920))),
            (BAD_SHAPE,),
        ),
        (
            video(video_track((1920, 100))),
            (BAD_SHAPE,),
        ),
    ],
)
def test_what_instagram_takes_of_videos(content: bytes, errors: tuple[str, ...]) -> None:
    result = validate(BytesIO(content))
    assert result.errors == errors
    assert result.valid == (not errors)


def test_a_video_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    content = video(frames=b"")
    with path.open("wb") as file:
        file.write(content[:-8] + struct.pack(">I4s", 100_000_008, b"mdat"))
        file.truncate(len(content) + 100_000_000)
    result = validate(path)
    assert result.errors == ("It has 100.0 MB. Instagram takes up to 100 MB.",)
    with path.open("rb") as file:
        assert look_file(file).problem is None


def test_a_video_of_unknown_length_is_only_warned_of() -> None:
    result = validate(BytesIO(video(seconds=0)))
    assert result == attrs.evolve(
        GOOD_VIDEO, warnings=("It does not say how long it is. Instagram takes 3 to 60 seconds.",)
    )


def test_advice() -> None:
    assert advise(Look("image/jpeg", 1080, 1920)) == ()
    assert advise(Look("image/jpeg", 720, 1280)) == ()
    assert advise(Look("image/jpeg", 1080, 1920, "broken")) == ()
    assert advise(Look("image/jpeg")) == ()
    assert advise(Look("image/jpeg", 719, 1280)) == (
        "It is 719 x 1280 pixels, under 720 x 1280, and may look soft. 1080 x 1920 is recommended.",
    )
    assert len(advise(Look("image/jpeg", 720, 1279))) == 1
    assert advise(Look("image/png", 4000, 3000)) == ("It is not 9:16, so it will be fitted to 9:16.",)
    assert advise(Look("video/mp4", 1080, 1350)) == ("It is not 9:16, so Instagram will show it with borders.",)
    assert len(advise(Look("image/jpeg", 1920, 1080))) == 2


def write(path: Path, size: tuple[int, int] = (1080, 1920), kind: str = "JPEG") -> Path:
    Image.new("RGB", size, "teal").save(path, kind)
    return path


def test_a_good_picture(tmp_path: Path) -> None:
    path = write(tmp_path / "tee.jpg")
    size = round(path.stat().st_size / 1_000_000, 3)
    expected = Validation(True, (), (), 1080, 1920, 0.5625, size, "JPEG")
    assert validate(path) == expected
    with path.open("rb") as file:
        assert validate(file) == expected


def test_a_name_that_promises_something_else_is_warned_of(tmp_path: Path) -> None:
    result = validate(write(tmp_path / "tee.jpg", kind="PNG"))
    assert (result.valid, result.format) == (True, "PNG")
    assert result.warnings == ("Its name promises something else: it is really PNG.",)
    hidden = validate(write(tmp_path / ".tee.jpg"))
    assert hidden.warnings == ("Its name is not that of a picture or video, so a sync passes it over.",)


def test_a_text_named_jpg(tmp_path: Path) -> None:
    path = tmp_path / "tee.jpg"
    path.write_text("Dear diary")
    result = validate(path)
    assert result.errors == ("It is a text, not a picture or a video. Its name promises something else.",)
    assert (result.valid, result.format, result.width, result.aspect_ratio) == (False, "text", None, None)


def test_pixels_are_read_to_the_last(tmp_path: Path) -> None:
    path = write(tmp_path / "tee.png", (300, 300), "PNG")
    content = bytearray(path.read_bytes())
    at = content.index(b"IDAT") + 20
    content[at : at + 40] = os.urandom(40)
    path.write_bytes(content)
    with path.open("rb") as file:
        assert look_file(file).problem is None
    assert validate(path).errors == ("Its pixels cannot be read: the file is damaged. Export or fetch it again.",)


def test_what_cannot_be_read_is_part_of_the_answer(tmp_path: Path) -> None:
    assert validate(tmp_path / "nowhere.jpg") == Validation(
        valid=False, errors=("It cannot be read: No such file or directory.",)
    )
    assert validate(tmp_path).errors == ("It cannot be read: Is a directory.",)


def test_looking_does_not_load_pillow() -> None:
    program = "import sys, storyline_core.pictures as p; p.look(b'x', b'', 1); sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"fps": 15}, "It has 15 frames a second. Instagram takes 23 to 60."),
        ({"fps": 120}, "It has 120 frames a second. Instagram takes 23 to 60."),
        ({"filling": 40_000_000}, "It needs 32 megabits a second. Instagram takes up to 25."),
        ({"sound": b"ac-3"}, "Its sound is encoded as ac-3. Instagram takes AAC."),
        ({"rate_hz": 60_000}, "Its sound has 60 kHz. Instagram takes up to 48 kHz."),
        ({"channels": 6}, "Its sound has 6 channels. Instagram takes one or two."),
    ],
)
def test_what_the_index_says_of_frames_and_sound_is_checked(given: dict[str, object], error: str) -> None:
    found = validate(BytesIO(film(**given)))  # type: ignore[arg-type]
    assert found.errors == (error,)
    assert not found.valid


@pytest.mark.parametrize("given", [{"fps": 23.976}, {"fps": 60}, {"sound": None}, {"channels": 1}, {"edits": 1}])
def test_what_is_within_the_limits_passes(given: dict[str, object]) -> None:
    found = validate(BytesIO(film(**given)))  # type: ignore[arg-type]
    assert (found.valid, found.warnings) == (True, ())


def test_an_edit_list_that_cuts_is_warned_of() -> None:
    (warning,) = validate(BytesIO(film(edits=3))).warnings
    assert warning.startswith("It is cut by an edit list.")


@given(st.integers(0, 1_200), st.binary(max_size=40))
def test_damage_anywhere_in_a_video_is_an_answer(at: int, damage: bytes) -> None:
    content = bytearray(film(filling=100))
    content[at : at + len(damage)] = damage
    assert isinstance(validate(BytesIO(bytes(content))), Validation)
