"""What the host side and the worker side say to each other: one line of JSON per message.

A line may come in pieces, as packets and pipes cut it. What comes from a worker is hostile: the length of a line is
bounded before it is kept, and its content is checked field by field.

The values of this package are named tuples: a frozen dataclass takes ten times as long to define, at each start.
"""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from freehold.model.errors import MalformedInput
from freehold.model.limits import MIB, Limits

PIECE = 64 * 1024
"""Bytes that are written and read at once; a packet of this size passes every default socket buffer."""

ANSWER = 4 * MIB
"""The longest answer of a worker that the host accepts, in bytes."""

ANSWER_WITH_TREE = 32 * MIB
"""The same when the answer contains the tree of artifacts."""

NAME = 4096
"""Characters of a root's name that a worker gets to see, as many as a path may have."""


class Setup(NamedTuple):
    """What a zygote prepares its workers for.

    Attributes:
        bundles: compiled bundles.
        limits: for each root artifact.
        all_matches: whether a detection does not end the examination.
        tree: whether reports contain the tree of artifacts.
        confine: whether workers are locked down.
        sockets: whether descriptors travel over sockets; otherwise there are pipes only.
        collect: a descriptor of the host's that takes the content of all artifacts (see ``collecting``); -1 for none.
        passwords: of the user, to try on encrypted content.
        older: digests of the segments that a file which was clean before need not be compared with again.
    """

    bundles: tuple[Path, ...]
    limits: Limits
    all_matches: bool = False
    tree: bool = False
    confine: bool = True
    sockets: bool = True
    collect: int = -1
    older: tuple[str, ...] = ()
    passwords: tuple[bytes, ...] = ()

    @property
    def answer(self) -> int:
        """The longest answer that the host accepts, in bytes."""
        return ANSWER_WITH_TREE if self.tree else ANSWER


class Flags(NamedTuple):
    """How one file is examined, beside what ``Setup`` says of all.

    Attributes:
        clean_before: it is unchanged since it was found clean with the segments that ``Setup.older`` names.
        all_matches: a detection does not end its examination, whatever ``Setup`` says.
        tree: its report contains the tree of artifacts, whatever ``Setup`` says.
    """

    clean_before: bool = False
    all_matches: bool = False
    tree: bool = False


class Job(NamedTuple):
    """One file for a worker.

    Attributes:
        number: comes back with the answer.
        fd: open for reading; stays the caller's, who keeps it open until the answer.
        size: in bytes.
        name: what reports call the root.
        path: where it was found, in the file system's own bytes.
        flags: how it is examined.
    """

    number: int
    fd: int
    size: int
    name: str
    path: bytes
    flags: Flags = Flags()


class Lines:
    """Puts pieces together to lines.

    Args:
        limit: bytes that a line may have.
    """

    __slots__ = ("_held", "_limit", "_pieces")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._held = 0

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the lines that this piece completes, without their ends; raises ``MalformedInput``."""
        *ends, rest = piece.split(b"\n")
        if self._held + len(ends[0] if ends else rest) > self._limit:
            raise MalformedInput(f"a message is longer than {self._limit} bytes")
        if ends and self._pieces:
            ends[0] = b"".join([*self._pieces, ends[0]])
            self._pieces.clear()
            self._held = 0
        if rest:
            self._pieces.append(rest)
            self._held += len(rest)
        return ends


def encode(message: list[Any]) -> bytes:
    """Return a message as a line; raises ``ValueError`` for numbers that JSON does not have."""
    return _ENCODER.encode(message).encode("ascii") + b"\n"


def decode(line: bytes) -> list[Any]:
    """Return the message that a line contains; raises ``MalformedInput``."""
    try:
        message = _DECODER.decode(line.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise MalformedInput("a message is not JSON") from error
    if type(message) is not list or not message:
        raise MalformedInput("a message is not a list")
    return message


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write all of ``data``, a piece at a time."""
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left[:PIECE]) :]


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_DECODER = json.JSONDecoder(parse_constant=_refuse)
