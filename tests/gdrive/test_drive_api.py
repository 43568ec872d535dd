"""The Drive server of these tests answers a plain HTTP client as Google does."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import ssl
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import cast
from urllib.parse import parse_qs, urlsplit

import attrs
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given
from hypothesis import strategies as st

from tests.gdrive.drive_api.limits import Way
from tests.gdrive.drive_api.queries import Asked, read_query
from tests.gdrive.drive_api.refusals import Json, Refused
from tests.gdrive.drive_api.server import FULL, METADATA, PER_FILE, READONLY, DriveApi
from tests.gdrive.drive_api.signing import new_key
from tests.gdrive.drive_api.tree import FOLDER, SHORTCUT, Node, Person

ALL = {"supportsAllDrives": "true", "includeItemsFromAllDrives": "true"}
STEP = 256 * 1024
ANN: Json = {
    "kind": "drive#user", "displayName": "Ann", "me": True, "permissionId": "00000000000000000001",
    "emailAddress": "ann@example.com",
}  # fmt: skip
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
BARE = httpx.Client(verify=TLS, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))
"""Somebody without a token. Making a client's own TLS context takes longer than most of these tests."""
ODD = "Ünï \u202e 'a\\b' 🦊\n.jpg"


@attrs.frozen
class Asker:
    """Somebody's HTTP client."""

    server: DriveApi
    http: httpx.Client

    def get(self, path: str, **query: str | int) -> httpx.Response:
        return self.http.get(path, params=query)

    def told(self, path: str, **query: str | int) -> Json:
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return cast(Json, answer.json())

    def files(self, **query: str | int) -> list[Json]:
        """Every page of ``files.list``."""
        return self.pages("/drive/v3/files", "files", **query)

    def pages(self, path: str, name: str, **query: str | int) -> list[Json]:
        found: list[Json] = []
        while True:
            told = self.told(path, **query)
            found += cast(list[Json], told[name])
            if "nextPageToken" not in told:
                return found
            query["pageToken"] = str(told["nextPageToken"])

    def start(self, **query: str) -> str:
        return str(self.told("/drive/v3/changes/startPageToken", **query)["startPageToken"])

    def changes(self, token: str, **query: str | int) -> tuple[list[Json], str]:
        """Every change since a token, and the token to go on with."""
        found: list[Json] = []
        while True:
            told = self.told("/drive/v3/changes", pageToken=token, **query)
            found += cast(list[Json], told["changes"])
            if "newStartPageToken" in told:
                assert "nextPageToken" not in told
                return found, str(told["newStartPageToken"])
            token = str(told["nextPageToken"])


@pytest.fixture
def server() -> Iterator[DriveApi]:
    with DriveApi() as running:
        yield running


@pytest.fixture
def ann(server: DriveApi) -> Person:
    return server.world.user("Ann")


@pytest.fixture
def robot(server: DriveApi) -> Person:
    return server.world.robot("robot")


@attrs.define
class Askers:
    """Clients, closed at the end."""

    server: DriveApi
    open: list[httpx.Client]

    def __call__(self, person: Person, *scopes: str) -> Asker:
        token = self.server.token(person, scopes or (FULL,))
        headers = {"Authorization": f"Bearer {token}"}
        http = httpx.Client(base_url=self.server.address, headers=headers, verify=TLS, trust_env=False)
        self.open.append(http)
        return Asker(self.server, http)


@pytest.fixture
def asker(server: DriveApi) -> Iterator[Askers]:
    askers = Askers(server, [])
    yield askers
    for one in askers.open:
        one.close()


def reason(answer: httpx.Response) -> tuple[int, str]:
    """The code and reason of an error, whose shape is Google's."""
    error = answer.json()["error"]
    assert error["code"] == answer.status_code
    assert error["errors"][0]["message"] == error["message"]
    return answer.status_code, error["errors"][0]["reason"]


def names(files: list[Json]) -> set[str]:
    return {str(one["name"]) for one in files}


def ids(nodes: list[Node]) -> set[str]:
    return {one.id for one in nodes}


# Listing


def test_a_folder_is_listed_by_its_id_with_the_default_fields(server: DriveApi, ann: Person, asker: Askers) -> None:
    made = server.world.tree(ann.root, {"Stories": {"soup.jpg": b"1", "Food": {"deep.jpg": b"2"}}, "other.jpg": b"3"})
    told = asker(ann).told("/drive/v3/files", q=f"'{made['Stories'].id}' in parents and trashed = false")
    assert set(told) == {"kind", "incompleteSearch", "files"}
    files = cast(list[Json], told["files"])
    assert names(files) == {"soup.jpg", "Food"}
    assert set(files[0]) == {"kind", "id", "name", "mimeType"}


def test_a_file_has_what_drive_tells_of_it(server: DriveApi, ann: Person, asker: Askers) -> None:
    image: Json = {"width": 1080, "height": 1920, "rotation": 0}
    node = server.world.file(ODD, ann.root, b"picture", image=image)
    told = asker(ann).told(f"/drive/v3/files/{node.id}", fields="*")
    assert told["name"] == ODD
    assert told["size"] == "7"
    assert told["sha256Checksum"] == hashlib.sha256(b"picture").hexdigest()
    assert told["md5Checksum"] == hashlib.md5(b"picture", usedforsecurity=False).hexdigest()
    assert told["parents"] == [ann.root.id]
    assert told["imageMediaMetadata"] == image
    assert told["ownedByMe"] is True
    assert told["explicitlyTrashed"] is False
    assert datetime.fromisoformat(str(told["modifiedTime"])).tzinfo is UTC
    assert str(told["createdTime"])[-5] == "."
    assert cast(Json, told["capabilities"])["canDownload"] is True
    assert "driveId" not in told
    assert "shortcutDetails" not in told


def test_documents_and_shortcuts_have_neither_size_nor_checksum(
    server: DriveApi, ann: Person, asker: Askers
) -> None:  # fmt: skip
    loop = server.world.folder("Loop", ann.root)
    document, shortcut = server.world.document("Plan", loop), server.world.shortcut("Again", loop, loop)
    dangling = server.world.shortcut("Gone", loop, "1gone")
    by_id = {one["id"]: one for one in asker(ann).files(q=f"'{loop.id}' in parents", fields="files")}
    for node in (document, shortcut, dangling):
        assert not {"size", "md5Checksum", "sha256Checksum", "headRevisionId"} & set(by_id[node.id])
    assert by_id[document.id]["mimeType"] == "application/vnd.google-apps.document"
    assert by_id[shortcut.id]["shortcutDetails"] == {"targetId": loop.id, "targetMimeType": FOLDER}
    assert cast(Json, by_id[dangling.id]["shortcutDetails"])["targetId"] == "1gone"


def test_a_checksum_may_be_missing(server: DriveApi, ann: Person, asker: Askers) -> None:
    node = server.world.file("old.jpg", ann.root, b"x", sha256_known=False)
    told = asker(ann).told(f"/drive/v3/files/{node.id}", fields="id,md5Checksum,sha256Checksum")
    assert set(told) == {"id", "md5Checksum"}


