"""The settings of a publisher of kind `instagram`, and of the host that lends it public addresses."""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum
from typing import Literal
from urllib.parse import urlsplit

import attrs

from storyline_core import FitStyle, Secret


def _help(text: str) -> dict[str, str]:
    return {"help": text}


def _server(instance: object, field: attrs.Attribute[str], value: str) -> None:
    parts = urlsplit(value)
    near = parts.hostname in ("127.0.0.1", "localhost")
    if value and (not parts.hostname or (parts.scheme != "https" and not near)):
        raise ValueError(f"{field.name} is no https address.")


def _digits(instance: object, field: attrs.Attribute[str], value: str) -> None:
    # What stands there is not repeated: it may be a token or the app's secret, in the wrong line.
    if value and not re.fullmatch(r"\d{5,30}", value):
        found = " Left out, `storyline instagram login` finds it." if field.name == "account_id" else ""
        raise ValueError(f"{field.name} is no id, which is a long number.{found}")


def _cloud_name(instance: object, field: attrs.Attribute[str], value: str) -> None:
    if not re.fullmatch(r"[\w-]+", value):
        raise ValueError(f"{field.name} is only the name, of letters, digits, - and _; not the whole CLOUDINARY_URL.")


def _positive(instance: object, field: attrs.Attribute[timedelta], value: timedelta) -> None:
    if value <= timedelta(0):
        raise ValueError(f"{field.name} must be longer than nothing.")


class Login(StrEnum):
    """By which of Meta's two logins the account is reached."""

    FACEBOOK = "facebook"
    INSTAGRAM = "instagram"


@attrs.frozen
class Cloudinary:
    """Where pictures lie for the minutes in which Instagram fetches them."""

    cloud_name: str = attrs.field(validator=_cloud_name, metadata=_help("the cloud name, from Cloudinary's dashboard"))
    api_key: Secret = attrs.field(metadata=_help("the API key, from Cloudinary's dashboard"))
    api_secret: Secret = attrs.field(metadata=_help("the API secret that belongs to it"))
    kind: Literal["cloudinary"] = attrs.field(default="cloudinary", metadata=_help("which host this is"))
    answer_within: timedelta = attrs.field(
        default=timedelta(seconds=60), validator=_positive, metadata=_help("how long one answer of the host's may take")
    )
    api_url: str = attrs.field(
        default="https://api.cloudinary.com",
        validator=_server,
        metadata=_help("where Cloudinary answers; for tests and proxies"),
    )


@attrs.frozen
class Instagram:
    """An Instagram account as a publisher."""

    login: Login = attrs.field(
        default=Login.FACEBOOK,
        metadata=_help("facebook (the account belongs to a Facebook Page) or instagram (no Page)"),
    )
    account_id: str = attrs.field(
        default="",
        validator=_digits,
        metadata=_help("the Instagram account's id, a long number; left out, the one that login found"),
    )
    access_token: Secret | None = attrs.field(
        default=None, metadata=_help("a long-lived token; left out, the one that login stored")
    )
    app_id: str = attrs.field(default="", validator=_digits, metadata=_help("the Meta app's id"))
    app_secret: Secret | None = attrs.field(
        default=None, metadata=_help("the Meta app's secret: tokens are renewed with it, and calls signed")
    )
    host: Cloudinary | None = attrs.field(
        default=None, metadata=_help("where pictures lie while Instagram fetches them")
    )
    fit: FitStyle = attrs.field(
        default=FitStyle.BLUR,
        metadata=_help("what fills 9:16 where a picture does not: blur, crop (cut it) or plain (white)"),
    )
    transcode: bool = attrs.field(
        default=False, metadata=_help("convert videos that Instagram would refuse, with ffmpeg if it is installed")
    )
    answer_within: timedelta = attrs.field(
        default=timedelta(seconds=45), validator=_positive, metadata=_help("how long one answer of Meta's may take")
    )
    patience: timedelta = attrs.field(
        default=timedelta(seconds=45), metadata=_help("how long a question is asked again while Meta has trouble")
    )
    graph_url: str = attrs.field(
        default="",
        validator=_server,
        metadata=_help("where the Graph API answers; left out, Meta's own. For tests and proxies"),
    )
    upload_url: str = attrs.field(
        default="https://rupload.facebook.com",
        validator=_server,
        metadata=_help("where videos are uploaded; for tests and proxies"),
    )
