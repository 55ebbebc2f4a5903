"""The tar archive inside ClamAV's database containers, plain or compressed with gzip, read as a stream.

Only what ClamAV writes is accepted: regular files with plain names. Everything else a tar archive can hold (folders,
links, long names, sparse files) has no business here, so there is no code for it.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from freehold.model.errors import MalformedInput

MEMBER_BYTES = 1 << 30
"""Size that one member may have."""

TOTAL_BYTES = 4 << 30
"""Bytes that the whole archive may have when unpacked."""

MEMBERS = 1000
"""Members that an archive may have."""

_BLOCK = 512
_CHUNK = 256 << 10
_PADDING_BYTES = 64 << 10
"""Zeros that may follow the last member; tar programs write up to 10 KiB."""

_NAME = re.compile(rb"([A-Za-z0-9_][A-Za-z0-9._+-]{0,99})\x00*")
_SIZE = re.compile(rb" *([0-7]+)[ \x00]*")


@dataclass(frozen=True, slots=True)
class Entry:
    """One member; ``chunks`` is its content and can be taken only until the next entry is asked for."""

    name: str
    size: int
    chunks: Iterator[bytes]


def entries(file: BinaryIO) -> Iterator[Entry]:
    """Yield the members of the archive that begins where ``file`` stands.

    Raises:
        MalformedInput: the archive is damaged, too large, or not as ClamAV writes it. This may happen after members
            have been yielded.
    """
    stream = _Stream(file)
    names: set[str] = set()
    while (block := stream.read(_BLOCK)) and block[0]:
        name, size = _parse_block(block)
        if name in names:
            raise MalformedInput(f"{name} is in the archive twice")
        names.add(name)
        if len(names) > MEMBERS:
            raise MalformedInput(f"the archive has more than {MEMBERS} members")
        chunks = _content(stream, size)
        yield Entry(name, size, chunks)
        for _ in chunks:
            pass
        stream.read(-size % _BLOCK)
    stream.finish()


def _parse_block(block: bytes) -> tuple[str, int]:
    name = _NAME.fullmatch(block[:100])
    size = _SIZE.fullmatch(block[124:136])
    if len(block) != _BLOCK or name is None or size is None:
        raise MalformedInput("the archive is damaged, or has a member with a name or size that no database has")
    if block[156:157] not in {b"0", b"\x00"}:
        raise MalformedInput(f"{name[1].decode()}: only regular files may be in a database")
    length = int(size[1], 8)
    if length > MEMBER_BYTES:
        raise MalformedInput(f"{name[1].decode()}: {length} bytes are too many")
    return name[1].decode(), length


def _content(stream: "_Stream", size: int) -> Iterator[bytes]:
    left = size
    while left:
        chunk = stream.read(min(left, _CHUNK))
        if not chunk:
            raise MalformedInput("the archive ends in the middle of a member")
        left -= len(chunk)
        yield chunk


class _Stream:
    """The bytes of the archive, decompressed as they are asked for."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._total = 0
        self._pending = file.read(_CHUNK)
        # A compressed archive cannot begin so, and ClamAV puts this member first.
        self._gzip = None if self._pending.startswith(b"COPYING") else zlib.decompressobj(31)

    def read(self, length: int) -> bytes:
        """Return ``length`` bytes, fewer only at the end."""
        pieces = []
        left = length
        while left and (piece := self._some(left)):
            pieces.append(piece)
            left -= len(piece)
        self._total += length - left
        if self._total > TOTAL_BYTES:
            raise MalformedInput(f"the archive is larger than {TOTAL_BYTES >> 30} GiB when unpacked")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def finish(self) -> None:
        """Check that nothing but zeros follows, and that a compressed stream is complete."""
        if self.read(_PADDING_BYTES).strip(b"\x00") or self._some(1):
            raise MalformedInput("the archive goes on behind its end")

    def _some(self, length: int) -> bytes:
        if self._gzip is None:
            if not self._pending:
                self._pending = self._file.read(_CHUNK)
            piece, self._pending = self._pending[:length], self._pending[length:]
            return piece
        try:
            return self._inflate(self._gzip, length)
        except zlib.error as error:
            raise MalformedInput(f"the compressed archive is damaged: {error}") from error

    def _inflate(self, gzip: "zlib._Decompress", length: int) -> bytes:
        while not gzip.eof:
            if not self._pending:
                self._pending = self._file.read(_CHUNK)
                if not self._pending:
                    raise MalformedInput("the compressed archive is cut off")
            piece = gzip.decompress(self._pending, length)
            self._pending = gzip.unconsumed_tail or gzip.unused_data
            if piece:
                return piece
        if self._pending or self._file.read(1):
            raise MalformedInput("something follows the compressed archive")
        return b""
