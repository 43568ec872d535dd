"""The loopback server itself: a real HTTP client and the real SDK meet what the real services would show them."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TypeVar, cast
from urllib.parse import parse_qs, urlencode, urlsplit

import attrs
import cloudinary.api
import cloudinary.uploader
import cloudinary.utils
import httpx
import pytest
from cloudinary import exceptions
from cloudinary.search import Search
from PIL import Image

from tests.instagram.graph_api import Account, Cloud, GraphApi, GraphProcess, GraphRemote, Way
from tests.instagram.graph_api.errors import TABLE, http_of
from tests.instagram.graph_api.face import Face
from tests.local.drafts import film, picture

Json = dict[str, object]
T = TypeVar("T")
DEAD = "http://127.0.0.1:9/nobody.jpg"


@attrs.define(eq=False)
class Client:
    """A plain client of the Graph API, with the token in the header."""

    api: Face
    account: Account
    http: httpx.Client

    def get(self, path: str, **params: str) -> httpx.Response:
        return self.http.get(self.url(path), params=params)

    def post(self, path: str, **params: str) -> httpx.Response:
        return self.http.post(self.url(path), data=params)

    def url(self, path: str) -> str:
        return f"{self.api.graph_url(self.account.login)}/v26.0/{path}"

    def create(self, **params: str) -> httpx.Response:
        return self.post(f"{self.account.id}/media", media_type="STORIES", **params)

    def made(self, **params: str) -> str:
        return str(self.create(**params).json()["id"])

    def status(self, container: str) -> str:
        return str(self.get(container, fields="status_code").json()["status_code"])

    def publish(self, container: str) -> httpx.Response:
        return self.post(f"{self.account.id}/media_publish", creation_id=container)


def client_of(api: Face, account: Account) -> Client:
    headers = {"Authorization": f"Bearer {account.token}"}
    return Client(api, account, httpx.Client(headers=headers, timeout=20, trust_env=False))


@pytest.fixture
def cloud(api: GraphApi) -> Cloud:
    return api.cloud()


@pytest.fixture
def client(api: GraphApi, brand: Account) -> Iterator[Client]:
    made = client_of(api, brand)
    with made.http:
        yield made


@pytest.fixture
def both(api: GraphApi, either: Account) -> Iterator[Client]:
    made = client_of(api, either)
    with made.http:
        yield made


def keys(api: Face, cloud: Cloud) -> Json:
    """What every call of the SDK is given."""
    return {
        "cloud_name": cloud.name,
        "api_key": cloud.key,
        "api_secret": cloud.secret,
        "upload_prefix": api.cloudinary_url,
        "timeout": 10,
    }


def uploaded(api: Face, cloud: Cloud, content: bytes, kind: str = "image", **more: object) -> Json:
    told = cloudinary.uploader.upload(io.BytesIO(content), resource_type=kind, **keys(api, cloud), **more)
    return cast(Json, told)


def hosted(api: Face, cloud: Cloud, content: bytes, kind: str = "image") -> str:
    return str(uploaded(api, cloud, content, kind)["secure_url"])


def error_of(answer: httpx.Response) -> tuple[int, int | None]:
    error = answer.json()["error"]
    return error["code"], error.get("error_subcode")


def quietly(url: str, **params: str) -> tuple[int, Json]:
    """A GET with secrets in its query, by a client that writes nothing into a log."""
    try:
        with urllib.request.urlopen(f"{url}?{urlencode(params)}", timeout=10) as answer:  # noqa: S310 - loopback
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


# Publishing


def test_a_picture_becomes_one_story(api: GraphApi, both: Client, cloud: Cloud) -> None:
    content = picture()
    container = both.made(
        image_url=hosted(api, cloud, content), user_tags='[{"username":"ann","x":0.5}]', is_ai_generated="true"
    )
    assert both.status(container) == "FINISHED"
    number = both.publish(container).json()["id"]
    (story,) = api.stories(both.account)
    assert (story.id, story.container, story.kind, story.live) == (number, container, "IMAGE", True)
    assert (story.digest, story.user_tags) == (hashlib.sha256(content).hexdigest(), ["ann"])
    assert story.ai_generated
    assert both.status(container) == "PUBLISHED"
    (shown,) = both.get(f"{both.account.id}/stories", fields="id,permalink,timestamp,media_type").json()["data"]
    assert shown == {
        "id": number, "permalink": story.permalink, "timestamp": "2026-11-20T12:00:00+0000", "media_type": "IMAGE",
    }  # fmt: skip
    assert both.get(number, fields="permalink").json()["permalink"] == story.permalink


@pytest.mark.parametrize(("republished", "code"), [("refused", 400), ("same id", 200)])
def test_a_container_never_makes_two_stories(
    api: GraphApi, client: Client, cloud: Cloud, republished: str, code: int
) -> None:
    api.behave(republished=republished)
    container = client.made(image_url=hosted(api, cloud, picture()))
    first = client.publish(container).json()["id"]
    again = client.publish(container)
    assert again.status_code == code
    assert (again.json() == {"id": first}) if code == 200 else error_of(again) == (24, 2207006)
    assert len(api.stories(client.account)) == 1
    assert api.containers(client.account)[0].publishes == 2


def test_eight_workers_at_once_make_one_story(api: GraphApi, client: Client, cloud: Cloud) -> None:
    container = client.made(image_url=hosted(api, cloud, picture()))
    codes: list[int] = []
    workers = [threading.Thread(target=lambda: codes.append(client.publish(container).status_code)) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(codes) == [200] + [400] * 7
    assert len(api.stories(client.account)) == 1


def test_a_video_is_looked_at_and_fetched_before_it_is_ready(api: GraphApi, both: Client, cloud: Cloud) -> None:
    container = both.made(video_url=hosted(api, cloud, film(), "video"))
    assert error_of(both.publish(container)) == (9007, 2207027)
    assert api.count("fetched.get") == 0
    assert [both.status(container) for _ in range(3)] == ["IN_PROGRESS", "IN_PROGRESS", "FINISHED"]
    assert api.count("fetched.get") == 1
    assert both.publish(container).status_code == 200
    assert api.stories(both.account)[0].digest == hashlib.sha256(film()).hexdigest()


def test_a_video_whose_copy_was_removed_too_early_ends_in_error(api: GraphApi, client: Client, cloud: Cloud) -> None:
    told = uploaded(api, cloud, film(), "video")
    container = client.made(video_url=str(told["secure_url"]))
    client.status(container)
    cloudinary.uploader.destroy(told["public_id"], resource_type="video", **keys(api, cloud))
    client.status(container)
    assert client.status(container) == "ERROR"
    assert client.get(container, fields="status").json()["status"].endswith("2207052")
    assert error_of(client.publish(container)) == (9004, 2207052)


def coded(kind: str, mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, (108, 192)).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (coded("PNG"), (36001, 2207005)),
        (picture()[:-100], (9004, 2207052)),
        (picture() + bytes(8 * 1024 * 1024), (36000, 2207004)),
    ],
    ids=["png", "cut", "large"],
)
def test_a_picture_that_cannot_be_used_is_refused(
    api: GraphApi, client: Client, cloud: Cloud, content: bytes, error: tuple[int, int]
) -> None:
    api.behave(image_bytes_most=1 << 30)
    name = hosted(api, cloud, content)
    assert error_of(client.create(image_url=name)) == error
    assert api.containers(client.account) == []


@pytest.mark.parametrize(
    "content", [film()[:40], b"\0\0\0\x14ftypisom\0\0\0\0isom" + bytes(50)], ids=["cut", "no index"]
)
def test_a_video_that_cannot_be_used_ends_in_error(api: GraphApi, client: Client, cloud: Cloud, content: bytes) -> None:
    api.behave(video_polls=0)
    container = client.made(video_url=hosted(api, cloud, content, "video"))
    assert client.status(container) == "ERROR"
    assert error_of(client.publish(container)) == (352, 2207026)


def test_an_address_has_to_be_reached(api: GraphApi, client: Client, cloud: Cloud) -> None:
    assert error_of(client.create(image_url=DEAD)) == (9004, 2207052)
    assert error_of(client.create(image_url=hosted(api, cloud, picture()) + "x")) == (9004, 2207052)
    assert error_of(client.create(image_url="http://127.0.0.1:9/bäcker.jpg")) == (9004, 2207052)
    api.behave(fetch_seconds=0.05)
    api.fault(Way.SLOW, "fetched.get", seconds=5)
    assert error_of(client.create(image_url=hosted(api, cloud, picture()))) == (-2, 2207003)
    api.behave(fetch_seconds=5.0)
    api.fault(Way.CUT_BODY, "fetched.get", after_bytes=100)
    assert error_of(client.create(image_url=hosted(api, cloud, picture()))) == (9004, 2207052)
    assert client.create(image_url=hosted(api, cloud, picture())).status_code == 200


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({}, (9004, 2207052)),
        ({"image_url": DEAD, "video_url": DEAD}, (100, None)),
        ({"image_url": DEAD, "user_tags": "ann"}, (100, None)),
        ({"image_url": DEAD, "user_tags": '[{"username":"a","x":2}]'}, (100, None)),
        ({"image_url": DEAD, "user_tags": json.dumps([{"username": "a"}] * 21)}, (100, 2207040)),
    ],
)
def test_parameters_are_checked(client: Client, params: dict[str, str], error: tuple[int, int | None]) -> None:
    assert error_of(client.create(**params)) == error


def test_a_day_old_container_has_expired(api: GraphApi, client: Client, cloud: Cloud) -> None:
    container = client.made(image_url=hosted(api, cloud, picture()))
    api.advance(timedelta(hours=24))
    assert client.status(container) == "FINISHED"
    api.advance(timedelta(seconds=1))
    assert client.status(container) == "EXPIRED"
    assert error_of(client.publish(container)) == (24, 2207008)
    assert error_of(client.publish("179000")) == (24, 2207008)


def test_containers_can_be_spoilt_and_expired(api: GraphApi, client: Client, cloud: Cloud) -> None:
    api.spoil(2207026, "video", polls=1)
    kept = client.made(image_url=hosted(api, cloud, picture()))
    spoilt = client.made(video_url=hosted(api, cloud, film(), "video"))
    assert [client.status(spoilt) for _ in range(2)] == ["IN_PROGRESS", "ERROR"]
    assert error_of(client.publish(spoilt)) == (352, 2207026)
    api.expire_containers(client.account)
    assert client.status(kept) == "EXPIRED"
    assert [one.status for one in api.containers(client.account)] == ["EXPIRED", "ERROR"]


def test_the_quota_and_the_containers_of_a_day_end(api: GraphApi, client: Client, cloud: Cloud) -> None:
    api.behave(quota=2, containers_a_day=4)
    address = hosted(api, cloud, picture())
    made = [client.made(image_url=address) for _ in range(4)]
    assert error_of(client.create(image_url=address)) == (9, 2207042)
    assert [client.publish(one).status_code for one in made[:2]] == [200, 200]
    assert error_of(client.publish(made[2])) == (9, 2207042)
    asked = client.get(f"{client.account.id}/content_publishing_limit", fields="quota_usage,config").json()
    assert asked == {"data": [{"quota_usage": 2, "config": {"quota_total": 2, "quota_duration": 86400}}]}
    assert client.get(f"{client.account.id}/content_publishing_limit").json() == {"data": [{"quota_usage": 2}]}
    api.advance(timedelta(hours=24))
    assert client.create(image_url=address).status_code == 200
    assert client.get(f"{client.account.id}/content_publishing_limit").json() == {"data": [{"quota_usage": 0}]}


def test_what_came_out_may_show_late(api: GraphApi, client: Client, cloud: Cloud) -> None:
    api.behave(publish_shown_after=2, stories_shown_after=timedelta(minutes=1))
    container = client.made(image_url=hosted(api, cloud, picture()))
    client.publish(container)
    assert [client.status(container) for _ in range(3)] == ["FINISHED", "FINISHED", "PUBLISHED"]
    stories = f"{client.account.id}/stories"
    assert client.get(stories).json()["data"] == []
    api.advance(timedelta(minutes=1))
    assert len(client.get(stories).json()["data"]) == 1
    api.advance(timedelta(hours=24))
    assert client.get(stories).json()["data"] == []
    assert not api.stories(client.account)[0].live


# Sending a video without a host


def send(
    api: Face, account: Account, container: str, content: bytes, offset: int = 0, **headers: str
) -> httpx.Response:
    told = {"Authorization": f"OAuth {account.token}", "offset": str(offset), "file_size": str(len(content)), **headers}
    url = f"{api.rupload_url}/ig-api-upload/v26.0/{container}"
    return httpx.post(url, headers=told, content=content[offset:], timeout=10, trust_env=False)


def test_an_upload_goes_on_where_it_broke_off(api: GraphApi, client: Client) -> None:
    content, told = film(9000), client.create(upload_type="resumable").json()
    container = told["id"]
    assert told["uri"] == f"{api.rupload_url}/ig-api-upload/v26.0/{container}"
    assert client.status(container) == "IN_PROGRESS"
    api.fault(Way.CUT_UPLOAD, "rupload.send", after_bytes=5000)
    with pytest.raises(httpx.TransportError):
        send(api, client.account, container, content)
    phase = client.get(container, fields="video_status").json()["video_status"]["uploading_phase"]
    assert phase == {"status": "in_progress", "bytes_transferred": 5000}
    wrong = send(api, client.account, container, content, 100)
    assert (wrong.status_code, wrong.json()["debug_info"]["type"]) == (400, "OffsetInvalidError")
    assert send(api, client.account, container, content, 5000).json()["success"] is True
    assert [client.status(container) for _ in range(3)] == ["IN_PROGRESS", "IN_PROGRESS", "FINISHED"]
    client.publish(container)
    assert api.stories(client.account)[0].digest == hashlib.sha256(content).hexdigest()


def test_an_upload_may_be_an_address_and_must_be_a_video(api: GraphApi, client: Client, cloud: Cloud) -> None:
    first, second = client.made(upload_type="resumable"), client.made(upload_type="resumable")
    url = f"{api.rupload_url}/ig-api-upload/v26.0/{first}"
    told = {"Authorization": f"OAuth {client.account.token}", "file_url": hosted(api, cloud, film(), "video")}
    assert httpx.post(url, headers=told, timeout=10, trust_env=False).json()["success"] is True
    spoilt = send(api, client.account, second, b"no video at all")
    assert spoilt.json()["debug_info"]["type"] == "ProcessingFailedError"
    assert client.status(second) == "ERROR"
    assert send(api, attrs.evolve(client.account, token="x"), first, film()).json()["error"]["code"] == 190


def test_instagram_login_has_no_upload_without_a_host(api: GraphApi, shop: Account) -> None:
    made = client_of(api, shop)
    with made.http:
        assert error_of(made.create(upload_type="resumable")) == (100, None)


# Tokens


def test_a_token_is_taken_from_header_query_or_body(api: GraphApi, client: Client) -> None:
    token, me = client.account.token, client.url("me")
    assert client.get("me").json() == {"id": client.account.page_id, "name": "Brand Page"}
    assert quietly(me, access_token=token)[1]["id"] == client.account.page_id
    assert httpx.get(me, headers={"Authorization": f"OAuth {token}"}, trust_env=False).status_code == 200
    url = client.url(f"{client.account.id}/media")
    assert error_of(httpx.post(url, data={"access_token": token}, trust_env=False)) == (9004, 2207052)
    assert error_of(httpx.post(url, json={"access_token": token}, trust_env=False)) == (9004, 2207052)
    assert [one.token_in for one in api.calls()] == ["header", "query", "header", "body", "body"]
    assert token not in repr(api.calls())


def test_a_token_that_is_no_good_is_refused(api: GraphApi, client: Client, shop: Account) -> None:
    assert error_of(httpx.get(client.url("me"), trust_env=False)) == (2500, None)
    short = api.token(client.account, "user", life=timedelta(hours=1))
    other = {
        "nonsense": (190, None), shop.token: (190, None), short: (190, 463),
    }  # fmt: skip
    api.advance(timedelta(hours=1))
    for token, error in other.items():
        client.http.headers["Authorization"] = f"Bearer {token}"
        answer = client.get("me")
        assert error_of(answer) == error
        assert "invalid_token" in answer.headers["www-authenticate"]
    client.http.headers["Authorization"] = f"Bearer {client.account.token}"
    api.kill_token(client.account.token, 190, 460)
    assert error_of(client.get("me")) == (190, 460)


def test_a_token_needs_its_permissions_and_reaches_its_own(api: GraphApi, client: Client) -> None:
    other = api.account("other")
    assert error_of(client.get(other.id)) == (100, 33)
    assert error_of(client.post(f"{other.id}/media", media_type="STORIES", image_url=DEAD)) == (100, 33)
    weak = api.token(client.account, "page", scopes=["instagram_basic"])
    client.http.headers["Authorization"] = f"Bearer {weak}"
    assert error_of(client.create(image_url=DEAD)) == (10, None)
    assert error_of(client.get(f"{client.account.id}/stories")) == (10, None)
    assert client.get(f"{client.account.id}/media").status_code == 200


def test_a_proof_is_checked_and_may_be_required(api: GraphApi, client: Client) -> None:
    secret, token = client.account.app_secret.encode(), client.account.token.encode()
    right = hmac.new(secret, token, hashlib.sha256).hexdigest()
    assert client.http.post(client.url("me"), data={"appsecret_proof": right}).status_code == 200
    assert error_of(client.http.post(client.url("me"), data={"appsecret_proof": "0" * 64})) == (100, None)
    api.require_proof(client.account)
    assert error_of(client.get("me")) == (100, None)
    assert client.http.post(client.url("me"), data={"appsecret_proof": right}).status_code == 200
    assert [one.proof for one in api.calls()] == [True, True, False, True]


def test_a_users_token_is_exchanged_and_finds_the_pages(api: GraphApi, brand: Account) -> None:
    second = api.account("second", beside=brand)
    short = api.token(brand, "user", life=timedelta(hours=1))
    path = f"{api.facebook_url}/oauth/access_token"
    given = {"grant_type": "fb_exchange_token", "client_id": brand.app_id, "fb_exchange_token": short}
    code, told = quietly(path, client_secret="wrong", **given)
    assert (code, cast(Json, told["error"])["code"]) == (400, 1)
    code, told = quietly(path, client_secret=brand.app_secret, **given)
    assert (code, told["token_type"], told["expires_in"]) == (200, "bearer", 5_183_944)
    headers = {"Authorization": f"Bearer {told['access_token']}"}
    fields = "name,access_token,instagram_business_account{id,username}"
    pages = httpx.get(
        f"{api.facebook_url}/v26.0/me/accounts", params={"fields": fields}, headers=headers, trust_env=False
    ).json()["data"]
    assert [one["instagram_business_account"]["username"] for one in pages] == ["brand", "second"]
    assert [one["access_token"] for one in pages] == [brand.token, second.token]
    api.advance(timedelta(hours=1))
    code, told = quietly(path, client_secret=brand.app_secret, **given)
    assert cast(Json, told["error"])["code"] == 190


def test_an_instagram_token_is_exchanged_and_refreshed(api: GraphApi, shop: Account) -> None:
    short = api.token(shop, "instagram", life=timedelta(hours=1))
    path, given = f"{api.instagram_url}/access_token", {"grant_type": "ig_exchange_token", "access_token": short}
    code, told = quietly(path, client_secret=shop.app_secret, **given)
    assert (code, told["expires_in"]) == (200, 5_183_944)
    long = str(told["access_token"])
    again = {"grant_type": "ig_refresh_token", "access_token": long}
    code, told = quietly(f"{api.instagram_url}/refresh_access_token", **again)
    assert cast(Json, told["error"])["code"] == 100
    api.advance(timedelta(hours=24) - timedelta(seconds=1))
    assert quietly(f"{api.instagram_url}/refresh_access_token", **again)[0] == 400
    api.advance(timedelta(seconds=1))
    api.behave(refreshed_token_ends=True)
    code, told = quietly(f"{api.instagram_url}/refresh_access_token", **again)
    assert (code, told["expires_in"]) == (200, 5_183_944)
    assert quietly(f"{api.instagram_url}/me", access_token=str(told["access_token"]))[0] == 200
    code, told = quietly(f"{api.instagram_url}/me", access_token=long)
    assert cast(Json, told["error"])["error_subcode"] == 467
    assert quietly(f"{api.facebook_url}/refresh_access_token", **again)[0] == 400


def test_a_token_can_be_explained(api: GraphApi, brand: Account, shop: Account) -> None:
    path, app = f"{api.facebook_url}/v26.0/debug_token", f"{brand.app_id}|{brand.app_secret}"
    user = cast(Json, quietly(path, access_token=app, input_token=brand.user_token)[1]["data"])
    assert (user["type"], user["is_valid"], user["user_id"]) == ("USER", True, brand.user_id)
    assert user["expires_at"] == int((api.now() + timedelta(seconds=5_183_944 - 86_400)).timestamp())
    page = cast(Json, quietly(path, access_token=brand.token, input_token=brand.token)[1]["data"])
    assert (page["type"], page["expires_at"], page["profile_id"]) == ("PAGE", 0, brand.page_id)
    api.kill_token(brand.token, 190, 458)
    dead = cast(Json, quietly(path, access_token=app, input_token=brand.token)[1]["data"])
    assert (dead["is_valid"], cast(Json, dead["error"])["subcode"]) == (False, 458)
    other = cast(Json, quietly(path, access_token=app, input_token=shop.token)[1]["data"])
    assert other["is_valid"] is False


def test_instagram_login_tells_who_it_is(api: GraphApi, shop: Account) -> None:
    made = client_of(api, shop)
    with made.http:
        told = made.get("me", fields="user_id,username,account_type").json()
        assert (told["user_id"], told["username"], told["account_type"]) == (shop.id, "shop", "BUSINESS")
        assert told["id"] != shop.id
        assert made.get("me/media").json() == {"data": []}
        assert error_of(made.get("me/accounts")) == (100, 33)


# Errors, usage and faults


@pytest.mark.parametrize("row", list(TABLE), ids=str)
def test_every_error_of_the_table_can_be_had(api: GraphApi, client: Client, row: tuple[int, int | None]) -> None:
    api.refuse(*row, operation="me.get", skip=1, times=2)
    answers = [client.get("me") for _ in range(4)]
    assert [one.status_code for one in answers] == [200, http_of(*row), http_of(*row), 200]
    error = answers[1].json()["error"]
    assert (error["code"], error.get("error_subcode"), error["is_transient"]) == (*row, False)
    assert error["message"]
    assert error["fbtrace_id"]


def test_an_error_may_hide_the_effect(api: GraphApi, client: Client, cloud: Cloud) -> None:
    container = client.made(image_url=hosted(api, cloud, picture()))
    fault = api.refuse(2, operation="media.publish", transient=True, way=Way.REFUSED_AFTER)
    answer = client.publish(container)
    assert (answer.status_code, answer.json()["error"]["is_transient"]) == (500, True)
    assert api.hits(fault) == 1
    assert client.status(container) == "PUBLISHED"
    api.refuse(4, 2207051, operation="media.publish")
    assert client.publish(container).status_code == 403
    api.answer(502, "<html>Bad Gateway</html>", operation="container.get")
    assert client.get(container).text == "<html>Bad Gateway</html>"


@pytest.mark.parametrize(
    ("way", "stories"), [(Way.CUT_BEFORE, 0), (Way.CUT_AFTER, 1), (Way.SILENT_BEFORE, 0), (Way.SILENT, 1)]
)
def test_an_answer_is_lost_before_or_after_the_effect(
    api: GraphApi, client: Client, cloud: Cloud, way: Way, stories: int
) -> None:
    container = client.made(image_url=hosted(api, cloud, picture()))
    fault = api.fault(way, "media.publish")
    client.http.timeout = httpx.Timeout(0.3)
    with pytest.raises(httpx.TransportError):
        client.publish(container)
    assert api.wait_for(fault)
    assert len(api.stories(client.account)) == stories
    assert client.status(container) == ("PUBLISHED" if stories else "FINISHED")
    assert api.calls("media.publish")[0].code == (200 if stories else 0)
    assert api.reached(fault) == 1


def test_faults_meet_what_they_name(api: GraphApi, client: Client) -> None:
    first = api.refuse(2, operation="limit.get media.*")
    second = api.refuse(1, operation="*", skip=1)
    assert client.get("me").status_code == 200
    assert error_of(client.get(f"{client.account.id}/media")) == (2, None)
    assert error_of(client.get("me")) == (1, None)
    assert (api.hits(first), api.hits(second)) == (1, 1)
    api.refuse(1)
    api.mend()
    assert client.get("me").status_code == 200


def test_a_fault_for_any_call_leaves_what_instagram_fetches_alone(api: GraphApi, client: Client, cloud: Cloud) -> None:
    address = hosted(api, cloud, picture())
    fault = api.refuse(1, skip=1)
    assert client.create(image_url=address).status_code == 200
    assert api.hits(fault) == 0
    assert error_of(client.get("me")) == (1, None)


def test_files_may_come_slowly_or_in_part(api: GraphApi, client: Client) -> None:
    url = client.get(api.post(client.account, content=bytes(3000)), fields="media_url").json()["media_url"]
    api.fault(Way.SLOW, "cdn.get", bytes_per_second=30_000)
    assert httpx.get(url, trust_env=False).content == bytes(3000)
    api.fault(Way.CUT_BODY, "cdn.get", after_bytes=700)
    with httpx.stream("GET", url, trust_env=False) as answer, pytest.raises(httpx.RemoteProtocolError):
        answer.read()
    assert answer.num_bytes_downloaded == 700
    assert [one.bytes_sent for one in api.calls("cdn.get")] == [3000, 700]


def test_usage_is_told_and_a_budget_ends(api: GraphApi, client: Client) -> None:
    assert "x-app-usage" not in client.get("me").headers
    api.usage(app=80, account=95, minutes=12)
    told = client.get("me").headers
    assert json.loads(told["x-app-usage"])["call_count"] == 80
    (one,) = json.loads(told["x-business-use-case-usage"])[client.account.id]
    assert (one["call_count"], one["type"], one["estimated_time_to_regain_access"]) == (95, "instagram", 12)
    api.usage()
    api.budget(2, minutes=30, code=80002)
    assert [client.get("me").status_code for _ in range(3)] == [200, 200, 400]
    refused = client.get("me")
    assert error_of(refused) == (80002, None)
    (one,) = json.loads(refused.headers["x-business-use-case-usage"])[client.account.id]
    assert (one["call_count"], one["estimated_time_to_regain_access"]) == (100, 30)
    api.advance(timedelta(minutes=29))
    assert client.get("me").status_code == 400
    api.advance(timedelta(minutes=1))
    assert client.get("me").status_code == 200


@pytest.mark.parametrize("path", ["nothing", "1234", "17841/unknown"])
def test_what_is_not_there_is_told_as_such(client: Client, path: str) -> None:
    assert error_of(client.get(path)) == (100, 33)


def test_versions_that_are_not_there_are_refused(api: GraphApi, client: Client) -> None:
    headers = {"Authorization": f"Bearer {client.account.token}"}
    for version, code in {"v20.0": 400, "v26.0": 200, "v27.0": 400}.items():
        assert httpx.get(f"{api.facebook_url}/{version}/me", headers=headers, trust_env=False).status_code == code
    assert [one.version for one in api.calls()] == ["v20.0", "v26.0", "v27.0"]


# The past


def listed(client: Client, fields: str, **params: str) -> list[Json]:
    """Every page of the account's media, by its cursors."""
    found: list[Json] = []
    told = client.get(f"{client.account.id}/media", fields=fields, **params).json()
    while True:
        found += told["data"]
        if "next" not in told.get("paging", {}):
            return found
        after = told["paging"]["cursors"]["after"]
        told = client.get(f"{client.account.id}/media", fields=fields, after=after, **params).json()


