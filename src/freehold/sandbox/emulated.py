"""The worker's side of emulation: a packed program goes out through a file, what it had in memory comes back in it.

The worker says over a pipe that there is something to run, and waits at another for the word that it was run. What it
finds in the file then is as hostile as the program.
"""

import os
import time
from typing import NamedTuple

from freehold.model.errors import LimitReached, MalformedInput
from freehold.model.interfaces import Emulated, Spool
from freehold.model.limits import MIB, Budget
from freehold.model.report import ProblemKind
from freehold.model.view import View
from freehold.sandbox.wire import PIECE, decode, encode, write_all

MOST_REGIONS = 64
HEADER = 8192
"""Bytes of the line before the content of the regions."""


_KINDS = {"limit": ProblemKind.LIMIT, "unsupported": ProblemKind.UNSUPPORTED}


class Ends(NamedTuple):
    """A worker's ends of what connects it with the emulator: the file, a pipe to ask through, one to be answered at."""

    file: int
    ask: int
    told: int


_ends: list[Ends] = []


def connect(ends: Ends) -> None:
    """Use these ends in this process from now on."""
    _ends[:] = [ends]


def emulate(program: View, spool: Spool, budget: Budget, *, wide: bool) -> Emulated:
    """Have a program run; see ``model.interfaces.Emulator``."""
    if not _ends:
        return Emulated(ProblemKind.UNSUPPORTED, "programs are run to be unpacked on Linux only")
    limits = budget.limits
    if program.size > limits.program_bytes:
        return Emulated(ProblemKind.LIMIT, f"larger than program_bytes = {limits.program_bytes}, so it was not run")
    if budget.emulation_seconds > limits.emulation_seconds:
        return Emulated(ProblemKind.LIMIT, f"not run: {LimitReached('emulation_seconds', limits.emulation_seconds)}")
    (ends,) = _ends
    began = time.monotonic()
    os.ftruncate(ends.file, 0)
    at = 0
    for _, window in program.windows(0):
        at += os.pwrite(ends.file, window, at)
    write_all(ends.ask, encode([program.size, wide]))
    outcome, detail = _answer(ends.told)
    budget.emulation_seconds += time.monotonic() - began
    budget.tick()
    try:
        if outcome != "done":
            return Emulated(ProblemKind(outcome), detail)
        return _take(ends.file, spool, budget)
    finally:
        os.ftruncate(ends.file, 0)


def _answer(told: int) -> tuple[str, str]:
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(told, PIECE)
        if not piece:
            return ProblemKind.CRASHED, "the emulator is gone"
        line += piece
    outcome, detail = decode(line)
    return outcome, detail


def _take(file: int, spool: Spool, budget: Budget) -> Emulated:
    """Move what came back from the file to the spool, checking each number."""
    line, newline, _ = os.pread(file, HEADER, 0).partition(b"\n")
    try:
        message = decode(line) if newline else []
    except MalformedInput:
        message = []
    broken = Emulated(ProblemKind.CRASHED, "the emulator broke the protocol")
    if [type(field) for field in message] != [str, str, list] or len(message[2]) > MOST_REGIONS:
        return broken
    end, kind, listed = message
    at = len(line) + 1
    regions: list[tuple[str, View]] = []
    for region in listed:
        if type(region) is not list or [type(field) for field in region] != [str, int] or region[1] < 0:
            return broken
        name, size = region
        if at + size > budget.limits.program_memory:
            return broken
        spool.begin()
        for place in range(at, at + size, MIB):
            spool.write(os.pread(file, min(MIB, at + size - place), place))
            budget.tick()
        regions.append((name[:32], spool.finish()))
        at += size
    return Emulated(_KINDS.get(kind), end[:200], regions)