def test_pages_follow_each_other_and_may_be_short_or_empty(server: DriveApi, ann: Person, asker: Askers) -> None:
    server.world.tree(ann.root, {f"{place}.jpg": b"" for place in range(25)})
    client = asker(ann)
    assert len(client.files(q="'root' in parents", pageSize=10)) == 25
    assert server.count("files.list") == 3
    server.knobs.page_sizes[:] = [0, 1, 7]
    assert len({one["id"] for one in client.files(q="'root' in parents", pageSize=1000)}) == 25
    assert server.count("files.list") == 3 + 4
    server.knobs.most_per_page = 5
    assert len(client.files(pageSize=1000)) == 25
    assert server.count("files.list") == 7 + 5


def test_a_page_token_can_be_used_again_but_not_for_another_question(
    server: DriveApi, ann: Person, asker: Askers
) -> None:  # fmt: skip
    server.world.tree(ann.root, {f"{place}.jpg": b"" for place in range(3)})
    client = asker(ann)
    token = str(client.told("/drive/v3/files", pageSize=1)["nextPageToken"])
    again = [client.told("/drive/v3/files", pageSize=1, pageToken=token)["files"] for _ in range(2)]
    assert again[0] == again[1]
    assert reason(client.get("/drive/v3/files", pageToken=token, q="trashed = false")) == (400, "invalid")
    server.advance(timedelta(hours=4))
    client = asker(ann)
    assert reason(client.get("/drive/v3/files", pageToken=token)) == (400, "invalid")
    token = str(client.told("/drive/v3/files", pageSize=1)["nextPageToken"])
    server.expire_pages()
    assert reason(client.get("/drive/v3/files", pageToken=token)) == (400, "invalid")


@pytest.mark.parametrize("size", ["0", "-1", "many"])
def test_a_wrong_page_size_is_refused(size: str, ann: Person, asker: Askers) -> None:
    assert reason(asker(ann).get("/drive/v3/files", pageSize=size)) == (400, "invalid")


def test_the_children_of_a_folder_that_is_not_there_are_a_404(server: DriveApi, ann: Person, asker: Askers) -> None:
    here = server.world.folder("Here", ann.root)
    client, query = asker(ann), f"'{here.id}' in parents or '1gone' in parents"
    assert reason(client.get("/drive/v3/files", q=query)) == (404, "notFound")
    server.knobs.missing_parents_refused = False
    assert client.files(q=query) == []


def test_an_incomplete_search_says_so(server: DriveApi, ann: Person, asker: Askers) -> None:
    server.knobs.incomplete = True
    assert asker(ann).told("/drive/v3/files", fields="incompleteSearch") == {"incompleteSearch": True}


def test_files_come_in_the_asked_order(server: DriveApi, ann: Person, asker: Askers) -> None:
    server.world.tree(ann.root, {"b.jpg": b"", "A": {}, "c.jpg": b"", "D": {}})
    client = asker(ann)
    assert [one["name"] for one in client.files(orderBy="folder,name desc")] == ["D", "A", "c.jpg", "b.jpg"]
    assert reason(client.get("/drive/v3/files", orderBy="colour")) == (400, "invalid")


def test_trash_goes_down_the_tree(server: DriveApi, ann: Person, asker: Askers) -> None:
    made = server.world.tree(ann.root, {"Food": {"Hot": {"soup.jpg": b"1"}}})
    client, soup = asker(ann), made["Food/Hot/soup.jpg"]
    server.world.trash(made["Food"])
    told = client.told(f"/drive/v3/files/{soup.id}", fields="trashed,explicitlyTrashed")
    assert told == {"trashed": True, "explicitlyTrashed": False}
    assert client.files(q="trashed = false") == []
    assert len(client.files(q="trashed = true")) == 3
    server.world.untrash(made["Food"])
    assert client.files(q=f"'{made['Food/Hot'].id}' in parents and trashed = false") != []


# The search language


QUERIES = {
    "mimeType contains 'image/'": {"a.jpg", "b.png", "it's.jpg"},
    "mimeType = 'image/png'": {"b.png"},
    "mimeType != 'image/jpeg' and mimeType contains 'i'": {"b.png", "c.mp4", "Food"},
    "name = 'it\\'s.jpg'": {"it's.jpg"},
    "name contains 'a'": {"a.jpg"},
    "not name contains 'a' and mimeType contains 'image/'": {"b.png", "it's.jpg"},
    "mimeType = 'x' and trashed = false or name = 'c.mp4'": {"c.mp4"},
    "name = 'c.mp4' or trashed = false and mimeType = 'video/mp4'": {"c.mp4"},
    "name = 'c.mp4' or (name = 'b.png' and trashed = false)": {"c.mp4", "b.png"},
    "modifiedTime < '2001-01-01T00:00:00'": set(),
    "trashed != true and createdTime > '2001-01-01T00:00:00Z' and mimeType = 'video/mp4'": {"c.mp4"},
    "'me' in owners and name = 'a.jpg'": {"a.jpg"},
    "'ann@example.com' in writers and name = 'a.jpg'": {"a.jpg"},
    "not ('root' in parents)": set(),
    "(('root' in parents)) and (trashed=false)and(mimeType='video/mp4')": {"c.mp4"},
}


def test_queries_find_what_they_say(server: DriveApi, ann: Person, asker: Askers) -> None:
    server.world.tree(ann.root, {"a.jpg": b"", "b.png": b"", "c.mp4": b"", "it's.jpg": b"", "Food": {}})
    client = asker(ann)
    for query, found in QUERIES.items():
        assert names(client.files(q=query)) == found, query


WRONG_QUERIES = [
    "trashed", "trashed = 'false'", "name contains", "name contains 'x", "'x' in", "'x' in name", "name = \"x\"",
    "trashed = false and", "(trashed = false", "trashed = false)", "colour = 'red'", "name > 'x'",
    "modifiedTime > 'yesterday'", "appProperties has { key='x' }",
]  # fmt: skip


@pytest.mark.parametrize("query", WRONG_QUERIES)
def test_a_wrong_query_is_refused(query: str, ann: Person, asker: Askers) -> None:
    answer = asker(ann).get("/drive/v3/files", q=query)
    assert reason(answer) == (400, "invalid")
    assert answer.json()["error"]["errors"][0]["location"] == "q"


@given(st.text(alphabet="ab '\\=()notrdin", max_size=25))
def test_any_text_is_a_query_or_refused(text: str) -> None:
    with contextlib.suppress(Refused):
        assert read_query(text) is not None


@given(st.text(max_size=20))
def test_any_name_can_be_asked_for_once_it_is_escaped(name: str) -> None:
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    now = datetime(2026, 1, 1, tzinfo=UTC)
    node = Node("1x", name, "image/jpeg", "p", None, None, now, now)
    ask = Asked("ann@example.com", "app", lambda node: False, lambda email, node: 0, "root")
    assert read_query(f"name = '{escaped}'").test(node, ask)


# Field masks


def test_a_mask_is_honoured_exactly(server: DriveApi, ann: Person, asker: Askers) -> None:
    server.world.file("a.jpg", ann.root, b"", image={"width": 3, "height": 4})
    client = asker(ann)
    masks: dict[str, Json] = {
        "files(name,imageMediaMetadata/width)": {"files": [{"name": "a.jpg", "imageMediaMetadata": {"width": 3}}]},
        "files/name, kind": {"kind": "drive#fileList", "files": [{"name": "a.jpg"}]},
        "files(imageMediaMetadata(width,height)),nextPageToken": {
            "files": [{"imageMediaMetadata": {"width": 3, "height": 4}}]
        },
        "files(owners/emailAddress)": {"files": [{"owners": [{"emailAddress": "ann@example.com"}]}]},
        "files(owners/emailAddress),files(owners),files(owners/me)": {"files": [{"owners": [ANN]}]},
        "files(name),files(size)": {"files": [{"name": "a.jpg", "size": "0"}]},
        "incompleteSearch": {"incompleteSearch": False},
    }
    for fields, expected in masks.items():
        assert client.told("/drive/v3/files", fields=fields) == expected