def test_thousands_of_posts_are_listed_once_each(api: GraphApi, both: Client) -> None:
    ids = api.fill(both.account, 2500, carousels=0.1, videos=0.2, missing=0.02)
    fields = "id,media_type,media_url,timestamp,caption,permalink,children{id,media_type,media_url}"
    found = listed(both, fields, limit="100")
    assert [one["id"] for one in found] == ids
    assert api.count("media.list") == 25
    files = [part for one in found for part in cast(Json, one.get("children", {"data": [one]}))["data"]]  # type: ignore[attr-defined]
    with_file = {str(part["id"]) for part in files if "media_url" in part}
    assert with_file == set(api.past_digests(both.account))
    assert any("media_url" not in part for part in files)
    kinds = {one["media_type"] for one in found}
    assert kinds == {"IMAGE", "VIDEO", "CAROUSEL_ALBUM"}


def test_new_posts_do_not_move_the_pages(api: GraphApi, client: Client) -> None:
    ids = api.fill(client.account, 60)
    path = f"{client.account.id}/media"
    told = client.get(path).json()
    assert len(told["data"]) == 25
    api.post(client.account, caption="new")
    api.remove(ids[24])
    after = client.get(path, after=told["paging"]["cursors"]["after"], limit="25").json()
    assert [one["id"] for one in after["data"]] == ids[25:50]
    back = client.get(path, before=after["paging"]["cursors"]["before"], limit="3").json()
    assert [one["id"] for one in back["data"]] == ids[21:24]
    address = urlsplit(after["paging"]["next"])
    assert parse_qs(address.query)["after"] == [after["paging"]["cursors"]["after"]]
    assert parse_qs(address.query)["access_token"] == [client.account.token]
    api.lose_cursors()
    assert error_of(client.get(path, after=told["paging"]["cursors"]["after"])) == (100, None)


