# ruff: noqa: PTH116, PTH120, PTH123, PTH208
# (pathlib would double the time that this takes at every start)
"""What workers import after they have lost every right: the zygote has put it into memory.

Most files need few of the modules that open formats, normalise pages or evaluate signatures. To read their code takes
microseconds, to run it milliseconds; so the zygote reads all of it, and a worker runs what its files need. Finding a
module this way opens nothing: what was not kept does not exist.

Modules that load native libraries cannot wait; ``load_natives`` loads them while that is possible.
"""

import importlib
import os
import sys
from importlib.machinery import BuiltinImporter, ModuleSpec
from importlib.util import MAGIC_NUMBER, cache_from_source
from types import CodeType, ModuleType
from typing import NamedTuple

import freehold

PACKAGES = (
    "freehold.bundle",
    "freehold.engine",
    "freehold.engine.inventory",
    "freehold.engine.matchers",
    "freehold.engine.matchers.logical",
    "freehold.engine.normalise",
    "freehold.formats",
    "freehold.formats.sevenzip",
    "freehold.model",
    "freehold.model.pki",
)
"""All modules of these are kept, and the tables beside them."""

LIBRARY = (
    *("ast", "copy", "dataclasses", "dis", "fnmatch", "inspect", "linecache", "opcode", "token", "tokenize"),
    *("_compat_pickle", "pickle", "pickletools"),
    *("_weakrefset", "weakref"),
)
"""Modules of the standard library that are kept: written in Python, slow to load, and seldom needed."""

NATIVES = (
    *("array", "binascii", "bisect", "bz2", "ctypes", "datetime", "hashlib", "json.decoder", "lzma", "math", "random"),
    *("struct", "zlib", "_opcode", "_ast", "backports.zstd", "hyperscan"),
    *("freehold.formats.libarchive", "freehold.formats.sevenzip.callbacks", "freehold.formats.sevenzip.library"),
)
"""Modules that are native, or load something native; YARA-X and the packing of numbers look for some of them late."""

_TABLES = (".tsv", ".bin")
_HEADER = 16
_UNCHECKED = 1


class _Kept(NamedTuple):
    """A module's code: compiled and marshalled, or else its source."""

    path: str
    package: bool
    compiled: bytes
    source: bytes


class LateModules:
    """Finds modules in memory, and loads them from there."""

    def __init__(self) -> None:
        self._modules: dict[str, _Kept] = {}
        self._tables: dict[str, bytes] = {}
        for package in PACKAGES:
            self._keep_package(package)
        library = os.path.dirname(os.__file__)
        for name in LIBRARY:
            self._keep(name, f"{library}/{name}.py")

    def _keep_package(self, name: str) -> None:
        directory = f"{freehold.__path__[0]}/{'/'.join(name.split('.')[1:])}"
        for entry in os.listdir(directory):
            if entry.endswith(".py"):
                package = entry == "__init__.py"
                self._keep(name if package else f"{name}.{entry[:-3]}", f"{directory}/{entry}", package=package)
            elif entry.endswith(_TABLES):
                self._tables[f"{directory}/{entry}"] = _read(f"{directory}/{entry}")

    def _keep(self, name: str, path: str, *, package: bool = False) -> None:
        loaded = sys.modules.get(name)
        if loaded is None:
            self._modules[name] = _kept(path, package=package)
        elif loaded.__spec__ is not None:
            loaded.__spec__.loader = self  # type: ignore[assignment]  # for the tables beside it

    def load_all(self) -> None:
        """Import all of them now, for processes that are forked too often to do it themselves."""
        sys.meta_path.insert(0, self)
        for name in self._modules:
            importlib.import_module(name)

    def install(self) -> None:
        """Become the only way to import; nothing is looked for in files from now on."""
        sys.meta_path[:] = [BuiltinImporter, self]
        sys.path_hooks.clear()

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        """Return how to load a module that was kept."""
        kept = self._modules.get(fullname)
        if kept is None:
            return None
        return ModuleSpec(fullname, self, origin=kept.path, is_package=kept.package)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        """Let the import system make the module."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the code of a module."""
        kept = self._modules[module.__name__]
        module.__file__ = kept.path
        exec(_code(kept), module.__dict__)  # noqa: S102 - the program's own code, read before there were hostile bytes

    def get_data(self, path: str) -> bytes:
        """Return a table that stands beside a module; raises ``OSError``."""
        try:
            return self._tables[path]
        except KeyError:
            raise FileNotFoundError(path) from None


def load_natives() -> None:
    """Import what cannot be imported from memory."""
    for name in NATIVES:
        importlib.import_module(name)


def _kept(path: str, *, package: bool) -> _Kept:
    """Read a module; its source only if what Python has compiled of it is missing or outdated."""
    try:
        compiled = _read(cache_from_source(path))
    except OSError:
        compiled = b""
    if compiled and _is_current(compiled, path):
        return _Kept(path, package, compiled, b"")
    return _Kept(path, package, b"", _read(path))


def _is_current(compiled: bytes, path: str) -> bool:
    if compiled[:4] != MAGIC_NUMBER:
        return False
    if compiled[4:8] == _UNCHECKED.to_bytes(4, "little"):
        return True
    stat = os.stat(path)
    stamp = int(stat.st_mtime) & 0xFFFFFFFF, stat.st_size & 0xFFFFFFFF
    return compiled[4:8] == b"\0\0\0\0" and compiled[8:16] == b"".join(n.to_bytes(4, "little") for n in stamp)


def _code(kept: _Kept) -> CodeType:
    if not kept.compiled:
        return compile(kept.source, kept.path, "exec", dont_inherit=True)
    import marshal

    code: CodeType = marshal.loads(memoryview(kept.compiled)[_HEADER:])  # noqa: S302 - see exec_module
    return code


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.readall()
