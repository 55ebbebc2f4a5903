"""What ``freehold scan`` is asked to look at."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

from freehold.frontends.cli import scan_options
from freehold.model.errors import UsageError
from freehold.service.entry import IMAGE, Entry, Known
from freehold.service.walk import LeftOut, Memory, Walk, spool

if TYPE_CHECKING:
    from freehold.service.packages.known import Packages

STDIN_NAME = b"<stdin>"

LIST_CHUNK = 1 << 16

LONGEST_NAME = 1 << 16
"""Bytes of one name in a list of files; the kernel takes 4,096."""


def check(args: argparse.Namespace) -> None:
    """Raise ``UsageError`` if there is nothing to scan, or too much for standard input."""
    if not (args.paths or args.stdin or args.files_from or args.quick) and args.memory is None:
        raise UsageError("nothing to scan: name files or folders, --quick, --memory, --files-from or --stdin")
    if args.memory is not None and sys.platform != "linux":
        raise UsageError("--memory needs Linux")
    if args.stdin and args.files_from == "-":
        raise UsageError("--stdin and --files-from - cannot share standard input")


def has_folders(args: argparse.Namespace) -> bool:
    """Whether whole folders are scanned, which is when it pays to remember what was done."""
    return args.quick or has_images(args) or any(map(os.path.isdir, args.paths))


def has_images(args: argparse.Namespace) -> bool:
    """Whether there is a container image among the paths."""
    return any(path.startswith(IMAGE) for path in args.paths)


def files(args: argparse.Namespace) -> list[bytes]:
    """Return the paths that name files and folders."""
    return [os.fsencode(path) for path in args.paths if not path.startswith(IMAGE)]


def found(args: argparse.Namespace, walk: Walk, memory: Memory | None) -> Iterator[Entry | Known]:
    """Yield everything that was asked for, in the order of the options."""
    listed = _listed(args.files_from, b"\0" if args.null else b"\n") if args.files_from else ()
    entries: Iterator[Entry | Known] = chain(walk.all(files(args)), walk.all(listed))
    if args.quick:
        entries = chain(entries, _once(chain(*_quick(args, walk, memory)), walk))
    if args.packages:
        entries = _unpackaged(entries, walk)
    yield from entries
    if args.memory is not None:
        from freehold.service import process_memory

        yield from process_memory.entries(args.memory or process_memory.processes(), named=bool(args.memory))
    if args.stdin:
        yield spool(sys.stdin.fileno(), STDIN_NAME)


def counter(args: argparse.Namespace) -> Callable[[], Iterator[int]] | None:
    """Return how to count what is to be done, or None when that is not known before its end."""
    if args.files_from or args.stdin or args.quick or args.packages or has_images(args) or args.memory is not None:
        return None
    return lambda: Walk(scan_options.walk_options(args)).count(files(args))


def _quick(args: argparse.Namespace, walk: Walk, memory: Memory | None) -> Iterator[Iterator[Entry | Known]]:
    from freehold.service import quick

    yield walk.all(quick.places())
    usual = scan_options.walk_options(args)
    since = max(usual.changed_since or 0, time.time_ns() - quick.RECENT_DAYS * 86_400 * 10**9)
    recent = Walk(usual._replace(changed_since=since), memory)
    yield recent.all(path for path in quick.PROGRAMS if os.path.isdir(path) and not os.path.islink(path))  # noqa: PTH112, PTH114
    yield walk.all(quick.running())


def _once(entries: Iterator[Entry | Known], walk: Walk) -> Iterator[Entry | Known]:
    """Leave out what was met by another name, and what ended while it was looked for."""
    seen: set[tuple[int, int]] = set()
    for entry in entries:
        if isinstance(entry, Known):
            yield entry
        elif entry.fd is None or entry.status is None:
            if os.path.lexists(entry.path):
                yield entry
        elif (entry.status.st_dev, entry.status.st_ino) in seen:
            os.close(entry.fd)
            walk.left_out[LeftOut.TWICE] += 1
        else:
            seen.add((entry.status.st_dev, entry.status.st_ino))
            yield entry


def _unpackaged(entries: Iterator[Entry | Known], walk: Walk) -> Iterator[Entry | Known]:
    """Leave out what is as a package brought it."""
    from freehold.service.packages.known import Packages

    packages = Packages()
    if not packages:
        raise UsageError("--packages: there is no database of dpkg or rpm on this machine")
    for entry in entries:
        if isinstance(entry, Entry) and entry.fd is not None and _verified(packages, entry.path, entry.fd):
            os.close(entry.fd)
            walk.left_out[LeftOut.PACKAGED] += 1
        else:
            yield entry


def _verified(packages: "Packages", path: bytes, fd: int) -> bool:
    try:
        return packages.verify(path, fd)
    except OSError:
        return False  # the worker says why it cannot be read


def _listed(source: str, separator: bytes) -> Iterator[bytes]:
    """Yield the paths that a file lists, without reading it whole."""
    try:
        with open(0 if source == "-" else source, "rb", closefd=source != "-") as file:
            rest = b""
            while chunk := file.read1(LIST_CHUNK):
                *names, rest = (rest + chunk).split(separator)
                yield from filter(None, names)
                if len(rest) > LONGEST_NAME:
                    raise UsageError(f"{source}: a name is longer than {LONGEST_NAME} bytes; is -0 missing?")
            if rest:
                yield rest
    except OSError as error:
        raise UsageError(f"cannot read the list of files: {error.strerror}: {source}") from error
