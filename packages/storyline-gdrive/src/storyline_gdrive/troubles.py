"""What Google refuses, by remedy: what to try again, what to sign in for, what never works. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from types import MappingProxyType

import attrs

from storyline_core import NeedsPerson, PluginFault, Refused, Unavailable


class Remedy(Enum):
    """What helps against a refusal."""

    AGAIN = "ask again, a little later"
    RENEW = "ask again with a new access token"
    LATER = "wait until a quota is back"
    SIGN_IN = "a person signs in again"
    PERSON = "a person changes something at Google"
    NEVER = "it will not work for this file"
    MISSING = "it is not there, or not for this account"
    INVALID = "Google does not understand a value, such as a token that is too old"


@attrs.frozen
class Refusal:
    """One refused call: the status, Google's word for the reason, and how long to wait if Google said so (seconds)."""

    status: int
    reason: str = ""
    retry_after_s: float | None = None


_BY_REASON: Mapping[str, Remedy] = MappingProxyType(
    {
        "userRateLimitExceeded": Remedy.AGAIN,
        "rateLimitExceeded": Remedy.AGAIN,
        "sharingRateLimitExceeded": Remedy.AGAIN,
        "backendError": Remedy.AGAIN,
        "internalError": Remedy.AGAIN,
        "dailyLimitExceeded": Remedy.LATER,
        "quotaExceeded": Remedy.LATER,
        "downloadQuotaExceeded": Remedy.LATER,
        "authError": Remedy.RENEW,
        "invalid_grant": Remedy.SIGN_IN,
        "unauthorized_client": Remedy.SIGN_IN,
        "invalid_client": Remedy.PERSON,
        "deleted_client": Remedy.PERSON,
        "insufficientPermissions": Remedy.SIGN_IN,
        "accessNotConfigured": Remedy.PERSON,
        "SERVICE_DISABLED": Remedy.PERSON,
        "clock": Remedy.PERSON,
        "domainPolicy": Remedy.PERSON,
        "storageQuotaExceeded": Remedy.PERSON,
        "teamDriveFileLimitExceeded": Remedy.PERSON,
        "numChildrenInNonRootLimitExceeded": Remedy.PERSON,
        "insufficientFilePermissions": Remedy.NEVER,
        "insufficientParentPermissions": Remedy.PERSON,
        "appNotAuthorizedToFile": Remedy.NEVER,
        "cannotDownloadAbusiveFile": Remedy.NEVER,
        "cannotDownloadFile": Remedy.NEVER,
        "fileNotDownloadable": Remedy.NEVER,
        "notFound": Remedy.MISSING,
    }
)

_PERSON: Mapping[str, str] = MappingProxyType(
    {
        "accessNotConfigured": "Switch the Google Drive API on for the project, in the Google Cloud console.",
        "SERVICE_DISABLED": "Switch the Google Drive API on for the project, in the Google Cloud console.",
        "clock": "This machine's clock is wrong: set it, or let it set itself over the network.",
        "domainPolicy": "Ask the administrator of the Google Workspace to allow Drive apps.",
        "storageQuotaExceeded": "Make room in Drive. A service account has none: let it write into a shared drive.",
        "teamDriveFileLimitExceeded": "The shared drive is full: remove files from it.",
        "numChildrenInNonRootLimitExceeded": "The folder is full: use another one.",
        "insufficientParentPermissions": "Share the folder with this account as an editor.",
        "invalid_client": "Correct client_id and client_secret in the settings.",
        "deleted_client": "The OAuth client was deleted: make a new one and put it into the settings.",
    }
)

_NEVER: Mapping[str, str] = MappingProxyType(
    {
        "insufficientFilePermissions": "this account may not do that with it",
        "appNotAuthorizedToFile": "it was not picked for this app",
        "cannotDownloadAbusiveFile": "Google takes it for malware or spam",
        "cannotDownloadFile": "its owner does not allow downloads",
        "fileNotDownloadable": "it is a Google document, without bytes of its own",
    }
)


def remedy_of(refusal: Refusal) -> Remedy:
    """What helps. The reason counts for more than the status: a rate limit is no missing permission."""
    if found := _BY_REASON.get(refusal.reason):
        return found
    if refusal.status == 401:
        return Remedy.RENEW
    if refusal.status in (408, 429) or refusal.status >= 500:
        return Remedy.AGAIN
    if refusal.status in (404, 410):
        return Remedy.MISSING
    return Remedy.NEVER if refusal.status == 403 else Remedy.INVALID


def fault_of(refusal: Refusal, what: str, sign_in: str) -> PluginFault:
    """The error for a refusal that stays. `what` names the thing; `sign_in` says how to sign in again."""
    remedy, reason = remedy_of(refusal), refusal.reason or f"status {refusal.status}"
    if remedy in (Remedy.RENEW, Remedy.SIGN_IN):
        return NeedsPerson(f"Google does not accept the sign-in for {what} any more ({reason}).", remedy=sign_in)
    if remedy is Remedy.PERSON:
        return NeedsPerson(f"Google refuses {what} ({reason}).", remedy=_PERSON[refusal.reason])
    if remedy is Remedy.MISSING:
        return Refused(f"{what} is not there any more, or not shared with this account.")
    if remedy is Remedy.NEVER:
        return Refused(f"{what} cannot be had from Drive: {_NEVER.get(refusal.reason, reason)}.")
    if remedy is Remedy.INVALID:
        return Refused(f"Google does not understand what was asked of {what} ({reason}).")
    wait_s = refusal.retry_after_s or (3600.0 if remedy is Remedy.LATER else None)
    told = "The Drive quota is used up" if remedy is Remedy.LATER else "Google Drive does not answer properly"
    after = None if wait_s is None else timedelta(seconds=wait_s)
    return Unavailable(f"{told} ({reason}). It is tried again by itself.", retry_after=after)


def pause_s(attempt: int, chance: float, refusal: Refusal | None = None) -> float:
    """How long to wait before another try: 1, 2, 4 ... 32 seconds and up to one more; Google's own word counts."""
    own = min(32.0, float(2 ** min(attempt, 5))) + chance
    told = refusal.retry_after_s if refusal is not None else None
    return own if told is None else max(own, told)
