"""The settings file that a new user starts from: everything that works at once, everything else as a comment."""

from __future__ import annotations

import json
from pathlib import Path

from storyline_core.accounts import Mode
from storyline_core.settings.durations import parse_window, parse_zone

_TEMPLATE = """\
# Storyline's settings. Lines that start with # are examples, mostly showing the default.
# After a change: storyline check --settings

[database]
url = "sqlite:///storyline.db"            # beside this file; a team may use postgresql://USER:PASSWORD@HOST/NAME

[log]
level = "info"                            # debug | info | warning | error
# format = "json"                         # one JSON object a line, for machines
# file = "storyline.log"                  # instead of standard error

# Where the pictures and videos are. Top folders are categories. A name (photos) is what Storyline knows a source
# by: to change it, add renamed_from = "photos".
[sources.photos]
kind = "local"
path = {folder}
# sync_interval = "5m"                    # at least 60s
# watch = false                           # do not follow changes as they happen
# enabled = false                         # leave it as it is for now

# How the team is reached. The terminal prints the card of a post; decide with `storyline queue ...`.
# With storyline-telegram it is a chat with buttons: docs/telegram.md sets it up in five minutes.
[notifiers.team]
kind = "terminal"

# Where stories go that nobody has to post by hand: a folder that receives the finished picture and its caption.
[publishers.outbox]
kind = "outbox"
path = {outbox}

[accounts.main]
sources = ["photos"]
# categories = ["memes", "merch"]         # only these; all, if left out
notifier = "team"
publisher = "outbox"
# manual: the team posts everything by hand. approve: the team says yes, then it is published.
# hybrid: what needs a sticker (a link) goes to the team, the rest is published. auto: everything is published.
mode = {mode}
posts_per_day = {posts_per_day}                         # 1 to 50, spread evenly over the window
window = {window}                    # may cross midnight
timezone = {timezone}
# jitter = "30m"                          # how far a post may move from its even place; "0m" for none
# mix = {{ memes = 70, merch = 30 }}        # shares of the categories; as they are in stock, if left out
# fill_ahead = "24h"                      # how far ahead posts are chosen
# offer_ahead = "0m"                      # how long before its time the team sees a post
# grace = "1h"                            # how late a post may be before it counts as missed
# answer_within = "24h"                   # how long a post waits for the team
# remind_after = "2h"
# unanswered = "missed"                   # missed | escalate | publish
# cooldown.posted = "30d"                 # how long a picture rests after it was posted
# cooldown.skipped = "45d"                #   and after it was skipped
# dry_run = true                          # do everything but tell the team and publish

[backups]
directory = "backups"
# keep = "30d"
# include_media = true

# [secrets]
# key = {{ env = "STORYLINE_SECRET_KEY" }}  # encrypts what plugins remember; needed by plugins that log in somewhere
"""


def starter_toml(
    folder: Path | str,
    *,
    outbox: Path | str = "outbox",
    mode: Mode = Mode.HYBRID,
    posts_per_day: int = 3,
    window: str = "09:00-21:00",
    timezone: str = "UTC",
) -> str:
    """The text of a commented settings file for one folder, the terminal and an outbox. It loads as it is.

    Paths are written as given. Raises `ValueError` in words for a person if window or time zone cannot be read.
    """
    parse_window(window)
    parse_zone(timezone)
    return _TEMPLATE.format(
        folder=_quoted(folder),
        outbox=_quoted(outbox),
        mode=_quoted(mode),
        posts_per_day=posts_per_day,
        window=_quoted(window),
        timezone=_quoted(timezone),
    )


def _quoted(text: Path | str) -> str:
    # A JSON string is a TOML basic string, once DEL is escaped as well.
    return json.dumps(str(text), ensure_ascii=False).replace("\x7f", "\\u007f")
