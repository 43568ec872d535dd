"""Google's answers to what it does not accept: Drive's error objects, and OAuth's."""

from __future__ import annotations

Json = dict[str, object]
"""A JSON object as it travels."""

MESSAGES = {
    "authError": "Invalid Credentials",
    "userRateLimitExceeded": "User Rate Limit Exceeded",
    "rateLimitExceeded": "Rate Limit Exceeded",
    "sharingRateLimitExceeded": "Rate limit exceeded. User message: sorry, you have exceeded your sharing quota.",
    "dailyLimitExceeded": "Daily Limit Exceeded",
    "insufficientFilePermissions": "The user does not have sufficient permissions for this file.",
    "insufficientPermissions": "Request had insufficient authentication scopes.",
    "appNotAuthorizedToFile": "The user has not granted the app access to the file.",
    "cannotDownloadAbusiveFile": "This file has been identified as malware or spam and cannot be downloaded.",
    "cannotDownloadFile": "This file cannot be downloaded by the user.",
    "fileNotDownloadable": ("Only files with binary content can be downloaded. Use Export with Docs Editors files."),
    "domainPolicy": "The domain administrators have disabled Drive apps.",
    "storageQuotaExceeded": "The user's Drive storage quota has been exceeded.",
    "accessNotConfigured": "Google Drive API has not been used in this project before or it is disabled.",
    "backendError": "Internal Error",
    "internalError": "Internal Error",
}
REASONS = {401: "authError", 403: "userRateLimitExceeded", 404: "notFound", 429: "rateLimitExceeded"}
USAGE_REASONS = {"userRateLimitExceeded", "rateLimitExceeded", "dailyLimitExceeded", "accessNotConfigured"}


class Refused(Exception):
    """A call that Drive refuses: its code, and the reason, message and place that its error names."""

    def __init__(
        self, code: int, reason: str, message: str | None = None, location: str | None = None,
        location_type: str = "parameter", headers: dict[str, str] | None = None, html: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(message or reason)
        self.code = code
        self.reason = reason
        self.message = message or MESSAGES.get(reason, reason)
        self.location = location
        self.location_type = location_type
        self.headers = headers or {}
        self.html = html

    def answer(self) -> Json:
        """The body of the answer."""
        one: Json = {"message": self.message, "domain": "global", "reason": self.reason}
        if self.reason in USAGE_REASONS:
            one["domain"] = "usageLimits"
        if self.location is not None:
            one |= {"location": self.location, "locationType": self.location_type}
        return {"error": {"code": self.code, "message": self.message, "errors": [one]}}


class TokenRefused(Exception):
    """A call that Google's OAuth server refuses."""

    def __init__(self, code: int, error: str, description: str | None = None) -> None:
        super().__init__(description or error)
        self.code = code
        self.error = error
        self.description = description

    def answer(self) -> Json:
        """The body of the answer."""
        answer: Json = {"error": self.error}
        if self.description is not None:
            answer["error_description"] = self.description
        return answer


def invalid(location: str, message: str = "Invalid Value") -> Refused:
    """A parameter whose value Drive does not understand."""
    return Refused(400, "invalid", message, location)


def not_found(file_id: str) -> Refused:
    """A file that is not there, or not for this person: Drive makes no difference."""
    return Refused(404, "notFound", f"File not found: {file_id}.", "fileId")


def drive_not_found(drive_id: str) -> Refused:
    """A shared drive that is not there, or not for this person."""
    return Refused(404, "notFound", f"Shared drive not found: {drive_id}", "driveId")


def unauthorized() -> Refused:
    """An access token that is unknown, expired or revoked."""
    return Refused(401, "authError", location="Authorization", location_type="header")


def forbidden(reason: str, message: str | None = None) -> Refused:
    """A 403 for a reason."""
    return Refused(403, reason, message)


def injected(code: int, reason: str | None, retry_after: int | None, html: bool) -> Refused:
    """The refusal that a test orders: the usual reason of a code, unless one is named."""
    chosen = reason or REASONS.get(code, "backendError" if code >= 500 else "invalid")
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Refused(code, chosen, headers=headers, html=html)
