"""What runs on this machine: programs, what they have mapped, kernel modules, as the kernel says in /proc."""

import os
from collections.abc import Iterator
from pathlib import Path

from freehold.model.policy import IndicatorKind
from freehold.service.quick import running

Seen = tuple[IndicatorKind, str, str]
"""Kind, value, and where it was seen."""


def seen() -> Iterator[Seen]:
    """Yield what runs now, as far as this user may look."""
    yield from _processes()
    for path in running():
        name = os.fsdecode(path)
        yield IndicatorKind.PATH, name, "mapped by a process"
    yield from _modules()


def _processes() -> Iterator[Seen]:
    for number in sorted(filter(str.isdigit, os.listdir("/proc")), key=int):  # noqa: PTH208 - names are wanted
        folder = Path("/proc", number)
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0", 1)[0]
            names = {(folder / "comm").read_text("utf-8", "replace").strip(), os.fsdecode(command).rpartition("/")[2]}
        except OSError:
            continue  # it ended
        for name in sorted(names - {""}):
            yield IndicatorKind.PROCESS, name, f"process {number}"


def _modules() -> Iterator[Seen]:
    try:
        text = Path("/proc/modules").read_text("ascii", "replace")
    except OSError:
        return
    for line in text.splitlines():
        yield IndicatorKind.MODULE, line.split(" ", 1)[0], "loaded in the kernel"
