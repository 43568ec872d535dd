"""What Meta refuses, by remedy: what to ask again, what to wait for, what a person must do, what never works. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from types import MappingProxyType

import attrs

from storyline_core import NeedsPerson, PluginFault, Refused, Unavailable, Uncertain
from storyline_instagram.answers import as_object, parsed, text, whole
from storyline_instagram.discretion import discreet


class Remedy(Enum):
    """What helps against a refusal."""

    AGAIN = "ask again, a little later"
    LATER = "wait until there is room under a limit"
    NEW_COPY = "let Instagram fetch the file again, from a new address"
    NEW_CONTAINER = "prepare it anew: this container is of no use any more"
    POLL = "it is still being prepared; ask how it stands"
    NEVER = "it will not work for this file"
    SIGN_IN = "a person connects the account again"
    PERSON = "a person changes something at Meta or in the settings"
    BLOCKED = "Instagram has restricted the account; a person looks at it"


class Reach(Enum):
    """How far a call got."""

    NOT_SENT = "nothing was sent"
    ANSWERED = "there was an answer"
    LOST = "it was sent, and no answer was seen"


@attrs.frozen
class Fault:
    """One call that did not work. `status` is 0 without an answer; `code` is None where the answer was not Meta's.

    `message` and `told_person` are Meta's words without secrets; `retry_after` is how long Meta asked to wait.
    """

    reach: Reach
    status: int = 0
    code: int | None = None
    subcode: int | None = None
    transient: bool = False
    message: str = ""
    told_person: str = ""
    trace: str = ""
    retry_after: timedelta | None = None

    @property
    def spelled(self) -> str:
        """The numbers, as people look them up: `code 9004/2207052`, `status 502`, or what broke."""
        if self.code is not None:
            return f"code {self.code}" + (f"/{self.subcode}" if self.subcode else "")
        return f"status {self.status}" if self.status else self.message


Told = tuple[Remedy, str]

_BY_SUBCODE: Mapping[int, Told] = MappingProxyType(
    {
        2207001: (Remedy.AGAIN, "Instagram has trouble of its own"),
        2207003: (Remedy.NEW_COPY, "Instagram took too long to fetch the file"),
        2207004: (Remedy.NEVER, "the picture is larger than 8 MB"),
        2207005: (Remedy.NEVER, "Instagram does not take this picture format"),
        2207006: (Remedy.NEW_CONTAINER, "Instagram does not know the prepared story"),
        2207008: (Remedy.NEW_CONTAINER, "the prepared story is not there or has expired"),
        2207009: (Remedy.NEVER, "Instagram does not take this picture's shape"),
        2207010: (Remedy.NEVER, "the caption is too long"),
        2207020: (Remedy.NEW_CONTAINER, "what was prepared has expired"),
        2207023: (Remedy.NEVER, "Instagram does not know this type of media"),
        2207026: (Remedy.NEVER, "Instagram does not take this video format"),
        2207027: (Remedy.POLL, "Instagram has not finished preparing the story"),
        2207028: (Remedy.NEVER, "Instagram does not take this number of pictures"),
        2207032: (Remedy.NEW_CONTAINER, "Instagram could not prepare the story"),
        2207035: (Remedy.NEVER, "a tag's place is wrong"),
        2207036: (Remedy.NEVER, "a picture's tags must say where they are"),
        2207037: (Remedy.NEVER, "products cannot be tagged here"),
        2207040: (Remedy.NEVER, "more than 20 accounts are tagged"),
        2207042: (Remedy.LATER, "the account has published as much as Instagram allows in 24 hours"),
        2207050: (Remedy.BLOCKED, "Instagram has restricted the account, or asks it to prove who it is"),
        2207051: (Remedy.BLOCKED, "Instagram takes this for spam and has blocked the action"),
        2207052: (Remedy.NEW_COPY, "Instagram could not fetch the file"),
        2207053: (Remedy.NEW_CONTAINER, "Instagram's upload of the video failed"),
        2207057: (Remedy.NEVER, "the cover lies beyond the video's end"),
    }
)

_SIGN_IN: Mapping[int, str] = MappingProxyType(
    {
        458: "the app was removed from the account",
        459: "Facebook or Instagram wants the person to prove who they are: sign in there first",
        460: "the password was changed",
        463: "the token has expired",
        464: "the account is not confirmed: sign in to Facebook first",
        467: "the token is no longer valid",
        492: "the person has lost their role on the Page",
    }
)

_THROTTLED = frozenset({4, 17, 32, 341, 613})

_BY_CODE: Mapping[int, Told] = MappingProxyType(
    {
        -2: (Remedy.NEW_COPY, "Instagram could not fetch the file in time"),
        -1: (Remedy.AGAIN, "Instagram has trouble of its own"),
        1: (Remedy.AGAIN, "Meta has trouble of its own"),
        2: (Remedy.AGAIN, "Meta cannot be reached properly"),
        3: (Remedy.PERSON, "the app may not do this"),
        5: (Remedy.PERSON, "the app does not allow calls from this machine's address"),
        9: (Remedy.LATER, "the account has reached a limit of Instagram's"),
        10: (Remedy.PERSON, "a permission is missing"),
        12: (Remedy.PERSON, "Meta has ended this version of its interface"),
        24: (Remedy.NEW_CONTAINER, "Instagram does not know the prepared story"),
        25: (Remedy.BLOCKED, "Instagram has restricted the account"),
        100: (Remedy.NEVER, "Instagram does not accept a value"),
        101: (Remedy.PERSON, "Meta does not know the app by this id and secret"),
        102: (Remedy.SIGN_IN, "the sign-in is no longer valid"),
        190: (Remedy.SIGN_IN, "the token is no longer valid"),
        352: (Remedy.NEVER, "Instagram does not take this video format"),
        450: (Remedy.SIGN_IN, "the sign-in has ended"),
        452: (Remedy.SIGN_IN, "the token is no longer valid, or not of the right kind"),
        368: (Remedy.BLOCKED, "Instagram has blocked the account for a while because of its rules"),
        506: (Remedy.NEVER, "Instagram takes this for a repetition of the last post"),
        803: (Remedy.PERSON, "the account id is not known, or not to this token"),
        2500: (Remedy.SIGN_IN, "there was no token"),
        2635: (Remedy.PERSON, "Meta has ended this version of its interface"),
        9004: (Remedy.NEW_COPY, "Instagram could not fetch the file"),
        9007: (Remedy.POLL, "Instagram has not finished preparing the story"),
        36000: (Remedy.NEVER, "the picture is larger than 8 MB"),
        36001: (Remedy.NEVER, "Instagram does not take this picture format"),
        36003: (Remedy.NEVER, "Instagram does not take this picture's shape"),
        36004: (Remedy.NEVER, "the caption is too long"),
    }
)

_SURE = frozenset({Remedy.LATER, Remedy.POLL, Remedy.NEVER, Remedy.SIGN_IN, Remedy.PERSON, Remedy.BLOCKED})
_NOT_BELIEVED = frozenset({4, 506})
"""Refusals that were seen although the story went out: "request limit reached", also when it blocks the action as
spam; and "repeated", which may speak of this very story."""

_UNSEEN = 33

LIMIT_PAUSE = timedelta(hours=1)
"""How long a line waits when the publishing limit of 24 hours is reached; the window moves on all the time."""

THROTTLED_PAUSE = timedelta(minutes=15)
"""How long a line waits when Meta throttles it and does not say for how long."""


def told_of(fault: Fault) -> Told:
    """What helps against a fault, and what is wrong in a few plain words.

    The subcode counts for more than the code, the code for more than the status; an unknown code goes by its class.
    """
    if fault.reach is not Reach.ANSWERED:
        sent = "cannot be reached" if fault.reach is Reach.NOT_SENT else "did not answer in time"
        return Remedy.AGAIN, f"Meta {sent}"
    if fault.code is None:
        return _by_status(fault)
    # What follows is read from the message, since Meta has no code for it.
    if _wrong_secret(fault):
        return Remedy.PERSON, "the app's secret is missing or wrong"
    if fault.code in (102, 190):
        return Remedy.SIGN_IN, _SIGN_IN.get(fault.subcode or 0, _BY_CODE[fault.code][1])
    if found := _BY_SUBCODE.get(fault.subcode or 0):
        return found
    if fault.code == 100 and fault.subcode == _UNSEEN:
        return Remedy.PERSON, "it is not there, or this token may not see it"
    return _by_code(fault)


def remedy_of(fault: Fault) -> Remedy:
    """What helps against a fault."""
    return told_of(fault)[0]


def may_have_happened(fault: Fault) -> bool:
    """Whether a call that changes something may have had its effect although it failed.

    Certainly not: what was never sent, and what Meta refused for a reason that comes before any effect. Everything
    else may have: a lost answer, a server's trouble, a prepared story that is gone (as it is once it is published), the
    refusals that have been seen beside a story that went out, and those that nobody knows.
    """
    if fault.reach is not Reach.ANSWERED:
        return fault.reach is Reach.LOST
    if fault.status >= 500 or fault.code in _NOT_BELIEVED or remedy_of(fault) not in _SURE:
        return True
    return remedy_of(fault) is Remedy.NEVER and not _known(fault)


def as_core(fault: Fault, doing: str, name: str, *, unrepeatable: bool = False) -> PluginFault:
    """The error of the contract for a fault. `doing` names the call ("publishing the story"), `name` the publisher.

    With `unrepeatable`, what may have happened is `Uncertain`, whatever else would help.
    """
    remedy, why = told_of(fault)
    said = f"{doing[:1].upper()}{doing[1:]} did not work: {why} ({fault.spelled})."
    if unrepeatable and may_have_happened(fault):
        return Uncertain(f"{said} It may have happened all the same.")
    if remedy is Remedy.SIGN_IN:
        return NeedsPerson(said, remedy=sign_in(name))
    if remedy in (Remedy.PERSON, Remedy.BLOCKED):
        return NeedsPerson(_with_metas_words(said, fault), remedy=_what_to_do(fault, remedy, name))
    if remedy is Remedy.NEVER:
        return Refused(_with_metas_words(said, fault))
    return Unavailable(f"{said} It is tried again by itself.", retry_after=_pause(fault, remedy))


def sign_in(name: str) -> str:
    """What a person does about a token that is refused."""
    return f"Run `storyline instagram login {name}`."


def fault_in(status: int, body: bytes, after: timedelta | None = None) -> Fault:
    """The fault in a refusing answer, as Meta spells it; `after` is how long its headers ask to wait."""
    told = parsed(body)
    error = as_object((told or {}).get("error"))
    code = whole(error.get("code"))
    if code is None:
        # The older endpoints of Instagram Login answer flatly.
        error = told or {}
        code = whole(error.get("code")) if "error_message" in error else None
    return Fault(
        Reach.ANSWERED,
        status=status,
        code=code,
        subcode=whole(error.get("error_subcode")) or None,
        transient=error.get("is_transient") is True,
        message=discreet(text(error.get("message")) or text(error.get("error_message"))),
        told_person=discreet(text(error.get("error_user_msg"))),
        trace=text(error.get("fbtrace_id"))[:40],
        retry_after=after,
    )


def fault_in_status(status: str) -> Fault:
    """The fault in a container's `status`, of which only the subcode counts: `Error: ... error code 2207026`."""
    found = re.search(r"\b(2207\d{3})\b", status)
    subcode = int(found.group(1)) if found else None
    return Fault(Reach.ANSWERED, status=200, code=0, subcode=subcode, message=discreet(status))