@pytest.mark.parametrize(
    "fields", ["colour", "files(colour)", "files(name", "files(name))", "files()", "", "files(name/x)", "files,,kind"]
)
def test_a_mask_that_drive_does_not_have_is_refused(fields: str, ann: Person, asker: Askers) -> None:
    assert reason(asker(ann).get("/drive/v3/files", fields=fields)) == (400, "invalidParameter")


# People and rights


def test_what_is_not_shared_is_not_there(server: DriveApi, ann: Person, robot: Person, asker: Askers) -> None:
    made = server.world.tree(ann.root, {"Stories": {"a.jpg": b"1"}, "Private": {"b.jpg": b"2"}})
    client = asker(robot, READONLY)
    assert reason(client.get(f"/drive/v3/files/{made['Stories'].id}")) == (404, "notFound")
    server.world.share(made["Stories"], robot)
    assert names(client.files()) == {"Stories", "a.jpg"}
    told = client.told(f"/drive/v3/files/{made['Stories'].id}", fields="*")
    assert "parents" not in told
    assert told["ownedByMe"] is False
    assert reason(client.get(f"/drive/v3/files/{made['Private/b.jpg'].id}", alt="media")) == (404, "notFound")
    server.world.unshare(made["Stories"], robot)
    assert client.files() == []
    assert reason(client.get("/drive/v3/files", q=f"'{made['Stories'].id}' in parents")) == (404, "notFound")


def test_shared_drives_are_invisible_to_calls_that_do_not_ask_for_them(
    server: DriveApi, ann: Person, robot: Person, asker: Askers
) -> None:  # fmt: skip
    team = server.world.shared_drive("Team", {robot: "reader"})
    food = server.world.tree(team.root, {"Food": {"a.jpg": b"1"}})["Food"]
    client = asker(robot)
    assert client.files() == []
    assert reason(client.get("/drive/v3/files", q=f"'{food.id}' in parents")) == (404, "notFound")
    assert reason(client.get(f"/drive/v3/files/{food.id}")) == (404, "notFound")
    assert client.told(f"/drive/v3/files/{food.id}", fields="driveId", supportsAllDrives="true") == {"driveId": team.id}
    assert names(client.files(q=f"'{food.id}' in parents", **ALL)) == {"a.jpg"}
    assert names(client.files(q=f"'{team.id}' in parents", **ALL)) == {"Food"}
    assert names(client.files(corpora="drive", driveId=team.id, **ALL)) == {"Food", "a.jpg"}
    assert names(client.files(corpora="allDrives", **ALL)) == {"Food", "a.jpg"}
    assert reason(asker(ann).get("/drive/v3/files", corpora="drive", driveId=team.id, **ALL)) == (404, "notFound")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"includeItemsFromAllDrives": "true"}, 403),
        ({"corpora": "drive", **ALL}, 400),
        ({"driveId": "TEAM", **ALL}, 400),
        ({"corpora": "allDrives", "supportsAllDrives": "true"}, 400),
        ({"corpora": "everything"}, 400),
        ({"supportsAllDrives": "yes"}, 400),
    ],
)
def test_combinations_that_drive_refuses(
    query: dict[str, str], code: int, server: DriveApi, ann: Person, asker: Askers
) -> None:  # fmt: skip
    team = server.world.shared_drive("Team", {ann: "reader"})
    given = {name: value.replace("TEAM", team.id) for name, value in query.items()}
    assert asker(ann).get("/drive/v3/files", **given).status_code == code


def test_drives_are_listed_by_name_and_in_pages(server: DriveApi, ann: Person, asker: Askers) -> None:
    mine = [server.world.shared_drive(name, {ann: "organizer"}) for name in "CAB"]
    server.world.shared_drive("Others")
    client = asker(ann)
    listed = client.pages("/drive/v3/drives", "drives", pageSize=2)
    assert [one["name"] for one in listed] == ["A", "B", "C"]
    assert client.told(f"/drive/v3/drives/{mine[0].id}") == {"kind": "drive#drive", "id": mine[0].id, "name": "C"}
    server.world.leave(mine[0], ann)
    assert reason(client.get(f"/drive/v3/drives/{mine[0].id}")) == (404, "notFound")


def test_about_says_who_asks_and_wants_fields(server: DriveApi, ann: Person, asker: Askers) -> None:
    server.world.file("a.jpg", ann.root, b"12345")
    client = asker(ann)
    assert reason(client.get("/drive/v3/about")) == (400, "required")
    told = client.told("/drive/v3/about", fields="user(emailAddress,displayName),storageQuota(limit,usage)")
    assert told["user"] == {"emailAddress": "ann@example.com", "displayName": "Ann"}
    assert told["storageQuota"] == {"limit": str(15 * 1024**3), "usage": "5"}


def test_a_scope_limits_what_a_token_may_do(server: DriveApi, ann: Person, asker: Askers) -> None:
    node = server.world.file("a.jpg", ann.root, b"12345")
    path = f"/drive/v3/files/{node.id}"
    looks = asker(ann, METADATA)
    assert looks.told(path)["id"] == node.id
    assert reason(looks.get(path, alt="media")) == (403, "insufficientPermissions")
    reads = asker(ann, READONLY)
    assert reads.get(path, alt="media").content == b"12345"
    assert reason(reads.http.patch(path, json={"name": "b"})) == (403, "insufficientPermissions")
    picks = asker(ann, PER_FILE)
    assert reason(picks.get(path)) == (404, "notFound")
    assert picks.files() == []
    server.pick(node)
    assert names(picks.files()) == {"a.jpg"}
    assert picks.http.patch(path, json={"name": "b.jpg"}).status_code == 200


# Downloads and thumbnails


@pytest.mark.parametrize(
    ("asked", "code", "body", "place"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=4-", 206, b"456789", "bytes 4-9/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=10-", 416, None, "bytes */10"),
        ("bytes=5-4", 416, None, "bytes */10"),
        ("lines=1-2", 200, b"0123456789", None),
    ],
)
def test_ranges(
    asked: str, code: int, body: bytes | None, place: str | None, server: DriveApi, ann: Person, asker: Askers
) -> None:  # fmt: skip
    node = server.world.file("a.jpg", ann.root, b"0123456789")
    answer = asker(ann).http.get(f"/drive/v3/files/{node.id}?alt=media", headers={"Range": asked})
    assert answer.status_code == code
    assert body is None or answer.content == body
    assert answer.headers.get("Content-Range") == place


