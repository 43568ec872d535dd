"""What people read, word for word: one afternoon at the command line, held in `golden/afternoon.txt`.

After a wanted change the failing test says how to bring the file up to date.
"""

from __future__ import annotations

import re
from pathlib import Path

from storyline_runner.session import who
from tests.runners.conftest import SETTINGS, Project

GOLDEN = Path(__file__).parent / "golden" / "afternoon.txt"

COMMANDS = (
    "sync --dry-run",
    "sync",
    "sources list",
    "media list",
    "media show cats/1.jpg",
    "media edit cats/1.jpg --title Tea --tag cat",
    "plan --days 1",
    "queue list",
    "queue now --item cats/1.jpg",
    "queue list",
    "queue claim {post}",
    "queue posted {post}",
    "queue undo {post}",
    "queue snooze {post} --for 1h",
    "queue skip {post} --why blurred",
    "queue show {post}",
    "history",
    "history show {post}",
    "media holds",
    "media release cats/1.jpg",
    "media hold cats/1.jpg",
    "media duplicates",
    "plan --days 1",
    "pause",
    "tick",
    "tick --dry-run",
    "resume",
    "runs",
    "users list",
    "users stats",
    "check",
    "db current",
    "db check",
    "sources pause photos",
    "sync",
    "sources resume photos",
    "media validate pictures",
)

_BLURRED = (
    (re.compile(r"[A-Z][a-z]{2} \d\d [A-Z][a-z]{2}( \d{4})?,? \d\d:\d\d"), "<time>"),
    (re.compile(r"[A-Z][a-z]{2} \d\d [A-Z][a-z]{2} \d{4}"), "<day>"),
    (re.compile(r"<time> CES?T"), "<time> <zone>"),
    (re.compile(r"(?m)^(cli:<user>) +\S+ +(?=member)"), r"\1  <name>  "),
    (re.compile(r"(?m)^\S+( +\d+ +\d+ posted, .*) in \d+ s +\d+:00(, \d+:00)?"), r"<name>\1 in <s>  <hours>"),
    (re.compile(r"\d+\.\d s\b"), "<s>"),
    (re.compile(r"\d+ s ago"), "<s> ago"),
    (re.compile(r"\d+\.\d GB free"), "<room> free"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<digest>"),
    (re.compile(r" {2,}"), "  "),
    (re.compile(r"-{10,}"), "---"),
)


def played(project: Project) -> str:
    """All commands with what they said; whatever differs from run to run is blurred."""
    settings = SETTINGS.format(database="sqlite:///storyline.db", mode="manual")
    project.settings(settings.replace("posts_per_day = 2", "posts_per_day = 1").replace("00:00-23:59", "00:00-00:01"))
    project.picture("cats/1.jpg")
    post, parts = "", []
    for command in COMMANDS:
        said = project(*command.format(post=post).split())
        found = re.search(r"storyline queue posted ([a-z2-7]{10})", said.out)
        post = found[1] if found else post
        code = f"exit code {said.code}\n" if said.code else ""
        parts.append(f"$ storyline {command}\n{said.out}{said.err}{code}")
    text = "\n".join(parts).replace(str(project.folder), "<folder>").replace(who(), "cli:<user>")
    # Every migration adds one; what people read does not change with it.
    text = re.sub(r"\b0\d{3}\b(?=[;).\n])", "<schema>", text)
    text = re.sub(r"\bstoryline-\d{8}T\d{6}Z", "storyline-<moment>", text)
    if post:
        text = text.replace(post, "<post>")
    for pattern, blurred in _BLURRED:
        text = pattern.sub(blurred, text)
    return re.sub(r"\b(?=[a-z2-7]*[2-7])[a-z2-7]{10}\b", "<id>", text)


def test_an_afternoon_at_the_command_line(command: Project, tmp_path: Path) -> None:
    text = played(command)
    (tmp_path / "afternoon.txt").write_text(text)
    assert text == GOLDEN.read_text(), f"If the change is wanted: cp {tmp_path / 'afternoon.txt'} {GOLDEN}"
