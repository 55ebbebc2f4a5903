"""zip archives, and what is built on them.

Every reading is followed. Members come from the central directory first, then from local headers that no directory
mentions, then from further directories (archives one behind the other, with anything before, between and behind them).
Where the directory and the local header disagree, both are believed in turn. Declared sizes are hints: a decoder runs
to the end mark of its stream. What no reading claims is yielded as ``rest``.

Stored members are slices and their checksum is not verified: nothing was decoded, so the bytes are what they are.
"""

import bisect
import re
import zlib
from collections.abc import Generator, Iterator

from freehold.formats import deflate64, implode, libarchive, reduce, zipcrypt, zipnative, ziprecords
from freehold.formats.bzip2 import BZIP2
from freehold.formats.extents import Extents, rest
from freehold.formats.inflate import DEFLATE
from freehold.formats.pulled import Decode, PulledStream
from freehold.formats.streams import Stream
from freehold.formats.xz import XZ, lzma_without_size
from freehold.formats.ziprecords import Directory, Entry
from freehold.formats.zstd import ZSTD
from freehold.model.errors import LimitReached
from freehold.model.interfaces import Child, Format, Member, Unpacking
from freehold.model.native import LIBARCHIVE
from freehold.model.report import ProblemKind
from freehold.model.view import View

_STORED = 0
_IMPLODE, _DEFLATE64, _LZMA = 6, 9, 14
_REDUCE = range(2, 6)
_CODECS = {8: DEFLATE, 12: BZIP2, 20: ZSTD, 93: ZSTD, 95: XZ}
_METHODS = frozenset({0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 14, 16, 18, 19, 20, 93, 94, 95, 96, 97, 98, 99})
_HIGHEST_VERSION = 63
_TAIL = ziprecords.END_BYTES + 0xFFFF
_LZMA_PROPERTIES = 9
_NAME_BYTES = 4096
_PIECE = 1 << 18
_RANGES_PER_MEMBER = 8
"""Header, content, other readings of both: more ranges than this for each artifact of the budget are an attack."""
_ATTEMPTS = 8
"""Members on which all passwords are tried."""

_SIGNATURE = re.compile(rb"PK(?:\x03\x04|\x05\x06)")
_NEXT_RECORD = re.compile(rb"PK(?:\x03\x04|\x01\x02|\x05\x06|\x07\x08)")


def _own_decoder(entry: Entry, local: Entry, method: int) -> Decode | None:
    """Return the decoder for methods that no library has; None for all others."""
    if method == _DEFLATE64:
        return deflate64.decode
    size = max(entry.unpacked, local.unpacked)
    if method == _IMPLODE:
        return lambda source: implode.decode(source, entry.flags | local.flags, size)
    if method in _REDUCE:
        return lambda source: reduce.decode(source, method - 1, size)
    return None


def _label(entry: Entry) -> str:
    return entry.name[:100].decode("utf-8", "replace") or f"the member at byte {entry.header}"


def _name(entry: Entry) -> str:
    return entry.name[:_NAME_BYTES].decode("utf-8", "surrogateescape")