def test_what_cannot_be_downloaded(server: DriveApi, ann: Person, robot: Person, asker: Askers) -> None:
    bad = server.world.file("bad.jpg", ann.root, b"evil", abusive=True)
    closed = server.world.file("closed.jpg", ann.root, b"x", downloadable=False)
    document = server.world.document("Plan", ann.root)
    server.world.share(bad, robot)
    owner, other = asker(ann), asker(robot)
    assert reason(owner.get(f"/drive/v3/files/{document.id}", alt="media")) == (403, "fileNotDownloadable")
    assert reason(owner.get(f"/drive/v3/files/{closed.id}", alt="media")) == (403, "cannotDownloadFile")
    path = f"/drive/v3/files/{bad.id}"
    assert reason(owner.get(path, alt="media")) == (403, "cannotDownloadAbusiveFile")
    assert owner.get(path, alt="media", acknowledgeAbuse="true").content == b"evil"
    refused = other.get(path, alt="media", acknowledgeAbuse="true")
    assert reason(refused) == (403, "cannotDownloadAbusiveFile")


def test_a_thumbnail_is_as_large_as_its_link_says_and_ends(server: DriveApi, ann: Person, asker: Askers) -> None:
    node = server.world.file("a.jpg", ann.root, b"1", image={"width": 1080, "height": 1920})
    link = str(asker(ann).told(f"/drive/v3/files/{node.id}", fields="thumbnailLink")["thumbnailLink"])
    assert link.endswith("=s220")
    for size in (220, 64):
        picture = BARE.get(link.replace("=s220", f"=s{size}"))
        assert picture.headers["Content-Type"] == "image/png"
        assert int.from_bytes(picture.content[20:24], "big") == size
        assert int.from_bytes(picture.content[16:20], "big") == round(1080 * size / 1920)
    server.knobs.thumbnails_need_token = True
    assert BARE.get(link).status_code == 403
    server.knobs.thumbnails_need_token = False
    server.advance(timedelta(hours=5))
    assert BARE.get(link).status_code == 403
    server.world.replace(node, b"2")
    assert BARE.get(link).status_code == 404
    node.thumbnail = b"own"
    link = str(asker(ann).told(f"/drive/v3/files/{node.id}", fields="thumbnailLink")["thumbnailLink"])
    assert BARE.get(link).content == b"own"


# Changes


def test_changes_say_what_happened_since_a_token(server: DriveApi, ann: Person, asker: Askers) -> None:
    world = server.world
    made = world.tree(ann.root, {"Food": {"a.jpg": b"1", "b.jpg": b"2"}, "Other": {}})
    client, mask = asker(ann), "*"
    token = client.start()
    assert client.changes(token) == ([], token)
    world.rename(made["Food"], "Meals")
    world.move(made["Food/a.jpg"], made["Other"])
    world.delete(made["Food/b.jpg"])
    world.trash(made["Other"])
    changes, after = client.changes(token, fields=mask)
    assert [(one["fileId"], one["removed"]) for one in changes] == [
        (made["Food"].id, False), (made["Food/a.jpg"].id, False), (made["Food/b.jpg"].id, True),
        (made["Other"].id, False),
    ]  # fmt: skip
    told = [cast(Json, one["file"]) for one in changes if not one["removed"]]
    assert told[0]["name"] == "Meals"
    assert told[1]["parents"] == [made["Other"].id]
    assert (told[1]["trashed"], told[1]["explicitlyTrashed"]) == (True, False)
    assert told[2]["explicitlyTrashed"] is True
    assert "file" not in changes[2]
    assert client.changes(after) == ([], after)
    assert [one["removed"] for one in client.changes(token, includeRemoved="false")[0]] == [False] * 3


def test_changes_come_in_pages_that_a_new_change_may_reach(server: DriveApi, ann: Person, asker: Askers) -> None:
    client = asker(ann)
    token = client.start()
    made = server.world.tree(ann.root, {f"{place}.jpg": b"" for place in range(7)})
    told = client.told("/drive/v3/changes", pageToken=token, pageSize=3)
    assert "newStartPageToken" not in told
    server.world.rename(made["6.jpg"], "late.jpg")
    changes, _ = client.changes(str(told["nextPageToken"]), pageSize=3)
    assert len(changes) == 4
    assert cast(Json, changes[-1]["file"])["name"] == "late.jpg"
    server.knobs.page_sizes[:] = [0, 2]
    assert len(client.changes(token)[0]) == 7


def test_a_file_that_changed_often_is_told_once_or_each_time(server: DriveApi, ann: Person, asker: Askers) -> None:
    first, second = (server.world.file(name, ann.root, b"1") for name in ("a.jpg", "b.jpg"))
    client = asker(ann)
    token = client.start()
    for name in ("x", "y", "z"):
        server.world.rename(first, name)
        server.world.rename(second, name)
    assert [one["fileId"] for one in client.changes(token)[0]] == [first.id, second.id]
    server.knobs.repeat_changes = True
    assert [one["fileId"] for one in client.changes(token)[0]] == [first.id, second.id] * 3
    server.knobs.shuffle = random.Random(1)
    shuffled = [one["fileId"] for one in client.changes(token)[0]]
    assert shuffled != [first.id, second.id] * 3
    assert sorted(map(str, shuffled)) == sorted([first.id, second.id] * 3)


def test_lost_access_is_told_as_removed_for_the_folder_alone(
    server: DriveApi, ann: Person, robot: Person, asker: Askers
) -> None:  # fmt: skip
    made = server.world.tree(ann.root, {"Stories": {"Food": {"a.jpg": b"1"}}, "Private": {}})
    server.world.share(made["Stories"], robot)
    client = asker(robot)
    token = client.start()
    server.world.rename(made["Private"], "Secret")
    server.world.move(made["Stories/Food"], made["Private"])
    changes, token = client.changes(token)
    assert [(one["fileId"], one["removed"]) for one in changes] == [(made["Stories/Food"].id, True)]
    server.world.tells_descendants = True
    server.world.move(made["Stories/Food"], made["Stories"])
    changes, token = client.changes(token)
    told = {(one["fileId"], one["removed"]) for one in changes}
    assert told == {(made["Stories/Food"].id, False), (made["Stories/Food/a.jpg"].id, False)}
    server.world.tells_descendants = False
    server.world.unshare(made["Stories"], robot)
    assert [(one["fileId"], one["removed"]) for one in client.changes(token)[0]] == [(made["Stories"].id, True)]


def test_a_deleted_folder_is_told_without_what_it_held(server: DriveApi, ann: Person, asker: Askers) -> None:
    made = server.world.tree(ann.root, {"A": {"a.jpg": b"1"}, "B": {"b.jpg": b"1"}})
    client = asker(ann)
    token = client.start()
    server.world.delete(made["A"])
    changes, token = client.changes(token)
    assert [(one["fileId"], one["removed"]) for one in changes] == [(made["A"].id, True)]
    assert reason(client.get(f"/drive/v3/files/{made['A/a.jpg'].id}")) == (404, "notFound")
    server.world.tells_descendants = True
    server.world.delete(made["B"])
    assert {one["fileId"] for one in client.changes(token)[0]} == {made["B"].id, made["B/b.jpg"].id}


