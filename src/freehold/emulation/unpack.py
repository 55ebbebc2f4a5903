"""Running a Windows program until it has unpacked itself, and taking what is in memory then."""

import time
from collections.abc import Callable
from typing import NamedTuple

from freehold.emulation.cpu import Cpu, Reason, Stop
from freehold.emulation.image import Image, as_file
from freehold.emulation.seh import SINGLE_STEP, Exceptions
from freehold.emulation.windows import RETURN, STACK, STACK_SIZE, Windows
from freehold.model.errors import LimitReached
from freehold.model.limits import Limits
from freehold.model.report import ProblemKind

LEAST_CHANGED = 32
"""Bytes of its own memory; a program that changes fewer has set variables, but unpacked nothing."""

_SLICE = 100_000
_MOST_BLOCKS = 32
_GIVES_UP = {"ExitProcess", "TerminateProcess", "FatalAppExitA"}


class Dump(NamedTuple):
    """What a program had in memory in the end.

    Attributes:
        end: why it was stopped, for people.
        kind: why it may not have unpacked all of itself, None when it came to an end of its own.
        instructions: that it executed.
        regions: name and content of the image and of each block that it asked for; none when it ended of its own
            accord and had changed nothing.
    """

    end: str
    kind: ProblemKind | None
    instructions: int
    regions: list[tuple[str, bytes]]


def unpack(program: bytes, processor: Callable[[bool], Cpu], limits: Limits) -> Dump:
    """Run a program.

    Args:
        program: a PE file.
        processor: returns a processor that has no memory yet, wide or not.
        limits: ``program_seconds`` and ``program_instructions`` are what each of its two runs may take; there is a
            second one only when the first changed its own code and failed.

    Raises:
        MalformedInput: it is no program that Windows would load on x86.
        LimitReached: it is too large.
    """
    image = Image(program)
    cpu = processor(image.wide)
    dump = _dump(cpu, image, program, limits)
    if dump.kind is ProblemKind.UNSUPPORTED and cpu.changed_code:  # perhaps because a change went unnoticed
        cpu.restart()
        again = _dump(cpu, image, program, limits)
        return again if again.instructions > dump.instructions else dump
    return dump


def _dump(cpu: Cpu, image: Image, program: bytes, limits: Limits) -> Dump:
    """Run a program on a processor without memory."""
    windows = Windows(cpu, image, program)
    loaded = cpu.read(windows.base, len(image.memory))
    end, kind = _Run(cpu, image, windows, limits).run()
    memory = cpu.read(windows.base, len(image.memory))
    regions = [("memory", as_file(memory))]
    largest = sorted(windows.blocks.items(), key=lambda block: block[1], reverse=True)[:_MOST_BLOCKS]
    for address, size in largest:
        content = cpu.read(address, size).rstrip(b"\0")
        if content:
            regions.append((f"heap-{address:x}", content))
    if kind is None and len(regions) == 1 and _differing(loaded, memory) < LEAST_CHANGED:
        return Dump(f"{end}, having unpacked nothing", None, cpu.executed, [])
    return Dump(end, kind, cpu.executed, regions)


def _differing(one: bytes, other: bytes) -> int:
    """Return how many bytes differ; both are of the same length."""
    difference = int.from_bytes(one, "little") ^ int.from_bytes(other, "little")
    return len(one) - difference.to_bytes(len(one), "little").count(0)


class _End(NamedTuple):
    """Why a run ended, and what kind of problem that is, if it is one."""

    words: str
    kind: ProblemKind | None = None


class _Run:
    def __init__(self, cpu: Cpu, image: Image, windows: Windows, limits: Limits) -> None:
        self._cpu = cpu
        self._windows = windows
        self._exceptions = Exceptions(cpu, windows)
        self._limits = limits
        self._deadline = time.process_time() + limits.program_seconds
        self._starts = [*image.callbacks(), windows.base + image.entry]

    def run(self) -> _End:
        """Run what the loader would run."""
        self._begin()
        limits = self._limits
        while True:
            left = min(_SLICE, limits.program_instructions - self._cpu.executed)
            if left <= 0:
                reached = LimitReached("program_instructions", limits.program_instructions)
                return _End(str(reached), ProblemKind.LIMIT)
            if time.process_time() > self._deadline:
                return _End(str(LimitReached("program_seconds", limits.program_seconds)), ProblemKind.LIMIT)
            single = self._exceptions.single_step
            stop = self._cpu.run(1 if single else left)
            if single and stop.reason is Reason.LIMIT:
                if not self._exceptions.raise_code(SINGLE_STEP, stop):
                    return _End("an exception that nobody handles", ProblemKind.UNSUPPORTED)
            elif stop.reason is not Reason.LIMIT and (end := self._handle(stop)):
                return end

    def _begin(self) -> None:
        """Go to the next function that the loader calls."""
        cpu, windows = self._cpu, self._windows
        start = self._starts.pop(0)
        cpu.put("sp", STACK + STACK_SIZE - 0x1000)
        if cpu.wide:
            cpu.put("cx", windows.base)
            cpu.put("dx", 1)
            cpu.put("r8", 0)
            windows.push(0)
        else:
            for value in (0, 1, windows.base):
                windows.push(value)
        windows.push(RETURN)
        cpu.put("ip", start)

    def _handle(self, stop: Stop) -> _End | None:
        """Do what is due after a stop; returns why that was the end, None to go on."""
        here = self._cpu.get("ip")
        if stop.reason is Reason.TRAP:
            if here == RETURN:
                return self._returned()
            if self._windows.answer(here):
                return None
            if name := self._windows.name_of(here):
                return _End(f"calls {name}", ProblemKind.UNSUPPORTED if name in _GIVES_UP else None)
        if self._exceptions.raise_(stop):
            return None
        return _End(f"exception ({stop.reason}) at {here:#x} that nobody handles", ProblemKind.UNSUPPORTED)

    def _returned(self) -> _End | None:
        if self._exceptions.returned():
            return None
        if not self._starts:
            return _End("returns")
        self._begin()
        return None
