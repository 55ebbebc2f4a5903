"""Reading a body in chunks, of which at most one piece is held.

Source: RFC 3507 section 4.4.2, RFC 9112 section 7.1.
"""

import re
from enum import Enum

from freehold.frontends.icap.message import BadRequest

_LINE = 1024
"""Bytes of a line with the length of a chunk and its extensions, at most."""

_TRAILERS = 8192
"""Bytes of the fields behind the last chunk, at most."""

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(;[^\r\n]*)?")
_END_OF_ALL = re.compile(rb";[ \t]*ieof[ \t]*(?:;|$)", re.IGNORECASE)


class End(Enum):
    """How a sequence of chunks ended."""

    PART = "part"
    ALL = "all"


class Chunks:
    """One sequence of chunks: a preview, what follows it, or a whole body."""

    def __init__(self) -> None:
        self._left = 0
        self._behind = False
        self._end: End | None = None
        self._trailers = 0

    def take(self, buffer: bytearray) -> bytes | End | None:
        """Remove what comes next from the front of what has been received.

        Returns:
            A piece of the body; ``End.ALL`` at the end when the client said that there is nothing behind a preview,
            ``End.PART`` at any other end; None when more must be received.

        Raises:
            BadRequest: these are no chunks.
        """
        while True:
            if self._left:
                return self._piece(buffer)
            if self._end:
                return self._past_trailers(buffer)
            if self._behind and not self._skip_line_end(buffer):
                return None
            line = _line(buffer, _LINE)
            if line is None:
                return None
            self._begin(line)

    def _piece(self, buffer: bytearray) -> bytes | None:
        piece = bytes(buffer[: self._left])
        del buffer[: self._left]
        self._left -= len(piece)
        self._behind = not self._left
        return piece or None

    def _skip_line_end(self, buffer: bytearray) -> bool:
        if len(buffer) < 2:
            return False
        if buffer[:2] != b"\r\n":
            raise BadRequest(400, "a chunk is longer than it says")
        del buffer[:2]
        self._behind = False
        return True

    def _begin(self, line: bytes) -> None:
        size = _SIZE.fullmatch(line)
        if not size:
            raise BadRequest(400, "the length of a chunk cannot be read")
        self._left = int(size[1], 16)
        if not self._left:
            self._end = End.ALL if size[2] and _END_OF_ALL.search(size[2]) else End.PART

    def _past_trailers(self, buffer: bytearray) -> End | None:
        while (line := _line(buffer, _TRAILERS)) is not None:
            self._trailers += len(line)
            if not line:
                return self._end
            if self._trailers > _TRAILERS:
                raise BadRequest(400, "the trailers are too long")
        return None


def _line(buffer: bytearray, most: int) -> bytes | None:
    """Remove a line from the front; None when it is not complete. Raises ``BadRequest``."""
    where = buffer.find(b"\r\n", 0, most + 2)
    if where < 0:
        if len(buffer) >= most + 2:
            raise BadRequest(400, "a line of the body is too long")
        return None
    line = bytes(buffer[:where])
    del buffer[: where + 2]
    return line