def test_each_shared_drive_has_a_log_of_its_own(server: DriveApi, ann: Person, asker: Askers) -> None:
    team = server.world.shared_drive("Team", {ann: "writer"})
    client = asker(ann)
    mine, drive = client.start(), client.start(driveId=team.id, supportsAllDrives="true")
    made = server.world.file("a.jpg", team.root, b"1")
    other = server.world.file("b.jpg", ann.root, b"1")
    everything = {"driveId": team.id, **ALL}
    assert [one["fileId"] for one in client.changes(mine)[0]] == [other.id]
    assert [one["fileId"] for one in client.changes(mine, **ALL)[0]] == [made.id, other.id]
    changes, drive_after = client.changes(drive, **everything)
    assert [one["fileId"] for one in changes] == [made.id]
    assert reason(client.get("/drive/v3/changes", pageToken=mine, **everything)) == (400, "invalid")
    server.world.move(made, ann.root)
    changes, _ = client.changes(drive_after, **everything)
    assert [(one["fileId"], one["removed"]) for one in changes] == [(made.id, True)]
    server.world.leave(team, ann)
    assert reason(client.get("/drive/v3/changes", pageToken=drive, **everything)) == (404, "notFound")
    changes, _ = client.changes(mine, **ALL)
    assert [(one["changeType"], one["driveId"], one["removed"]) for one in changes if "driveId" in one] == [
        ("drive", team.id, True)
    ]


def test_changes_can_be_limited_to_my_drive(server: DriveApi, ann: Person, robot: Person, asker: Askers) -> None:
    node = server.world.file("a.jpg", ann.root, b"1")
    client = asker(robot)
    token = client.start()
    server.world.share(node, robot)
    assert len(client.changes(token)[0]) == 1
    assert client.changes(token, restrictToMyDrive="true")[0] == []


@pytest.mark.parametrize(("code", "why"), [(400, "invalid"), (404, "notFound"), (410, "fullSyncRequired")])
def test_lost_tokens(code: int, why: str, server: DriveApi, ann: Person, asker: Askers) -> None:
    client = asker(ann)
    token = client.start()
    server.lose_change_tokens(code)
    assert reason(client.get("/drive/v3/changes", pageToken=token)) == (code, why)
    assert client.changes(client.start())[0] == []
    assert reason(client.get("/drive/v3/changes", pageToken="rubbish")) == (400, "invalid")
    assert reason(client.get("/drive/v3/changes")) == (400, "required")


# Writing


def begin(client: Asker, size: int | None, given: Json, path: str = "", **query: str) -> httpx.Response:
    headers = {"X-Upload-Content-Type": "image/jpeg"}
    if size is not None:
        headers["X-Upload-Content-Length"] = str(size)
    query = {"uploadType": "resumable", **query}
    method = "PATCH" if path else "POST"
    return client.http.request(method, f"/upload/drive/v3/files{path}", params=query, json=given, headers=headers)


def test_a_resumable_upload_in_pieces(server: DriveApi, ann: Person, asker: Askers) -> None:
    folder, content = server.world.folder("Food", ann.root), random.Random(3).randbytes(STEP * 2 + 5)
    client = asker(ann, PER_FILE)
    server.pick(folder)
    given: Json = {"name": "a.jpg", "parents": [folder.id], "appProperties": {"post": "7"}}
    begun = begin(client, len(content), given, fields="id,size,appProperties,sha256Checksum")
    assert begun.status_code == 200
    link, total = begun.headers["Location"], len(content)
    sent = BARE.put(link, content=content[:STEP], headers={"Content-Range": f"bytes 0-{STEP - 1}/{total}"})
    assert (sent.status_code, sent.headers["Range"]) == (308, f"bytes=0-{STEP - 1}")
    rest = {"Content-Range": f"bytes {STEP}-{total - 1}/{total}"}
    fault = server.fault(Way.CUT_UPLOAD, operation="upload.send", after_bytes=STEP + 4)
    with pytest.raises(httpx.TransportError):
        BARE.put(link, content=content[STEP:], headers=rest)
    assert fault.hits == 1
    asked = BARE.put(link, headers={"Content-Range": f"bytes */{total}"})
    assert (asked.status_code, asked.headers["Range"]) == (308, f"bytes=0-{2 * STEP - 1}")
    ended = BARE.put(
        link, content=content[2 * STEP :], headers={"Content-Range": f"bytes {2 * STEP}-{total - 1}/{total}"}
    )
    assert ended.status_code == 200
    assert ended.json()["sha256Checksum"] == hashlib.sha256(content).hexdigest()
    assert ended.json()["appProperties"] == {"post": "7"}
    asked = BARE.put(link, headers={"Content-Range": f"bytes */{total}"})
    assert asked.json() == ended.json()
    assert [one.name for one in server.world.held(folder)] == ["a.jpg"]
    found = client.files(q="appProperties has { key='post' and value='7' }")
    assert [one["id"] for one in found] == [ended.json()["id"]]
    assert "appProperties" not in asker(server.world.user("Bob")).told("/drive/v3/files", fields="files(appProperties)")


def test_an_upload_whose_answer_was_lost_is_not_done_twice(server: DriveApi, ann: Person, asker: Askers) -> None:
    client = asker(ann)
    link = begin(client, 3, {"name": "a.jpg"}).headers["Location"]
    server.fault(Way.CUT_AFTER, operation="upload.send")
    with pytest.raises(httpx.TransportError):
        BARE.put(link, content=b"123")
    assert BARE.put(link, headers={"Content-Range": "bytes */3"}).status_code == 200
    assert len(client.files()) == 1


def test_a_piece_that_overlaps_is_taken_from_where_the_upload_stands(ann: Person, asker: Askers) -> None:
    client, content = asker(ann), random.Random(4).randbytes(2 * STEP)
    link = begin(client, 2 * STEP, {"name": "a.jpg"}, fields="sha256Checksum").headers["Location"]
    place = f"bytes 0-{STEP - 1}/{2 * STEP}"
    assert BARE.put(link, content=content[:STEP], headers={"Content-Range": place}).status_code == 308
    ended = BARE.put(link, content=content, headers={"Content-Range": f"bytes 0-{2 * STEP - 1}/{2 * STEP}"})
    assert ended.json() == {"sha256Checksum": hashlib.sha256(content).hexdigest()}


def test_uploads_expire_and_refuse_wrong_pieces(server: DriveApi, ann: Person, asker: Askers) -> None:
    client = asker(ann)
    link = begin(client, 2 * STEP, {"name": "a.jpg"}).headers["Location"]
    nothing = BARE.put(link, headers={"Content-Range": f"bytes */{2 * STEP}"})
    assert (nothing.status_code, "Range" in nothing.headers) == (308, False)
    for place, size in (("bytes 5-9/10", 5), (f"bytes 0-9/{2 * STEP}", 10), (f"bytes {STEP}-{STEP}/{2 * STEP}", 1)):
        assert BARE.put(link, content=b"x" * size, headers={"Content-Range": place}).status_code == 400
    server.expire_uploads()
    assert BARE.put(link, content=b"123").status_code == 404
    link = begin(client, None, {"name": "a.jpg"}).headers["Location"]
    server.advance(timedelta(days=8))
    assert BARE.put(link, content=b"123").status_code == 404
    assert asker(ann).files() == []


