"""Examinations for which nobody waits: their results are kept for a while, in memory."""

import asyncio
import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from freehold.model.limits import MIB

LIFETIME = 3600.0
"""Seconds for which a result is kept."""

_PENDING = 1000
"""Jobs that are not done; further ones are refused."""

_BYTES = 64 * MIB
"""Bytes of all results; the oldest are forgotten first."""


class Full(Exception):
    """There are too many jobs that are not done."""


class Job:
    """One examination.

    Attributes:
        identity: 128 random bits, which nobody guesses.
        client: who asked for it, and may ask for the result.
        created: when, in seconds since 1970.
        callback: URL that is told the result, "" for none.
        result: of the examination, as JSON; "" until it is done.
    """

    __slots__ = ("callback", "client", "created", "identity", "result")

    def __init__(self, client: str, callback: str) -> None:
        self.identity = secrets.token_urlsafe(16)
        self.client = client
        self.created = time.time()
        self.callback = callback
        self.result = ""

    def text(self) -> str:
        """Return the job as JSON."""
        facts: dict[str, Any] = {
            "id": self.identity,
            "status": "done" if self.result else "pending",
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.created)),
        }
        if self.callback:
            facts["callback"] = self.callback
        text = json.dumps(facts)
        return f'{text[:-1]}, "result": {self.result}}}' if self.result else text


class Jobs:
    """All jobs.

    Args:
        may_tell: whether somebody at an address may be told of a job.
        tell: tells them, once it is done.
    """

    def __init__(self, may_tell: Callable[[str], bool], tell: Callable[[Job], None]) -> None:
        self.may_tell = may_tell
        self._tell = tell
        self._tasks: dict[asyncio.Task[None], Job] = {}
        self._jobs: dict[str, Job] = {}
        self._done: OrderedDict[str, float] = OrderedDict()
        self._bytes = 0

    @property
    def pending(self) -> int:
        """How many are not done."""
        return len(self._tasks)

    def make_room(self) -> None:
        """Raise ``Full`` when there is no room for another job."""
        if self.pending >= _PENDING:
            raise Full

    def begin(self, client: str, callback: str, work: Awaitable[str]) -> Job:
        """Begin with work that returns the result as JSON."""
        job = Job(client, callback)
        self._jobs[job.identity] = job
        task = asyncio.ensure_future(self._run(job, work))
        self._tasks[task] = job
        task.add_done_callback(self._forget_task)
        return job

    def find(self, identity: str, client: str) -> Job | None:
        """Return a job of a client; those of others do not exist for it."""
        self._forget_old()
        job = self._jobs.get(identity)
        return job if job is not None and job.client == client else None

    async def drain(self, seconds: float) -> None:
        """Wait up to so many seconds for the jobs that are not done, and forget those that are not done then."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for task in self._tasks:
            task.cancel()

    async def _run(self, job: Job, work: Awaitable[str]) -> None:
        job.result = await work
        self._bytes += len(job.result)
        self._done[job.identity] = time.monotonic() + LIFETIME
        self._forget_old()
        if job.callback:
            self._tell(job)

    def _forget_task(self, task: "asyncio.Task[None]") -> None:
        job = self._tasks.pop(task)
        if not job.result:
            self._jobs.pop(job.identity, None)

    def _forget_old(self) -> None:
        now = time.monotonic()
        while self._done:
            identity, expiry = next(iter(self._done.items()))
            if expiry > now and self._bytes <= _BYTES:
                return
            del self._done[identity]
            self._bytes -= len(self._jobs.pop(identity).result)
