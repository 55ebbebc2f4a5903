"""Programs that pkg made of scripts for Node.js: the files behind a copy of Node.js, stored, as gzip or by Brotli.

A prelude in JavaScript ends the program. Its arguments are a table of files (their places count from where the payload
begins, which ends where the prelude begins), the first script, links, names of path segments, and the way of packing.

Source: pkg's own sources (``packer.ts``, ``producer.ts``).
"""

import json
from collections.abc import Iterator

from freehold.model.interfaces import Child, Unpacking
from freehold.model.limits import MIB
from freehold.model.report import ProblemKind
from freehold.model.view import View

_BEGIN = b"(function(process, require, console, EXECPATH_FD, PAYLOAD_POSITION, PAYLOAD_SIZE) {"
_END = b"\n);\n})"
_LARGEST = 32 * MIB
_ARGUMENTS = 5
_BROTLI = b"2"
_STORES = {"0": "compiled", "1": ""}
_NAME = 4096


def members(view: View, unpacking: Unpacking) -> Iterator[Child]:
    """Yield the files of a program that ends with a prelude."""
    start = max(view.size - _LARGEST, 0)
    data = view.read(start, _LARGEST)
    begin = data.rfind(_BEGIN)
    if begin < 0:
        return
    parts = data[begin : data.rindex(_END)].rsplit(b"\n,\n", _ARGUMENTS - 1)
    try:
        table = json.loads(parts[0].rpartition(b"\n")[2])
        segments = json.loads(parts[3]) if len(parts) == _ARGUMENTS else {}
        files = list(_files(table, segments))
    except (ValueError, TypeError, RecursionError, IndexError, AttributeError):
        unpacking.problem(ProblemKind.MALFORMED, "the table of files of a program by pkg is damaged")
        return
    base = start + begin - max((place + size for _, place, size in files), default=0)
    if base < 0:
        unpacking.problem(ProblemKind.TRUNCATED, "the files of a program by pkg are cut off")
    if parts[-1].strip() == _BROTLI:
        unpacking.problem(ProblemKind.UNSUPPORTED, "the files of a program by pkg are packed by Brotli")
    for name, place, size in files:
        unpacking.budget.tick()
        if size > 0 and base + place >= 0:
            yield Child(name, view.slice(base + place, size))


def _files(table: dict[str, dict[str, object]], segments: dict[str, str]) -> Iterator[tuple[str, int, int]]:
    """Yield name, place and size of the contents that a table lists."""
    names = {short: name for name, short in segments.items()}
    for path, stores in table.items():
        name = "/".join(names.get(part, part) for part in path.split("/")).lstrip("/")
        for store, mark in _STORES.items():
            found = stores.get(store)
            if isinstance(found, list) and len(found) == 2 and all(isinstance(n, int) and n >= 0 for n in found):
                yield f"{name[-_NAME:]}{f'.{mark}' if mark else ''}", found[0], found[1]
