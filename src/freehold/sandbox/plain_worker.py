"""A worker for systems that have no sandbox; ``plain`` starts it as a program."""

import os
import sys
from pathlib import Path

from freehold.model.errors import FreeholdError
from freehold.model.limits import Limits
from freehold.model.report import Report
from freehold.sandbox.examination import Examine, Kit, answer, examiner, load_engine, unreadable
from freehold.sandbox.spool import spool_directory
from freehold.sandbox.wire import Flags, Setup, decode, encode


def main() -> None:
    """Examine the files whose paths arrive at standard input, until it ends."""
    out = sys.stdout.buffer
    bundles, limits, all_matches, tree, passwords = decode(sys.stdin.buffer.readline())
    setup = Setup(tuple(map(Path, bundles)), Limits(**limits), all_matches=all_matches, tree=tree)
    try:
        engine = load_engine(setup.bundles, passwords=[bytes.fromhex(password) for password in passwords])
    except FreeholdError as error:
        out.write(encode(["failed", str(error)]))
        return
    examine = examiner(Kit(setup, engine, spool_directory()))
    out.write(encode(["ready", "not sandboxed: this system offers no sandbox"]))
    out.flush()
    for line in sys.stdin.buffer:
        number, size, name, path, *flags = decode(line)
        out.write(answer(number, _examine_path(examine, size, name, path, Flags(False, *flags)), setup.answer))
        out.flush()


def _examine_path(examine: Examine, size: int, name: str, path: str, flags: Flags) -> Report:
    try:
        file = os.open(os.fsencode(path), os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        return unreadable(size, name, error.strerror or str(error))
    return examine(file, size, name, flags)


if __name__ == "__main__":
    main()
