"""An Instagram account as a place where stories come out, for tests of publishing."""

from __future__ import annotations

from datetime import datetime, timedelta

from storyline_core import Secret
from storyline_core.testing.samples import NOON
from storyline_instagram import Cloudinary, Instagram, Login
from tests.instagram.graph_api.face import Face
from tests.instagram.graph_api.told import Account, Cloud, StoryTold

QUICK = timedelta(milliseconds=800)


class Outlet:
    """One account at a loopback server, with a host. Everything happens at noon until a test moves the time."""

    def __init__(self, api: Face, login: str = "facebook", name: str = "brand", cloud: str = "stories") -> None:
        self.api = api
        self.account: Account = api.account(name, login=login)
        self.cloud: Cloud = api.cloud(cloud)
        api.set_time(NOON)

    def settings(self, **more: object) -> Instagram:
        """As somebody would write them, but for where the servers are."""
        host = Cloudinary(
            cloud_name=self.cloud.name,
            api_key=Secret(self.cloud.key),
            api_secret=Secret(self.cloud.secret),
            api_url=self.api.cloudinary_url,
            answer_within=QUICK,
        )
        given: dict[str, object] = {
            "login": Login(self.account.login),
            "account_id": self.account.id,
            "access_token": Secret(self.account.token),
            "app_id": self.account.app_id,
            "app_secret": Secret(self.account.app_secret),
            "host": host,
            "answer_within": QUICK,
            "patience": timedelta(0),
            "graph_url": self.api.graph_url(self.account.login),
            "upload_url": self.api.rupload_url,
        }
        return Instagram(**(given | more))  # type: ignore[arg-type]

    def stories(self) -> list[StoryTold]:
        """What really came out."""
        return self.api.stories(self.account)

    def post_before(self, content: bytes, posted_at: datetime, caption: str) -> str:
        """A picture was posted from a phone; its id."""
        return self.api.post(self.account, "IMAGE", caption=caption, at=posted_at, content=content)

    def take_back(self, remote_id: str) -> None:
        """And removed again."""
        self.api.remove(remote_id)

    def published(self) -> int:
        """How many stories really came out."""
        return len(self.stories())

    def break_down(self) -> None:
        """Nothing at Meta or at the host answers properly any more."""
        self.api.answer(502, "<html>Bad Gateway</html>", operation="*", times=100_000)
