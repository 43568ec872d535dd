"""The command line with an Instagram account in its settings, as a person in front of it would use it."""

from __future__ import annotations

import io
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest

from storyline_core.clock import utc_now
from storyline_runner.__main__ import main
from tests.instagram.graph_api import Account, Cloud, GraphApi

KEY = "key-for-stored-secrets-in-these-tests"

SETTINGS = """
[sources.photos]
kind = "local"
path = "pictures"

[publishers.brand]
kind = "instagram"
login = "{login}"
graph_url = "{graph}"
upload_url = "{upload}"
patience = "0s"
{more}

[accounts.main]
sources = ["photos"]
publisher = "brand"
mode = "auto"
"""
SECRETS_OF = """
app_id = "{app_id}"
app_secret = {{ env = "INSTAGRAM_APP_SECRET" }}
"""
HOST = """
[publishers.brand.host]
kind = "cloudinary"
cloud_name = "{name}"
api_key = {{ env = "CLOUDINARY_KEY" }}
api_secret = {{ env = "CLOUDINARY_SECRET" }}
api_url = "{url}"
"""


@attrs.frozen
class Said:
    """What one command line came to."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        """Everything that was shown."""
        return self.out + self.err

    def json(self) -> dict[str, object]:
        """The one document on standard output."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


@attrs.define
class Console:
    """The command line in a folder of its own."""

    api: GraphApi
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    shown: list[str] = attrs.field(factory=list)

    def __call__(self, *words: str, typed: str = "") -> Said:
        """Run a command, with something piped into it."""
        self.capsys.readouterr()
        self.monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        code = main(words)
        said = Said(code, *self.capsys.readouterr())
        self.shown.append(said.all)
        return said

    def done(self, *words: str, typed: str = "") -> Said:
        """Run a command that must end well."""
        said = self(*words, typed=typed)
        assert said.code == 0, f"{words}: {said}"
        return said

    def configure(
        self, account: Account, *, more: str = "", app: bool = True, token: str = "", cloud: Cloud | None = None
    ) -> None:
        """Write the settings that lead to an account, with its secrets in the environment."""
        if app:
            more += SECRETS_OF.format(app_id=account.app_id)
        if token:
            more += '\naccess_token = { env = "INSTAGRAM_TOKEN" }\n'
        if cloud is not None:
            more += HOST.format(name=cloud.name, url=self.api.cloudinary_url)
            self.monkeypatch.setenv("CLOUDINARY_KEY", cloud.key)
            self.monkeypatch.setenv("CLOUDINARY_SECRET", cloud.secret)
        self.monkeypatch.setenv("INSTAGRAM_APP_SECRET", account.app_secret)
        self.monkeypatch.setenv("INSTAGRAM_TOKEN", token)
        told = {"login": account.login, "graph": self.api.graph_url(account.login), "upload": self.api.rupload_url}
        (self.folder / "storyline.toml").write_text(SETTINGS.format(more=more, **told))


@contextmanager
def console_at(
    api: GraphApi, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Console]:
    """The command line in a folder, with the server's clock set by the machine's and a key for secrets."""
    (folder / "pictures").mkdir()
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.startswith("STORYLINE_") or name == "DATABASE_URL"]:  # noqa: TID251
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    monkeypatch.setenv("STORYLINE_SECRET_KEY", KEY)
    api.set_time(utc_now())
    handlers = {name: logging.getLogger(name).handlers[:] for name in ("", "storyline")}
    levels = {name: logging.getLogger(name).level for name in handlers}
    yield Console(api, folder, monkeypatch, capsys)
    for name, before in handlers.items():
        logging.getLogger(name).handlers[:] = before
        logging.getLogger(name).setLevel(levels[name])
