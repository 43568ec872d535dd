"""Instagram's Graph API v26.0 and Cloudinary on this machine: real HTTP for real clients, and a world for tests.

In a fixture, on a thread of the test's process (the client may be another process, and may be killed)::

    with GraphApi() as api:
        brand = api.account("brand")                     # Facebook Login: a Page, a user and the app around them
        shop = api.account("shop", login="instagram")    # Instagram Login
        cloud = api.cloud("stories")                     # Cloudinary: cloud.name, cloud.key, cloud.secret

In a process of its own, with the same face, for tests whose own process ends::

    with GraphProcess() as api: ...                      # or: python -m tests.instagram.graph_api
    api = GraphRemote(address)                           # from any other process; the first line printed is the address

Where clients are pointed (one port, a path for each host)::

    api.facebook_url    instead of https://graph.facebook.com      (append /v26.0/...)
    api.instagram_url   instead of https://graph.instagram.com
    api.graph_url(brand.login)   the one of those two that an account needs
    api.rupload_url     instead of https://rupload.facebook.com    (append /ig-api-upload/v26.0/{container})
    api.cloudinary_url  the SDK's ``upload_prefix``, per call, beside cloud_name, api_key and api_secret
    Cloudinary answers a ``secure_url`` of plain http on this server: take it as it is.
    An unreachable host of pictures: any URL on a port where nobody listens, e.g. http://127.0.0.1:9/x.jpg

An account has ``id`` (the Instagram account), ``username``, ``app_id``, ``app_secret``, ``token`` (long-lived: a Page's
under Facebook Login, the account's own under Instagram Login), and under Facebook Login ``user_token`` and ``page_id``.

Tokens::

    api.token(brand, kind="user", life=timedelta(hours=1))      # kinds: user, page, system (Facebook), instagram
    api.token(shop, kind="instagram", life=..., age=..., scopes=[...])   # life=None: no end
    api.kill_token(token, code=190, subcode=460)                # dead from now on: 458 app removed, 463 expired...
    api.require_proof(brand)                                    # calls without a right appsecret_proof are refused

Time stands still until a test moves it (containers and tokens age by this clock; sent bytes do not wait for it)::

    api.now(); api.set_time(moment); api.advance(timedelta(hours=24))

Faults, the first that fits is used up by one call; ``*`` fits any operation, ``skip`` lets the first ones pass::

    fault = api.refuse(9004, 2207052, operation="media.create", times=1, skip=0)   # any code of the table, or any other
    api.refuse(2, operation="media.publish", way=Way.REFUSED_AFTER)   # the effect happens, the answer is an error
    api.refuse(4, 2207051, http=403); api.refuse(1, http=500, transient=True)
    api.fault(Way.CUT_BEFORE, operation="media.publish")        # reset before the effect
    api.fault(Way.CUT_AFTER, operation="media.publish")         # reset after the effect: the answer is lost
    api.fault(Way.CUT_BODY, operation="cdn.get", after_bytes=100)     # some of the answer's body, then the end
    api.fault(Way.CUT_UPLOAD, operation="rupload.send", after_bytes=5000)  # some of what is sent is taken, then reset
    api.fault(Way.SLOW, operation="*", seconds=0.3); api.fault(Way.SLOW, bytes_per_second=2000, operation="cdn.get")
    api.fault(Way.SILENT_BEFORE, operation="*", skip=7)         # held, no effect; ends when the client is gone
    api.fault(Way.SILENT, operation="*", skip=7)                # the effect, then held until the client is gone
    api.answer(502, "<html>Bad Gateway</html>", operation="container.get")   # any raw answer; also for cloudinary.*
    api.refuse_host(420, "Rate Limit Exceeded", operation="cloudinary.upload")
    api.wait_for(fault)                                         # until a call came to its point: kill the client then
    api.hits(fault)                                             # calls it has met; api.reached(fault): at its point
    api.mend()                                                  # no fault waits any longer

Operations: media.create container.get media.publish limit.get stories.list media.list media.get children.list
account.get me.get pages.list permissions.list token.debug token.exchange token.exchange_instagram token.refresh
rupload.send cdn.get cloudinary.upload cloudinary.destroy cloudinary.list cloudinary.get cloudinary.search
cloudinary.delete cloudinary.ping cloudinary.usage hosted.get page.get unknown. A fault takes a glob or several names
with a space between ("media.* container.get"). What Instagram itself fetches is ``fetched.get``, and is not in ``*``.

What containers do::

    api.behave(image_polls=0, video_polls=2)    # answers IN_PROGRESS before FINISHED
    api.behave(page_sizes=[3, 0, 2])            # how many the next pages have (0: an empty one with a next)
    api.behave(refreshed_token_ends=True, instagram_captions=False, admin_calls_an_hour=500, delete_most=1000)
    api.behave(publish_shown_after=3)           # a published container still says FINISHED for so many looks
    api.behave(stories_shown_after=timedelta(minutes=1), republished="same id")   # or "refused" (24/2207006)
    api.behave(quota=25, containers_a_day=400, fetch_seconds=5.0, url_life=timedelta(days=5), page_most=100)
    api.spoil(2207026, kind="video", polls=1)          # the next container ends in ERROR with that subcode
    api.expire_containers(brand)                       # every open container is EXPIRED
    api.usage(app=80, account=95, minutes=12)          # percents in the headers, minutes to regain access
    api.budget(40, minutes=30, code=4)                 # after so many Graph calls: throttled until the clock moved on

Past media (newest first is what the API lists; bytes are made when fetched, each file different)::

    ids = api.fill(brand, 2500, carousels=0.1, videos=0.2, missing=0.02)   # shares; deterministic; one an hour back
    one = api.post(brand, "IMAGE", caption="...", at=moment, missing=False, content=b"...", product="FEED")
    api.post(brand, "CAROUSEL_ALBUM", children=["IMAGE", "VIDEO"]); api.post(brand, "IMAGE", product="STORY")
    api.remove(one)
    api.expire_urls(); api.lose_cursors()              # every media_url out until now answers 403; cursors are refused
    api.past_digests(brand)                            # {media or child id: sha256 of its file}, without missing ones

Looking::

    api.stories(brand)          # every story that ever came out, oldest first: id, container, at, digest, user_tags...
    api.containers(brand)       # id, status, kind, made_at, story, polls, publishes (attempts that were answered)
    api.copies()                # what lies on Cloudinary now: public_id, resource_type, tags, digest
    api.uploads()               # how many copies were ever made
    api.calls("media.*"); api.count("media.publish"); api.forget_calls()
    # a call: operation, method, path, query (no secrets), code (0: cut), login, at, token_in ("header"|"query"|"body")

Over HTTP the same is ``POST /_control`` with ``{"do": "stories", "with": {"account": "17841..."}}``.
"""

from __future__ import annotations

from tests.instagram.graph_api.face import GraphApi, GraphProcess, GraphRemote
from tests.instagram.graph_api.told import Account, Call, Cloud, ContainerTold, Copy, StoryTold
from tests.loopback.faults import Way

__all__ = [
    "Account",
    "Call",
    "Cloud",
    "ContainerTold",
    "Copy",
    "GraphApi",
    "GraphProcess",
    "GraphRemote",
    "StoryTold",
    "Way",
]
