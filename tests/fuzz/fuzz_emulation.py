"""Fuzz target for the emulation of packed programs; needs icicle-emu.

Each runs in a process of its own that the kernel's clock ends, as in a scan: some instructions never come to an end.
"""

import contextlib
import functools
import importlib.util
import os
import signal

from freehold.emulation.cpu import Cpu
from freehold.emulation.unpack import unpack
from freehold.model.errors import FreeholdError
from freehold.model.limits import Limits

SAMPLES = ("pe_inside",)


def target(data: bytes) -> None:
    if importlib.util.find_spec("icicle") is None:
        return
    for wide in (False, True):
        _made(wide)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            with contextlib.suppress(FreeholdError):
                unpack(data, _made, Limits(program_seconds=0.1))
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) in {0, -signal.SIGALRM}


@functools.cache
def _made(wide: bool) -> Cpu:
    from freehold.emulation.icicle import IcicleCpu

    return IcicleCpu(wide=wide)
