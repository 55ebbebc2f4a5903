"""Forking a process that goes its own way: it keeps what it is given, and never returns to its parent's code.

Fork before there are threads: a lock that another thread holds stays locked in the child.
"""

import gc
import os
import signal
from collections.abc import Callable
from typing import NoReturn


def fork(life: Callable[[], None]) -> int:
    """Fork a process that lives ``life`` and ends; returns its number.

    Signals are held back meanwhile, so that none unwinds the child into the code of its parent.
    """
    held = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        pid = os.fork()
        if pid == 0:
            _live(life, before)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return pid


def keep_only(keep: set[int]) -> None:
    """Close every inherited descriptor but these; the standard ones lead nowhere from now on."""
    import resource  # which not every system has that imports this module

    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        if standard not in keep:
            os.dup2(nowhere, standard)
    start = 3
    for fd in sorted(keep | {resource.getrlimit(resource.RLIMIT_NOFILE)[0]}):
        if fd >= start:
            os.closerange(start, fd)
            start = fd + 1


def _live(life: Callable[[], None], mask: set[int]) -> NoReturn:
    status = 1
    try:
        gc.freeze()  # nothing of the parent's is ever finalised here
        gc.disable()  # until this process has settled and enables it again
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process in order
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        life()
        status = 0
    finally:
        os._exit(status)