def test_pages_may_be_short_and_spans_are_kept(api: GraphApi, client: Client) -> None:
    ids = api.fill(client.account, 10, step=timedelta(days=1))
    api.behave(page_sizes=[3, 0, 2])
    assert [one["id"] for one in listed(client, "id", limit="5")] == ids
    assert api.count("media.list") == 4
    since = str(int((api.now() - timedelta(days=5)).timestamp()))
    assert [one["id"] for one in listed(client, "id", since=since)] == ids[:5]
    until = (api.now() - timedelta(days=3)).isoformat()
    assert [one["id"] for one in listed(client, "id", since=since, until=until)] == ids[2:5]
    assert error_of(client.get(f"{client.account.id}/media", since="yesterday")) == (100, None)
    assert error_of(client.get(f"{client.account.id}/media", fields="id,stars")) == (100, None)


def test_files_are_fetched_until_their_address_is_old(api: GraphApi, client: Client) -> None:
    one = api.post(client.account, content=b"a picture of its own", caption="hello")
    two = api.post(client.account, "VIDEO", product="REELS")
    lost = api.post(client.account, missing=True)
    album = api.post(client.account, "CAROUSEL_ALBUM", children=["IMAGE", "VIDEO:missing"])
    assert "media_url" not in client.get(lost, fields="media_url,permalink").json()
    shown = client.get(album, fields="children{id,media_url,media_type}").json()["children"]["data"]
    assert ["media_url" in child for child in shown] == [True, False]
    assert [child["media_type"] for child in client.get(f"{album}/children", fields="media_type").json()["data"]] == [
        "IMAGE", "VIDEO",
    ]  # fmt: skip
    wanted = api.past_digests(client.account)
    for number in (one, two):
        url = client.get(number, fields="media_url").json()["media_url"]
        content = httpx.get(url, trust_env=False).content
        assert hashlib.sha256(content).hexdigest() == wanted[number]
        part = httpx.get(url, headers={"Range": "bytes=5-"}, trust_env=False)
        assert (part.status_code, part.content) == (206, content[5:])
        assert httpx.get(url[:-1], trust_env=False).status_code == 403
        api.expire_urls()
        assert httpx.get(url, trust_env=False).status_code == 403
        url = client.get(number, fields="media_url").json()["media_url"]
        assert httpx.get(url, trust_env=False).status_code == 200
        api.advance(timedelta(days=5))
        assert httpx.get(url, trust_env=False).status_code == 403
    assert set(wanted) == {one, two, shown[0]["id"]}