def test_an_upload_of_unknown_length_and_a_chunked_body(server: DriveApi, ann: Person, asker: Askers) -> None:
    client = asker(ann)
    link = begin(client, None, {"name": "a.jpg"}).headers["Location"]
    more = BARE.put(link, content=b"a" * STEP, headers={"Content-Range": f"bytes 0-{STEP - 1}/*"})
    assert more.status_code == 308
    last = BARE.put(link, content=b"bc", headers={"Content-Range": f"bytes {STEP}-{STEP + 1}/{STEP + 2}"})
    assert last.status_code == 200
    link = begin(client, None, {"name": "b.jpg"}).headers["Location"]
    made = BARE.put(link, content=iter([b"12", b"34"])).json()
    assert client.get(f"/drive/v3/files/{made['id']}", alt="media").content == b"1234"


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_a_multipart_upload(end: bytes, ann: Person, asker: Askers) -> None:
    client, content = asker(ann), b"\x00--edge\r\n\xff\r"
    given = '{"name": "a.jpg", "description": "ä"}'.encode()
    lines = [
        b"--edge", b"Content-Type: application/json", b"", given, b"--edge", b"Content-Type: image/jpeg", b"", content,
        b"--edge--",
    ]  # fmt: skip
    headers = {"Content-Type": "multipart/related; boundary=edge"}
    query = {"uploadType": "multipart", "fields": "id,mimeType,description"}
    made = client.http.post("/upload/drive/v3/files", params=query, content=end.join(lines), headers=headers).json()
    assert made["mimeType"] == "image/jpeg"
    assert made["description"] == "ä"
    assert client.get(f"/drive/v3/files/{made['id']}", alt="media").content == content
    broken = client.http.post("/upload/drive/v3/files", params=query, content=b"--edge", headers=headers)
    assert broken.status_code == 400


def test_an_id_made_beforehand_makes_one_file_only(ann: Person, asker: Askers) -> None:
    client = asker(ann)
    number = cast(list[str], client.told("/drive/v3/files/generateIds", count=1)["ids"])[0]
    given = {"id": number, "name": "Food", "mimeType": FOLDER}
    assert client.http.post("/drive/v3/files", json=given).json()["id"] == number
    assert reason(client.http.post("/drive/v3/files", json=given)) == (409, "fileIdInUse")


def test_a_robot_stores_nothing_of_its_own(
    server: DriveApi, ann: Person, robot: Person, asker: Askers
) -> None:  # fmt: skip
    shared, team = server.world.folder("Stories", ann.root), server.world.shared_drive("Team", {robot: "writer"})
    server.world.share(shared, robot, "writer")
    client = asker(robot)
    assert reason(begin(client, 3, {"parents": [shared.id]})) == (403, "storageQuotaExceeded")
    link = begin(client, 3, {"parents": [team.id]}, supportsAllDrives="true").headers["Location"]
    assert BARE.put(link, content=b"123").status_code == 200
    ann.quota = 2
    assert reason(begin(asker(ann), 3, {})) == (403, "storageQuotaExceeded")


def test_updates_rename_move_trash_and_replace(server: DriveApi, ann: Person, asker: Askers) -> None:
    made = server.world.tree(ann.root, {"A": {"x.jpg": b"1"}, "B": {}})
    client, node = asker(ann), made["A/x.jpg"]
    path, before = f"/drive/v3/files/{node.id}", node.head_revision
    moved = client.http.patch(
        path, params={"addParents": made["B"].id, "removeParents": made["A"].id, "fields": "name,parents"},
        json={"name": "y.jpg"},
    )  # fmt: skip
    assert moved.json() == {"name": "y.jpg", "parents": [made["B"].id]}
    assert client.http.patch(path, json={"trashed": True}, params={"fields": "trashed"}).json() == {"trashed": True}
    link = begin(client, 2, {}, f"/{node.id}", fields="headRevisionId,size").headers["Location"]
    replaced = BARE.put(link, content=b"22").json()
    assert replaced["size"] == "2"
    assert replaced["headRevisionId"] != before
    refused = [
        client.http.patch(path, params={"addParents": made["A"].id}),
        client.http.patch(path, json={"parents": [made["A"].id]}),
        client.http.patch(path, json={"md5Checksum": "0"}),
    ]
    assert [reason(one)[1] for one in refused] == ["cannotAddParent", "fieldNotWritable", "fieldNotWritable"]
    into_itself = client.http.patch(
        f"/drive/v3/files/{made['A'].id}", params={"addParents": made["A"].id, "removeParents": "root"}
    )
    assert reason(into_itself) == (403, "invalidParent")
    assert client.http.delete(path).status_code == 204
    assert reason(client.get(path)) == (404, "notFound")


def test_a_reader_changes_nothing(server: DriveApi, ann: Person, robot: Person, asker: Askers) -> None:
    shared = server.world.folder("Stories", ann.root)
    server.world.share(shared, robot)
    client = asker(robot)
    path = f"/drive/v3/files/{shared.id}"
    assert reason(client.http.patch(path, json={"name": "x"})) == (403, "insufficientFilePermissions")
    assert reason(client.http.delete(path)) == (403, "insufficientFilePermissions")
    answer = client.http.post("/drive/v3/files", json={"parents": [shared.id], "mimeType": FOLDER})
    assert reason(answer) == (403, "insufficientFilePermissions")
    server.world.share(shared, robot, "writer")
    assert client.http.patch(path, json={"name": "x"}).status_code == 200
    assert reason(client.http.patch(path, json={"trashed": True})) == (403, "insufficientFilePermissions")
    shortcut: Json = {"mimeType": SHORTCUT, "parents": [shared.id], "shortcutDetails": {"targetId": shared.id}}
    assert client.http.post("/drive/v3/files", json=shortcut).status_code == 200


def test_app_properties_are_each_clients_own_and_small(server: DriveApi, ann: Person, asker: Askers) -> None:
    node, client = server.world.file("a.jpg", ann.root, b"1"), asker(ann)
    path, asked = f"/drive/v3/files/{node.id}", {"fields": "appProperties"}
    client.http.patch(path, json={"appProperties": {"post": "7", "team": "x"}})
    kept = client.http.patch(path, json={"appProperties": {"team": None, "page": "2"}}, params=asked)
    assert kept.json() == {"appProperties": {"post": "7", "page": "2"}}
    other = server.token(ann, client="other.apps")
    seen = BARE.get(f"{server.address}{path}", params=asked, headers={"Authorization": f"Bearer {other}"})
    assert seen.json() == {}
    for wrong in ({"key": "v" * 122}, {str(place): "v" for place in range(29)}):
        assert client.http.patch(path, json={"appProperties": wrong}).status_code == 403
    assert client.told(path, **asked) == {"appProperties": {"post": "7", "page": "2"}}


def test_who_owns_a_folder_edits_what_others_put_there_but_cannot_delete_it(
    server: DriveApi, ann: Person, asker: Askers
) -> None:  # fmt: skip
    bob = server.world.user("Bob")
    node = server.world.file("bobs.jpg", server.world.folder("Stories", ann.root), b"1", owner=bob)
    path = f"/drive/v3/files/{node.id}"
    assert asker(ann).http.patch(path, json={"name": "ours.jpg"}).status_code == 200
    assert reason(asker(ann).http.delete(path)) == (403, "insufficientFilePermissions")
    assert asker(bob).http.delete(path).status_code == 204


# OAuth


