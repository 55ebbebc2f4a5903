"""Python pickles: which functions they name and call, without loading anything.

Whoever loads a pickle runs what it calls. Names alone prove nothing (every pickle of an object names its class), so
they are facts for people and no problem. Nothing is unpacked: what a pickle holds was compared with it as a whole.

Source: the standard library's ``pickletools`` (PEP 307, PEP 3154, PEP 574).
"""

from collections.abc import Iterator
from itertools import islice

from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.limits import MIB
from freehold.model.view import View

_LARGEST = 16 * MIB
_MOST_OPERATIONS = 1_000_000
_MOST_NAMED = 40
_LONGEST_NAME = 200
_OPERATIONS_PER_TICK = 4096
_CALLS = frozenset({"REDUCE", "BUILD", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX"})
_PUTS = frozenset({"MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"})
_GETS = frozenset({"GET", "BINGET", "LONG_BINGET"})
_RISKY_MODULES = frozenset(
    (
        *("os", "posix", "nt", "subprocess", "pty", "shutil", "sys", "runpy", "importlib", "imp", "socket", "ctypes"),
        *("pickle", "_pickle", "marshal", "code", "codeop", "webbrowser", "commands", "multiprocessing", "asyncio"),
        *("urllib", "http", "ftplib", "smtplib", "requests", "pip", "pdb", "bdb", "timeit", "cProfile", "profile"),
        *("tempfile", "platform", "signal", "threading", "zipimport", "pkgutil", "pydoc", "venv", "ensurepip"),
    )
)
"""Modules that a pickle of data has no reason to name."""
_RISKY_BUILTINS = frozenset(
    {"eval", "exec", "execfile", "compile", "open", "file", "getattr", "setattr", "delattr", "__import__", "globals",
     "apply", "input", "vars", "breakpoint"}
)  # fmt: skip


def risky(name: str) -> bool:
    """Whether a full name like ``os.system`` is one that no pickle of data has a reason to hold."""
    module, _, function = name.rpartition(".")
    if module.partition(".")[0] in ("builtins", "__builtin__"):
        return function in _RISKY_BUILTINS
    return module.partition(".")[0] in _RISKY_MODULES


class _Names:
    """Follows the strings that a pickle puts on its stack and into its memory, which is where later names come from."""

    def __init__(self) -> None:
        self._pushed: list[str] = ["", ""]
        self._memory: dict[int, str] = {}
        self._last = ""

    def step(self, operation: str, argument: object) -> str | None:
        """Take one operation; return the full name that it names."""
        if operation in ("GLOBAL", "INST"):
            self._last = ""
            return str(argument).replace(" ", ".", 1)
        if operation == "STACK_GLOBAL":
            self._last = ""
            return ".".join(self._pushed)
        if operation in _PUTS:
            place = argument if isinstance(argument, int) else len(self._memory)
            self._memory[place] = self._last
            return None
        self._last = ""
        if operation in _GETS and isinstance(argument, int):
            self._last = self._memory.get(argument, "")
        elif isinstance(argument, str):
            self._last = argument[:_LONGEST_NAME]
        if self._last:
            self._pushed = [self._pushed[1], self._last]
        return None


def _tell(view: View, unpacking: Unpacking) -> None:
    import pickletools  # takes longer to load than most files to scan

    names: dict[str, None] = {}
    calls = 0
    follower = _Names()
    try:
        operations = pickletools.genops(view.read(0, _LARGEST))
        for number, (operation, argument, _) in enumerate(islice(operations, _MOST_OPERATIONS)):
            if not number % _OPERATIONS_PER_TICK:
                unpacking.budget.tick()
            calls += operation.name in _CALLS
            name = follower.step(operation.name, argument)
            if name:
                names[name[:_LONGEST_NAME]] = None
    except (ValueError, OverflowError):
        unpacking.fact("pickle", "cut off or damaged")
    unpacking.fact("calls", calls)
    if names:
        unpacking.fact("names", ", ".join(list(names)[:_MOST_NAMED]))
    if suspicious := [name for name in names if risky(name)]:
        unpacking.fact("risky", ", ".join(suspicious[:_MOST_NAMED]))


class _Pickled:
    name = "pickled"
    types = frozenset({"pickle"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        if unpacking.wants_facts:
            _tell(view, unpacking)
        return iter(())


FORMAT: Format = _Pickled()
