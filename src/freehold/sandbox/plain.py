"""Workers for systems that have no sandbox: a fresh interpreter each, with all the rights of the user, fed by path.

It still keeps a crash from the host. Jobs go in through standard input, answers come out of standard output; a thread
for each worker reads them, as not every system can wait for several pipes at once.
"""

import contextlib
import os
import queue
import subprocess
import sys
import threading
from typing import Any

from freehold.model.errors import MalformedInput, TrustError
from freehold.sandbox.host import Died, Event, Worker, Workers, reason
from freehold.sandbox.wire import PIECE, Job, Setup, encode

_CAPACITY = 2


class Subprocesses(Workers):
    """Plain worker processes.

    Args:
        setup: what the workers are prepared for.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._workers: dict[int, _PlainWorker] = {}
        self._started = 0
        self._events: queue.SimpleQueue[Event | TrustError] = queue.SimpleQueue()

    def start(self) -> Worker:
        """See ``Workers.start``."""
        self._started += 1
        worker = self._workers[self._started] = _PlainWorker(self._started, self._setup, self._events)
        return worker

    def kill(self, worker: Worker) -> None:
        """See ``Workers.kill``."""
        self._workers.pop(worker.identity).end()

    def wait(self, timeout: float | None) -> list[Event]:
        """See ``Workers.wait``."""
        try:
            event = self._events.get(timeout=None if timeout is None else max(timeout, 0))
        except queue.Empty:
            return []
        if isinstance(event, TrustError):
            raise event
        if isinstance(event, Died) and event.worker.identity in self._workers:
            self.kill(event.worker)
        return [event]

    def close(self) -> None:
        """See ``Workers.close``."""
        for worker in list(self._workers.values()):
            self.kill(worker)


class _PlainWorker(Worker):
    def __init__(self, identity: int, setup: Setup, events: "queue.SimpleQueue[Event | TrustError]") -> None:
        command = [sys.executable, "-I", "-m", "freehold.sandbox.plain_worker"]
        self._process = subprocess.Popen(  # noqa: S603 - our own module in our own interpreter
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        super().__init__(identity, -1, setup)
        bundles = [os.fspath(path) for path in setup.bundles]
        passwords = [password.hex() for password in setup.passwords]
        self._send(encode([bundles, setup.limits._asdict(), setup.all_matches, setup.tree, passwords]))
        self._reader = threading.Thread(target=self._read, args=(events,), daemon=True)
        self._reader.start()

    def accepts(self, in_flight: int) -> bool:
        return in_flight < _CAPACITY

    def submit(self, job: Job) -> None:
        self._send(encode([job.number, job.size, job.name, os.fsdecode(job.path), *job.flags[1:]]))

    def flush(self) -> None:
        """Nothing is held back."""

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _send(self, line: bytes) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):  # it is gone: its reader tells
                self._process.stdin.write(line)

    def _read(self, events: "queue.SimpleQueue[Event | TrustError]") -> None:
        if self._process.stdout is None:
            return
        try:
            while piece := self._process.stdout.read(PIECE):
                for event in self.hear(piece):
                    events.put(event)
            events.put(Died(self, reason(self._process.wait())))
        except MalformedInput as error:
            events.put(Died(self, f"broke the protocol: {error}"))
        except TrustError as error:
            events.put(error)

    def _event(self, message: list[Any]) -> Event:
        if message[0] == "failed":
            raise TrustError(str(message[1]))
        return super()._event(message)