def test_stories_are_not_among_the_posts(api: GraphApi, client: Client) -> None:
    story, post = api.post(client.account, product="STORY"), api.post(client.account)
    assert [one["id"] for one in listed(client, "id")] == [post]
    assert client.get(f"{client.account.id}/stories").json()["data"] == [{"id": story}]
    assert client.get(client.account.id, fields="username,media_count").json()["media_count"] == 1


# Cloudinary


def test_a_copy_is_kept_served_found_and_removed(api: GraphApi, cloud: Cloud) -> None:
    told = uploaded(api, cloud, picture(), tags=["storyline", "run-7"], context={"post": "a=b|c"})
    assert (told["format"], told["width"], told["height"], told["tags"]) == ("jpg", 108, 192, ["storyline", "run-7"])
    url = str(told["secure_url"])
    assert url == api.copies(cloud)[0].secure_url
    answer = httpx.get(url, trust_env=False)
    assert (answer.content, answer.headers["content-type"]) == (picture(), "image/jpeg")
    head = httpx.head(url, trust_env=False)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(picture())), b"")
    found = cloudinary.api.resources_by_tag("run-7", tags=True, **keys(api, cloud))
    assert [one["public_id"] for one in found["resources"]] == [told["public_id"]]
    assert found["resources"][0]["tags"] == ["storyline", "run-7"]
    removed = [cloudinary.uploader.destroy(told["public_id"], invalidate=True, **keys(api, cloud)) for _ in range(2)]
    assert [one["result"] for one in removed] == ["ok", "not found"]
    assert httpx.get(url, trust_env=False).status_code == 404
    assert (api.copies(), api.uploads()) == ([], 1)
    assert [one.operation for one in api.calls()] == [
        "cloudinary.upload", "hosted.get", "hosted.get", "cloudinary.list", "cloudinary.destroy", "cloudinary.destroy",
        "hosted.get",
    ]  # fmt: skip