class _Archive:
    """One walk through one archive."""

    def __init__(self, view: View, unpacking: Unpacking) -> None:
        self._view = view
        self._unpacking = unpacking
        self._claimed = Extents()
        self._seen: set[tuple[int, int, int]] = set()
        self._directories: list[tuple[int, int]] = []
        self._capacity = unpacking.budget.limits.artifacts
        self._password: bytes | None = None
        self._hopeful = _ATTEMPTS

    def children(self) -> Iterator[Child]:
        entries = self._listed()
        if entries is None:
            self._unpacking.problem(ProblemKind.TRUNCATED, "there is no central directory")
        else:
            yield from self._open_all(entries)
        for start, end in self._claimed.gaps(self._view.size):
            yield from self._sweep(start, end)
        for start, end in self._claimed.gaps(self._view.size):
            yield from rest(self._view, start, end)

    def _listed(self) -> list[Entry] | None:
        """Return the entries of the last archive's directory, None when there is none."""
        start = max(self._view.size - _TAIL, 0)
        tail = self._view.read(start, _TAIL)
        found = tail.rfind(ziprecords.END)
        while found >= 0:
            self._unpacking.budget.tick()
            entries = self._directory_entries(start + found)
            if entries is not None:
                return entries
            found = tail.rfind(ziprecords.END, 0, found)
        return None

    def _directory_entries(self, position: int) -> list[Entry] | None:
        """Return the entries with content of the directory that the end record at ``position`` leads to."""
        end = ziprecords.read_end(self._view, position)
        if end is None:
            return None
        entries: list[Entry] = []
        found = end.directory == end.size == 0
        for start, shift in end.places():
            if any(first <= start < last for first, last in self._directories):
                continue
            directory = Directory(self._view, start, shift)
            for number, entry in enumerate(directory.entries(self._unpacking)):
                self._tell(entry, number + 1)
                if entry.unpacked or entry.packed:
                    entries.append(entry)
                if len(entries) > self._capacity:
                    self._unpacking.problem(ProblemKind.LIMIT, f"more than {self._capacity} members")
                    break
            if directory.position > start:
                found = True
                self._directories.append((start, directory.position))
                self._claim(start, directory.position)
        if end.volume and (found or not end.size):
            self._unpacking.problem(ProblemKind.UNSUPPORTED, "the archive is one volume of several")
        if not found:
            return None
        self._claim(end.start, min(end.end, self._view.size))
        return entries

    def _open_all(self, entries: list[Entry]) -> Iterator[Child]:
        """Open entries in the order of their places, so that a large file is read forward."""
        entries.sort(key=lambda entry: entry.header)
        headers = [entry.header for entry in entries]
        reached = 0
        overlapping = False
        for index, entry in enumerate(entries):
            following = bisect.bisect_right(headers, entry.header)
            limit = headers[following] if following < len(headers) else self._view.size
            duplicate = index > 0 and headers[index - 1] == entry.header
            if entry.header < reached and not duplicate and not overlapping:
                self._unpacking.problem(ProblemKind.MALFORMED, "overlapping entries")
                overlapping = True
            local = ziprecords.read_local(self._view, entry.header)
            if local is None:
                self._unpacking.problem(ProblemKind.MALFORMED, f"{_label(entry)} has no local header")
                continue
            reached = max(reached, local.content + entry.packed)
            self._tell(local, index + 1)
            yield from self._open(entry, local, max(limit, local.content + entry.packed))

    def _tell(self, entry: Entry, number: int) -> None:
        """Say what a header says of a member."""
        if self._unpacking.wants_members:
            encrypted = bool(entry.flags & ziprecords.ENCRYPTED)
            self._unpacking.member(
                Member(_name(entry), entry.packed, entry.unpacked, encrypted, number, entry.checksum)
            )

    def _open(self, entry: Entry, local: Entry, limit: int) -> Iterator[Child]:
        """Yield every reading of one member; ``limit`` is where the next one begins."""
        self._claim(local.header, min(local.content, self._view.size))
        if entry.encrypted and local.encrypted:
            if not self._first_time(local.content, ziprecords.METHOD_AES, 0):
                return
            self._claim(local.content, min(local.content + entry.packed, self._view.size))
            yield from self._locked(entry, local)
            return
        for method in dict.fromkeys((entry.method, local.method)):
            if method == _STORED:
                yield from self._stored(entry, local, limit)
            else:
                yield from self._compressed(entry, local, method, limit)

    def _locked(self, entry: Entry, local: Entry) -> Iterator[Child]:
        """Yield an encrypted member where a password opens it; record a problem where none does."""
        if not libarchive.available():
            self._unpacking.problem(
                ProblemKind.ENCRYPTED, f"{_label(entry)} is encrypted; to try passwords, install {LIBARCHIVE.package}"
            )
            return
        member = self._view.slice(local.header, self._view.size - local.header)
        checksums = {entry.checksum, local.checksum} if local.method != ziprecords.METHOD_AES else None
        for password in self._passwords():
            content = zipcrypt.decrypt(member, password, checksums, self._unpacking)
            if content is not None:
                self._password = password
                if content.size:
                    yield Child(_name(entry), content)
                return
        self._unpacking.problem(ProblemKind.ENCRYPTED, f"{_label(entry)} is encrypted")

    def _passwords(self) -> Iterator[bytes]:
        """Yield what may open a member, first what opened the last one; after some failures there is no hope."""
        if self._password is not None:
            yield self._password
        if self._hopeful:
            self._hopeful -= 1
            yield from self._unpacking.passwords(zipcrypt.ROUNDS)

    def _stored(self, entry: Entry, local: Entry, limit: int) -> Iterator[Child]:
        sizes = {entry.packed, local.packed, entry.unpacked if entry.method == _STORED else 0} - {0}
        if not sizes and local.flags & ziprecords.HAS_DESCRIPTOR:
            sizes = {self._next_record(local.content, limit) - local.content}
        available = max(self._view.size - local.content, 0)
        for declared in sorted(sizes):
            if declared > available:
                self._unpacking.problem(ProblemKind.TRUNCATED, f"{_label(entry)} is cut off")
            size = min(declared, available)
            if size and self._first_time(local.content, _STORED, size):
                self._claim(local.content, local.content + size)
                yield Child(_name(entry), self._view.slice(local.content, size))

    def _compressed(self, entry: Entry, local: Entry, method: int, limit: int) -> Iterator[Child]:
        declared = local.content + max(entry.packed, 0 if local.flags & ziprecords.HAS_DESCRIPTOR else local.packed)
        if not self._first_time(local.content, method, 0):
            return
        self._claim(local.content, min(declared, self._view.size))
        start = local.content
        codec = _CODECS.get(method)
        if method == _LZMA:
            codec = lzma_without_size(self._view.read(start + 4, 5))
            start += _LZMA_PROPERTIES
            limit = declared if declared > local.content else limit
        own = _own_decoder(entry, local, method)
        if method in zipnative.METHODS:
            fields = (method, entry.checksum, max(entry.unpacked, local.unpacked))
            extent = (start, max(min(declared, self._view.size), start))
            yield from zipnative.content(self._view, _name(entry), fields, extent, self._unpacking)
            return
        if codec is None and own is None:
            self._unpacking.problem(ProblemKind.UNSUPPORTED, f"{_label(entry)} is compressed by method {method}")
            return
        if not entry.unpacked and not local.unpacked and 0 < declared - local.content <= 2:
            return
        stream: Stream | PulledStream
        if codec is not None:
            stream = Stream(self._view, start, codec, self._unpacking, end=limit, label=_label(entry))
        elif own is not None:
            stream = PulledStream(self._view, start, own, self._unpacking, end=limit, label=_label(entry))
        yield Child(_name(entry), self._checked(stream, entry, local), stream.consumed)
        if stream.finished:
            self._claim(local.content, stream.position)

    def _checked(self, stream: Stream | PulledStream, entry: Entry, local: Entry) -> Iterator[bytes]:
        checksum = 0
        for chunk in stream.chunks():
            checksum = zlib.crc32(chunk, checksum)
            yield chunk
        unknown = entry is local and local.flags & ziprecords.HAS_DESCRIPTOR
        if stream.finished and not unknown and checksum not in {entry.checksum, local.checksum}:
            self._unpacking.problem(ProblemKind.MALFORMED, f"{_label(entry)} has a wrong checksum")

    def _sweep(self, start: int, end: int) -> Iterator[Child]:
        """Yield what local headers and directories in [start, end) lead to, though nothing leads to them."""
        position = base = start
        piece = b""
        while position < end:
            found = _SIGNATURE.search(piece, position - base) if position < base + len(piece) else None
            if found is None:
                position = max(position, base + len(piece) - 3)
                base, piece = position, self._view.read(position, min(_PIECE, end - position))
                self._unpacking.budget.tick()
                if len(piece) <= 3:
                    return
                continue
            at = base + found.start()
            position = at + len(found[0])
            if found[0] == ziprecords.END:
                yield from self._open_all(self._directory_entries(at) or [])
            else:
                position = max(position, (yield from self._unlisted(at, end)))

    def _unlisted(self, position: int, limit: int) -> Generator[Child, None, int]:
        """Open the member whose local header stands at ``position``, if it looks like one; return where it ends."""
        local = ziprecords.read_local(self._view, position)
        if local is None or not local.name or local.method not in _METHODS or local.version > _HIGHEST_VERSION:
            return position
        if local.packed or local.unpacked or local.flags & ziprecords.HAS_DESCRIPTOR:
            self._tell(local, 1)
            yield from self._open(local, local, max(limit, local.content + local.packed))
        else:
            self._claim(position, min(local.content, self._view.size))
        return self._claimed.last_end

    def _claim(self, start: int, end: int) -> None:
        """Claim a range; raises ``LimitReached`` when there are so many that only their number can be the purpose."""
        self._claimed.add(start, end)
        if len(self._claimed) > _RANGES_PER_MEMBER * self._capacity:
            raise LimitReached("artifacts", self._capacity)

    def _first_time(self, start: int, method: int, size: int) -> bool:
        """Tell whether this reading of this place is new, and remember it."""
        key = (start, method, size)
        if key in self._seen:
            return False
        self._seen.add(key)
        if len(self._seen) > _RANGES_PER_MEMBER * self._capacity:
            raise LimitReached("artifacts", self._capacity)
        return True

    def _next_record(self, start: int, end: int) -> int:
        """Return where the next record of any kind begins in [start, end), or ``end``."""
        position = start
        while position < end:
            piece = self._view.read(position, min(_PIECE, end - position))
            found = _NEXT_RECORD.search(piece)
            if found:
                return position + found.start()
            if len(piece) <= 3:
                break
            position += len(piece) - 3
            self._unpacking.budget.tick()
        return min(end, self._view.size)


class _Zip:
    name = "zip"
    types = frozenset({"zip"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        yield from _Archive(view, unpacking).children()


FORMAT: Format = _Zip()
