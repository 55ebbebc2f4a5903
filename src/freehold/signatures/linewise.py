"""Signature files with one signature to a line, compiled piece by piece, in any process and in any order.

What becomes of a piece depends on nothing but the piece: its lines have the numbers of their about-records beforehand.
So the same files give the same bytes, however many processes worked on them.
"""

import hashlib
import struct
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from freehold.bundle.abouts import encode_about
from freehold.bundle.layout import ANY_SIZE
from freehold.bundle.members import MemberSignature
from freehold.model.about import HashedPart
from freehold.model.errors import MalformedInput, UsageError
from freehold.model.signature import (
    AllowedContent,
    ArchivePassword,
    ContainerSignature,
    HashSignature,
    LogicalSignature,
    Rejected,
    Signature,
)
from freehold.signatures.logical import Calls, IconGroups, LogicalSignatures
from freehold.signatures.registry import BY_SUFFIX

PIECE = 4 << 20
"""Bytes of a piece, and as many more as its last line has."""

_SIZE = struct.Struct(">Q")
_ABOUT = struct.Struct(">I")

TableKey = tuple[HashedPart, str]


class Ignored(NamedTuple):
    """Names of signatures that are not to be compiled; those in ``lines`` only from a line with this MD5."""

    names: frozenset[str]
    lines: dict[str, frozenset[bytes]]

    def covers(self, name: str, line: bytes) -> bool:
        """Whether the signature of this name, from this line, is ignored."""
        if name in self.names:
            return True
        digests = self.lines.get(name)
        return digests is not None and hashlib.md5(line, usedforsecurity=False).digest() in digests


class Piece(NamedTuple):
    """A part of a signature file that consists of whole lines.

    Attributes:
        path: of the file.
        label: its name for people.
        start: where the piece begins, in bytes.
        length: in bytes.
        line: number of its first line, from 1.
        lines: how many there are.
        source: number of the file among the segment's sources.
        about: number of the about-record of its first line.
    """

    path: Path
    label: str
    start: int
    length: int
    line: int
    lines: int
    source: int
    about: int


class Compiled(NamedTuple):
    """What became of a piece.

    Attributes:
        abouts: the about-records of all lines, one after the other.
        about_lengths: of each line's record, 0 where there is no signature; column u32.
        hashes: sorted entries for the hash tables.
        programs: logical signatures.
        calls: what calls for them.
        members: signatures over what containers say of their members.
        passwords: for containers, see ``SegmentWriter.passwords``.
        signatures: how many there are.
        targets: body and logical signatures, by target.
        ignored: how many signatures the user did not want.
        rejected: what cannot be honoured.
    """

    abouts: bytes
    about_lengths: bytes
    hashes: dict[TableKey, bytes]
    programs: list[bytes]
    calls: Calls
    members: list[MemberSignature]
    passwords: list[tuple[str | None, bytes]]
    signatures: int
    targets: dict[str, int]
    ignored: int
    rejected: list[Rejected]


def pieces(path: Path, label: str, source: int, about: int) -> Iterator[Piece]:
    """Cut a file into pieces, the first of which begins with this about-record; raises ``UsageError``."""
    try:
        with path.open("rb") as file:
            start, line = 0, 1
            while block := file.read(PIECE):
                block += file.readline()
                lines = block.count(b"\n") + (not block.endswith(b"\n"))
                yield Piece(path, label, start, len(block), line, lines, source, about)
                start += len(block)
                line += lines
                about += lines
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


def compile_piece(piece: Piece, ignored: Ignored, icon_groups: IconGroups) -> Compiled:
    """Compile one piece; raises ``UsageError`` when the file has changed since it was cut."""
    return _Compilation(piece, ignored, icon_groups).run()


