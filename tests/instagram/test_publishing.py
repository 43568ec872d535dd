"""Publishing over real HTTP: what is sent, what is refused and why, and what becomes of lost answers."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from PIL import Image

from storyline_core import (
    Draft,
    Gone,
    Handle,
    InProgress,
    NeedsPerson,
    Published,
    Ready,
    Refused,
    Secret,
    Unavailable,
    Uncertain,
)
from storyline_core.testing.samples import NOON, draft_of, picture, runtime_named
from storyline_instagram.opened import InstagramAccount, opened
from tests.end_to_end.world import SetClock
from tests.instagram.films import film
from tests.instagram.graph_api import GraphApi, Way
from tests.instagram.outlets import Outlet

Opening = Callable[..., InstagramAccount]


@pytest.fixture
def api() -> Iterator[GraphApi]:
    with GraphApi() as api:
        api.behave(video_polls=0)
        yield api


@pytest.fixture(params=["facebook", "instagram"])
def outlet(api: GraphApi, request: pytest.FixtureRequest) -> Outlet:
    return Outlet(api, request.param)


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOON)


@contextmanager
def account(outlet: Outlet, clock: SetClock, **settings: object) -> Iterator[InstagramAccount]:
    with opened(outlet.settings(**settings), runtime_named("brand", clock)) as found:
        yield found


@pytest.fixture
def brand(outlet: Outlet, clock: SetClock) -> Iterator[InstagramAccount]:
    with account(outlet, clock) as found:
        yield found


def picture_draft(**custom: object) -> Draft:
    draft = draft_of(picture(1), publishable=True)
    if not custom:
        return draft
    described = attrs.evolve(draft.item.description, custom_metadata=custom)
    return attrs.evolve(draft, item=attrs.evolve(draft.item, description=described))


def video_draft(content: bytes | None = None) -> Draft:
    return draft_of(film() if content is None else content, name="story.mp4", publishable=True)


def test_a_picture_goes_out_fitted_and_its_copy_goes_away(
    brand: InstagramAccount, outlet: Outlet, api: GraphApi
) -> None:
    handle = brand.prepare(draft_of(picture(1, size=(400, 300), form="PNG"), publishable=True))
    (copy,) = api.copies()
    assert copy.size < 8_000_000
    assert copy.tags == ["storyline-temporary"]
    proof = brand.publish(handle)
    (story,) = outlet.stories()
    assert (proof.remote_id, proof.url, story.kind) == (story.id, story.permalink, "IMAGE")
    assert story.digest == copy.digest
    brand.discard(handle)
    assert api.copies() == []


def test_what_is_sent_is_a_story_sized_srgb_jpeg(brand: InstagramAccount, api: GraphApi) -> None:
    import httpx

    brand.prepare(draft_of(picture(1, size=(400, 300), form="PNG"), publishable=True))
    (copy,) = api.copies()
    with Image.open(io.BytesIO(httpx.get(copy.secure_url, trust_env=False).content)) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (1080, 1920))


def test_a_handle_holds_no_secret_and_no_address(brand: InstagramAccount, outlet: Outlet, api: GraphApi) -> None:
    handle = brand.prepare(picture_draft())
    for secret in (outlet.account.token, outlet.account.app_secret, outlet.cloud.secret, outlet.cloud.key, "http"):
        assert secret not in handle.token
    assert outlet.account.token not in repr(brand)


def test_a_video_under_facebook_login_needs_no_host(api: GraphApi, clock: SetClock) -> None:
    outlet = Outlet(api)
    with account(outlet, clock, host=None) as brand:
        handle = brand.prepare(video_draft())
        brand.publish(handle)
    (story,) = outlet.stories()
    assert (story.kind, story.digest) == ("VIDEO", hashlib.sha256(film()).hexdigest())
    assert api.uploads() == 0


def test_a_video_under_instagram_login_is_hosted(api: GraphApi, clock: SetClock) -> None:
    outlet = Outlet(api, "instagram")
    with account(outlet, clock) as brand:
        handle = brand.prepare(video_draft())
        assert [copy.resource_type for copy in api.copies()] == ["video"]
        brand.publish(handle)
        brand.discard(handle)
    assert [story.kind for story in outlet.stories()] == ["VIDEO"]
    assert api.copies() == []


def test_an_upload_goes_on_where_the_connection_broke(api: GraphApi, clock: SetClock) -> None:
    outlet, content = Outlet(api), film(filling=3_000_000)
    with account(outlet, clock, host=None) as brand:
        api.fault(Way.CUT_UPLOAD, operation="rupload.send", after_bytes=1_000_000)
        brand.publish(brand.prepare(video_draft(content)))
    (story,) = outlet.stories()
    assert story.digest == hashlib.sha256(content).hexdigest()
    assert api.count("rupload.send") == 2


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (film(75), "75.0 seconds long"),
        (film(2), "2.0 seconds long"),
        (film(codec=b"vp09"), "encoded as vp09"),
        (film(fps=15), "15 frames a second"),
        (film(sound=b"ac-3"), "sound is encoded as ac-3"),
        (film(channels=6), "6 channels"),
        (film(size=(3840, 2160)), "3840 pixels wide"),
        (film(filling=40_000_000), "32 megabits a second"),
        (film()[:400], "breaks off"),
        (b"no picture at all", "a text"),
    ],
)
def test_what_instagram_would_not_take_is_refused_with_exactly_why(
    api: GraphApi, clock: SetClock, content: bytes, why: str
) -> None:
    with account(Outlet(api), clock) as brand:
        for ask in (brand.prepare, brand.rehearse):
            with pytest.raises(Refused, match=why):
                ask(video_draft(content))
    assert api.count("media.*") == 0


def test_a_picture_without_a_host_says_what_to_add(api: GraphApi, clock: SetClock) -> None:
    with account(Outlet(api), clock, host=None) as brand, pytest.raises(NeedsPerson, match=r"brand\.host"):
        brand.prepare(picture_draft())


FFMPEG = """#!{python}
import pathlib, sys
sys.path.insert(0, {root!r})
from tests.instagram.films import film
assert "+faststart" in sys.argv
pathlib.Path(sys.argv[-1]).write_bytes(film({seconds}))
"""


@pytest.fixture
def ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """A program of that name that makes of every video one of so many seconds."""

    def install(seconds: float) -> None:
        program = tmp_path / "ffmpeg"
        root = str(Path(__file__).parents[2])
        program.write_text(FFMPEG.format(python=sys.executable, root=root, seconds=seconds))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.defpath}")

    return install


def test_a_video_is_converted_where_that_is_allowed(
    api: GraphApi, clock: SetClock, ffmpeg: Callable[[float], None]
) -> None:
    ffmpeg(9)
    outlet = Outlet(api)
    with account(outlet, clock, transcode=True) as brand:
        brand.publish(brand.prepare(video_draft(film(codec=b"vp09"))))
        brand.publish(brand.prepare(video_draft()))
    converted, untouched = outlet.stories()
    assert converted.digest == hashlib.sha256(film(9)).hexdigest()
    assert untouched.digest == hashlib.sha256(film()).hexdigest()


def test_what_a_conversion_cannot_mend_is_refused(
    api: GraphApi, clock: SetClock, ffmpeg: Callable[[float], None]
) -> None:
    ffmpeg(1)
    with account(Outlet(api), clock, transcode=True) as brand:
        with pytest.raises(Refused, match=r"Converted, it still does not do: It is 1\.0 seconds long"):
            brand.prepare(video_draft(film(codec=b"vp09")))
        with pytest.raises(Refused, match=r"75\.0 seconds long"):
            brand.prepare(video_draft(film(75)))


def test_without_ffmpeg_it_is_refused_with_both_reasons(
    api: GraphApi, clock: SetClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with account(Outlet(api), clock, transcode=True) as brand, pytest.raises(Refused, match=r"vp09.*not installed"):
        brand.prepare(video_draft(film(codec=b"vp09")))


def test_mentions_and_ai_go_with_it(brand: InstagramAccount, outlet: Outlet) -> None:
    tags = ["@anna", {"username": "bea.b", "x": 0.5, "y": 0.8}]
    brand.publish(brand.prepare(picture_draft(user_tags=tags, is_ai_generated=True)))
    (story,) = outlet.stories()
    assert story.user_tags == ["anna", "bea.b"]
    assert story.ai_generated


@pytest.mark.parametrize(
    ("custom", "why"),
    [
        ({"user_tags": [f"user{number}" for number in range(21)]}, "mentions 21 accounts"),
        ({"user_tags": ["not a name"]}, "is no user name"),
        ({"user_tags": [{"username": "anna", "x": 0.5}]}, "must be x and y"),
        ({"user_tags": [{"username": "anna", "x": 2, "y": 0}]}, "must be x and y"),
        ({"user_tags": 7}, "must be a list"),
        ({"is_ai_generated": "yes"}, "must be true or false"),
    ],
)
def test_metadata_that_cannot_be_meant_is_refused(
    brand: InstagramAccount, api: GraphApi, custom: dict[str, object], why: str
) -> None:
    with pytest.raises(Refused, match=why):
        brand.prepare(picture_draft(**custom))
    assert api.count("media.*") == 0


def test_a_container_that_is_not_ready_is_polled_and_never_published_early(
    brand: InstagramAccount, outlet: Outlet, api: GraphApi
) -> None:
    api.behave(image_polls=2)
    handle = brand.prepare(picture_draft())
    first = brand.find(handle)
    assert isinstance(first, InProgress)
    with pytest.raises(Unavailable) as early:
        brand.publish(handle)
    assert early.value.retry_after == timedelta(minutes=1)
    assert outlet.published() == 0
    while not isinstance(brand.find(handle), Ready):
        assert api.count("container.get") < 6
    brand.publish(handle)
    assert outlet.published() == 1


def test_an_error_of_the_container_says_why(brand: InstagramAccount, api: GraphApi) -> None:
    api.spoil(2207026)
    with pytest.raises(Refused, match="2207026"):
        brand.find(brand.prepare(picture_draft()))
    api.spoil(2207053)
    found = brand.find(brand.prepare(picture_draft()))
    assert isinstance(found, Gone)
    assert "2207053" in found.why


def test_an_expired_container_is_gone(brand: InstagramAccount, outlet: Outlet, api: GraphApi) -> None:
    handle = brand.prepare(picture_draft())
    api.expire_containers(outlet.account)
    assert isinstance(brand.find(handle), Gone)


@pytest.mark.parametrize("way", [Way.CUT_AFTER, Way.CUT_BEFORE])
def test_after_a_lost_answer_the_container_tells(
    brand: InstagramAccount, outlet: Outlet, api: GraphApi, way: Way
) -> None:
    handle = brand.prepare(picture_draft())
    api.fault(way, operation="media.publish")
    if way is Way.CUT_AFTER:
        proof = brand.publish(handle)
        assert proof.remote_id == outlet.stories()[0].id
    else:
        with pytest.raises(Uncertain):
            brand.publish(handle)
        assert isinstance(brand.find(handle), Ready)
        brand.publish(handle)
    assert outlet.published() == 1


def test_an_answer_that_says_it_failed_is_not_believed(brand: InstagramAccount, outlet: Outlet, api: GraphApi) -> None:
    handle = brand.prepare(picture_draft())
    api.refuse(2, operation="media.publish", way=Way.REFUSED_AFTER)
    assert brand.publish(handle).remote_id == outlet.stories()[0].id
    assert outlet.published() == 1


def test_when_nothing_answers_it_is_uncertain_until_something_does(
    brand: InstagramAccount, outlet: Outlet, api: GraphApi
) -> None:
    handle = brand.prepare(picture_draft())
    api.fault(Way.CUT_AFTER, operation="media.publish")
    api.answer(502, "<html>Bad Gateway</html>", operation="container.get", times=100)
    with pytest.raises(Uncertain):
        brand.publish(handle)
    with pytest.raises(Unavailable):
        brand.find(handle)
    api.mend()
    assert isinstance(brand.find(handle), Published)
    assert outlet.published() == 1


def test_a_story_among_several_new_ones_is_proven_by_its_container(
    brand: InstagramAccount, outlet: Outlet, api: GraphApi
) -> None:
    handle = brand.prepare(picture_draft())
    api.post(outlet.account, "IMAGE", product="STORY")
    brand.publish(handle)
    found = brand.find(handle)
    assert isinstance(found, Published)
    assert found.publication.remote_id is not None
    assert found.publication.remote_id.startswith("container:")


def test_a_container_that_instagram_forgot_is_gone_only_if_nothing_came_of_it(
    brand: InstagramAccount, outlet: Outlet, api: GraphApi, clock: SetClock
) -> None:
    handle = brand.prepare(picture_draft())
    api.refuse(24, 2207008, operation="container.get", times=100)
    assert isinstance(brand.find(handle), InProgress), "it errs for a while"
    clock.forward(timedelta(minutes=3))
    assert isinstance(brand.find(handle), Gone)
    api.post(outlet.account, "IMAGE", product="STORY")
    with pytest.raises(Uncertain):
        brand.find(handle)


def test_without_the_second_witness_nobody_knows(
    brand: InstagramAccount, outlet: Outlet, api: GraphApi, clock: SetClock
) -> None:
    handle = brand.prepare(picture_draft())
    clock.forward(timedelta(minutes=3))
    api.refuse(24, 2207008, operation="container.get", times=100)
    api.refuse(10, operation="stories.list", times=100)
    with pytest.raises(Uncertain):
        brand.find(handle)


def test_the_permalink_is_an_extra(brand: InstagramAccount, outlet: Outlet, api: GraphApi) -> None:
    handle = brand.prepare(picture_draft())
    api.refuse(10, operation="media.get", times=10)
    proof = brand.publish(handle)
    assert (proof.remote_id, proof.url) == (outlet.stories()[0].id, None)


@pytest.mark.parametrize(("code", "subcode"), [(4, 2207051), (25, 2207050), (368, None)])
def test_a_block_stops_the_line_and_asks_a_person(
    brand: InstagramAccount, outlet: Outlet, api: GraphApi, code: int, subcode: int | None
) -> None:
    api.refuse(code, subcode, operation="media.create", http=403)
    with pytest.raises(NeedsPerson) as told:
        brand.prepare(picture_draft())
    assert "Open Instagram" in told.value.remedy
    assert api.copies() == [], "its copy is removed on this exit as well"
    assert outlet.published() == 0


@pytest.mark.parametrize("operation", ["media.create", "limit.get", "cloudinary.upload"])
@pytest.mark.parametrize("way", [Way.CUT_BEFORE, Way.CUT_AFTER])
def test_whatever_breaks_while_it_prepares_no_copy_is_left(
    brand: InstagramAccount, api: GraphApi, operation: str, way: Way
) -> None:
    api.fault(way, operation=operation)
    with pytest.raises(Unavailable):
        brand.prepare(picture_draft())
    assert api.copies() == []


def test_the_sweep_knows_no_ceiling_and_leaves_what_is_young(
    brand: InstagramAccount, api: GraphApi, outlet: Outlet, clock: SetClock
) -> None:
    host = brand.host
    assert host is not None
    dot = picture(1, size=(4, 4))
    for _ in range(520):
        host.put(io.BytesIO(dot), "image/jpeg")
    clock.forward(timedelta(minutes=50))
    host.put(io.BytesIO(dot), "image/jpeg")
    clock.forward(timedelta(minutes=20))
    assert brand.sweep() == 520
    assert len(api.copies()) == 1
    assert api.count("cloudinary.list") >= 3
    clock.forward(timedelta(hours=1))
    assert brand.sweep() == 1
    assert api.copies() == []


def test_a_rehearsal_asks_everything_and_leaves_nothing(brand: InstagramAccount, outlet: Outlet, api: GraphApi) -> None:
    brand.rehearse(picture_draft())
    assert (api.uploads(), api.count("media.create"), outlet.published()) == (0, 0, 0)
    assert api.count("limit.get") == 1
    api.behave(quota=1)
    brand.publish(brand.prepare(picture_draft()))
    with pytest.raises(Unavailable, match="1 of 1 stories"):
        brand.rehearse(picture_draft())


def test_a_rehearsal_notices_a_dead_token_and_a_wrong_key_of_the_host(
    brand: InstagramAccount, outlet: Outlet, api: GraphApi, clock: SetClock
) -> None:
    host = outlet.settings().host
    assert host is not None
    wrong = attrs.evolve(host, api_secret=Secret("another-secret-of-nobodys"))
    with account(outlet, clock, host=wrong) as other, pytest.raises(NeedsPerson, match="Cloudinary"):
        other.rehearse(picture_draft())
    api.kill_token(outlet.account.token)
    with pytest.raises(NeedsPerson):
        brand.rehearse(picture_draft())


def test_the_check_is_one_line(brand: InstagramAccount) -> None:
    assert brand.check().startswith("@brand, 0 of 50 stories used today; Cloudinary ")


def test_a_strangers_handle_is_uncertain(brand: InstagramAccount) -> None:
    for ask in (brand.publish, brand.find):
        with pytest.raises(Uncertain):
            ask(Handle("brand", "nothing-of-ours"))
    brand.discard(Handle("brand", "nothing-of-ours"))
