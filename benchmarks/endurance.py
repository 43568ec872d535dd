"""Whether a daemon with every plugin grows: memory, handles and threads over a long time of ordinary work.

    python -m benchmarks.endurance [--minutes 60] [--idle 5] [--write docs/reliability.md] [--date 2026-05-01]

A real `storyline run` in a process of its own with a folder, a Drive, a team in Telegram, an outbox and an Instagram
account, the services being fakes on loopback in this process. For some minutes nothing happens. Then pictures come and
go, posts go out, people tap: the first tenth of that time is for warming up; what is told is how much more there is at
the end than after it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import linear_regression, median

import attrs
from PIL import Image

from storyline_core.clock import utc_now
from tests.gdrive.drive_api.server import DriveApi
from tests.gdrive.drives import TeamDrive
from tests.instagram.graph_api import GraphApi
from tests.telegram.bot_api.server import BotApi
from tests.telegram.teams import TOKEN, Team

SAMPLED_EVERY_S = 15.0
WORK_EVERY_S = 30.0

SETTINGS = """
[sources.photos]
kind = "local"
path = "pictures"

[sources.drive]
kind = "gdrive"
folder = "{folder}"
key = {{ file = "key.json" }}
cache = "cache"
api_url = "{drive}"
token_url = "{drive}/token"
sync_interval = "60s"

[notifiers.team]
kind = "telegram"
token = {{ env = "TELEGRAM_BOT_TOKEN" }}
chat = {chat}
admin_chat = {admins}
api_url = "{telegram}"

[publishers.outbox]
kind = "outbox"
path = "outbox"

[publishers.brand]
kind = "instagram"
login = "facebook"
account_id = "{account}"
app_id = "{app}"
app_secret = {{ env = "INSTAGRAM_APP_SECRET" }}
access_token = {{ env = "INSTAGRAM_TOKEN" }}
graph_url = "{graph}"
upload_url = "{rupload}"

[publishers.brand.host]
kind = "cloudinary"
cloud_name = "{cloud}"
api_key = {{ env = "CLOUDINARY_KEY" }}
api_secret = {{ env = "CLOUDINARY_SECRET" }}
api_url = "{cloudinary}"

[accounts.folder]
sources = ["photos"]
publisher = "outbox"
mode = "auto"
posts_per_day = 50
window = "00:00-23:59"
jitter = "0m"
[accounts.folder.cooldown]
posted = "0s"

[accounts.people]
sources = ["drive"]
notifier = "team"
mode = "manual"
posts_per_day = 50
window = "00:00-23:59"
jitter = "0m"
[accounts.people.cooldown]
posted = "0s"

[accounts.brand]
sources = ["photos"]
publisher = "brand"
mode = "auto"
posts_per_day = 50
window = "00:00-23:59"
jitter = "0m"
[accounts.brand.cooldown]
posted = "0s"