def refused(kind: type[Exception], call: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        call()
    return str(caught.value)


def test_signatures_and_keys_are_checked(api: GraphApi, cloud: Cloud) -> None:
    for more in ({"signature_version": 1}, {"signature_algorithm": "sha256"}):
        assert uploaded(api, cloud, picture(), tags=["a&b"], **more)["tags"] == ["a&b"]
    wrong, unknown = attrs.evolve(cloud, secret="wrong"), attrs.evolve(cloud, key="1")
    for keyed in (wrong, unknown, attrs.evolve(cloud, name="other")):
        refused(exceptions.AuthorizationRequired, lambda keyed=keyed: uploaded(api, keyed, picture()))  # type: ignore[misc]
        refused(exceptions.AuthorizationRequired, lambda keyed=keyed: cloudinary.api.ping(**keys(api, keyed)))  # type: ignore[misc]
    assert len(api.copies()) == 2


@pytest.mark.parametrize(
    ("changed", "code"), [({}, 200), ({"timestamp": "1600000000"}, 400), ({"timestamp": ""}, 400), ({"tags": "b"}, 401)]
)
def test_a_signature_is_of_what_is_sent_and_of_this_hour(
    api: GraphApi, cloud: Cloud, changed: dict[str, str], code: int
) -> None:
    signed = cloudinary.utils.sign_request(
        {"timestamp": cloudinary.utils.now(), "tags": "a"} | {k: v for k, v in changed.items() if k == "timestamp"},
        {"api_key": cloud.key, "api_secret": cloud.secret},
    )
    sent = {name: str(value) for name, value in (signed | changed).items()}
    url = f"{api.cloudinary_url}/v1_1/{cloud.name}/image/upload"
    answer = httpx.post(url, data=sent, files={"file": ("a.jpg", picture())}, trust_env=False)
    assert answer.status_code == code, answer.text
    assert len(api.copies()) == (code == 200)


def test_files_that_do_not_fit_are_refused(api: GraphApi, cloud: Cloud) -> None:
    assert refused(exceptions.BadRequest, lambda: uploaded(api, cloud, b"text")) == "Invalid image file"
    assert "video" in refused(exceptions.BadRequest, lambda: uploaded(api, cloud, picture(), "video"))
    api.behave(image_bytes_most=100)
    assert "too large" in refused(exceptions.BadRequest, lambda: uploaded(api, cloud, picture()))
    assert uploaded(api, cloud, film(), "auto")["resource_type"] == "video"
    assert api.uploads() == 1


def test_names_are_kept_and_not_written_over(api: GraphApi, cloud: Cloud) -> None:
    first = uploaded(api, cloud, picture(), public_id="story", folder="storyline")
    again = uploaded(api, cloud, picture((200, 200)), public_id="story", folder="storyline", overwrite=False)
    assert (first["public_id"], again["existing"], again["bytes"]) == ("storyline/story", True, first["bytes"])
    assert cloudinary.api.resource("storyline/story", **keys(api, cloud))["bytes"] == first["bytes"]
    refused(exceptions.NotFound, lambda: cloudinary.api.resource("other", **keys(api, cloud)))


def test_a_large_video_comes_in_pieces(api: GraphApi, cloud: Cloud) -> None:
    content = film(60_000)
    told = cloudinary.uploader.upload_large(
        io.BytesIO(content), resource_type="video", chunk_size=20_000, **keys(api, cloud)
    )
    assert httpx.get(told["secure_url"], trust_env=False).content == content
    assert (api.count("cloudinary.upload"), api.uploads()) == (4, 1)


def test_copies_are_listed_page_by_page(api: GraphApi, cloud: Cloud) -> None:
    ids = [str(uploaded(api, cloud, picture(), tags=["storyline"])["public_id"]) for _ in range(7)]
    uploaded(api, cloud, picture(), tags=["other"])
    uploaded(api, cloud, film(), "video", tags=["storyline"])
    found: list[str] = []
    cursor: Json = {}
    while True:
        told = cloudinary.api.resources_by_tag("storyline", max_results=3, **cursor, **keys(api, cloud))
        found += [one["public_id"] for one in told["resources"]]
        if "next_cursor" not in told:
            break
        cursor = {"next_cursor": told["next_cursor"]}
    assert found == ids[::-1]
    searched = Search().expression("tags=storyline AND resource_type:image").max_results(4).execute(**keys(api, cloud))
    assert (searched["total_count"], [one["public_id"] for one in searched["resources"]]) == (7, ids[:2:-1])
    assert len(cloudinary.api.resources(type="upload", prefix=ids[0], **keys(api, cloud))["resources"]) == 1
    assert cloudinary.api.usage(**keys(api, cloud))["resources"] == 9


def test_copies_are_removed_by_tag_and_by_name(api: GraphApi, cloud: Cloud) -> None:
    ids = [str(uploaded(api, cloud, picture(), tags=["storyline"])["public_id"]) for _ in range(5)]
    api.behave(delete_most=2)
    given = cloudinary.api.delete_resources([ids[0], "nothing"], **keys(api, cloud))
    assert given["deleted"] == {ids[0]: "deleted", "nothing": "not_found"}
    partial = []
    while True:
        told = cloudinary.api.delete_resources_by_tag("storyline", **keys(api, cloud))
        partial.append((len(told["deleted"]), told["partial"]))
        if not told["partial"]:
            break
    assert (partial, api.copies()) == ([(2, True), (2, False)], [])


def test_admin_calls_of_an_hour_end(api: GraphApi, cloud: Cloud) -> None:
    api.behave(admin_calls_an_hour=2)
    assert cloudinary.api.ping(**keys(api, cloud)).rate_limit_remaining == 1
    cloudinary.api.ping(**keys(api, cloud))
    refused(exceptions.RateLimited, lambda: cloudinary.api.ping(**keys(api, cloud)))
    assert uploaded(api, cloud, picture())["format"] == "jpg"
    api.advance(timedelta(hours=1))
    assert cloudinary.api.ping(**keys(api, cloud)) == {"status": "ok"}


@pytest.mark.parametrize(("way", "copies"), [(Way.CUT_BEFORE, 0), (Way.CUT_UPLOAD, 0), (Way.CUT_AFTER, 1)])
def test_an_upload_may_break_off(api: GraphApi, cloud: Cloud, way: Way, copies: int) -> None:
    api.fault(way, "cloudinary.upload", after_bytes=200)
    refused(exceptions.Error, lambda: uploaded(api, cloud, picture(), tags=["storyline"]))
    assert [one.tags for one in api.copies()] == [["storyline"]] * copies
    api.refuse_host(420, "Rate Limit Exceeded", operation="cloudinary.upload")
    assert refused(exceptions.RateLimited, lambda: uploaded(api, cloud, picture())) == "Rate Limit Exceeded"


# Processes

CHILD = """
import sys, urllib.request, urllib.parse
url, token, container = sys.argv[1:]
request = urllib.request.Request(url, urllib.parse.urlencode({"creation_id": container}).encode())
request.add_header("Authorization", "Bearer " + token)
print(urllib.request.urlopen(request).read().decode())
"""


@pytest.mark.parametrize(("way", "stories"), [(Way.SILENT_BEFORE, 0), (Way.SILENT, 1)])
def test_a_client_can_be_killed_before_and_after_the_effect(
    api: GraphApi, client: Client, cloud: Cloud, way: Way, stories: int
) -> None:
    container = client.made(image_url=hosted(api, cloud, picture()))
    fault = api.fault(way, "media.publish")
    given = [client.url(f"{client.account.id}/media_publish"), client.account.token, container]
    child = subprocess.Popen([sys.executable, "-c", CHILD, *given])
    assert api.wait_for(fault)
    child.kill()
    child.wait()
    assert len(api.stories(client.account)) == stories
    assert client.status(container) == ("PUBLISHED" if stories else "FINISHED")


def test_a_server_in_a_process_of_its_own_is_the_same() -> None:
    with GraphProcess() as api:
        brand, cloud = api.account("brand"), api.cloud()
        made = client_of(api, brand)
        with made.http, GraphRemote(api.address) as elsewhere:
            fault = api.fault(Way.CUT_AFTER, "media.publish")
            container = made.made(image_url=hosted(api, cloud, picture()))
            with pytest.raises(httpx.TransportError):
                made.publish(container)
            assert elsewhere.wait_for(fault)
            assert [one.container for one in elsewhere.stories(brand)] == [container]
            assert elsewhere.calls() == api.calls()
            assert [one.operation for one in api.calls()] == [
                "cloudinary.upload", "fetched.get", "media.create", "media.publish",
            ]  # fmt: skip
            api.advance(timedelta(hours=25))
            assert elsewhere.now() == api.now()
            assert elsewhere.copies() == api.copies()
            assert len(elsewhere.copies()) == 1
            with pytest.raises(LookupError, match="KeyError"):
                api.behave(colour="red")
