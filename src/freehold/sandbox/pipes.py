"""Workers behind pipes alone, for ``freehold scan --prove``: no process makes a single system call of the network's.

A descriptor cannot be sent through a pipe. So the zygote, which runs as the same user, opens the host's descriptor
again (``/proc/PID/fd``: the same file, whatever its path says by now) and forks a worker that inherits a batch.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from freehold.sandbox.host import Answered, Died, Ends, Event, Load, Worker, Zygote, read, reason
from freehold.sandbox.wire import Job, Setup, encode, write_all

_BATCH = 32


class PipeZygote(Zygote):
    """A zygote whose workers inherit descriptors.

    Args:
        setup: what the workers are prepared for.
        workers: how many there may be at once: their pipes must exist before the zygote.
        load: as for ``Zygote``.
    """

    def __init__(self, setup: Setup, workers: int, load: Load | None = None) -> None:
        commands, self._commands = os.pipe()
        events, their_events = os.pipe()
        pairs = [os.pipe() for _ in range(workers)]
        self._answers = [answers for answers, _ in pairs]
        self._free = list(range(workers))
        self._dying: dict[int, int] = {}
        self._held_back: list[Event] = []
        ends = Ends(commands, their_events, tuple(theirs for _, theirs in pairs))
        super().__init__(setup, ends, events, load)
        for fd in (ends.commands, ends.events, *ends.answers):
            os.close(fd)

    def start(self) -> Worker:
        """See ``Workers.start``; this worker is a new process for each batch."""
        while not self._free:  # what was killed leaves its pipe within milliseconds
            self._held_back += super().wait(None)
        slot = self._free.pop()
        worker = _BatchWorker(self, self._new_identity(), slot, self._answers[slot], self._setup)
        self._enlist(worker)
        return worker

    def wait(self, timeout: float | None) -> list[Event]:
        """See ``Workers.wait``."""
        events, self._held_back = self._held_back, []
        return events or super().wait(timeout)

    def close(self) -> None:
        """See ``Workers.close``."""
        super().close()
        while self._answers:
            os.close(self._answers.pop())

    def start_batch(self, worker: "_BatchWorker", jobs: list[Job]) -> None:
        """Have a process forked for these jobs."""
        files = [[job.number, job.fd, job.size, job.name, *job.flags] for job in jobs]
        self._command(["batch", worker.identity, worker.slot, files])

    def _command(self, message: list[Any]) -> None:
        with contextlib.suppress(BrokenPipeError):  # it is gone: ``wait`` tells
            write_all(self._commands, encode(message))

    def _hang_up(self) -> None:
        os.close(self._commands)

    def _bury(self, identity: int, status: int) -> list[Event]:
        worker = self._workers.get(identity)
        if isinstance(worker, _BatchWorker):
            events = self._last_words(worker)
            if worker.ends_well(status):
                return events
            self._forget(worker)
            return [*events, Died(worker, reason(os.waitstatus_to_exitcode(status)))]
        if identity in self._dying:
            self._empty(self._dying.pop(identity))
        return []

    def _release(self, worker: Worker) -> None:
        if not isinstance(worker, _BatchWorker):
            return
        if worker.running:
            self._dying[worker.identity] = worker.slot
        else:
            self._empty(worker.slot)

    def _empty(self, slot: int) -> None:
        """Make the pipe of a process that is gone fit for the next one."""
        while read(self._answers[slot]):
            pass
        self._free.append(slot)


class _BatchWorker(Worker):
    def __init__(self, zygote: PipeZygote, identity: int, slot: int, answers: int, setup: Setup) -> None:
        super().__init__(identity, answers, setup)
        self._zygote = zygote
        self._batch: list[Job] = []
        self._unanswered = 0
        self.slot = slot
        self.running = False

    def accepts(self, in_flight: int) -> bool:
        return not self.running and in_flight < _BATCH

    def submit(self, job: Job) -> None:
        self._batch.append(job)

    def flush(self) -> None:
        if self._batch and not self.running:
            self.running = True
            self._unanswered = len(self._batch)
            self._zygote.start_batch(self, self._batch)
            self._batch = []

    def hear(self, piece: bytes) -> Iterator[Event]:
        for event in super().hear(piece):
            self._unanswered -= isinstance(event, Answered)
            yield event

    def ends_well(self, status: int) -> bool:
        """Note the end of the process; whether it had answered everything."""
        self.running = False
        return status == 0 and self._unanswered == 0