[health]
port = {port}
"""


@attrs.frozen
class Sample:
    """What the process holds at one moment: seconds since the beginning, megabytes, handles, threads, CPU seconds."""

    at_s: float
    memory_mb: float
    handles: int
    threads: int
    worked_s: float


@attrs.frozen
class Growth:
    """What the samples come to."""

    minutes: float
    idle_minutes: float
    samples: Sequence[Sample]

    @property
    def idle(self) -> Sequence[Sample]:
        """Before anything happened, without the half minute of its beginning."""
        return [each for each in self.samples if 30 <= each.at_s < self.idle_minutes * 60]

    @property
    def warm(self) -> Sequence[Sample]:
        """While it worked, without the first tenth."""
        begin = self.idle_minutes * 60 + self.minutes * 6
        return [each for each in self.samples if each.at_s >= begin]

    def between(self, name: str) -> tuple[float, float]:
        """The median of the first and of the last fifth of the warm samples."""
        values = [float(getattr(each, name)) for each in self.warm]
        fifth = max(1, len(values) // 5)
        return median(values[:fifth]), median(values[-fifth:])

    @property
    def slope_mb_an_hour(self) -> float:
        """How memory grows, by the line through all warm samples."""
        slope, _ = linear_regression([each.at_s for each in self.warm], [each.memory_mb for each in self.warm])
        return slope * 3600

    def rows(self) -> list[tuple[str, str]]:
        """The figures, for people."""
        (mb, mb_end), (handles, handles_end), (threads, threads_end) = map(
            self.between, ("memory_mb", "handles", "threads")
        )
        return [
            *self._idle_rows(),
            ("minutes of work", f"{self.minutes:g}"),
            ("resident memory, first and last fifth of the warm time", f"{mb:.1f} and {mb_end:.1f} MB"),
            ("growth by the line through all samples", f"{self.slope_mb_an_hour:+.2f} MB an hour"),
            ("most memory", f"{max(each.memory_mb for each in self.samples):.1f} MB"),
            ("handles, first and last fifth", f"{handles:.0f} and {handles_end:.0f}"),
            ("threads, first and last fifth", f"{threads:.0f} and {threads_end:.0f}"),
            ("share of one core, work included", f"{cpu_share(self.warm):.2%}"),
        ]

    def _idle_rows(self) -> list[tuple[str, str]]:
        if len(self.idle) < 2:
            return []
        memory = median(each.memory_mb for each in self.idle)
        return [
            (f"idle for {self.idle_minutes:g} minutes before: resident memory", f"{memory:.1f} MB"),
            ("share of one core meanwhile", f"{cpu_share(self.idle):.2%}"),
        ]


def cpu_share(samples: Sequence[Sample]) -> float:
    """The share of one core that it took between the first and the last of these."""
    first, last = samples[0], samples[-1]
    return (last.worked_s - first.worked_s) / (last.at_s - first.at_s)


def measure(minutes: float, idle_minutes: float = 0) -> tuple[Growth, dict[str, int]]:
    """Run the daemon so long. Its samples, and what it did meanwhile."""
    with tempfile.TemporaryDirectory(prefix="storyline-bench-") as name, _world(Path(name)) as world:
        began, samples, turn = time.monotonic(), [], 0
        while (passed := time.monotonic() - began) < (idle_minutes + minutes) * 60:
            samples.append(_sample(world.process.pid, passed))
            if passed >= idle_minutes * 60 + turn * WORK_EVERY_S:
                world.go_on(turn)
                turn += 1
            time.sleep(max(0.0, SAMPLED_EVERY_S - (time.monotonic() - began - passed)))
            if world.process.poll() is not None:
                raise RuntimeError(f"the daemon ended: {(world.folder / 'log').read_text()[-2000:]}")
        return Growth(minutes, idle_minutes, samples), world.done()


@attrs.define
class _World:
    folder: Path
    process: subprocess.Popen[bytes]
    environment: dict[str, str]
    drive: TeamDrive
    team: Team

    def go_on(self, turn: int) -> None:
        """A little of everything: a picture comes, one goes, a post is asked for, somebody taps."""
        _picture(self.folder / "pictures" / f"new-{turn % 40}.jpg", turn)
        self.drive.write(f"album/{turn % 40}.jpg", (self.folder / "pictures" / f"new-{turn % 40}.jpg").read_bytes())
        if turn >= 20:
            (self.folder / "pictures" / f"new-{(turn + 20) % 40}.jpg").unlink(missing_ok=True)
        self._asked("queue", "now", "--account", ("folder", "people", "brand")[turn % 3])
        for card in self.team.cards()[-3:]:
            if "Posted by" not in card.text:
                self.team.ben.taps(card, "Posted")

    def _asked(self, *words: str) -> None:
        command = [sys.executable, "-m", "storyline_runner", *words]
        subprocess.run(command, check=False, cwd=self.folder, env=self.environment, capture_output=True, timeout=120)

    def done(self) -> dict[str, int]:
        """What came out."""
        told = subprocess.run(
            [sys.executable, "-m", "storyline_runner", "history", "stats", "--json"],
            check=True, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=120,
        ).stdout  # fmt: skip
        rows = json.loads(told)["outcomes"]
        return {account: sum(row["posted"] for row in rows if row["account"] == account)
                for account in ("folder", "people", "brand")}  # fmt: skip


@contextmanager
def _world(folder: Path) -> Iterator[_World]:
    with ExitStack() as stack:
        drive_api, bot_api = stack.enter_context(DriveApi()), stack.enter_context(BotApi())
        graph = stack.enter_context(GraphApi())
        graph.set_time(utc_now())
        drive, team = TeamDrive.shared(drive_api, folder / "unused"), Team.on(bot_api)
        brand, cloud = graph.account("brand"), graph.cloud("stories")
        (folder / "key.json").write_text(json.dumps(drive_api.key_file(drive.robot)))
        text = SETTINGS.format(
            folder=drive.root.id, drive=drive_api.address, chat=team.chat.id, admins=team.admins.id,
            telegram=bot_api.address, account=brand.id, app=brand.app_id, graph=graph.graph_url(brand.login),
            rupload=graph.rupload_url, cloud=cloud.name, cloudinary=graph.cloudinary_url,
            port=_free_port(),
        )  # fmt: skip
        (folder / "storyline.toml").write_text(text)
        for number in range(60):
            _picture(folder / "pictures" / f"{'cats' if number % 2 else 'dogs'}" / f"{number}.jpg", number)
        secrets = {
            "TELEGRAM_BOT_TOKEN": TOKEN, "STORYLINE_SECRET_KEY": "k" * 40, "INSTAGRAM_APP_SECRET": brand.app_secret,
            "INSTAGRAM_TOKEN": brand.token, "CLOUDINARY_KEY": cloud.key, "CLOUDINARY_SECRET": cloud.secret,
        }  # fmt: skip
        environment = {**os.environ, **secrets}
        # As after a restart: the tables are there, and what makes them is not loaded.
        first = [sys.executable, "-m", "storyline_runner", "sync"]
        subprocess.run(first, check=True, cwd=folder, env=environment, capture_output=True, timeout=120)
        with (folder / "log").open("wb") as log:
            command = [sys.executable, "-m", "storyline_runner", "run"]
            process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            yield _World(folder, process, environment, drive, team)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _picture(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise((540, 960), number % 90 + 10).convert("RGB").save(path, quality=80)


def _sample(process: int, at_s: float) -> Sample:
    status = Path(f"/proc/{process}/status").read_text()
    ticks = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    worked = (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")
    return Sample(
        at_s,
        _number(status, "VmRSS") / 1024,
        len(os.listdir(f"/proc/{process}/fd")),
        int(_number(status, "Threads")),
        worked,
    )


def _number(status: str, name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+)", status, re.MULTILINE)
    assert found is not None, f"no {name}"
    return float(found[1])


def main() -> None:
    """Measure, print, and write the page's part if asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--idle", type=float, default=5, help="minutes in which nothing happens, before")
    parser.add_argument("--write", type=Path, help="the page whose part between <!-- endurance --> marks is renewed")
    parser.add_argument("--date", default="", help="the day to write beside the figures")
    given = parser.parse_args()
    growth, done = measure(given.minutes, given.idle)
    rows = [*growth.rows(), *((f"posts of the account “{name}”", str(count)) for name, count in done.items())]
    for what, figure in rows:
        print(f"{what:60} {figure}")
    if given.write:
        _write(given.write, rows, given.date)


def _write(page: Path, rows: Sequence[tuple[str, str]], date: str) -> None:
    table = "\n".join(["| what | figure |", "| --- | --- |", *(f"| {what} | {figure} |" for what, figure in rows)])
    when = f"Measured on {date}.\n\n" if date else ""
    text = page.read_text()
    begin, end = "<!-- endurance -->", "<!-- /endurance -->"
    before, _, rest = text.partition(begin)
    page.write_text(f"{before}{begin}\n{when}{table}\n{end}{rest.partition(end)[2]}")


if __name__ == "__main__":
    main()
