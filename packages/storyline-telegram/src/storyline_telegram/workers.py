"""A few threads that carry out jobs: those of one key one after the other, those of others at the same time."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable

from storyline_core import trace_of

log = logging.getLogger("storyline.telegram")

Job = Callable[[], None]


class Workers:
    """So many threads, for at most so many jobs at a time. They are no reason for a process to stay alive."""

    def __init__(self, name: str, threads: int, most: int, each: int | None = None) -> None:
        self._name = name
        self._threads = threads
        self._most = most
        self._each = each or most
        self._change = threading.Condition()
        self._jobs: dict[Hashable, deque[Job]] = {}
        self._ready: deque[Hashable] = deque()
        self._count = 0
        self._idle = 0
        self._begun = 0
        self._closed = False

    def put(self, key: Hashable, job: Job, passed_over: Job | None = None) -> bool:
        """Take a job, unless there are too many. Never waits.

        Of one key no more than `each` wait; what comes beyond that is taken and `passed_over`.
        """
        with self._change:
            if self._closed or self._count >= self._most:
                return False
            if len(self._jobs.get(key, ())) >= self._each:
                log.warning("Too much is asked for at once by one person; some of it is passed over.")
                if passed_over is not None:
                    passed_over()
                return True
            self._count += 1
            if key in self._jobs:
                self._jobs[key].append(job)
                return True
            self._jobs[key] = deque([job])
            self._ready.append(key)
            if self._idle < len(self._ready) and self._begun < self._threads:
                self._begun += 1
                threading.Thread(target=self._work, name=f"{self._name} {self._begun}", daemon=True).start()
            self._change.notify()
            return True

    def close(self, within: float) -> bool:
        """Take nothing more, and wait for what was begun, for so many seconds. Whether all of it is done."""
        until = time.monotonic() + within
        with self._change:
            self._closed = True
            self._change.notify_all()
            while self._count and (left := until - time.monotonic()) > 0:
                self._change.wait(left)
            if self._count:
                log.warning("%d things that people asked for are not done yet.", self._count)
            return not self._count

    def _work(self) -> None:
        while True:
            with self._change:
                self._idle += 1
                while not self._ready and not self._closed:
                    self._change.wait()
                self._idle -= 1
                if not self._ready:
                    return
                key = self._ready.popleft()
                job = self._jobs[key][0]
            try:
                job()
            except Exception as error:  # noqa: BLE001 - one job's mistake is not the next one's
                log.error("Something that was asked for failed: %s", trace_of(error))
            self._done(key)

    def _done(self, key: Hashable) -> None:
        with self._change:
            self._count -= 1
            jobs = self._jobs[key]
            jobs.popleft()
            if jobs:
                self._ready.append(key)
            else:
                del self._jobs[key]
            self._change.notify_all()
