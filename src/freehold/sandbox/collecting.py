"""Getting the content of artifacts out of a worker, for who wants to look into it.

The host gives the zygote one open file; the worker appends a record for each artifact that it visits: a line of JSON
(depth, name, type, size), then the content. What the host reads there is as hostile as any answer of a worker: each
field is checked, and a record that claims more than the file holds ends the reading.
"""

import errno
import os
from collections.abc import Iterator

from freehold.model.artifact import Artifact
from freehold.model.collected import Record
from freehold.model.errors import MalformedInput
from freehold.model.limits import Budget
from freehold.model.report import Detection
from freehold.sandbox.wire import decode, encode, write_all

HEADER = 1 << 16
"""Bytes that the line of a record may have; longer names are cut before they are written."""

_NAME = 4096
"""Characters that remain of a name; each takes up to twelve bytes as JSON."""


class Collector:
    """A matcher that finds nothing and writes down all that it is shown.

    Args:
        fd: a file that is open for writing.
    """

    name = "collect"

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._whole = True

    def match(self, artifact: Artifact, budget: Budget) -> Iterator[Detection]:
        """Append an artifact; raises ``OSError`` when there is no room, for this one and all later ones."""
        if not self._whole:  # behind a record that breaks off nobody could read another
            raise OSError(errno.ENOSPC, "not written: an earlier artifact could not be written whole")
        self._whole = False
        size = artifact.view.size if artifact.parent is not None else 0
        write_all(self._fd, encode([artifact.depth, artifact.name[:_NAME], artifact.file_type, size]))
        if size:
            for _, window in artifact.view.windows(0):
                write_all(self._fd, window)
                budget.tick()
        self._whole = True
        yield from ()


def records(fd: int) -> Iterator[Record]:
    """Yield what a worker has written, in the order visited, parents first; an unfinished last record is left out.

    Raises:
        MalformedInput: the worker wrote something else.
    """
    end = os.fstat(fd).st_size
    offset = 0
    while offset < end:
        line, newline, _ = os.pread(fd, HEADER, offset).partition(b"\n")
        if not newline:
            return
        message = decode(line)
        if [type(field) for field in message] != [int, str, str, int] or message[0] < 0 or message[3] < 0:
            raise MalformedInput("the worker wrote something that is not an artifact")
        depth, name, file_type, size = message
        offset += len(line) + 1
        if offset + size > end:
            return
        yield Record(depth, name, file_type, offset, size)
        offset += size