class _Compilation:
    def __init__(self, piece: Piece, ignored: Ignored, icon_groups: IconGroups) -> None:
        self._piece = piece
        self._ignored = ignored
        self._text = _read(piece)
        self._lines: list[bytes] | None = None
        self._abouts: list[bytes] = []
        self._lengths = array("I", bytes(4 * piece.lines))
        self._hashes: dict[TableKey, list[bytes]] = {}
        self._logical = LogicalSignatures(icon_groups)
        self._members: list[MemberSignature] = []
        self._passwords: list[tuple[str | None, bytes]] = []
        self._targets: dict[str, int] = {}
        self._counts = [0, 0]
        self._rejected: list[Rejected] = []

    def run(self) -> Compiled:
        piece = self._piece
        language = BY_SUFFIX[piece.path.suffix.lower()]
        for signature in language.parse(self._text, piece.label):
            if isinstance(signature, Rejected):
                self._reject(signature.line, signature.reason)
            else:
                self._take(signature)
        hashes = {key: b"".join(sorted(entries)) for key, entries in self._hashes.items()}
        logical = self._logical
        return Compiled(
            b"".join(self._abouts),
            self._lengths.tobytes(),
            hashes,
            logical.records,
            logical.calls,
            self._members,
            self._passwords,
            self._counts[0],
            self._targets,
            self._counts[1],
            self._rejected,
        )

    def _take(self, signature: Signature) -> None:
        about = signature.about if hasattr(signature, "about") else None
        if about is None:
            return
        line = int(about.source.rpartition(":")[2])
        if self._ignored.covers(about.name, self._line(line) if about.name in self._ignored.lines else b""):
            self._counts[1] += 1
            return
        number = self._piece.about + line - 1
        if isinstance(signature, HashSignature):
            self._hash(signature.part, signature, number)
        elif isinstance(signature, AllowedContent):
            self._hash(HashedPart.ALLOWED, signature, number)
        elif isinstance(signature, ArchivePassword):
            self._passwords.append((signature.container, signature.password))
        elif isinstance(signature, ContainerSignature):
            self._members.append(_member(signature, number))
        elif isinstance(signature, LogicalSignature):
            try:
                self._logical.add(signature, number)
            except MalformedInput as error:
                self._reject(line, f"{about.name}: {error}")
                return
            target = signature.description.target.name.lower()
            self._targets[target] = self._targets.get(target, 0) + 1
        else:
            self._reject(line, f"{about.name}: signatures of this kind are not evaluated yet")
            return
        self._counts[0] += 1
        record = encode_about(about, self._piece.source, self._piece.line + line - 1)
        self._lengths[line - 1] = len(record)
        self._abouts.append(record)

    def _hash(self, part: HashedPart, signature: HashSignature | AllowedContent, about: int) -> None:
        self._hashes.setdefault((part, signature.algorithm), []).append(hash_entry(signature, about))

    def _reject(self, line: int, reason: str) -> None:
        self._rejected.append(Rejected(self._piece.label, self._piece.line + line - 1, reason))

    def _line(self, number: int) -> bytes:
        if self._lines is None:
            self._lines = self._text.split(b"\n")
        return self._lines[number - 1].rstrip(b"\r")


def _read(piece: Piece) -> bytes:
    try:
        with piece.path.open("rb") as file:
            file.seek(piece.start)
            text = file.read(piece.length)
    except OSError as error:
        raise UsageError(f"{piece.path}: {error.strerror}") from error
    if text.count(b"\n") + (not text.endswith(b"\n")) != piece.lines:
        raise UsageError(f"{piece.path} was changed while it was compiled")
    return text


def _member(signature: ContainerSignature, about: int) -> MemberSignature:
    return MemberSignature(
        about,
        signature.container,
        signature.container_size,
        signature.name,
        signature.compressed_size,
        signature.size,
        signature.encrypted,
        signature.position,
        signature.checksum,
    )


def hash_entry(signature: HashSignature | AllowedContent, about: int) -> bytes:
    """Return a signature's entry in a hash table, see ``SegmentWriter.hashes``."""
    size = ANY_SIZE if signature.size is None else signature.size
    return _SIZE.pack(size) + signature.digest + _ABOUT.pack(about)
