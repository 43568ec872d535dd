"""What a handle holds: enough to publish one prepared story, to look for it and to clear up after it. Pure.

No secret is in it, and no address either: handles lie in the database as they are.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import attrs

from storyline_core import Handle
from storyline_instagram.answers import parsed, text, texts
from storyline_instagram.containers import LIFE

_FORM = 1
_CERTAINLY = 1.05


class NotOurs(Exception):
    """This handle was not made here, or not by this version."""


@attrs.frozen
class Prepared:
    """One story that waits to be published.

    `container` is its id at Instagram, `account` the Instagram account it belongs to, `made_at` when it was asked for.
    `copy` is the id of the copy at the host ("" without one), `live` the ids of the stories that were live before.
    """

    container: str
    account: str
    made_at: datetime
    video: bool = False
    copy: str = ""
    live: tuple[str, ...] = ()

    def handle(self, publisher: str) -> Handle:
        """As core keeps it. It expires only when the container certainly has."""
        told = {
            "form": _FORM,
            "container": self.container,
            "account": self.account,
            "made_at": self.made_at.astimezone(UTC).isoformat(),
            "video": self.video,
            "copy": self.copy,
            "live": list(self.live),
        }
        return Handle(publisher, json.dumps(told, separators=(",", ":")), self.made_at + LIFE * _CERTAINLY)

    @classmethod
    def of(cls, handle: Handle) -> Prepared:
        """Read a handle. Raises `NotOurs`."""
        told = parsed(handle.token)
        if told is None or told.get("form") != _FORM:
            raise NotOurs("This handle was not made by storyline-instagram, or not by this version.")
        container, account = text(told.get("container")), text(told.get("account"))
        try:
            made_at = datetime.fromisoformat(text(told.get("made_at")))
        except ValueError:
            made_at = None
        if not container.isdigit() or not account.isdigit() or made_at is None or made_at.tzinfo is None:
            raise NotOurs("This handle is damaged.")
        return cls(
            container=container,
            account=account,
            made_at=made_at,
            video=told.get("video") is True,
            copy=text(told.get("copy")),
            live=tuple(texts(told.get("live"))),
        )
