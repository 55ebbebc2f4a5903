"""What runs on this machine: programs, what they have mapped, kernel modules, as the kernel says in /proc."""

import os
from collections.abc import Iterator
from pathlib import Path

from freehold.model.policy import IndicatorKind
from freehold.model.report import Problem, ProblemKind
from freehold.service.quick import running

Seen = tuple[IndicatorKind, str, str]
"""Kind, value, and where it was seen."""

_PROC = Path("/proc")
_NAMED = 5
"""Processes whose mapped files are hidden that are named."""


def seen() -> Iterator[Seen | Problem]:
    """Yield what runs now, and why not everything could be looked at."""
    if not (_PROC / "self").exists():
        yield Problem(ProblemKind.UNSUPPORTED, "/proc", "what runs can be seen on Linux only, where /proc is mounted")
        return
    yield from _processes()
    for path in running():
        name = os.fsdecode(path)
        yield IndicatorKind.PATH, name, "mapped by a process"
    yield from _modules()


def _processes() -> Iterator[Seen | Problem]:
    hidden = []
    for number in sorted(filter(str.isdigit, os.listdir(_PROC)), key=int):  # noqa: PTH208 - names are wanted
        folder = _PROC / number
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0", 1)[0]
            name = (folder / "comm").read_text("utf-8", "replace").strip()
            if not _may_look(folder):
                hidden.append(f"{name} ({number})")
        except OSError:
            continue  # it ended
        names = {name, os.fsdecode(command).rpartition("/")[2]} - {""}
        for name in sorted(names):
            yield IndicatorKind.PROCESS, name, f"process {number}"
    if hidden:
        more = f" and {len(hidden) - _NAMED:,} more" if len(hidden) > _NAMED else ""
        advice = "" if os.geteuid() == 0 else "; run the audit as root"
        detail = f"the kernel hides what {', '.join(hidden[:_NAMED])}{more} mapped{advice}"
        yield Problem(ProblemKind.UNREADABLE, "/proc", detail)


def _may_look(folder: Path) -> bool:
    try:
        (folder / "maps").open("rb").close()
    except PermissionError:
        return False
    return True


def _modules() -> Iterator[Seen]:
    try:
        text = Path("/proc/modules").read_text("ascii", "replace")
    except OSError:
        return
    for line in text.splitlines():
        yield IndicatorKind.MODULE, line.split(" ", 1)[0], "loaded in the kernel"