@attrs.frozen
class Consent:
    """A person's consent in a browser."""

    server: DriveApi
    verifier: str = "v" * 64

    def asked(self, client: str, redirect: str = "http://127.0.0.1:4711/", scope: str = READONLY) -> httpx.Response:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        challenge = urlsafe_b64encode(digest).decode().rstrip("=")
        query = {
            "response_type": "code", "client_id": client, "redirect_uri": redirect, "scope": scope, "state": "s t",
            "code_challenge": challenge, "code_challenge_method": "S256", "access_type": "offline",
        }  # fmt: skip
        return BARE.get(f"{self.server.address}/auth", params=query)

    def code(self, client: str) -> str:
        query = parse_qs(urlsplit(self.asked(client).headers["Location"]).query)
        assert query["state"] == ["s t"]
        return query["code"][0]

    def token(self, **form: str) -> httpx.Response:
        given = {"client_id": "desktop.apps", "client_secret": "GOCSPX-tests", **form}
        return BARE.post(f"{self.server.address}/token", data=given)

    def exchange(self, code: str, **form: str) -> httpx.Response:
        given = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": "http://127.0.0.1:4711/",
            "code_verifier": self.verifier,
        }  # fmt: skip
        return self.token(**(given | form))

    def works(self, token: object) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return BARE.get(f"{self.server.address}/drive/v3/files", headers=headers).status_code


