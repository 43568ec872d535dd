"""What the Graph API refuses with, and the table of its codes."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import attrs

Json = dict[str, object]

_TRACES = itertools.count(1)

# (code, subcode): the message, the title for people, the words for people
TABLE: Mapping[tuple[int, int | None], tuple[str, str | None, str | None]] = {
    (-2, 2207003): ("Timeout downloading media", "Timeout", "It takes too long to download the media."),
    (-2, 2207020): ("Media expired", "Media Expired", "The media you are trying to access has expired."),
    (-1, 2207001): ("Instagram server error", "Instagram server error", "Instagram server error. Try again."),
    (-1, 2207032): ("Create media fail", "Create media fail", "Create media fail, please try to re-create media."),
    (-1, 2207053): ("Unknown upload error", "Unknown upload error", "Upload failed, unknown error. Try a new one."),
    (1, 2207057): ("Invalid thumbnail offset", "Invalid thumbnail offset", "Thumbnail offset is out of range."),
    (1, None): ("An unknown error has occurred.", None, None),
    (2, None): ("Service temporarily unavailable", None, None),
    (3, None): ("(#3) Application does not have the capability to make this API call.", None, None),
    (4, None): ("(#4) Application request limit reached", None, None),
    (4, 2207051): (
        "Application request limit reached",
        "Action is blocked",
        "We restrict certain activity to protect our community. Tell us if you think we made a mistake.",
    ),
    (9, 2207042): ("(#9) Application request limit reached", "Daily limit", "You reached the maximum number of posts."),
    (10, None): ("(#10) Application does not have permission for this action", None, None),
    (17, None): ("(#17) User request limit reached", None, None),
    (24, 2207006): ("The requested resource does not exist", "Media Not Found", "The media cannot be found."),
    (24, 2207008): (
        "The requested resource does not exist",
        "Media Builder Not Found",
        "The media builder with this creation id does not exist or has expired.",
    ),
    (25, 2207050): ("User is restricted", "Restricted", "The Instagram account is restricted."),
    (32, None): ("(#32) Page request limit reached", None, None),
    (100, None): ("(#100) Invalid parameter", None, None),
    (100, 33): (
        "Unsupported get request. The object does not exist, or cannot be loaded due to missing permissions.",
        None,
        None,
    ),
    (100, 2207023): ("Invalid parameter", "Unknown Media Type", "The media type is unknown."),
    (100, 2207028): ("Invalid parameter", "Carousel", "This carousel needs between 2 and 10 children."),
    (100, 2207035): ("Invalid parameter", "Position", "Product tag positions should not be given for videos."),
    (100, 2207036): ("Invalid parameter", "Position", "Product tag positions are required for photos."),
    (100, 2207037): ("Invalid parameter", "Tags", "We couldn't add all of your product tags."),
    (100, 2207040): ("Invalid parameter", "Cannot use more than 20 tags", "You can use at most 20 tags."),
    (102, None): ("Session key invalid or no longer valid", None, None),
    (190, None): ("Invalid OAuth access token - Cannot parse access token", None, None),
    (190, 458): ("Error validating access token: The user has not authorized application.", None, None),
    (190, 459): ("Error validating access token: The user is checkpointed.", None, None),
    (190, 460): ("Error validating access token: The session has been invalidated because of a changed password.",
                 None, None),
    (190, 463): ("Error validating access token: Session has expired.", None, None),
    (190, 464): ("Error validating access token: Sessions for the user are not allowed: not confirmed.", None, None),
    (190, 467): ("Error validating access token: This session is invalid.", None, None),
    (190, 492): ("Error validating access token: The user must be an administrator of the page.", None, None),
    (200, None): ("(#200) Requires instagram_content_publish permission", None, None),
    (341, None): ("(#341) Application limit reached", None, None),
    (352, 2207026): ("The video format is not supported", "Unsupported video format", "Use MOV or MP4."),
    (368, None): ("The action attempted has been deemed abusive or is otherwise disallowed", "Blocked", None),
    (506, None): ("(#506) Duplicate status message", "Duplicate", None),
    (613, None): ("(#613) Calls to this api have exceeded the rate limit.", None, None),
    (9004, 2207052): (
        "Only photo or video can be accepted as media type.",
        "Only photo or video can be accepted as media type.",
        "The media could not be fetched from this URI. Check that it can be reached.",
    ),
    (9007, 2207027): (
        "Media ID is not available",
        "The media is not ready for publishing, please wait for a moment",
        "The media is not ready for publishing, please wait for a moment",
    ),
    (36000, 2207004): ("The image size is too large", "Image size too large", "Images must be 8 MiB or smaller."),
    (36001, 2207005): ("The image format is not supported", "Unsupported format", "Use a JPEG."),
    (36003, 2207009): ("The aspect ratio is not supported", "Aspect ratio", "Use 4:5 to 1.91:1."),
    (36004, 2207010): ("The caption is too long", "Caption too long", "Captions have up to 2,200 characters."),
    (80002, None): ("(#80002) There have been too many calls to this Instagram account.", None, None),
    (2500, None): ("An active access token must be used to query information about the current user.", None, None),
}  # fmt: skip
THROTTLED = {4, 17, 32, 341, 613, 80002}
CODE_OF = {subcode: code for code, subcode in TABLE if subcode is not None}


def http_of(code: int, subcode: int | None) -> int:
    """The HTTP status that comes with a code, unless a test wants another."""
    if code in {1, 2} and subcode is None:
        return 500
    if code in {3, 10} or 200 <= code <= 299 or (code == 4):
        return 403
    return 400


@attrs.define(eq=False)
class GraphRefused(Exception):
    """An error as the Graph API tells it."""

    code: int
    subcode: int | None = None
    message: str | None = None
    http: int | None = None
    transient: bool = False
    headers: dict[str, str] = attrs.field(factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.http if self.http is not None else http_of(self.code, self.subcode)

    def told(self) -> Json:
        """The body of the answer."""
        known = TABLE.get((self.code, self.subcode)) or TABLE.get((self.code, None))
        message, title, words = known or (f"(#{self.code}) Something went wrong", None, None)
        named = "GraphMethodException" if (self.code, self.subcode) == (100, 33) else "OAuthException"
        error: Json = {"message": self.message or message, "type": named, "code": self.code}
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        error["is_transient"] = self.transient
        if title is not None:
            error["error_user_title"] = title
        if words is not None:
            error["error_user_msg"] = words
        error["fbtrace_id"] = f"A{next(_TRACES):08d}x"
        return {"error": error}


def invalid(message: str, subcode: int | None = None) -> GraphRefused:
    """A parameter is wrong."""
    return GraphRefused(100, subcode, message)


def unsupported(method: str, number: str) -> GraphRefused:
    """There is no such object, or not for this token, or it cannot do that."""
    words = (
        f"Unsupported {method.lower()} request. Object with ID '{number}' does not exist, cannot be loaded due to "
        "missing permissions, or does not support this operation. Please read the Graph API documentation at "
        "https://developers.facebook.com/docs/graph-api"
    )
    return GraphRefused(100, 33, words)
