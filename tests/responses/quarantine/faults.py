"""Runs a command with a fault at one of its system calls, under strace, in a process forked from this one.

The fork has everything imported, so a run costs some hundredths of a second. Only the process that acts is traced, not
the workers that it starts: what happens to those has tests of its own.
"""

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from freehold.frontends.cli import main
from freehold.responses.quarantine import exporting, restoring, settling, taking, vault  # noqa: F401 - before the fork

NOT_OF_FILES = {
    "brk",
    "mmap",
    "munmap",
    "mprotect",
    "mremap",
    "madvise",
    "futex",
    "getrandom",
    "gettid",
    "clone",
    "wait4",
}
NOT_OF_FILES |= {"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "exit_group", "poll", "kill", "clone3", "sendmsg"}
NOT_OF_FILES |= {"recvmsg", "sendto", "recvfrom", "socketpair"}
"""System calls in which a failing disk cannot show."""

NEEDING_ROOM = {"openat", "mkdir", "write", "pwrite64", "fsync", "rename", "renameat2", "link", "linkat", "ftruncate"}
NEEDING_ROOM |= {"fsetxattr", "unlinkat", "unlink"}
"""System calls in which a full disk can show."""


class Outcome(NamedTuple):
    """How a run ended: its exit status (negative: the signal), what it said, and its system calls."""

    status: int
    errors: str
    calls: list[str]


def run(arguments: list[str | Path], scratch: Path, *inject: str) -> Outcome:
    """Run a command of Freehold's, with strace's faults if some are given: ``NAME:FAULT:when=NUMBER``."""
    return run_action(lambda: main([os.fspath(argument) for argument in arguments]), scratch, *inject)


def run_action(action: Callable[[], int], scratch: Path, *inject: str) -> Outcome:
    """Run what returns an exit status, with faults as above."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    pid = os.fork()
    if pid == 0:
        _child(action, scratch, before)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    log = scratch / "calls"
    command = ["strace", "-qq", "-p", str(pid), "-o", log, "-e", "signal=none"]
    with subprocess.Popen([*command, *(f"--inject={fault}" for fault in inject)]) as strace:
        while not _is_traced(pid):
            assert strace.poll() is None, f"strace cannot attach for {inject}"
        os.kill(pid, signal.SIGUSR1)
        _, status = os.waitpid(pid, 0)
    lines = log.read_text("utf-8", "replace").splitlines()
    called = [line for line in lines if re.match(r"[a-z_0-9]+\(", line)]
    return Outcome(os.waitstatus_to_exitcode(status), (scratch / "errors").read_text("utf-8", "replace"), called)


def places(calls: list[str], word: str) -> list[tuple[str, int]]:
    """Return every system call from the first one on that has to do with ``word``: its name, and which one of those."""
    names = [call.partition("(")[0] for call in calls]
    first = number_of(calls, word)
    counts: Counter[str] = Counter(names[:first])
    found = []
    for name in names[first:]:
        counts[name] += 1
        found.append((name, counts[name]))
    return found


def number_of(calls: list[str], word: str) -> int:
    """Return the number, from 0, of the first system call that has to do with ``word``."""
    return next(number for number, call in enumerate(calls) if word in call)


def _child(action: Callable[[], int], scratch: Path, mask: set[signal.Signals]) -> None:
    status = 99
    try:
        null = os.open(os.devnull, os.O_RDWR)
        errors = os.open(scratch / "errors", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(null, 0)
        os.dup2(null, 1)
        os.dup2(errors, 2)
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(fd, mode, closefd=False) for fd, mode in enumerate("rww"))
        # Waiting for a signal, as no system call that a fault may be meant for is repeated when strace attaches.
        signal.sigwait({signal.SIGUSR1})
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        status = action()
    finally:
        os._exit(status)


def _is_traced(pid: int) -> bool:
    return "\nTracerPid:\t0\n" not in Path(f"/proc/{pid}/status").read_text()