def _known(fault: Fault) -> bool:
    return fault.code in _BY_CODE or (fault.subcode or 0) in _BY_SUBCODE


def _wrong_secret(fault: Fault) -> bool:
    return "appsecret_proof" in fault.message or "client secret" in fault.message


def _by_code(fault: Fault) -> Told:
    code = fault.code or 0
    if code in _THROTTLED or 80_000 <= code < 80_100:
        return Remedy.LATER, "Meta's limit for calls is reached"
    if found := _BY_CODE.get(code):
        return found
    if 200 <= code < 300:
        return Remedy.PERSON, "a permission is missing"
    if fault.subcode and 2_207_000 <= fault.subcode < 2_208_000:
        return Remedy.NEVER, "Instagram does not take this"
    if fault.transient or fault.status >= 500:
        return Remedy.AGAIN, "Meta has trouble for the moment"
    by_status: Mapping[int, Told] = {
        401: (Remedy.SIGN_IN, "the token is refused"),
        403: (Remedy.PERSON, "this is not allowed"),
        429: (Remedy.LATER, "Meta's limit for calls is reached"),
    }
    return by_status.get(fault.status, (Remedy.NEVER, "Instagram does not accept this"))


def _by_status(fault: Fault) -> Told:
    """For an answer that is not in Meta's form: a proxy's, or that of a broken machine of Meta's."""
    if fault.status == 429:
        return Remedy.LATER, "Meta's limit for calls is reached"
    if fault.status == 401:
        return Remedy.SIGN_IN, "the token is refused"
    if fault.status == 407:
        return Remedy.PERSON, "the network's proxy wants a password"
    if fault.status == 413:
        return Remedy.NEVER, "it is too large"
    return Remedy.AGAIN, "there was no proper answer"


def _pause(fault: Fault, remedy: Remedy) -> timedelta | None:
    if fault.retry_after is not None or remedy is not Remedy.LATER:
        return fault.retry_after
    return LIMIT_PAUSE if fault.code == 9 else THROTTLED_PAUSE


def _with_metas_words(said: str, fault: Fault) -> str:
    words = fault.told_person or fault.message
    return f"{said} Meta says: {words.rstrip('.')}." if words else said


def _what_to_do(fault: Fault, remedy: Remedy, name: str) -> str:
    if remedy is Remedy.BLOCKED:
        return (
            "Open Instagram, look for a notice and follow it. Nothing is tried for six hours; sooner with "
            f"`storyline instagram limits {name} --try-again`."
        )
    if _wrong_secret(fault) or fault.code == 101:
        return "Correct app_id and app_secret in the settings: they stand in the Meta app under App settings, Basic."
    if fault.status == 407:
        return "Set HTTPS_PROXY to an address with the proxy's user and password."
    if fault.code in (12, 2635):
        return "Install a newer storyline-instagram."
    if fault.code == 5:
        return "Add the address to the app's server IP allowlist in the Meta app, or empty the list."
    return f"`storyline instagram status {name}` shows which permissions are missing, or whether the account is wrong."