def test_a_person_agrees_and_the_client_gets_tokens(server: DriveApi, ann: Person) -> None:
    client, consent = server.client(), Consent(server)
    server.oauth.at_browser = ann
    code = consent.code(client.id)
    told = consent.exchange(code).json()
    assert told["token_type"] == "Bearer"
    assert told["expires_in"] == 3599
    assert told["scope"] == READONLY
    assert consent.works(told["access_token"]) == 200
    assert consent.exchange(code).json() == {"error": "invalid_grant", "error_description": "Malformed auth code."}
    server.advance(timedelta(hours=1, seconds=1))
    assert consent.works(told["access_token"]) == 401
    renewed = consent.token(grant_type="refresh_token", refresh_token=told["refresh_token"]).json()
    assert "refresh_token" not in renewed
    assert consent.works(renewed["access_token"]) == 200
    assert BARE.post(f"{server.address}/revoke", data={"token": told["refresh_token"]}).status_code == 200
    assert consent.works(renewed["access_token"]) == 401
    again = consent.token(grant_type="refresh_token", refresh_token=told["refresh_token"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert BARE.post(f"{server.address}/revoke", data={"token": "x"}).json()["error"] == "invalid_token"


@pytest.mark.parametrize(
    ("form", "code", "error"),
    [
        ({"code_verifier": "w" * 64}, 400, "invalid_grant"),
        ({"code_verifier": ""}, 400, "invalid_grant"),
        ({"redirect_uri": "http://127.0.0.1:4712/"}, 400, "redirect_uri_mismatch"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_a_code_is_only_good_for_whom_it_was_made(
    form: dict[str, str], code: int, error: str, server: DriveApi, ann: Person
) -> None:  # fmt: skip
    client, consent = server.client(), Consent(server)
    server.oauth.at_browser = ann
    answer = consent.exchange(consent.code(client.id), **form)
    assert (answer.status_code, answer.json()["error"]) == (code, error)


def test_the_consent_page_refuses(server: DriveApi, ann: Person) -> None:
    client, consent = server.client(), Consent(server)
    denied = consent.asked(client.id)
    assert parse_qs(urlsplit(denied.headers["Location"]).query)["error"] == ["access_denied"]
    server.oauth.at_browser = ann
    refused = [
        consent.asked("nobody"),
        consent.asked(client.id, "https://evil.example/"),
        consent.asked(client.id, "urn:ietf:wg:oauth:2.0:oob"),
        consent.asked(client.id, scope=""),
    ]
    for answer in refused:
        assert answer.status_code == 400
        assert "Location" not in answer.headers
    server.oauth.ticks = frozenset()
    told = consent.exchange(consent.code(client.id)).json()
    assert told["scope"] == ""


def test_in_testing_a_refresh_token_ends_after_seven_days(server: DriveApi, ann: Person) -> None:
    client, consent = server.client(testing=True), Consent(server)
    server.oauth.at_browser = ann
    told = consent.exchange(consent.code(client.id)).json()
    assert told["refresh_token_expires_in"] > 604_000
    form = {"grant_type": "refresh_token", "refresh_token": told["refresh_token"]}
    server.advance(timedelta(days=6, hours=23))
    assert consent.token(**form).status_code == 200
    server.advance(timedelta(hours=2))
    ended = consent.token(**form).json()
    assert ended == {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
    other = server.refresh_token(ann, server.client("live.apps"))
    assert consent.token(grant_type="refresh_token", refresh_token=other, client_id="live.apps").status_code == 200
    assert consent.token(grant_type="refresh_token", refresh_token=other).json()["error"] == "invalid_grant"


def assertion(key_file: Json, **changed: object) -> str:
    """A signed assertion, by another library than the server's own."""
    private = load_pem_private_key(str(key_file["private_key"]).encode(), None)
    assert isinstance(private, RSAPrivateKey)
    now = int(datetime.now(UTC).timestamp())  # noqa: TID251 - as a real client's clock
    claims = {
        "iss": key_file["client_email"], "scope": READONLY, "aud": key_file["token_uri"], "iat": now, "exp": now + 3600,
        **changed,
    }  # fmt: skip
    header = {"alg": "RS256", "typ": "JWT", "kid": key_file["private_key_id"]}
    parts = [urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in (header, claims)]
    signature = private.sign(".".join(parts).encode(), PKCS1v15(), SHA256())
    return ".".join([*parts, urlsafe_b64encode(signature).decode().rstrip("=")])


def asserted(server: DriveApi, signed: str) -> httpx.Response:
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": signed}
    return BARE.post(f"{server.address}/token", data=form)


def test_a_robot_signs_for_its_token(server: DriveApi, robot: Person) -> None:
    key_file, consent = server.key_file(robot), Consent(server)
    told = asserted(server, assertion(key_file)).json()
    assert consent.works(told["access_token"]) == 200
    assert "refresh_token" not in told
    wrong: list[tuple[str, str]] = [
        (assertion(key_file)[:-8] + "AAAAAAAA", "Invalid JWT Signature."),
        (assertion(key_file, iss="nobody@x.example"), "Invalid grant: account not found"),
        (assertion(key_file, aud="https://elsewhere.example"), "Invalid JWT: Failed audience check."),
        (assertion(key_file, iat=1_000_000, exp=1_003_600), "Invalid JWT: Token must be a short-lived token"),
        ("a.b", "Invalid JWT: Failed to parse."),
    ]
    for signed, words in wrong:
        answer = asserted(server, signed)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
        assert answer.json()["error_description"].startswith(words)
    assert asserted(server, assertion(key_file, sub="ann@example.com")).json()["error"] == "unauthorized_client"
    server.oauth.drop_key(robot)
    assert asserted(server, assertion(key_file)).json()["error_description"] == "Invalid JWT Signature."


def test_keys_differ(server: DriveApi, robot: Person) -> None:
    ours, other = server.key_file(robot), server.key_file(robot, new_key(1024))
    forged = ours | {"private_key": other["private_key"]}
    assert asserted(server, assertion(other)).status_code == 200
    assert asserted(server, assertion(forged)).status_code == 400


# Errors and faults


def test_without_a_good_token_nothing_is_told(server: DriveApi, ann: Person, asker: Askers) -> None:
    assert reason(BARE.get(f"{server.address}/drive/v3/files")) == (401, "required")
    client = asker(ann)
    server.expire_access()
    assert reason(client.get("/drive/v3/files")) == (401, "authError")
    client = asker(ann)
    server.revoke(ann)
    assert reason(client.get("/drive/v3/files")) == (401, "authError")
    assert client.get("/drive/v3/nothing").status_code == 404


REFUSALS = [
    (403, "userRateLimitExceeded"), (403, "rateLimitExceeded"), (403, "dailyLimitExceeded"), (401, "authError"),
    (403, "insufficientFilePermissions"), (403, "insufficientPermissions"), (403, "appNotAuthorizedToFile"),
    (403, "cannotDownloadAbusiveFile"), (403, "storageQuotaExceeded"), (404, "notFound"), (429, "rateLimitExceeded"),
    (500, "backendError"), (502, "backendError"), (503, "backendError"),
]  # fmt: skip


def test_any_error_can_be_ordered(server: DriveApi, ann: Person, asker: Askers) -> None:
    client = asker(ann)
    for code, why in REFUSALS:
        server.refuse(code, why, operation="files.list")
        assert reason(client.get("/drive/v3/files")) == (code, why)
    assert client.get("/drive/v3/files").status_code == 200


def test_faults_meet_the_calls_they_are_for(server: DriveApi, ann: Person, asker: Askers) -> None:
    client = asker(ann)
    late = server.refuse(429, operation="files.*", times=2, skip=1, retry_after=7)
    elsewhere = server.refuse(500, path="/drive/v3/changes*", method="GET")
    codes = [client.get("/drive/v3/files").status_code for _ in range(4)]
    assert codes == [200, 429, 429, 200]
    assert (late.hits, late.left, elsewhere.hits) == (2, 0, 0)
    assert client.get("/drive/v3/changes/startPageToken").status_code == 500
    server.refuse(502, html=True)
    assert client.get("/drive/v3/files").headers["Content-Type"].startswith("text/html")
    server.refuse(429, retry_after=7)
    assert client.get("/drive/v3/files").headers["Retry-After"] == "7"
    server.refuse_tokens()
    assert Consent(server).token(grant_type="refresh_token").json()["error"] == "invalid_grant"
    server.refuse(500)
    server.mend()
    assert client.get("/drive/v3/files").status_code == 200


def test_a_connection_is_cut_before_or_after_the_effect(server: DriveApi, ann: Person, asker: Askers) -> None:
    client, made = asker(ann), {"name": "x", "mimeType": FOLDER}
    server.fault(Way.CUT_BEFORE, operation="files.create")
    with pytest.raises(httpx.TransportError):
        client.http.post("/drive/v3/files", json=made)
    assert server.world.held(ann.root) == []
    server.fault(Way.CUT_AFTER, operation="files.create")
    with pytest.raises(httpx.TransportError):
        client.http.post("/drive/v3/files", json=made)
    assert len(server.world.held(ann.root)) == 1
    assert [one.code for one in server.calls("files.create")] == [0, 200]


def test_a_body_is_cut_after_some_bytes(server: DriveApi, ann: Person, asker: Askers) -> None:
    content = random.Random(5).randbytes(300_000)
    node = server.world.file("a.jpg", ann.root, content)
    client, got = asker(ann), bytearray()

    def download() -> None:
        with client.http.stream("GET", f"/drive/v3/files/{node.id}?alt=media") as answer:
            for part in answer.iter_raw():
                got.extend(part)

    server.fault(Way.CUT_BODY, operation="files.download", after_bytes=100_000)
    with pytest.raises(httpx.RemoteProtocolError):
        download()
    assert bytes(got) == content[:100_000]
    rest = client.http.get(f"/drive/v3/files/{node.id}?alt=media", headers={"Range": "bytes=100000-"})
    assert bytes(got) + rest.content == content
    assert [one.bytes_sent for one in server.calls("files.download")] == [100_000, 200_000]


def test_slow_and_silent_calls(server: DriveApi, ann: Person, asker: Askers) -> None:
    client = asker(ann)
    for fault in (
        server.fault(Way.SLOW, seconds=5),
        server.fault(Way.SILENT),
        server.fault(Way.SLOW, bytes_per_second=2),
    ):
        with pytest.raises(httpx.ReadTimeout):
            client.http.get("/drive/v3/files", timeout=httpx.Timeout(5, read=0.2))
        assert fault.hits == 1
    assert client.get("/drive/v3/files").status_code == 200


def test_the_log_has_no_secrets(server: DriveApi, ann: Person) -> None:
    token = server.token(ann)
    BARE.get(f"{server.address}/drive/v3/files", params={"access_token": token, "q": "trashed = false"})
    Consent(server).asked(server.client().id)
    BARE.post(f"{server.address}/revoke", params={"token": token})
    assert token not in repr(server.calls())
    call = server.calls("files.list")[0]
    assert (call.method, call.path, call.query) == ("GET", "/drive/v3/files", {"q": "trashed = false"})
    assert call.email == "ann@example.com"
    assert call.at.tzinfo is not None
    server.forget_calls()
    assert server.count() == 0


def test_a_request_line_may_be_too_long(ann: Person, asker: Askers) -> None:
    client = asker(ann)
    query = " or ".join(f"'{'x' * 33}' in parents" for _ in range(400))
    assert client.get("/drive/v3/files", q=query).status_code == 414


# The world


def test_names_repeat_and_paths_are_told(server: DriveApi, ann: Person, asker: Askers) -> None:
    folder = server.world.folder("Food", ann.root)
    twins = [server.world.file("same.jpg", folder, text) for text in ("1", "2")]
    listed = asker(ann).files(q=f"'{folder.id}' in parents and name = 'same.jpg'")
    assert {str(one["id"]) for one in listed} == ids(twins)
    assert [server.world.path(one) for one in twins] == ["Food/same.jpg"] * 2


def test_a_folder_takes_what_it_holds_to_another_drive(server: DriveApi, ann: Person, asker: Askers) -> None:
    team = server.world.shared_drive("Team", {ann: "organizer"})
    made = server.world.tree(ann.root, {"Food": {"Hot": {"a.jpg": b"1"}}})
    client, path = asker(ann), f"/drive/v3/files/{made['Food/Hot/a.jpg'].id}"
    server.world.move(made["Food"], team.root)
    assert reason(client.get(path)) == (404, "notFound")
    told = client.told(path, supportsAllDrives="true", fields="driveId,owners,ownedByMe")
    assert told == {"driveId": team.id}


def test_many_files_are_cheap_and_listed_in_few_requests(
    server: DriveApi, ann: Person, robot: Person, asker: Askers
) -> None:  # fmt: skip
    top = server.world.folder("Stories", ann.root)
    server.world.share(top, robot)
    folders = [top, *server.world.crowd(top, folders=400, files=10_000)]
    client, seen = asker(robot), set()
    for place in range(0, len(folders), 50):
        parents = " or ".join(f"'{one.id}' in parents" for one in folders[place : place + 50])
        query = f"({parents}) and trashed = false"
        fields = "nextPageToken,files(id,sha256Checksum,parents)"
        seen |= {str(one["id"]) for one in client.files(q=query, pageSize=1000, fields=fields)}
    assert len(seen) == 400 + 10_000
    assert server.count("files.list") <= 400 / 50 + 10_000 / 1000 + 2
