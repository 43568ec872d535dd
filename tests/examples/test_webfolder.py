"""The example plugin passes the kit through its entry point, against a real web server."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import attrs
import pytest

from storyline_core import NeedsPerson, Refused, Unavailable
from storyline_core.testing import MediaSourceProviderTests, runtime_named
from storyline_webfolder import WebFolder, open_web_folder


class Site:
    """A folder behind a web server on the loopback interface, which writes the index anew for every request."""

    def __init__(self, root: Path, *, digests: bool) -> None:
        self.root = root
        self.digests = digests
        self.status: int | None = None
        self.index: bytes | None = None
        self.drip = threading.Event()
        self.dripping = False
        self._seconds = itertools.count(1_700_000_000)
        root.mkdir()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, site=self))
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def write(self, path: str, content: bytes) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        moment = next(self._seconds)
        os.utime(file, (moment, moment))

    def rename(self, path: str, to: str) -> None:
        (self.root / path).rename(self.root / to)

    def delete(self, path: str) -> None:
        (self.root / path).unlink()

    def make_unreadable(self, folder: str) -> None:
        raise NotImplementedError

    def break_down(self) -> None:
        self.status = 503

    def listed(self) -> bytes:
        """The index as it is now."""
        if self.index is not None:
            return self.index
        files = sorted(path for path in self.root.rglob("*") if path.is_file())
        return json.dumps([self._row(path) for path in files]).encode()

    def _row(self, path: Path) -> dict[str, object]:
        status = path.stat()
        row = {"path": path.relative_to(self.root).as_posix(), "size": status.st_size, "mtime": status.st_mtime}
        digest = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()} if self.digests else {}
        return row | digest


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *args: object, site: Site) -> None:
        self.site = site
        super().__init__(*args, directory=str(site.root))  # type: ignore[arg-type]

    def do_GET(self) -> None:
        if self.site.status:
            self.send_error(self.site.status)
        elif self.path == "/index.json":
            self._answer(self.site.listed())
        else:
            super().do_GET()

    def _answer(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        for byte in range(len(content)) if self.site.dripping else ():
            self.wfile.write(content[byte : byte + 1])
            if self.site.drip.wait(0.02):
                return
        if not self.site.dripping:
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture(params=[False, True], ids=["without-digests", "with-digests"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "site", digests=request.param)
    thread = threading.Thread(target=partial(made.server.serve_forever, poll_interval=0.01))
    thread.start()
    yield made
    made.drip.set()
    made.server.shutdown()
    made.server.server_close()
    thread.join()


class TestWebFolder(MediaSourceProviderTests):
    kind_name = "webfolder"
    cannot = {"make_unreadable": "an index names files, and no folder that could be closed"}

    @pytest.fixture
    def world(self, site: Site) -> Site:
        return site

    @pytest.fixture
    def options(self, site: Site) -> WebFolder:
        return WebFolder(site.url, timedelta(seconds=20))


@pytest.mark.parametrize(
    "index", [b"", b"{", b"{}x", b"[1]", b'[{"path": "a.jpg"}]', b'[{"path": 1, "size": "x"}]', b"7"]
)
def test_an_index_that_is_none_is_no_empty_folder(site: Site, index: bytes) -> None:
    site.index = index
    with (
        open_web_folder(WebFolder(site.url), runtime_named("web")) as source,
        pytest.raises(Unavailable, match="index"),
    ):
        source.list_media(None)


@pytest.mark.parametrize(("status", "error"), [(404, Unavailable), (500, Unavailable), (401, NeedsPerson)])
def test_an_index_that_is_not_given_is_an_error(site: Site, status: int, error: type[Exception]) -> None:
    site.status = status
    with open_web_folder(WebFolder(site.url), runtime_named("web")) as source, pytest.raises(error):
        source.list_media(None)


def test_a_file_behind_a_login_needs_a_person_and_a_missing_one_is_refused(site: Site) -> None:
    with open_web_folder(WebFolder(site.url), runtime_named("web")) as source:
        site.status = 403
        with pytest.raises(NeedsPerson):
            source.open_media("cat.jpg")
        site.status = 410
        with pytest.raises(Refused):
            source.open_media("cat.jpg")


def test_a_server_that_drips_is_given_up_at_the_deadline(site: Site) -> None:
    site.index, site.dripping = b"[" + b" " * 100_000 + b"]", True
    options = attrs.evolve(WebFolder(site.url), timeout=timedelta(seconds=0.2))
    with open_web_folder(options, runtime_named("web")) as source, pytest.raises(Unavailable, match="did not arrive"):
        source.list_media(None)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://[", "ftp://127.0.0.1", "nonsense"])
def test_an_address_that_leads_nowhere_is_unavailable(url: str) -> None:
    with open_web_folder(WebFolder(url), runtime_named("web")) as source, pytest.raises(Unavailable):
        source.list_media(None)
