"""Cutting what a client sends into commands.

A command begins with ``z`` and ends with NUL, or begins with ``n`` and ends with a newline; without such a letter it is
of the old form, ends with a newline or with the packet, and may be one of a few only.
"""

from typing import NamedTuple

LONGEST = 4096 + 32
"""Bytes of a command: a path of Linux with its command before it."""

NAMES = (
    *("SCAN", "QUIT", "RELOAD", "PING", "CONTSCAN", "VERSIONCOMMANDS", "VERSION", "END", "SHUTDOWN", "MULTISCAN"),
    *("FILDES", "STATS", "IDSESSION", "INSTREAM", "DETSTATSCLEAR", "DETSTATS", "ALLMATCHSCAN"),
)
"""What VERSIONCOMMANDS tells, in clamd's order."""

SCANS = frozenset({"SCAN", "CONTSCAN", "MULTISCAN", "ALLMATCHSCAN"})
"""Commands that take a path."""

IN_SESSION = frozenset({"FILDES", "SCAN", "END", "INSTREAM", "VERSION", "PING", "STATS", "VERSIONCOMMANDS"})
"""Commands that are understood inside IDSESSION."""

_NOT_OLD = frozenset({"VERSIONCOMMANDS", "END", "STATS", "IDSESSION", "INSTREAM", "ALLMATCHSCAN"})
_OLD_SCANS = tuple(f"{name} /".encode() for name in SCANS - _NOT_OLD)
_WITHOUT_END = frozenset(name.encode() for name in set(NAMES) - SCANS - _NOT_OLD)


class Command(NamedTuple):
    """One command.

    Attributes:
        name: one of ``NAMES``, "" for what is none.
        argument: the path of those that take one.
        end: what its answers end with.
    """

    name: str
    argument: bytes
    end: bytes


class TooLong(Exception):
    """A command does not end."""


def take(buffer: bytearray, *, ended: bool = False) -> Command | None:
    """Remove the first command from what has been received; None when it is not complete.

    Args:
        buffer: what has been received; begins with a command.
        ended: nothing more will come.

    Raises:
        TooLong: the command is longer than any can be.
    """
    form = buffer[:1]
    if form == b"z":
        start, end = 1, b"\0"
    elif form == b"n":
        start, end = 1, b"\n"
    else:
        start, end = 0, b"\n"
    where = buffer.find(end, 0, LONGEST)
    if where < 0:
        if len(buffer) >= LONGEST:
            raise TooLong
        if start or not (buffer and (ended or bytes(buffer) in _WITHOUT_END)):
            return None
        where = len(buffer)
    line = bytes(buffer[start:where])
    del buffer[: where + 1]
    if end == b"\n":
        line = line.removesuffix(b"\r")
    return _parse(line, end, old=not start)


def may_be_all(buffer: bytearray) -> bool:
    """Whether what ``take`` finds incomplete is a command that ends with its packet, and only time can tell."""
    return buffer.startswith(_OLD_SCANS)


def _parse(line: bytes, end: bytes, *, old: bool) -> Command:
    word, space, argument = line.partition(b" ")
    name = word.decode("ascii", "replace")
    understood = name in NAMES and bool(space) == (name in SCANS) and not (old and name in _NOT_OLD)
    return Command(name, argument, end) if understood else Command("", b"", end)
