"""Running a Windows program until it has unpacked itself, and taking what is in memory then."""

import time
from collections.abc import Callable
from typing import NamedTuple

from freehold.emulation.cpu import Cpu, Reason, Stop
from freehold.emulation.image import Image, as_file
from freehold.emulation.seh import SINGLE_STEP, Exceptions
from freehold.emulation.windows import RETURN, STACK, STACK_SIZE, Windows

INSTRUCTIONS = 1_000_000_000
"""Instructions that a program may take to unpack itself."""

SECONDS = 3.0
"""Wall time for the same."""

_SLICE = 100_000
_MOST_BLOCKS = 32


class Dump(NamedTuple):
    """What a program had in memory in the end.

    Attributes:
        end: why it was stopped, for people.
        whole: whether it had come to an end of its own, so that nothing is to be expected any more.
        instructions: that it executed.
        regions: name and content of the image and of each block that it asked for.
    """

    end: str
    whole: bool
    instructions: int
    regions: list[tuple[str, bytes]]


def unpack(program: bytes, processor: Callable[[bool], Cpu], seconds: float = SECONDS) -> Dump:
    """Run a program.

    Args:
        program: a PE file.
        processor: returns a processor that has no memory yet, wide or not.
        seconds: wall time that it may take.

    Raises:
        MalformedInput: it is no program that Windows would load on x86.
    """
    image = Image(program)
    cpu = processor(image.wide)
    windows = Windows(cpu, image, program)
    end, whole = _Run(cpu, image, windows, seconds).run()
    regions = [("memory", as_file(cpu.read(windows.base, len(image.memory))))]
    largest = sorted(windows.blocks.items(), key=lambda block: block[1], reverse=True)[:_MOST_BLOCKS]
    for address, size in largest:
        content = cpu.read(address, size).rstrip(b"\0")
        if content:
            regions.append((f"heap-{address:x}", content))
    return Dump(end, whole, cpu.executed, regions)


class _Run:
    def __init__(self, cpu: Cpu, image: Image, windows: Windows, seconds: float) -> None:
        self._cpu = cpu
        self._windows = windows
        self._exceptions = Exceptions(cpu, windows)
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._starts = [*image.callbacks(), windows.base + image.entry]

    def run(self) -> tuple[str, bool]:
        """Run what the loader would run; returns why it ended, and whether of its own accord."""
        self._begin()
        while True:
            left = min(_SLICE, INSTRUCTIONS - self._cpu.executed)
            if left <= 0:
                return f"limit of {INSTRUCTIONS:,} instructions reached", False
            if time.monotonic() > self._deadline:
                return f"limit of {self._seconds:g} s reached", False
            single = self._exceptions.single_step
            stop = self._cpu.run(1 if single else left)
            if single and stop.reason is Reason.LIMIT:
                if not self._exceptions.raise_code(SINGLE_STEP, stop):
                    return "an exception that nobody handles", True
            elif stop.reason is not Reason.LIMIT and (end := self._handle(stop)):
                return end, True

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

    def _handle(self, stop: Stop) -> str:
        """Do what is due after a stop; returns why that was the end, "" to go on."""
        here = self._cpu.get("ip")
        if stop.reason is Reason.TRAP:
            if here == RETURN:
                return self._returned()
            if self._windows.answer(here):
                return ""
            if name := self._windows.name_of(here):
                return f"calls {name}"
        if self._exceptions.raise_(stop):
            return ""
        return f"exception ({stop.reason}) at {here:#x} that nobody handles"

    def _returned(self) -> str:
        if self._exceptions.returned():
            return ""
        if not self._starts:
            return "returns"
        self._begin()
        return ""
